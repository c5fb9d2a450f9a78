package ddl

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// plan is the publication as it should be, given how the tables are now.
type plan struct {
	name   string
	tables []planned
}

type planned struct {
	table   *table
	columns []string // nil: no column list
	filter  string   // "": none; set only once it is proved safe
}

// planFor decides on column lists. Unmapped columns should not leave the
// database, but never at the price of the application's statements: a table whose
// old rows are logged whole gets no list, and a list always has the identity.
func planFor(w Want, s server, tables []*table) plan {
	p := plan{name: w.Publication}
	for _, t := range tables {
		one := planned{table: t}
		if s.version >= 15 && len(t.want.Columns) > 0 && !t.full() {
			for _, c := range t.columns {
				key := slices.Contains(t.identity(), c.Name) || slices.Contains(t.parts[0].Primary, c.Name)
				if c.Generated == "" && key || slices.Contains(t.want.Columns, c.Name) {
					one.columns = append(one.columns, c.Name)
				}
			}
			if len(one.columns) == len(t.columns) {
				one.columns = nil // a list of all would keep new columns out for no reason
			}
		}
		p.tables = append(p.tables, one)
	}
	return p
}

// items is the plan after TABLE.
func (p plan) items() string {
	items := make([]string, len(p.tables))
	for i, t := range p.tables {
		items[i] = t.item()
	}
	return strings.Join(items, ", ")
}

// item says ONLY: tables that merely inherit are tables of their own.
func (t planned) item() string {
	s := "ONLY " + t.table.quoted()
	if t.columns != nil {
		s += " (" + quoteAll(t.columns) + ")"
	}
	if t.filter != "" {
		s += " WHERE (" + t.filter + ")"
	}
	return s
}

// fingerprint stands for the filters wanted and the filters made of them: the
// server rewrites an expression, so the texts cannot be compared. The replica
// identity is part of it where there is a filter: a filter is only safe with the
// identity that it was proved against.
func (p plan) fingerprint(actual *publication) string {
	h := sha256.New()
	for _, t := range p.tables {
		w, made := t.table.want, actual.tables[t.table.want.Name].filter
		fmt.Fprintf(h, "%q %q %q\n", w.Name, w.Filter, made)
		if made != "" {
			fmt.Fprintf(h, "%q %v\n", t.table.identity(), t.table.full())
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}

// drift is how the publication differs from the plan. What a publication that
// is not ours has beyond the plan is its owner's business.
func (p plan) drift(actual *publication) []Problem {
	var out []Problem
	say := func(what string, args ...any) *Problem {
		out = append(out, Problem{Object: p.name, What: fmt.Sprintf(what, args...), Remedy: "lockstep puts it back with repair"})
		return &out[len(out)-1]
	}
	missed := func(what string, args ...any) {
		one := say(what, args...)
		one.Missed, one.Remedy = true, one.Remedy+"; compare both sides (verify) afterwards, changes may have passed meanwhile"
	}
	if actual == nil {
		missed("the publication does not exist")
		return out
	}
	if !actual.publishes {
		missed("the publication leaves out inserts, updates, deletes or truncates")
	}
	if !actual.viaRoot && slices.ContainsFunc(p.tables, func(t planned) bool { return t.table.kind == "p" }) {
		missed("the publication does not publish partitions as their table (publish_via_partition_root)")
	}
	for _, t := range p.tables {
		have, in := actual.tables[t.table.want.Name]
		if !in && !actual.everyone {
			missed("table %s is not in the publication: its changes are not seen", t.table.want.Name)
			continue
		}
		switch {
		case have.columns != nil && t.table.full():
			say("table %s has REPLICA IDENTITY FULL and a column list, so that UPDATE and DELETE on it FAIL", t.table.want.Name)
		case have.columns != nil && !covers(have.columns, t.table.identity()):
			say("the column list of table %s lacks its replica identity, so that UPDATE and DELETE on it FAIL", t.table.want.Name)
		case have.columns != nil && !covers(have.columns, t.needed()):
			say("the column list of table %s lacks columns that are mapped", t.table.want.Name)
		case actual.ours() && !same(have.columns, t.columns):
			say("the column list of table %s is not the one that is wanted", t.table.want.Name).Tidy = true
		}
	}
	if !actual.ours() {
		for i := range out {
			out[i].Remedy = "the publication is not ours: its owner has to alter it"
		}
		return out
	}
	if len(actual.tables) > len(p.tables) || actual.everyone {
		say("the publication has tables that no mapping reads").Tidy = true
	}
	if actual.comment != mark+p.fingerprint(actual) {
		// Without any filter everything is sent, which misses nothing.
		tell := missed
		if !actual.filters() {
			tell = func(what string, args ...any) { say(what, args...).Tidy = true }
		}
		tell("the publication's row filters are not the ones that are wanted, or not safe with the table's replica identity of now")
	}
	return out
}

// needed are the columns that must be in any list.
func (t planned) needed() []string {
	if len(t.table.want.Columns) == 0 {
		return t.table.columnNames()
	}
	return t.table.want.Columns
}

func same(a, b []string) bool {
	return (a == nil) == (b == nil) && len(a) == len(b) && covers(a, b)
}
