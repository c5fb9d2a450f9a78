package postgres

import (
	"context"
	"slices"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// Lookup returns the rows whose field equals one of the canonical values, in
// the column's own sense (citext has no case), with the named columns and a
// Floor as Read's; a column that does not exist is a fault, as there. A value that the column's type cannot hold is in
// no row. A field of which too many rows hold a value is Rejected. An error is
// an *event.Fault.
func (a *Applier) Lookup(ctx context.Context, object, field string, values []string, fields []string) ([]event.Snapshot, error) {
	var out []event.Snapshot
	for start := 0; start < len(values); start += perQuestion {
		part := values[start:min(start+perQuestion, len(values))]
		err := a.reading(ctx, object, func(ctx context.Context, s *session, t *table) error {
			found, err := a.lookup(ctx, s, t, field, part, fields)
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

// lookup finds the keys first, then reads by key: only that can be done under
// locks without hiding what is locked.
func (a *Applier) lookup(ctx context.Context, s *session, t *table, field string, values, fields []string) ([]event.Snapshot, error) {
	by, ok := t.column(field)
	if !ok {
		return nil, t.lacks(field)
	}
	q := question{table: t, by: []column{by}, columns: []column{by}}
	for _, v := range values {
		if storable(field, v) == nil { // else it is in no row
			q.values = append(q.values, []string{v})
		}
	}
	if len(q.values) == 0 {
		return nil, nil
	}
	found, err := a.ask(ctx, s, q, false)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	keys := make([]event.Key, len(found))
	for i, f := range found {
		keys[i] = f.Key
	}
	rows, err := a.read(ctx, s, t, slices.Compact(slices.Sorted(slices.Values(keys))), append(slices.Clone(fields), field))
	if err != nil {
		return nil, err
	}
	return confirmed(found, rows, q.values), nil
}

// confirmed returns the rows that still hold the value by which they were found.
func confirmed(found []finding, rows []event.Snapshot, values [][]string) []event.Snapshot {
	byKey := make(map[event.Key]event.Snapshot, len(rows))
	for _, r := range rows {
		byKey[r.Key] = r
	}
	out := make([]event.Snapshot, 0, len(found))
	for _, f := range found {
		r, ok := byKey[f.Key]
		if last := len(r.Record.Names) - 1; ok && r.Record.Values[last].Equal(f.Record.Values[0]) {
			r.Record.Names, r.Record.Values = r.Record.Names[:last], r.Record.Values[:last]
			r.Asked = event.KeyOf(values[f.asked][0])
			out = append(out, r)
		}
	}
	return out
}
