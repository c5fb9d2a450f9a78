package postgres

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-sync/lockstep/schemas/ddl"
	"github.com/lockstep-sync/lockstep/schemas/event"
	"github.com/lockstep-sync/lockstep/schemas/pgform"
)

// relation is a table as the stream last described it. The description is of the
// time of the change, not of now: a column dropped since is still there.
type relation struct {
	id       uint32
	object   string
	identity byte // 'd' primary key, 'i' index, 'f' full, 'n' nothing
	columns  []column

	// What follows is worked out before the first row.
	ready  bool
	wanted bool
	names  []string // of the columns handed on: what a slot is called
	ident  []bool   // by slot: part of the replica identity
	key    []int    // slots of the key's columns, in key order
}

type column struct {
	name  string
	oid   uint32
	mod   int32
	ident bool
	slot  int // place in the record, -1 = not handed on
	form  pgform.Type
}

// parseRelation reads a Relation message.
func parseRelation(w *wire) (*relation, error) {
	r := &relation{id: w.uint32()}
	schema, name := w.text(), w.text()
	r.object = pgform.JoinTable(schema, name)
	r.identity = w.byte()
	n := w.uint16()
	if n > len(w.in)/10 { // flags, name, type and modifier take ten bytes at least
		return nil, errShort
	}
	r.columns = make([]column, n)
	for i := range r.columns {
		flags := w.byte()
		r.columns[i] = column{ident: flags&1 != 0, name: w.text(), oid: w.uint32(), mod: int32(w.uint32()), slot: -1}
	}
	return r, w.err
}

// fingerprint is what rows of the relation look like: equal ones mean that a
// value stands for the same column, in the same words.
func (r *relation) fingerprint() string {
	var b strings.Builder
	for _, c := range r.columns {
		fmt.Fprintf(&b, "%q %d %d %t\n", c.name, c.oid, c.mod, c.ident)
	}
	return b.String()
}

// shape is what the catalog knows of a relation and the stream does not tell.
type shape struct {
	primary  []string // the primary key's columns, in key order
	identity []string // those of the replica identity index, where one is set
	columns  []string // all, in the table's order
	forms    map[uint32]pgform.Type
}

// settle works out slots, key and types. wanted names the columns to hand on,
// nil all of them; the key's are always handed on.
func (r *relation) settle(s shape, wanted []string) {
	key := r.keyOf(s)
	r.names, r.ident, r.key = nil, nil, make([]int, len(key))
	for i := range r.columns {
		c := &r.columns[i]
		at := slices.Index(key, c.name)
		if at < 0 && wanted != nil && !slices.Contains(wanted, c.name) {
			continue
		}
		// A type that was dropped since has no form: its text stays as it is.
		c.form, c.slot = s.forms[c.oid], len(r.names)
		r.names, r.ident = append(r.names, c.name), append(r.ident, c.ident)
		if at >= 0 {
			r.key[at] = c.slot
		}
	}
	r.ready = true
}

// keyOf names the key's columns in key order. The catalog tells of now: where a
// key column was renamed since, its place in the table still finds it.
func (r *relation) keyOf(s shape) []string {
	key := ddl.KeyColumns(r.identity, s.primary, s.identity)
	out := make([]string, 0, len(key))
	for _, name := range key {
		if !r.has(name) {
			at := slices.Index(s.columns, name)
			if at < 0 || len(s.columns) != len(r.columns) {
				return r.marked()
			}
			name = r.columns[at].name
		}
		out = append(out, name)
	}
	if len(out) == 0 && r.identity != 'f' {
		return r.marked() // the table is gone meanwhile, or its key
	}
	return out
}

// marked are the columns that the stream itself marks as identity. Under FULL
// it marks them all, which is no key.
func (r *relation) marked() []string {
	var out []string
	for _, c := range r.columns {
		if c.ident && r.identity != 'f' {
			out = append(out, c.name)
		}
	}
	return out
}

func (r *relation) has(name string) bool {
	return slices.ContainsFunc(r.columns, func(c column) bool { return c.name == name })
}

// keyIn makes the key of a record's values; false where one of them is missing.
func (r *relation) keyIn(values []event.Value, scratch []string) (event.Key, bool) {
	if len(r.key) == 0 {
		return "", true
	}
	scratch = scratch[:0]
	for _, slot := range r.key {
		if !values[slot].IsSet() {
			return "", false
		}
		scratch = append(scratch, values[slot].Text)
	}
	return event.KeyOf(scratch...), true
}
