package postgres

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// nameExisting finds the rows that stood in the way of duplicates. What it
// cannot find stays unnamed: the row may be gone, or a trigger changed the
// value. A failure here takes nothing from the results.
func (b *batch) nameExisting(ctx context.Context, s *session) error {
	for _, j := range b.jobs {
		fault := j.result.Err
		if !j.settled || fault == nil || fault.Class != event.Duplicate || !fault.Existing.IsZero() {
			continue
		}
		var pg *pgconn.PgError
		if !errors.As(fault.Err, &pg) || pg.ConstraintName == "" {
			continue
		}
		key, field, err := b.existing(ctx, s, j, pg)
		if err != nil {
			b.applier.options.Log.Debug().Str("object", j.Object).Err(err).Msg("the row in the way of a duplicate was not found")
			return s.rollback(ctx)
		}
		fault.Existing = key
		if fault.Field == "" {
			fault.Field = field
		}
	}
	return nil
}

// existing looks for the row with the values of the violated constraint. field
// is its column where there is one only.
func (b *batch) existing(ctx context.Context, s *session, j *job, pg *pgconn.PgError) (key event.Key, field string, err error) {
	ask := statement{constraintQuery, [][]byte{[]byte(pg.SchemaName), []byte(pg.ConstraintName)}}
	got, err := s.run(ctx, transaction(b.applier.tune, ask)...)
	if err != nil {
		return "", "", err
	}
	var q query
	var conditions []string
	for _, row := range got[2].rows {
		c, ok := cellOf(slices.Concat(j.set, j.under), string(row[0]))
		if !ok || c.text == nil {
			return "", "", nil
		}
		field = c.name
		conditions = append(conditions, q.holds(c))
	}
	if len(conditions) != 1 {
		field = ""
	}
	if len(conditions) == 0 {
		return "", "", nil
	}
	q.WriteString("SELECT " + list(j.table.key, qualified) + " FROM " + j.table.quoted + " AS t WHERE " + strings.Join(conditions, " AND ") + " LIMIT 1")
	got, err = s.run(ctx, transaction(b.applier.tune, q.statement())...)
	if err != nil || len(got[2].rows) == 0 {
		return "", field, err
	}
	return j.table.keyOf(got[2].rows[0]), field, nil
}

func cellOf(set []cell, name string) (cell, bool) {
	for _, c := range set {
		if c.name == name {
			return c, true
		}
	}
	return cell{}, false
}

// holds is the condition that the column equals the value, in the column's own
// sense where its type has one.
func (q *query) holds(c cell) string {
	if c.equal == "" {
		return rowText(qualified(c.column)) + " = " + rowText(q.arg(c.text, c.form.Name))
	}
	return qualified(c.column) + " OPERATOR(" + c.equal + ") " + q.arg(c.text, c.form.Name)
}
