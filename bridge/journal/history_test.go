package journal

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

func TestTheNewestEntriesAreFoundFromTheEnd(t *testing.T) {
	t.Parallel()
	const n = 12_000 // several parts, whatever the limit
	j := open(t, Options{})
	rare := []int{0, 7, 2_000, 9_400, 9_401, n - 1}
	begin := time.Now().UTC()
	all := make([]AuditEntry, n)
	for i := range all {
		all[i] = AuditEntry{At: begin.Add(time.Duration(i) * time.Millisecond), Mapping: "contacts", Key: `["1"]`, Kind: "carried", Text: fmt.Sprint(i)}
		if slices.Contains(rare, i) {
			all[i].Kind, all[i].Field = "conflict", "phone=phone"
		}
	}
	must(t, j.Audit(t.Context(), all...))
	for name, c := range map[string]struct {
		filter AuditFilter
		want   []int
	}{
		"the newest 3 of all":                     {AuditFilter{Limit: 3}, []int{n - 3, n - 2, n - 1}},
		"the newest 2 of a rare kind":             {AuditFilter{Kind: "conflict", Limit: 2}, rare[4:]},
		"the newest 5 of a rare kind, far back":   {AuditFilter{Kind: "conflict", Limit: 5}, rare[1:]},
		"fewer than asked for":                    {AuditFilter{Kind: "conflict", Limit: 100}, rare},
		"of a rare field":                         {AuditFilter{Field: "phone", Limit: 4}, rare[2:]},
		"before a time":                           {AuditFilter{Until: begin.Add(5 * time.Millisecond), Limit: 2}, []int{3, 4}},
		"since a time":                            {AuditFilter{Since: begin.Add((n - 2) * time.Millisecond), Limit: 50}, []int{n - 2, n - 1}},
		"since a time after everything":           {AuditFilter{Since: begin.Add(2 * time.Hour), Limit: 50}, nil},
		"since a time after everything, no limit": {AuditFilter{Since: begin.Add(2 * time.Hour)}, nil},
		"no limit":                                {AuditFilter{Kind: "conflict"}, rare},
	} {
		t.Run(name, func(t *testing.T) {
			var got, want []string
			must(t, j.ReadAudit(t.Context(), c.filter, func(e AuditEntry) error { got = append(got, e.Text); return nil }))
			for _, i := range c.want {
				want = append(want, fmt.Sprint(i))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReadingTheAuditEndsWithTheReader(t *testing.T) {
	t.Parallel()
	j := open(t, Options{})
	must(t, j.Audit(t.Context(), AuditEntry{Kind: "a"}, AuditEntry{Kind: "b"}))
	enough := errors.New("enough")
	for _, limit := range []int{0, 5} {
		n := 0
		err := j.ReadAudit(t.Context(), AuditFilter{Limit: limit}, func(AuditEntry) error { n++; return enough })
		if !errors.Is(err, enough) || n != 1 {
			t.Errorf("limit %d: got %v after %d entries, want the reader's error after one", limit, err, n)
		}
	}
}

// A reader that makes entries of its own, as a replay of all that the audit speaks
// of does, comes to an end.
func TestReadingTheAuditIsNoChase(t *testing.T) {
	t.Parallel()
	j := open(t, Options{})
	const stored = 2*sliceMax + 1 // a part after the first is counted anew
	must(t, j.Audit(t.Context(), make([]AuditEntry, stored)...))
	n := 0
	must(t, j.ReadAudit(t.Context(), AuditFilter{}, func(AuditEntry) error {
		if n++; n > stored {
			t.Fatal("what was written while it was read is read, too")
		}
		if n%100 > 0 {
			return nil
		}
		return j.Audit(t.Context(), AuditEntry{Kind: "c"})
	}))
}

func TestChangesSinceAreThoseOfTheMapping(t *testing.T) {
	t.Parallel()
	j := open(t, Options{Lanes: 2})
	read := func(mapping string, since time.Time) (got []string) {
		must(t, j.ChangesSince(t.Context(), mapping, since, func(c *event.Change) error {
			got = append(got, c.Connection+" "+c.Key.ID())
			return nil
		}))
		return got
	}
	if got := read("contacts", time.Time{}); got != nil {
		t.Errorf("an empty journal has %v", got)
	}
	begin := time.Now().Add(-time.Minute)
	for i, mapping := range []string{"contacts", "deals", "contacts", "contacts"} {
		c := event.Change{Connection: []string{"app", "crm"}[i%2], Object: "x", Op: event.Update, Key: event.KeyOf(fmt.Sprint(i)), Position: event.Position{Major: uint64(i + 1), Minor: 1}}
		must(t, j.Append(t.Context(), []event.Entry{{Connection: c.Connection, Mapping: mapping, Lane: i % 2, Position: c.Position, Data: event.AppendChange(nil, &c)}}))
	}
	if diff := cmp.Diff([]string{"app 0", "app 2", "crm 3"}, read("contacts", begin)); diff != "" {
		t.Error(diff)
	}
	if got := read("contacts", time.Now().Add(time.Hour)); got != nil {
		t.Errorf("since a time to come: got %v", got)
	}
	if got := read("no.mapping*", begin); got != nil {
		t.Errorf("of a name that no mapping has: got %v", got)
	}
}
