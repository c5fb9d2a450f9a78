package cdctest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/lockstep-sync/lockstep/cdc"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

func shapes(t *testing.T, h Harness) {
	db := h.Shared(t)
	d := db.Dialect()
	db.Exec(t, people)
	db.Install(t, "people")
	o := d.Object("people")
	log := NewLog(t)
	p := NewPump(db.Reader(t, map[string][]string{o: {"id", "name", "note", "age"}}), log, Everything)
	var suspected suspicion
	p.Suspect = func(object string) { suspected.note(object, len(log.Entries())) }
	Start(t, p)

	db.Exec(t, "INSERT INTO people VALUES (1, 'a', 'n')",
		"ALTER TABLE people ADD COLUMN age int", "INSERT INTO people VALUES (2, 'b', 'n', 30)",
		d.Rename("people", "note", "memo"), "INSERT INTO people VALUES (3, 'c', 'n', 31)")
	compare(t, log.Wait(t, 3), `c `+o+` ["1"] id=1 name=a note=n`, `c `+o+` ["2"] id=2 name=b note=n age=30`, `c `+o+` ["3"] id=3 name=c age=31`)
	// A column that the log does not carry any more is absent, not unchanged:
	// whoever needs it can tell.
	if names := log.Wait(t, 3)[2].After.Names; slices.Contains(names, "note") {
		t.Errorf("a row without its column note names %q", names)
	}
	notices := p.Status().Notices
	if len(notices) != 1 || notices[0].Column != "note" || notices[0].Object != o || notices[0].Remedy == "" {
		t.Errorf("notices are %+v, want one for column note", notices)
	}

	db.Exec(t, d.Rename("people", "memo", "note"), "ALTER TABLE people DROP COLUMN age", "ALTER TABLE people ADD COLUMN age varchar(10)",
		"INSERT INTO people VALUES (4, 'd', 'n', 'old')")
	compare(t, log.Wait(t, 4)[3:], `c `+o+` ["4"] id=4 name=d note=n age=old`)
	if n := p.Status().Notices; len(n) != 0 {
		t.Errorf("notices are %+v, want none once the columns are back", n)
	}
	// The first row lacks age, the second has it, the third lacks note, the fourth
	// has both.
	suspected.compare(t, o, 0, 1, 2, 3)
}

// suspicion collects what a Pump says of shapes: the object, and how many
// changes the Log held at most before the first of the new shape.
type suspicion struct {
	mu   sync.Mutex
	told []string
}

func (s *suspicion) note(object string, before int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told = append(s.told, fmt.Sprintf("%s after at most %d", object, before))
}

// compare wants to have been told of the object before each of the changes.
func (s *suspicion) compare(t *testing.T, object string, before ...int) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, n := range before {
		if i >= len(s.told) {
			t.Errorf("told of another shape %d times, want %d", len(s.told), len(before))
			return
		}
		var got int
		if _, err := fmt.Sscanf(s.told[i], object+" after at most %d", &got); err != nil || got > n {
			t.Errorf("told %q, want it of %s before change %d is in the log", s.told[i], object, n+1)
		}
	}
}

func needed(t *testing.T, h Harness) {
	db := h.Shared(t)
	d := db.Dialect()
	db.Exec(t, people, "CREATE TABLE cats (id int PRIMARY KEY, name varchar(10))")
	if full := d.FullImages("people"); full != "" {
		db.Exec(t, full)
	}
	db.Install(t, "people", "cats")
	o := d.Object("people")
	log := NewLog(t)
	Start(t, NewPump(db.Reader(t, map[string][]string{o: {"name"}}), log, Everything))
	db.Transaction(t, "INSERT INTO cats VALUES (1, 'Tom')", "INSERT INTO people VALUES (1, 'a', 'secret')", "UPDATE people SET name = 'b'")
	got := log.Wait(t, 2)
	compare(t, got, `c `+o+` ["1"] id=1 name=a`, `u `+o+` ["1"] id=1 name=b`)
	// The row of the table that stays behind counts, so that positions do not
	// depend on the configuration.
	if got[0].Position.Minor != 2 {
		t.Errorf("first change is row %d of its transaction, want 2", got[0].Position.Minor)
	}
	if before := got[1].Before.Get("name"); before.Text != "a" || !got[1].Before.Get("note").IsUnchanged() {
		t.Errorf("old image is %+v, want name a and no note", got[1].Before)
	}
}

func origins(t *testing.T, h Harness) {
	db := h.Shared(t)
	db.Exec(t, people)
	log, _ := begin(t, db, "people")
	tag := db.Dialect().Origin
	crm, desk := event.Origin{Connection: "crm", Change: `crm:"1"`}, event.Origin{Connection: "desk", Change: "desk:2"}
	db.Transaction(t, "INSERT INTO people VALUES (1, 'before', NULL)", tag(crm), "INSERT INTO people VALUES (2, 'crm', NULL)",
		"UPDATE people SET note = 'crm' WHERE id = 2", tag(desk), "INSERT INTO people VALUES (3, 'desk', NULL)")
	db.Exec(t, "INSERT INTO people VALUES (4, 'next', NULL)")
	got := log.Wait(t, 5)
	for i, want := range []event.Origin{{}, crm, crm, desk, {}} {
		if got[i].Origin != want {
			t.Errorf("change %d (%s) has origin %+v, want %+v", i, line(got[i]), got[i].Origin, want)
		}
	}
}

func severalMappings(t *testing.T, h Harness) {
	db := h.Shared(t)
	db.Exec(t, people)
	db.Install(t, "people")
	log := NewLog(t)
	Start(t, NewPump(db.Reader(t, nil), log, func(_ context.Context, c *event.Change, dst []event.Route) ([]event.Route, error) {
		if c.Key == event.KeyOf("2") {
			return dst, nil
		}
		return append(dst, event.Route{Mapping: "a", Lane: 3}, event.Route{Mapping: "b", Lane: c.Key.Lane(8)}), nil
	}))
	db.Exec(t, "INSERT INTO people VALUES (1, 'a', NULL), (2, 'b', NULL), (3, 'c', NULL)")
	log.Wait(t, 4)
	var got []string
	for _, e := range log.Entries() {
		got = append(got, fmt.Sprintf("%s/%d/%d", e.Mapping, e.Lane, e.Position.Minor))
	}
	lane := event.Key.Lane
	want := []string{"a/3/1", fmt.Sprintf("b/%d/1", lane(event.KeyOf("1"), 8)), "a/3/3", fmt.Sprintf("b/%d/3", lane(event.KeyOf("3"), 8))}
	if !slices.Equal(got, want) {
		t.Errorf("entries are %s, want %s", strings.Join(got, " "), strings.Join(want, " "))
	}
}

var _ cdc.Log = (*Log)(nil)
