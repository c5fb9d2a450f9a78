package postgres

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// cell is a value on its way to a column: the server's text, nil is NULL.
type cell struct {
	column
	text []byte
}

// cells looks up a record's columns and spells its values. Unchanged values are
// left out.
func (t *table) cells(r event.Record) ([]cell, *event.Fault) {
	out := make([]cell, 0, len(r.Names))
	for i, name := range r.Names {
		v := r.Values[i]
		if v.IsUnchanged() {
			continue
		}
		c, ok := t.column(name)
		if !ok {
			return nil, t.lacks(name)
		}
		cell := cell{column: c}
		if v.IsSet() {
			if fault := storable(name, v.Text); fault != nil {
				return nil, fault
			}
			cell.text = []byte(c.form.Input(v))
		}
		out = append(out, cell)
	}
	return out, nil
}

const noSuchColumn = "42703" // PostgreSQL's own code for it

func storable(field, text string) *event.Fault {
	if at := strings.IndexByte(text, 0); at >= 0 {
		return rejected(field, "the value of %s has a zero byte at %d, which PostgreSQL cannot store in text", field, at)
	}
	if !utf8.ValidString(text) {
		return rejected(field, "the value of %s is not UTF-8, which PostgreSQL cannot take", field)
	}
	return nil
}

// query builds one statement. Values go in as parameters only, names quoted.
type query struct {
	strings.Builder
	args [][]byte
}

func (q *query) arg(text []byte, cast string) string {
	q.args = append(q.args, text)
	return "$" + strconv.Itoa(len(q.args)) + "::" + cast
}

func (q *query) statement() statement { return statement{sql: q.String(), args: q.args} }

// list writes parts with commas between.
func list[T any](of []T, part func(T) string) string {
	parts := make([]string, len(of))
	for i, x := range of {
		parts[i] = part(x)
	}
	return strings.Join(parts, ", ")
}

// tail closes every row: where the log stands now, and the server's clock. Both
// are read after the row's lock is held, so every earlier transaction on the row
// has its commit record before that position, and ours follows it.
const tail = `pg_catalog.pg_current_wal_insert_lsn() - '0/0'::pg_catalog.pg_lsn, ` + serverClock

// serverClock is the server's time in microseconds since 1970.
const serverClock = `(extract(epoch FROM pg_catalog.clock_timestamp()) * 1000000)::pg_catalog.int8`

// rowText is the one text of several columns: each in the words of its type's
// output function, NULL unlike the empty text. Comparing it byte by byte is
// stricter than =, for which 1.0 is 1.00 and citext has no case, and it works
// for types without =. An edit is a value with another text (M1).
func rowText(inside string) string {
	return "ROW(" + inside + `)::pg_catalog.text COLLATE pg_catalog."C"`
}

func qualified(c column) string { return "t." + c.quoted }

func (q *query) byKey(t *table, key []string) string {
	conditions := make([]string, len(t.key))
	for i, c := range t.key {
		conditions[i] = qualified(c) + " OPERATOR(" + c.equal + ") " + q.arg([]byte(c.form.Input(event.String(key[i]))), c.form.Name)
	}
	return strings.Join(conditions, " AND ")
}

// guarded is the condition that the row holds what the guard says.
func (q *query) guarded(guard []cell) string {
	if len(guard) == 0 {
		return "true"
	}
	held := list(guard, func(c cell) string { return qualified(c.column) })
	expected := list(guard, func(c cell) string { return q.arg(c.text, "pg_catalog.text") })
	return rowText(held) + " = " + rowText(expected)
}

// wanted says what the columns are to hold, as they would store it; the values
// are the statement's first parameters.
func wanted(set []cell) string {
	n := 0
	return list(set, func(c cell) string {
		n++
		text := "$" + strconv.Itoa(n) + "::" + c.form.Name
		if c.typed != c.form.Name {
			text = "(" + text + ")::" + c.typed
		}
		return text
	})
}

func setColumns(set []cell) string {
	return list(set, func(c cell) string { return qualified(c.column) })
}

// update writes the columns of set where the guard holds. A row is the key's
// columns, those of set, and the tail.
func (t *table) update(key []string, set, guard []cell) statement {
	var q query
	q.WriteString("UPDATE " + t.quoted + " AS t SET ")
	q.WriteString(list(set, func(c cell) string { return c.quoted + " = " + q.arg(c.text, c.form.Name) }))
	q.WriteString(" WHERE " + q.byKey(t, key) + " AND " + q.guarded(guard))
	if !covers(guard, set) { // else the guard itself shows that something changes
		q.WriteString(" AND " + rowText(setColumns(set)) + " <> " + rowText(wanted(set)))
	}
	q.WriteString(" RETURNING " + t.returned(set) + tail)
	return q.statement()
}

func covers(guard, set []cell) bool {
	for _, c := range set {
		found := false
		for _, g := range guard {
			found = found || g.name == c.name
		}
		if !found {
			return false
		}
	}
	return true
}

func (t *table) returned(set []cell) string {
	out := list(t.key, qualified) + ", "
	if len(set) > 0 {
		out += setColumns(set) + ", "
	}
	return out
}

// look finds out why an update or delete found no row, holding the row's lock
// for the tail's sake. A row is the key's columns, those of set, whether the
// guard holds, whether the row is as wanted, and the tail. A deletion leaves the
// lock alone, which would need the privilege to update.
func (t *table) look(key []string, set, guard []cell, deleting bool) statement {
	var q query
	same, lock := "true", " FOR NO KEY UPDATE"
	if len(set) > 0 {
		for _, c := range set {
			q.args = append(q.args, c.text)
		}
		same = rowText(setColumns(set)) + " = " + rowText(wanted(set))
	}
	if deleting {
		same, lock = "false", ""
	}
	q.WriteString("WITH held AS MATERIALIZED (SELECT " + t.returned(set))
	q.WriteString(q.guarded(guard) + ", " + same + " FROM " + t.quoted + " AS t WHERE " + q.byKey(t, key) + lock + ")")
	q.WriteString(" SELECT *, " + tail + " FROM held")
	return q.statement()
}

// insert creates a row, under its old key where under names one: an identity
// column takes a given value only when it is told to. The answer is as update's.
func (t *table) insert(set, under []cell) statement {
	var q query
	q.WriteString("INSERT INTO " + t.quoted + " AS t ")
	all := slices.Concat(set, under) // set's parameters come first: see job.culprit
	if len(all) == 0 {
		q.WriteString("DEFAULT VALUES")
	} else {
		q.WriteString("(" + list(all, func(c cell) string { return c.quoted }) + ")")
		if slices.ContainsFunc(under, func(c cell) bool { return c.always }) {
			q.WriteString(" OVERRIDING SYSTEM VALUE")
		}
		q.WriteString(" VALUES (" + list(all, func(c cell) string { return q.arg(c.text, c.form.Name) }) + ")")
	}
	q.WriteString(" RETURNING " + t.returned(set) + tail)
	return q.statement()
}

// remove deletes a row. The answer is the key's columns and the tail.
func (t *table) remove(key []string, guard []cell) statement {
	var q query
	q.WriteString("DELETE FROM " + t.quoted + " AS t WHERE " + q.byKey(t, key) + " AND " + q.guarded(guard))
	q.WriteString(" RETURNING " + t.returned(nil) + tail)
	return q.statement()
}
