package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/bridge"
	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

// shown is a side that has some live records.
type shown struct {
	bridge.Side
	records []event.Snapshot
	err     error
	asked   *[]string
}

func (s shown) Sample(_ context.Context, _ string, fields []string, n int) ([]event.Snapshot, error) {
	if s.asked != nil {
		*s.asked = fields
	}
	return s.records[:min(n, len(s.records))], s.err
}

// silent is a side that shows none.
type silent struct{ bridge.Side }

func snapshots(rows ...[]string) []event.Snapshot {
	var out []event.Snapshot
	for i, row := range rows {
		s := event.Snapshot{Key: event.KeyOf(string(rune('1' + i)))}
		for _, pair := range row {
			name, text, set := strings.Cut(pair, "=")
			v := event.NullOf(event.Text)
			if set {
				v = event.String(text)
			}
			s.Record.Put(name, v)
		}
		out = append(out, s)
	}
	return out
}

// tried is a mapping whose values come back only sometimes.
func tried(t *testing.T, change func(*mapping.Spec)) *mapping.Mapping {
	t.Helper()
	spec := contactsSpec(mapping.DriftPause)
	spec.Fields = append(spec.Fields, mapping.FieldSpec{Left: "note", Right: "spare", ToRight: "value.trim()", ToLeft: "value"})
	change(&spec)
	m, problems := mapping.Compile(spec, customersTable(), contactsObject())
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return m
}

func TestLiveValuesThatDoNotComeBackAreListed(t *testing.T) {
	t.Parallel()
	m := tried(t, func(s *mapping.Spec) { s.FilterLeft = "row.phone != 'skip'" })
	var asked []string
	left := snapshots(
		[]string{"email=a@x", "phone=1", "plan=free", "note=fine"},
		[]string{"email=b@x", "phone", "plan=gold", "note= spaced "},
		[]string{"email=c@x", "phone=skip", "plan=lead", "note= x"},
		[]string{"email=d@x", "phone=2", "plan", "note=x "})
	right := snapshots([]string{"email=a@x", "phone=1", "tier=F", "spare= kept as it is "})
	records, failed, err := sample(t.Context(), map[string]bridge.Side{"app": shown{records: left, asked: &asked}, "crm": shown{records: right}}, m)
	if err != nil {
		t.Fatal(err)
	}
	if want := map[string]sampled{"left": {Records: 3}, "right": {Records: 1}}; !cmp.Equal(records, want) {
		t.Errorf("records: got %v, want %v", records, want)
	}
	if want := []string{"email", "phone", "plan", "note"}; !slices.Equal(asked, want) {
		t.Errorf("asked for %q, want %q", asked, want)
	}
	want := []trial{
		{Left: "plan", Right: "tier", From: "left", Values: 2, Fails: 1, Examples: []example{{Record: "2", Value: `"gold"`, Problem: `plan holds "gold", which has no counterpart in values: add a line for it`}}},
		{Left: "note", Right: "spare", From: "left", Values: 3, Fails: 2, Examples: []example{{Record: "2", Value: `" spaced "`, Back: `"spaced"`}, {Record: "4", Value: `"x "`, Back: `"x"`}}},
		{Left: "note", Right: "spare", From: "right", Values: 1, Fails: 1, Examples: []example{{Record: "1", Value: `" kept as it is "`, Back: `"kept as it is"`}}},
	}
	if diff := cmp.Diff(want, failed); diff != "" {
		t.Errorf("want (-), got (+):\n%s", diff)
	}
	var out strings.Builder
	printSample(&out, checkedMapping{Name: "contacts", Left: "app/public.customers", Right: "crm/contacts", Sampled: records, Failing: failed})
	const text = `mapping contacts: 3 live records of app/public.customers were tried
mapping contacts: 1 live records of crm/contacts were tried
mapping contacts: warning: plan → tier: 1 of 2 values of the left side do not come back as they went, or do not arrive
  record 2: plan holds "gold", which has no counterpart in values: add a line for it
mapping contacts: warning: note → spare: 2 of 3 values of the left side do not come back as they went, or do not arrive
  record 2: " spaced " comes back as "spaced"
  record 4: "x " comes back as "x"
mapping contacts: warning: spare → note: 1 of 1 values of the right side do not come back as they went, or do not arrive
  record 1: " kept as it is " comes back as "kept as it is"
`
	if diff := cmp.Diff(text, out.String()); diff != "" {
		t.Errorf("want (-), got (+):\n%s", diff)
	}
}

func TestSensitiveLiveValuesAreNotShown(t *testing.T) {
	t.Parallel()
	m := tried(t, func(s *mapping.Spec) {
		s.Fields[3].Sensitive, s.Fields[2].Sensitive = true, true
		s.FilterLeft = "int(row.note) > 0 || row.note != ''"
	})
	left := snapshots([]string{"email=a@x", "plan=s3cret", "note= s3cret "})
	records, failed, err := sample(t.Context(), map[string]bridge.Side{"app": shown{records: left}, "crm": shown{}}, m)
	if err != nil || len(failed) != 2 {
		t.Fatalf("got %v, %v, want two fields", failed, err)
	}
	var out strings.Builder
	printSample(&out, checkedMapping{Sampled: records, Failing: failed})
	if strings.Contains(out.String(), "s3cret") || !strings.Contains(out.String(), "record 1: a value comes back as another value") {
		t.Errorf("got\n%s", out.String())
	}
}

func TestASampleIsBounded(t *testing.T) {
	t.Parallel()
	m := tried(t, func(*mapping.Spec) {})
	var rows [][]string
	for range 500 {
		rows = append(rows, []string{"email=a@x", "note= x"})
	}
	records, failed, err := sample(t.Context(), map[string]bridge.Side{"app": shown{records: snapshots(rows...)}, "crm": shown{}}, m)
	if err != nil || records["left"].Records != 200 || len(failed) != 1 || failed[0].Fails != 200 || len(failed[0].Examples) != 3 {
		t.Errorf("got %v, %v, %v, want 200 records, all failing, 3 of them shown", records, failed, err)
	}
}

func TestASideThatCannotBeSampledIsSaid(t *testing.T) {
	t.Parallel()
	m := tried(t, func(*mapping.Spec) {})
	records, _, err := sample(t.Context(), map[string]bridge.Side{"app": silent{}, "crm": shown{err: &event.Fault{Class: event.Rejected, Message: "missing scope"}}}, m)
	want := map[string]sampled{"left": {Note: "connection app cannot show live records"}, "right": {Note: "missing scope"}}
	if err != nil || !cmp.Equal(records, want) {
		t.Errorf("got %v, %v, want %v", records, err, want)
	}
	_, _, err = sample(t.Context(), map[string]bridge.Side{"app": shown{err: &event.Fault{Class: event.Transient, Message: "no answer"}}}, m)
	var fault *event.Fault
	if !errors.As(err, &fault) || !strings.Contains(err.Error(), "connection app: sample public.customers") {
		t.Errorf("an unreachable side: got %v", err)
	}
}
