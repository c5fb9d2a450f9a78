package config

import (
	"fmt"
	"slices"
	"strings"
)

// Position is a place in the configuration's file. Line and Column count from
// 1; both are 0 where only the file is known.
type Position struct {
	File         string
	Line, Column int
}

// String is file:line:column.
func (p Position) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Problem is one thing that is wrong: where, what, and what to do about it. Path
// names the value from the top, such as mappings[0].fields[2].direction. It
// never holds a secret's text.
type Problem struct {
	File         string
	Line, Column int
	Path         string
	What         string
	Remedy       string
}

// String is the problem in one line.
func (p Problem) String() string {
	s := Position{p.File, p.Line, p.Column}.String() + ": "
	if p.Path != "" {
		s += p.Path + ": "
	}
	s += p.What
	if p.Remedy != "" {
		s += ": " + p.Remedy
	}
	return s
}

// Problems is everything that is wrong with a configuration, in the order of
// its lines.
type Problems []Problem

// Error lists the problems, one a line.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i := range p {
		lines[i] = p[i].String()
	}
	return strings.Join(lines, "\n")
}

// Sort puts problems in the order of the file.
func (p Problems) Sort() {
	slices.SortStableFunc(p, func(a, b Problem) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
}

// quote shows a value in a problem, bounded.
func quote(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		return fmt.Sprintf("%q…", string(r[:most]))
	}
	return fmt.Sprintf("%q", s)
}
