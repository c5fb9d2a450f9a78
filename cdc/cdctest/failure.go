package cdctest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/cdc"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

// inOrder fails unless the log holds ids 1..n, each once, in order.
func inOrder(t *testing.T, changes []event.Change, n int) {
	t.Helper()
	if len(changes) != n {
		t.Errorf("%d changes, want %d", len(changes), n)
	}
	for i, c := range changes {
		if c.Key != event.KeyOf(fmt.Sprint(i+1)) {
			t.Fatalf("change %d is of record %s, want %d: something was skipped or repeated", i, c.Key, i+1)
		}
	}
}

// kills ends the pump within appends, within a transaction, again and again.
func kills(t *testing.T, h Harness) {
	db := h.Shared(t)
	db.Exec(t, people)
	db.Install(t, "people")
	many := db.Dialect().Many
	db.Exec(t, many("people", 1, 1000), many("people", 1001, 10), many("people", 1011, 500))
	log := NewLog(t)
	for _, at := range []int{1, 350, 999, 1000, 1004, 1300} {
		dead := log.KillAt(at)
		p := NewPump(db.Reader(t, nil), log, Everything)
		p.MaxEntries = 70
		stop := Start(t, p)
		select {
		case <-dead:
		case <-time.After(patience):
			t.Fatalf("the log did not reach %d entries", at)
		}
		stop()
	}
	log.Fail(nil)
	p := NewPump(db.Reader(t, nil), log, Everything)
	p.MaxEntries = 70
	Start(t, p)
	inOrder(t, log.Wait(t, 1510), 1510)
	if log.largest > 70 {
		t.Errorf("an append had %d entries, want 70 at most", log.largest)
	}
	until(t, "everything is confirmed", func() bool { return !db.Confirmed(t).Before(p.Status().Confirmed) && p.Status().Lag == 0 })
}

// halfAppends fails appends that stored a part of their entries.
func halfAppends(t *testing.T, h Harness) {
	db := h.Shared(t)
	db.Exec(t, people)
	log, p := begin(t, db, "people")
	var calls atomic.Int64
	log.Fail(func(_ int, entries []event.Entry) (int, error) {
		switch n := calls.Add(1); {
		case n%4 == 0 || n > 40:
			return len(entries), nil
		case n%4 == 1:
			return len(entries), errors.New("stored, but the answer was lost")
		default:
			return len(entries) / 2, errors.New("half stored")
		}
	})
	for i := range 10 {
		db.Exec(t, db.Dialect().Many("people", 1+i*100, 100))
	}
	inOrder(t, log.Wait(t, 1000), 1000)
	until(t, "the pump streams again", func() bool { s := p.Status(); return s.State == cdc.Streaming && s.Problem == "" })
}

func fullDisk(t *testing.T, h Harness) {
	db := h.Shared(t)
	db.Exec(t, people)
	log, p := begin(t, db, "people")
	db.Exec(t, "INSERT INTO people VALUES (1, 'a', NULL)")
	log.Wait(t, 1)
	until(t, "caught up", func() bool { return p.Status().Lag == 0 && p.Status().State == cdc.Streaming })
	log.Fail(func(int, []event.Entry) (int, error) { return 0, errors.New("no space left on device") })
	db.Exec(t, db.Dialect().Many("people", 2, 3000))
	s := Await(t, p, cdc.Waiting)
	if !strings.Contains(s.Problem, "no space left") || s.Remedy == "" {
		t.Errorf("problem %q, remedy %q, want both to tell of the full disk", s.Problem, s.Remedy)
	}
	db.Exec(t, db.Dialect().Elsewhere...) // keepalives with positions beyond what is stored
	until(t, "lag shows", func() bool { return p.Status().Lag > 200*time.Millisecond })
	confirmed := db.Confirmed(t)
	log.Fail(nil)
	changes := log.Wait(t, 3001)
	inOrder(t, changes, 3001)
	first := changes[1].Position
	if first.Major < confirmed.Major {
		t.Errorf("confirmed %s while the disk was full, want %s at most, where the first transaction that could not be stored commits", confirmed, first)
	}
	until(t, "confirmed after there is room", func() bool { return first.Before(db.Confirmed(t)) })
	Await(t, p, cdc.Streaming)
}

func routerFails(t *testing.T, h Harness) {
	db := h.Shared(t)
	db.Exec(t, people)
	db.Install(t, "people")
	log := NewLog(t)
	var broken atomic.Bool
	broken.Store(true)
	p := NewPump(db.Reader(t, nil), log, func(ctx context.Context, c *event.Change, dst []event.Route) ([]event.Route, error) {
		if broken.Load() {
			return dst, errors.New("state is not readable")
		}
		return Everything(ctx, c, dst)
	})
	Start(t, p)
	db.Exec(t, "INSERT INTO people VALUES (1, 'a', NULL)")
	if s := Await(t, p, cdc.Waiting); !strings.Contains(s.Problem, "state is not readable") {
		t.Errorf("problem is %q, want the router's", s.Problem)
	}
	broken.Store(false)
	inOrder(t, log.Wait(t, 1), 1)
	Await(t, p, cdc.Streaming)
}

func cuts(t *testing.T, h Harness) {
	db := h.Shared(t)
	db.Exec(t, people)
	log, p := begin(t, db, "people")
	n := 0
	for range 5 {
		db.Exec(t, db.Dialect().Many("people", n+1, 2000))
		n += 2000
		log.Wait(t, n-1500) // within the transaction
		db.Network().Cut()
		until(t, "the cut shows", func() bool { s := p.Status(); return s.State != cdc.Streaming && s.Problem != "" })
		db.Exec(t, db.Dialect().Many("people", n+1, 1)) // committed while nobody reads
		n++
		if err := db.Network().Restore(); err != nil {
			t.Fatal(err)
		}
	}
	inOrder(t, log.Wait(t, n), n)
	if s := Await(t, p, cdc.Streaming); s.Problem != "" {
		t.Errorf("problem is still %q", s.Problem)
	}
}

func silence(t *testing.T, h Harness) {
	db := h.Shared(t)
	db.Exec(t, people)
	log, p := begin(t, db, "people")
	Await(t, p, cdc.Streaming)
	db.Network().Pause()
	db.Exec(t, "INSERT INTO people VALUES (1, 'a', NULL)")
	until(t, "the silence shows", func() bool { return p.Status().State != cdc.Streaming })
	db.Network().Cut() // what hangs in a black hole never comes
	db.Network().Resume()
	if err := db.Network().Restore(); err != nil {
		t.Fatal(err)
	}
	inOrder(t, log.Wait(t, 1), 1)
}

func restarts(t *testing.T, h Harness) {
	db, restart := h.Own(t)
	db.Exec(t, people)
	log, _ := begin(t, db, "people")
	for i := range 3 {
		db.Exec(t, db.Dialect().Many("people", 1+i*500, 500))
		if i == 1 {
			log.Wait(t, 1000)
		}
		restart()
	}
	db.Exec(t, db.Dialect().Many("people", 1501, 1))
	inOrder(t, log.Wait(t, 1501), 1501)
}

func idle(t *testing.T, h Harness) {
	db := h.Shared(t)
	db.Exec(t, people)
	_, p := begin(t, db, "people")
	Await(t, p, cdc.Streaming)
	for range 3 {
		db.Exec(t, db.Dialect().Elsewhere...)
		end := db.End(t)
		until(t, "confirmed although only others write", func() bool { return !db.Confirmed(t).Before(end) })
	}
	if s := p.Status(); s.Lag != 0 || s.Changes != 0 {
		t.Errorf("lag %v after %d changes, want none of either", s.Lag, s.Changes)
	}
}

func untaken(t *testing.T, h Harness) {
	db := h.Shared(t)
	db.Exec(t, people)
	db.Install(t, "people")
	log := NewLog(t)
	p := NewPump(db.Reader(t, nil), log, func(_ context.Context, _ *event.Change, dst []event.Route) ([]event.Route, error) {
		return dst, nil
	})
	Start(t, p)
	db.Exec(t, db.Dialect().Many("people", 1, 100))
	end := db.End(t)
	until(t, "confirmed", func() bool { return !db.Confirmed(t).Before(end) })
	if s := p.Status(); s.Changes != 100 || log.Count() != 0 {
		t.Errorf("%d changes read and %d entries, want 100 and 0", s.Changes, log.Count())
	}
}

func taken(t *testing.T, h Harness) {
	db := h.Shared(t)
	db.Exec(t, people)
	db.Install(t, "people")
	log := NewLog(t)
	first := NewPump(db.Reader(t, nil), log, Everything)
	stop := Start(t, first)
	Await(t, first, cdc.Streaming)
	second := NewPump(db.Reader(t, nil), log, Everything)
	Start(t, second)
	until(t, "the second says why it waits", func() bool { s := second.Status(); return s.State == cdc.Waiting && s.Problem != "" })
	stop()
	Await(t, second, cdc.Streaming)
	db.Exec(t, "INSERT INTO people VALUES (1, 'a', NULL)")
	inOrder(t, log.Wait(t, 1), 1)
}
