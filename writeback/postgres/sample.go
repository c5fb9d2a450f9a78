package postgres

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

const (
	mostSampled = 1000            // rows of one sample
	sampleWait  = 5 * time.Second // on the server: a sample is never worth a load
)

// Sample returns up to n live rows with the named columns that exist: the first
// half of them by key, the others from the key's other end, so that old and new
// records are among them. Both ends come from the key's index, so the size of
// the table does not matter. It takes no locks; the rows have no Floor. An error
// is an *event.Fault.
func (a *Applier) Sample(ctx context.Context, object string, fields []string, n int) ([]event.Snapshot, error) {
	if n = min(n, mostSampled); n <= 0 {
		return nil, nil
	}
	tune := tuning(Options{Timeout: min(sampleWait, a.options.Timeout)}, time.Second)
	var out []event.Snapshot
	err := a.reading(ctx, object, func(ctx context.Context, s *session, t *table) error {
		columns := t.known(fields)
		got, err := s.run(ctx, transaction(tune, t.sample(columns, n))...)
		if err != nil {
			return err
		}
		out = nil
		seen := map[event.Key]bool{}
		for _, row := range got[2].rows {
			key := t.keyOf(row)
			if !seen[key] { // a table of few rows is read from both ends
				seen[key] = true
				out = append(out, event.Snapshot{Key: key, Asked: key, Record: record(columns, row[len(t.key):])})
			}
		}
		return nil
	})
	if err != nil {
		return nil, faultOf(err)
	}
	return out, nil
}

// sample asks for rows of both ends of the key. A row is the key's columns and
// those asked for.
func (t *table) sample(columns []column, n int) statement {
	what := list(t.key, qualified)
	if len(columns) > 0 {
		what += ", " + list(columns, qualified)
	}
	from := func(direction string, limit int) string {
		return "(SELECT " + what + " FROM " + t.quoted + " AS t ORDER BY " +
			list(t.key, func(c column) string { return qualified(c) + direction }) + " LIMIT " + strconv.Itoa(limit) + ")"
	}
	parts := []string{from("", n-n/2)}
	if n > 1 {
		parts = append(parts, from(" DESC", n/2))
	}
	return statement{sql: strings.Join(parts, " UNION ALL ")}
}
