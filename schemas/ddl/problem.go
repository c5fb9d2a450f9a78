package ddl

import (
	"fmt"
	"strings"
)

// Problem is one thing that keeps a connection from working, or from being
// trusted, and what a person can do about it.
type Problem struct {
	Object string // schema.table, the publication's or slot's name; empty: the server
	Column string
	What   string
	Remedy string

	Missed bool // of a publication: changes made meanwhile may not be in the log
	Tidy   bool // of a publication: it is not as wanted, and nobody is the worse for it
}

// String is the problem in one line.
func (p Problem) String() string {
	where := p.Object
	if p.Column != "" {
		where += "." + p.Column
	}
	if where != "" {
		where += ": "
	}
	return strings.TrimSuffix(where+p.What+"; "+p.Remedy, "; ")
}

// Refused is Install's error when installing would not work, or would make
// statements of the application fail. Nothing was changed.
type Refused struct{ Problems []Problem }

func (r *Refused) Error() string {
	lines := make([]string, len(r.Problems))
	for i, p := range r.Problems {
		lines[i] = p.String()
	}
	return "install on the database: " + strings.Join(lines, "\n")
}

// SlotLost is the error when a slot that was there before is gone or no longer
// usable. Changes made since are in no log any more: only comparing both sides
// (verify) finds them. Nobody makes a new slot before a person decides so.
type SlotLost struct {
	Slot string
	Why  string
}

func (l *SlotLost) Error() string {
	return fmt.Sprintf("replication slot %s is lost: %s; changes made since it was last read cannot be read any more: "+
		"remove what is left with uninstall, set up again and verify both sides", l.Slot, l.Why)
}
