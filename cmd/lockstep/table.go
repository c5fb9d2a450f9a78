package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode"
)

// table prints plain columns. Cells are what customers and vendors wrote, and
// are printed on somebody's terminal: nothing of them may act there.
type table struct{ w *tabwriter.Writer }

func newTable(out io.Writer, heads ...string) *table {
	t := &table{tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)}
	if len(heads) > 0 {
		t.row(heads...)
	}
	return t
}

// row adds a line; errors show at flush.
func (t *table) row(cells ...string) {
	for i, c := range cells {
		cells[i] = inert(c)
	}
	fmt.Fprintln(t.w, strings.Join(cells, "\t"))
}

func (t *table) flush() error { return t.w.Flush() }

// inert is a text as one line that does nothing but stand there.
func inert(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r):
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// short cuts a value for a table; show has all of it.
func short(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:39]) + "…"
	}
	return s
}

// plainKey is a key as people write it: 42, or the whole of a composite one.
func plainKey(key string) string {
	var parts []string
	if json.Unmarshal([]byte(key), &parts) == nil && len(parts) == 1 && !strings.HasPrefix(parts[0], "[") {
		return parts[0]
	}
	return key
}

// lines prints a list as JSON lines.
func lines[T any](out io.Writer, items ...T) error {
	enc := json.NewEncoder(out)
	for _, item := range items {
		if err := enc.Encode(item); err != nil {
			return failed(err)
		}
	}
	return nil
}
