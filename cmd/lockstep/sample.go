package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/lockstep-sync/lockstep/bridge"
	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

const (
	sampleSize     = 200 // records of a side
	sampleExamples = 3   // failures of a field and a direction that are shown
	sampleWait     = 20 * time.Second
)

// sampler is a side that shows some of its live records.
type sampler interface {
	Sample(ctx context.Context, object string, fields []string, n int) ([]event.Snapshot, error)
}

// sampled is how many live records of a side were tried, or why none.
type sampled struct {
	Records int    `json:"records"`
	Note    string `json:"note,omitempty"`
}

// trial is what became of one field's live values of one side: each was
// converted to the other side and, where the field goes both ways, back again.
type trial struct {
	Left     string    `json:"left"`
	Right    string    `json:"right"`
	From     string    `json:"from"` // the side that the values are from
	Values   int       `json:"values"`
	Fails    int       `json:"fails"`
	Examples []example `json:"examples,omitempty"`
}

// example is one value that fails. Back is what came back of it; Problem says
// why nothing did. A sensitive value is masked.
type example struct {
	Record  string `json:"record"`
	Value   string `json:"value"`
	Back    string `json:"back,omitempty"`
	Problem string `json:"problem,omitempty"`
}

// sample tries a mapping on live records of both sides and returns the trials
// that failed. The error is that of a side that cannot be asked now.
func sample(ctx context.Context, all map[string]bridge.Side, m *mapping.Mapping) (records map[string]sampled, failed []trial, err error) {
	records = map[string]sampled{}
	for _, side := range mapping.Sides {
		end := m.End(side)
		s, ok := all[end.Connection].(sampler)
		if !ok {
			records[side.String()] = sampled{Note: "connection " + end.Connection + " cannot show live records"}
			continue
		}
		wait, cancel := context.WithTimeout(ctx, sampleWait)
		found, err := s.Sample(wait, end.Object, m.Columns(side), sampleSize)
		cancel()
		switch {
		case err != nil && passing(err):
			return records, nil, fmt.Errorf("connection %s: sample %s: %w", end.Connection, end.Object, err)
		case err != nil:
			records[side.String()] = sampled{Note: describeFailed(err)}
			continue
		}
		taken, note := takenOf(m, side, found)
		records[side.String()] = sampled{len(taken), note}
		for _, f := range m.Fields() {
			if t := try(f, side, taken); t.Fails > 0 {
				failed = append(failed, t)
			}
		}
	}
	return records, failed, nil
}

// takenOf leaves out the records that the mapping does not take.
func takenOf(m *mapping.Mapping, side mapping.Side, found []event.Snapshot) (taken []event.Snapshot, note string) {
	fails := 0
	for _, snap := range found {
		ok, err := m.Takes(side, snap.Record)
		if err != nil {
			fails++
			note = fmt.Sprintf("the filter fails for %d of %d records: record %s: %s", fails, len(found), recordName(snap.Key), describeFailed(err))
		} else if ok {
			taken = append(taken, snap)
		}
	}
	return taken, note
}

// try converts a field's values of one side.
func try(f *mapping.Field, from mapping.Side, records []event.Snapshot) trial {
	t := trial{Left: f.Name(mapping.Left), Right: f.Name(mapping.Right), From: from.String()}
	to := from.Other()
	if !f.Writes(to) || f.Reference() != "" {
		return t
	}
	for _, snap := range records {
		v := f.Take(from, snap.Record, event.Value{})
		if allowed, err := f.Allows(to, snap.Record); !v.IsSet() || err == nil && !allowed {
			continue
		}
		t.Values++
		if e, ok := tryOne(f, from, v); !ok {
			t.Fails++
			if len(t.Examples) < sampleExamples {
				e.Record, e.Value = recordName(snap.Key), f.Show(from, v)
				t.Examples = append(t.Examples, e)
			}
		}
	}
	return t
}

func tryOne(f *mapping.Field, from mapping.Side, v event.Value) (e example, ok bool) {
	if !f.Writes(from) {
		_, err := f.Convert(from.Other(), v)
		if err != nil {
			e.Problem = describeFailed(err)
		}
		return e, err == nil
	}
	ok, back, err := f.RoundTrips(from, v)
	switch {
	case err != nil:
		e.Problem = describeFailed(err)
	case !ok && back.IsSet() && f.Sensitive():
		e.Back = "another value"
	case !ok:
		e.Back = f.Show(from, back)
	}
	return e, ok
}

// recordName is a record's key as people write it.
func recordName(k event.Key) string {
	if id := k.ID(); id != "" {
		return id
	}
	return string(k)
}

// printSample tells of a mapping's trials.
func printSample(out io.Writer, m checkedMapping) {
	for _, side := range mapping.Sides {
		name := [2]string{m.Left, m.Right}[side]
		switch s := m.Sampled[side.String()]; {
		case s.Records > 0 && s.Note == "":
			fmt.Fprintf(out, "mapping %s: %d live records of %s were tried\n", m.Name, s.Records, name)
		case s.Note == "":
			fmt.Fprintf(out, "mapping %s: no live record of %s to try\n", m.Name, name)
		default:
			fmt.Fprintf(out, "mapping %s: warning: %d live records of %s were tried: %s\n", m.Name, s.Records, name, s.Note)
		}
	}
	for _, t := range m.Failing {
		from, to := t.Left, t.Right
		if t.From == mapping.Right.String() {
			from, to = to, from
		}
		fmt.Fprintf(out, "mapping %s: warning: %s → %s: %d of %d values of the %s side do not come back as they went, or do not arrive\n", m.Name, from, to, t.Fails, t.Values, t.From)
		for _, e := range t.Examples {
			if e.Problem != "" {
				fmt.Fprintf(out, "  record %s: %s\n", e.Record, e.Problem)
			} else {
				fmt.Fprintf(out, "  record %s: %s comes back as %s\n", e.Record, e.Value, e.Back)
			}
		}
	}
}
