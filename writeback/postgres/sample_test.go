package postgres_test

import (
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/schemas/event"
	"github.com/lockstep-sync/lockstep/writeback/postgres"
)

func TestASampleHasRowsOfBothEnds(t *testing.T) {
	t.Parallel()
	r := newRig(t, 0, customers+`; INSERT INTO customers (email, name) SELECT 'p' || i, 'name ' || i FROM generate_series(1, 1000) i; CREATE TABLE empty (id int PRIMARY KEY)`)
	for n, want := range map[int][]string{5: {"1", "2", "3", "1000", "999"}, 1: {"1"}, 0: nil, -1: nil} {
		got, err := r.Sample(r.ctx, "public.customers", []string{"name", "nothing"}, n)
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, s := range got {
			ids = append(ids, s.Key.ID())
			if s.Asked != s.Key || s.Record.Get("name").Text != "name "+s.Key.ID() || len(s.Record.Names) != 1 {
				t.Errorf("got %+v", s)
			}
		}
		if !slices.Equal(ids, want) {
			t.Errorf("a sample of %d: got rows %v, want %v", n, ids, want)
		}
	}
	r.sql(`DELETE FROM customers WHERE id > 3`)
	if got, err := r.Sample(r.ctx, "public.customers", nil, 5); err != nil || len(got) != 3 {
		t.Errorf("got %d rows of a small table, %v; want each once: 3", len(got), err)
	}
	if got, err := r.Sample(r.ctx, "public.empty", nil, 5); err != nil || len(got) != 0 {
		t.Errorf("got %v, %v of an empty table", got, err)
	}
	plan := r.ask(`EXPLAIN (FORMAT JSON) (SELECT id FROM customers AS t ORDER BY t.id LIMIT 3) UNION ALL (SELECT id FROM customers AS t ORDER BY t.id DESC LIMIT 2)`)
	if strings.Contains(plan, "Sort") {
		t.Errorf("a sample sorts the table: %s", plan)
	}
}

func TestTheServersClockIsKnown(t *testing.T) {
	t.Parallel()
	var shift atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(shift.Load())) }
	r := newRig(t, 0, customers)
	a := applier(t, postgres.Options{Connection: "app", URL: r.url, Now: now})
	if _, _, known := a.ClockOffset(); known {
		t.Error("a clock is known that was never asked for")
	}
	want := func(want time.Duration) {
		t.Helper()
		if _, err := a.Describe(r.ctx, "public.customers"); err != nil {
			t.Fatal(err)
		}
		offset, uncertainty, known := a.ClockOffset()
		if !known || (offset-want).Abs() > uncertainty || uncertainty > 10*time.Second {
			t.Errorf("got offset %s ± %s, known %v; want %s", offset, uncertainty, known, want)
		}
	}
	want(0)
	shift.Store(int64(-time.Hour)) // as if both servers' clocks were set: ours is behind
	want(time.Hour)
	shift.Store(int64(time.Hour))
	want(-time.Hour)
}

func TestWhatTheTableDoesNotHaveWaitsAndIsTold(t *testing.T) {
	t.Parallel()
	r := newRig(t, 0, customers+`; INSERT INTO customers (email, name) VALUES ('a', 'Ann')`)
	var told atomic.Int64
	a := applier(t, postgres.Options{Connection: "app", URL: r.url, Outdated: func(object string) {
		if object == "public.customers" {
			told.Add(1)
		}
	}})
	check := func(what, column string, err error) {
		t.Helper()
		var f *event.Fault
		if !errors.As(err, &f) || f.Class != event.Transient || !f.Alone || f.Field != column || told.Swap(0) == 0 {
			t.Errorf("%s: got %+v, told %v; want a fault that passes, and that it was told", what, err, told.Load())
		}
	}
	key := []event.Key{event.KeyOf("1")}
	if _, err := a.Read(r.ctx, "public.customers", key, []string{"name"}); err != nil {
		t.Fatal(err)
	}
	r.sql(`ALTER TABLE customers RENAME name TO full_name`)
	_, err := a.Read(r.ctx, "public.customers", key, []string{"email", "name"})
	check("a read", "name", err)
	_, err = a.Lookup(r.ctx, "public.customers", "email", []string{"a"}, []string{"name"})
	check("a lookup", "name", err)
	_, err = a.Lookup(r.ctx, "public.customers", "name", []string{"a"}, nil)
	check("a lookup by it", "name", err)
	results := a.Apply(r.ctx, []event.Write{update(1, rec("name", "x"), event.Record{}), update(1, rec("email", "b"), event.Record{})})
	check("a write", "name", results[0].Err)
	r.stands(results[1])
	r.sql(`DROP TABLE customers`)
	_, err = a.Read(r.ctx, "public.customers", key, []string{"email"})
	check("a read of a table that is gone", "", err)
	check("a write to it", "", a.Apply(r.ctx, []event.Write{update(1, rec("email", "c"), event.Record{})})[0].Err)
	if _, err := a.Describe(r.ctx, "public.customers"); err == nil || told.Load() != 0 {
		t.Errorf("a description: got %v, told %d times", err, told.Load())
	}
}
