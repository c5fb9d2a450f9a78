package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lockstep-sync/lockstep/testenv/lockstep"
)

// report prints the story and counts its checks.
type report struct {
	out            io.Writer
	terminal       bool // somebody watches, and may want to play afterwards
	colour         bool
	passed, failed int
}

func newReport(f *os.File) *report {
	terminal := isTerminal(f)
	return &report{out: f, terminal: terminal, colour: terminal && os.Getenv("NO_COLOR") == ""}
}

// isTerminal tells whether the file is a character device other than the null
// device, at which nobody watches.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}

const (
	green = "32"
	red   = "31"
	bold  = "1"
	dim   = "2"
)

func (r *report) paint(code, text string) string {
	if !r.colour {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (r *report) title(n int, text string) {
	fmt.Fprintf(r.out, "\n%s\n", r.paint(bold, fmt.Sprintf("%d. %s", n, text)))
}

// say prints a line that is no check.
func (r *report) say(format string, args ...any) {
	fmt.Fprintf(r.out, "  "+format+"\n", args...)
}

// sentenceWidth is where the times stand.
const sentenceWidth = 88

// pass counts a check that held and says after which time or with what number.
func (r *report) pass(sentence, fact string) {
	r.passed++
	space := strings.Repeat(" ", max(1, sentenceWidth-utf8.RuneCountInString(sentence)))
	fmt.Fprintln(r.out, "  "+r.paint(green, "✓")+" "+strings.TrimRight(sentence+space+r.paint(dim, fact), " "))
}

// fail counts a check that did not hold and says why.
func (r *report) fail(sentence string, why error) {
	r.failed++
	fmt.Fprintf(r.out, "  %s %s\n      %s\n", r.paint(red, "✗"), sentence, strings.ReplaceAll(why.Error(), "\n", "\n      "))
}

// evidence prints what lockstep itself says, under a check that failed.
func (r *report) evidence(l *lockstep.Instance) {
	fmt.Fprintf(r.out, "      lockstep's status: %s\n", l.StatusText())
	fmt.Fprintln(r.out, "      the last lines of its log:")
	for _, line := range l.LastLines(15) {
		fmt.Fprintln(r.out, "        "+line)
	}
}

// verdict prints the last line and returns the exit code.
func (r *report) verdict() int {
	code := 0
	if r.failed > 0 || r.passed == 0 {
		code = 1
	}
	fmt.Fprintf(r.out, "\ndemo: %d passed, %d failed\n", r.passed, r.failed)
	return code
}

// duration is a time as a reader wants it.
func duration(d time.Duration) string {
	if d >= 10*time.Second {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return fmt.Sprintf("%d ms", d.Milliseconds())
}
