package postgres

import (
	"slices"

	"github.com/lockstep-sync/lockstep/schemas/event"
	"github.com/lockstep-sync/lockstep/schemas/pgform"
)

// table is a table as the catalog describes it. It is never changed.
type table struct {
	name    string // schema.table, the one form
	quoted  string
	columns []column
	key     []column // in key order
	foreign []foreign
}

// foreign is a foreign key of the table.
type foreign struct {
	Name    string   `json:"name"`
	Schema  string   `json:"schema"`
	Table   string   `json:"table"` // that it refers to
	Columns []string `json:"columns"`
	Primary bool     `json:"primary"` // by that table's whole primary key
}

// references is the table whose rows' keys the column holds, "" for none: a
// foreign key of several columns is no value of one of them.
func (t *table) references(column string) string {
	for _, f := range t.foreign {
		if f.Primary && len(f.Columns) == 1 && f.Columns[0] == column {
			return pgform.JoinTable(f.Schema, f.Table)
		}
	}
	return ""
}

type column struct {
	name   string
	id     string
	quoted string
	form   pgform.Type
	typed  string // the type with its modifier, where casting to it only rounds; else without
	equal  string // the operator for =, "" where the type has none

	native    string
	nullable  bool
	filled    bool // identity or default
	computed  bool // never written: GENERATED ALWAYS AS an expression
	always    bool // GENERATED ALWAYS AS IDENTITY: written only to bring a row back under its key
	unique    bool
	maxLength int
	scale     int
	options   []string
}

func (t *table) column(name string) (column, bool) {
	i := slices.IndexFunc(t.columns, func(c column) bool { return c.name == name })
	if i < 0 {
		return column{}, false
	}
	return t.columns[i], true
}

// known returns the named columns that exist, in the order of the names.
func (t *table) known(names []string) []column {
	out := make([]column, 0, len(names))
	for _, n := range names {
		if c, ok := t.column(n); ok {
			out = append(out, c)
		}
	}
	return out
}

func (t *table) object() event.Object {
	o := event.Object{Name: t.name, Fields: make([]event.Field, len(t.columns))}
	for i, c := range t.columns {
		o.Fields[i] = event.Field{Name: c.name, ID: c.id, Kind: c.form.Kind, Native: c.native, Nullable: c.nullable,
			Required: !c.nullable && !c.filled && !c.computed, ReadOnly: c.computed || c.always, Unique: c.unique,
			MaxLength: c.maxLength, Scale: c.scale, Options: c.options, Generated: c.filled || c.computed, Reference: t.references(c.name)}
	}
	for _, c := range t.key {
		o.Key = append(o.Key, c.name)
	}
	return o
}

// keyOf makes the key of a row that begins with the key's columns.
func (t *table) keyOf(row [][]byte) event.Key {
	values := make([]string, len(t.key))
	for i, c := range t.key {
		values[i] = c.form.Value(row[i]).Text // a key's columns are NOT NULL
	}
	return event.KeyOf(values...)
}

// record makes the record of a row's values.
func record(columns []column, row [][]byte) event.Record {
	r := event.Record{Names: names(columns), Values: make([]event.Value, len(columns))}
	for i, c := range columns {
		if row[i] == nil {
			r.Values[i] = event.NullOf(c.form.Kind)
		} else {
			r.Values[i] = c.form.Value(row[i])
		}
	}
	return r
}

func names(columns []column) []string {
	out := make([]string, len(columns))
	for i, c := range columns {
		out[i] = c.name
	}
	return out
}
