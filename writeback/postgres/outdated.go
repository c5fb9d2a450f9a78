package postgres

import "github.com/lockstep-sync/lockstep/schemas/event"

// outdated is the fault of a call that does not fit the table as it is now, and
// tells Options.Outdated. No record is at fault, and no edit may be given up or
// passed over for it: the record waits until whoever watches shapes has paused
// the mapping, or made it go on without the column.
func (a *Applier) outdated(object string, f *event.Fault) *event.Fault {
	a.options.Outdated(object)
	waiting := *f
	waiting.Class, waiting.Alone = event.Transient, true
	return &waiting
}

// all returns the named columns. One that the table does not have is a fault: an
// answer without it would pass for a row in which nothing of it changed.
func (t *table) all(names []string) ([]column, *event.Fault) {
	out := t.known(names)
	if len(out) == len(names) {
		return out, nil
	}
	for _, n := range names {
		if _, ok := t.column(n); !ok {
			return nil, t.lacks(n)
		}
	}
	return out, nil
}

func (t *table) lacks(column string) *event.Fault {
	return &event.Fault{Class: event.Rejected, Code: noSuchColumn, Field: column,
		Message: bounded("table " + t.name + " has no column " + column + ": it was renamed or dropped; bring it back, or change the mapping")}
}
