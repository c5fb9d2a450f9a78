package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// event is a line of "go test -json"; see "go doc test2json".
type event struct {
	Action     string
	Package    string
	Test       string
	Output     string
	ImportPath string // of a build
	Elapsed    float64
}

// tally counts tests and subtests alike, as "go test -v" lists them.
type tally struct {
	out                     io.Writer
	passed, failed, skipped int

	output map[string][]string // what a running test or package has printed
	broken map[string]int      // failed tests of a package
}

func newTally(out io.Writer) *tally {
	return &tally{out: out, output: map[string][]string{}, broken: map[string]int{}}
}

func (t *tally) read(in io.Reader) error {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			t.line(line)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read test output: %w", err)
		}
	}
}

func (t *tally) line(line string) {
	var e event
	if err := json.Unmarshal([]byte(line), &e); err != nil {
		fmt.Fprint(t.out, line) // go itself, complaining
		return
	}
	name := e.Package + " " + e.Test
	switch e.Action {
	case "output":
		t.output[name] = append(t.output[name], e.Output)
	case "build-output":
		fmt.Fprint(t.out, e.Output)
	case "pass", "fail", "skip":
		if e.Test == "" {
			t.closePackage(e, name)
		} else {
			t.closeTest(e, name)
		}
		delete(t.output, name)
	}
}

func (t *tally) closeTest(e event, name string) {
	switch e.Action {
	case "pass":
		t.passed++
	case "skip":
		t.skipped++
		t.print(name)
	case "fail":
		t.failed++
		t.broken[e.Package]++
		t.print(name)
	}
}

func (t *tally) closePackage(e event, name string) {
	switch {
	case e.Action == "fail":
		// Not built, crashed outside a test, or stopped by the timeout: tests
		// that never ran must not look like a success.
		if t.broken[e.Package] == 0 {
			t.failed++
			t.printUnfinished(e.Package)
			t.print(name)
		}
		fmt.Fprintf(t.out, "FAIL  %-58s %6.1fs\n", e.Package, e.Elapsed)
	case e.Action == "pass":
		fmt.Fprintf(t.out, "ok    %-58s %6.1fs\n", e.Package, e.Elapsed)
	}
}

// printUnfinished prints the output of tests that began and never ended.
func (t *tally) printUnfinished(pkg string) {
	for name := range t.output {
		if strings.HasPrefix(name, pkg+" ") && name != pkg+" " {
			t.print(name)
		}
	}
}

// print prints what the test wrote, without go's own running commentary.
func (t *tally) print(name string) {
	for _, text := range t.output[name] {
		trimmed := strings.TrimSpace(text)
		if strings.HasPrefix(trimmed, "=== ") || trimmed == "PASS" || trimmed == "FAIL" {
			continue
		}
		fmt.Fprint(t.out, text)
	}
}

func (t *tally) close() {
	fmt.Fprintf(t.out, "%d passed, %d failed", t.passed, t.failed)
	if t.skipped > 0 {
		fmt.Fprintf(t.out, ", %d skipped", t.skipped)
	}
	fmt.Fprintln(t.out)
}
