package ddl

import (
	"fmt"
	"slices"

	"github.com/lockstep-sync/lockstep/schemas/pgform"
)

// Want is what one connection needs of its database. The zero Publication and
// Slot are Name(Connection).
type Want struct {
	Connection  string
	Publication string
	Slot        string
	Tables      []TableWant

	// Expect: we had this slot before, so its absence is a loss (SlotLost) and no
	// reason to make one.
	Expect bool
}

// TableWant is one table that a mapping reads, and maybe writes.
type TableWant struct {
	Name    string   // schema.table, as in event.Change.Object
	Columns []string // that mappings, keys and filters use; empty: all
	Filter  string   // a row filter in SQL, or "": installed only where that is safe
	Write   bool     // rows are inserted, updated and deleted too
}

// settled returns the Want with names filled in and each table once: several
// mappings may read one.
func (w Want) settled() (Want, error) {
	if w.Publication == "" {
		w.Publication = Name(w.Connection)
	}
	if w.Slot == "" {
		w.Slot = Name(w.Connection)
	}
	if err := validSlot(w.Slot); err != nil {
		return w, err
	}
	merged := make([]TableWant, 0, len(w.Tables))
	for _, t := range w.Tables {
		schema, name, err := pgform.SplitTable(t.Name)
		if err != nil {
			return w, fmt.Errorf("read table name: %w", err)
		}
		t.Name = pgform.JoinTable(schema, name)
		t.Columns = slices.Clone(t.Columns)
		at := slices.IndexFunc(merged, func(m TableWant) bool { return m.Name == t.Name })
		if at < 0 {
			merged = append(merged, t)
			continue
		}
		merged[at] = merged[at].and(t)
	}
	w.Tables = merged
	return w, nil
}

// and is what serves both.
func (t TableWant) and(o TableWant) TableWant {
	if len(t.Columns) == 0 || len(o.Columns) == 0 {
		t.Columns = nil
	} else {
		t.Columns = append(t.Columns, o.Columns...)
	}
	switch {
	case t.Filter == "" || o.Filter == "":
		t.Filter = ""
	case t.Filter != o.Filter:
		t.Filter = "(" + t.Filter + ") OR (" + o.Filter + ")"
	}
	t.Write = t.Write || o.Write
	return t
}

func validSlot(name string) error {
	bad := func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' }
	if name == "" || len(name) > 63 || slices.ContainsFunc([]rune(name), bad) {
		return fmt.Errorf("slot name %q: use at most 63 lower-case letters, digits and underscores", name)
	}
	return nil
}
