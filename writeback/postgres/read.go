package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// perQuestion is how many keys or values one statement asks for.
const perQuestion = 500

// Read returns the rows that exist among keys, with the named columns, each with
// a Floor before which the log tells nothing new: the row was
// read under a share lock, so no transaction that changed it was under way. A
// row that somebody is changing is not waited for: it comes as it was, without
// Floor, and so does every row where the role may not lock. A column that does not exist is
// a Transient fault, told to Options.Outdated: an answer without it would hide an
// edit. An error is an *event.Fault.
func (a *Applier) Read(ctx context.Context, object string, keys []event.Key, fields []string) ([]event.Snapshot, error) {
	var out []event.Snapshot
	for start := 0; start < len(keys); start += perQuestion {
		part := keys[start:min(start+perQuestion, len(keys))]
		err := a.reading(ctx, object, func(ctx context.Context, s *session, t *table) error {
			found, err := a.read(ctx, s, t, part, fields)
			if err == nil {
				out = append(out, found...)
			}
			return err
		})
		if err != nil {
			return nil, faultOf(err)
		}
	}
	return out, nil
}

// reading runs f with the object's table, and once more with a fresh one when
// the table has changed. What does not fit a fresh one is outdated.
func (a *Applier) reading(ctx context.Context, object string, f func(context.Context, *session, *table) error) error {
	return a.with(ctx, func(ctx context.Context, s *session) error {
		for again := false; ; again = true {
			t, err := a.table(ctx, s, object)
			var fault *event.Fault
			if errors.As(err, &fault) {
				return a.outdated(object, fault)
			}
			if err != nil {
				return err
			}
			err = f(ctx, s, t)
			if err == nil {
				return nil
			}
			if back := s.rollback(ctx); back != nil {
				return errors.Join(err, back)
			}
			var pg *pgconn.PgError
			misfit := errors.As(err, &fault) && fault.Code == noSuchColumn
			if again && misfit {
				return a.outdated(object, fault)
			}
			if again || !misfit && (!errors.As(err, &pg) || !outdated(pg)) {
				return err
			}
			a.Forget(object)
			if err := s.reset(ctx); err != nil {
				return err
			}
		}
	})
}

func (a *Applier) read(ctx context.Context, s *session, t *table, keys []event.Key, fields []string) ([]event.Snapshot, error) {
	values := make([][]string, len(keys))
	for i, k := range keys {
		texts, fault := t.keyTexts(k)
		if fault != nil {
			return nil, fault
		}
		values[i] = texts
	}
	columns, fault := t.all(fields)
	if fault != nil {
		return nil, fault
	}
	q := question{table: t, by: t.key, columns: columns, values: values}
	found, err := a.ask(ctx, s, q, true)
	if err != nil {
		return nil, err
	}
	seen := make([]bool, len(keys))
	for _, f := range found {
		seen[f.asked] = true
	}
	rest := q
	rest.values = nil
	var at []int
	for i, ok := range seen {
		if !ok {
			rest.values, at = append(rest.values, values[i]), append(at, i)
		}
	}
	if len(at) > 0 { // absent, or being changed right now
		more, err := a.ask(ctx, s, rest, false)
		if err != nil {
			return nil, err
		}
		for _, f := range more {
			f.asked = at[f.asked]
			found = append(found, f)
		}
	}
	out := make([]event.Snapshot, len(found))
	for i, f := range found {
		f.Asked = keys[f.asked]
		out[i] = f.Snapshot
	}
	return out, nil
}

// question asks for the rows whose columns by hold one of several values.
type question struct {
	table   *table
	by      []column
	columns []column
	values  [][]string // canonical, one text for each of by
}

type finding struct {
	event.Snapshot
	asked int // index into values
}

// ask asks for all values at once; a value that is none of the column's type
// makes the server refuse them all, so then each is asked for by itself, and
// what is refused is in no row.
func (a *Applier) ask(ctx context.Context, s *session, q question, locked bool) ([]finding, error) {
	found, err := a.askOnce(ctx, s, q, locked)
	var pg *pgconn.PgError
	if err == nil || !errors.As(err, &pg) {
		return found, err
	}
	if locked && (classOf(pg) == event.Unauthorized || pg.Code == "42501" || pg.Code == "55000") {
		return a.ask(ctx, s, q, false) // a standby, or a role that may only read
	}
	if len(pg.Code) < 2 || pg.Code[:2] != "22" && pg.Code[:2] != "23" {
		return nil, err
	}
	if len(q.values) == 1 {
		return nil, nil
	}
	for i := range q.values {
		one := q
		one.values = q.values[i : i+1]
		got, err := a.ask(ctx, s, one, locked)
		if err != nil {
			return nil, err
		}
		for _, f := range got {
			f.asked = i
			found = append(found, f)
		}
	}
	return found, nil
}

// most bounds how many rows one statement may answer with.
func (q question) most() int { return 10*len(q.values) + 100 }

func (a *Applier) askOnce(ctx context.Context, s *session, q question, locked bool) ([]finding, error) {
	got, err := s.run(ctx, transaction(a.tune, q.statement(locked))...)
	if err != nil {
		return nil, errors.Join(err, s.rollback(ctx))
	}
	rows := got[2].rows
	if len(rows) > q.most() {
		return nil, rejected(q.by[0].name, "column %s of %s is not selective: many rows hold the same value", q.by[0].name, q.table.name)
	}
	out := make([]finding, len(rows))
	for i, row := range rows {
		n, err := strconv.Atoi(string(row[0]))
		if err != nil || n < 1 || n > len(q.values) {
			return nil, fmt.Errorf("read the number of an answer: %q", row[0])
		}
		keys := len(q.table.key)
		out[i] = finding{asked: n - 1, Snapshot: event.Snapshot{Key: q.table.keyOf(row[1:]), Record: record(q.columns, row[1+keys:])}}
		if locked {
			floor, err := strconv.ParseUint(string(row[len(row)-1]), 10, 64)
			if err != nil {
				return nil, fmt.Errorf("read the log's position: %w", err)
			}
			out[i].Floor = event.Position{Major: floor}
		}
	}
	return out, nil
}

// statement joins the table to the values asked for. A row is the value's
// number, the key's columns, those asked for, and, locked, the log's position.
//
// The position is computed outside the part that takes the lock: inside it
// would be read before the lock is won.
func (q question) statement(locked bool) statement {
	var b query
	arrays, cols, conditions := make([]string, len(q.by)), make([]string, len(q.by)), make([]string, len(q.by))
	for i, c := range q.by {
		texts := make([]string, len(q.values))
		for n, v := range q.values {
			texts[n] = c.form.Input(event.String(v[i]))
		}
		arrays[i] = b.arg(textArray(texts), "pg_catalog.text[]")
		cols[i] = "k" + strconv.Itoa(i)
		conditions[i] = qualified(c) + " OPERATOR(" + c.equal + ") q." + cols[i] + "::" + c.form.Name
		if c.equal == "" {
			conditions[i] = rowText(qualified(c)) + " = " + rowText("q."+cols[i]+"::"+c.form.Name)
		}
	}
	b.WriteString("WITH held AS MATERIALIZED (SELECT q.n, " + list(q.table.key, qualified))
	if len(q.columns) > 0 {
		b.WriteString(", " + list(q.columns, qualified))
	}
	b.WriteString(" FROM ROWS FROM (" + list(arrays, func(s string) string { return "pg_catalog.unnest(" + s + ")" }) + ")")
	b.WriteString(" WITH ORDINALITY AS q (" + strings.Join(cols, ", ") + ", n) JOIN " + q.table.quoted + " AS t ON " + strings.Join(conditions, " AND "))
	b.WriteString(" LIMIT " + strconv.Itoa(q.most()+1))
	if locked {
		b.WriteString(" FOR SHARE OF t SKIP LOCKED")
	}
	b.WriteString(") SELECT held.*")
	if locked {
		b.WriteString(", pg_catalog.pg_current_wal_insert_lsn() - '0/0'::pg_catalog.pg_lsn")
	}
	b.WriteString(" FROM held")
	return b.statement()
}

// textArray is the server's text of an array of texts.
func textArray(texts []string) []byte {
	out := []byte{'{'}
	for i, s := range texts {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, '"')
		for k := range len(s) {
			if s[k] == '"' || s[k] == '\\' {
				out = append(out, '\\')
			}
			out = append(out, s[k])
		}
		out = append(out, '"')
	}
	return append(out, '}')
}
