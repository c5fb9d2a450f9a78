package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/schemas/event"
	"github.com/lockstep-sync/lockstep/testenv"
	server "github.com/lockstep-sync/lockstep/testenv/postgres"
	"github.com/lockstep-sync/lockstep/writeback/postgres"
)

func TestNobodyWaitsLongForALock(t *testing.T) {
	t.Parallel()
	r := newRig(t, 0, customers+`; INSERT INTO customers (name) SELECT 'Ann' FROM generate_series(1, 20)`)
	tx, err := r.app.Begin(r.ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(r.ctx, `UPDATE customers SET name = 'Mine' WHERE id BETWEEN 3 AND 12`); err != nil {
		t.Fatal(err)
	}
	var writes []event.Write
	for id := 1; id <= 20; id++ {
		writes = append(writes, update(id, rec("name", "Bob"), rec("name", "Ann")))
	}
	start := time.Now()
	for i, res := range r.Apply(r.ctx, writes) {
		if id := i + 1; id < 3 || id > 12 {
			r.stands(res)
		} else if f := r.refused(res, event.Transient); f.Code != "55P03" {
			t.Errorf("row %d: %v, want 55P03", id, f)
		}
	}
	if took := time.Since(start); took > 2300*time.Millisecond { // half a second for the first, then 50 ms each; the full wait for one alone is two seconds
		t.Errorf("ten locked rows took %v", took)
	}
	got, err := r.Read(r.ctx, "public.customers", []event.Key{event.KeyOf("1"), event.KeyOf("3"), event.KeyOf("99")}, []string{"name"})
	if err != nil || len(got) != 2 {
		t.Fatalf("read %+v, %v; want the two rows that exist", got, err)
	}
	for _, s := range got {
		locked := s.Key == event.KeyOf("3")
		if want := map[bool]string{true: "Ann", false: "Bob"}[locked]; s.Record.Get("name").Text != want || s.Floor.IsZero() != locked || s.Asked != s.Key {
			t.Errorf("read %+v, want %s, and a floor unless somebody is changing the row", s, want)
		}
	}
	if err := tx.Commit(r.ctx); err != nil {
		t.Fatal(err)
	}
	r.refused(r.one(writes[2]), event.GuardMissed)
}

func TestOurOwnTransactionsNeverDeadlock(t *testing.T) {
	t.Parallel()
	r := newRig(t, 0, customers+`; INSERT INTO customers (name) SELECT 'Ann' FROM generate_series(1, 50)`)
	var writes []event.Write
	for id := 1; id <= 50; id++ {
		writes = append(writes, update(id, rec("name", "x"), event.Record{}))
	}
	var group sync.WaitGroup
	for worker := range 4 {
		group.Go(func() {
			mine := slices.Clone(writes)
			if worker%2 == 1 {
				slices.Reverse(mine)
			}
			for round := range 10 {
				for i := range mine {
					mine[i].Set = rec("name", fmt.Sprint(worker, round))
				}
				for _, res := range r.Apply(r.ctx, mine) {
					if res.Err != nil {
						t.Errorf("%v", res.Err)
					}
				}
			}
		})
	}
	group.Wait()
}

func TestADeadlockWithTheApplicationIsOurLoss(t *testing.T) {
	t.Parallel()
	r := rigOn(t, server.Database(t, 0), postgres.Options{LockTimeout: 200 * time.Millisecond}, customers+`; INSERT INTO customers (name) VALUES ('Ann'), ('Bob')`)
	tx, err := r.app.Begin(r.ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(r.ctx, `UPDATE customers SET name = 'Mine' WHERE id = 2`); err != nil {
		t.Fatal(err)
	}
	done := make(chan []event.Result, 1)
	go func() {
		done <- r.Apply(r.ctx, []event.Write{update(1, rec("name", "x"), event.Record{}), update(2, rec("name", "x"), event.Record{})})
	}()
	awaitWaiting(r, "transactionid")
	if _, err := tx.Exec(r.ctx, `UPDATE customers SET name = 'Mine' WHERE id = 1`); err != nil {
		t.Fatalf("the application lost: %v", err)
	}
	if err := tx.Commit(r.ctx); err != nil {
		t.Fatal(err)
	}
	got := <-done
	if c := class(got[0]); c != "" && c != "transient" { // it runs again after the application, if that has not ended yet, in vain
		t.Errorf("row 1: %v", got[0].Err)
	}
	if f := r.refused(got[1], event.Transient); f.Code != "55P03" {
		t.Errorf("got %v, want 55P03", f)
	}
}

// awaitWaiting waits until a session of ours waits for the event: a row's lock,
// or a standby's word.
func awaitWaiting(r *rig, event string) {
	r.Helper()
	look := dial(r.ctx, r, r.url)
	err := testenv.Until(r.ctx, "the applier to wait for "+event, func() (bool, error) {
		var waiting bool
		err := look.QueryRow(r.ctx, `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'lockstep' AND wait_event = $1
			AND datname = current_database())`, event).Scan(&waiting)
		return waiting, err
	})
	if err != nil {
		r.Fatal(err)
	}
}

// commitsHang gives a server on which COMMIT writes its record and then waits
// for a standby that never comes, where synchronous_commit is on.
func commitsHang(t *testing.T) *server.Server {
	t.Helper()
	s, err := server.Start(context.Background(), server.Options{Fast: true, Settings: map[string]string{
		"synchronous_standby_names": "nobody", "synchronous_commit": "local"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// A commit record is written before the commit is visible. A floor between the
// two would hide the change for ever.
func TestACommitInTheLogButNotYetVisibleIsNotBelowTheFloor(t *testing.T) {
	t.Parallel()
	s := commitsHang(t)
	r := rigOn(t, s.URL(), postgres.Options{LockTimeout: 200 * time.Millisecond}, customers+`; INSERT INTO customers (name) VALUES ('Ann')`)
	hanging, hangCtx := dial(r.ctx, t, s.URL()), r.ctx
	committed := make(chan error, 1)
	go func() {
		_, err := hanging.Exec(hangCtx, `SET synchronous_commit = on; SET application_name = 'app'; BEGIN; UPDATE customers SET name = 'New'; COMMIT`)
		committed <- err
	}()
	err := testenv.Until(r.ctx, "a commit to hang", func() (bool, error) {
		return r.ask(`SELECT count(*)::text FROM pg_stat_activity WHERE wait_event = 'SyncRep'`) == "1", nil
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.Read(r.ctx, "public.customers", []event.Key{event.KeyOf("1")}, []string{"name"})
	if err != nil || len(got) != 1 || got[0].Record.Get("name").Text != "Ann" || !got[0].Floor.IsZero() {
		t.Errorf("read %+v, %v; want Ann without a floor", got, err)
	}
	found, err := r.Lookup(r.ctx, "public.customers", "name", []string{"Ann"}, nil)
	if err != nil || len(found) != 1 || !found[0].Floor.IsZero() {
		t.Errorf("found %+v, %v; want the row without a floor", found, err)
	}
	r.refused(r.one(update(1, rec("name", "Bob"), event.Record{})), event.Transient)
	// It seems to hold what is wanted already, which is no longer true in the log.
	r.refused(r.one(update(1, rec("name", "Ann"), rec("name", "Old"))), event.Transient)
	r.sql(`SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'`)
	if err := <-committed; err != nil {
		t.Fatal(err)
	}
	r.refused(r.one(update(1, rec("name", "Bob"), rec("name", "Ann"))), event.GuardMissed)
}

func TestALostCommitIsInDoubt(t *testing.T) {
	t.Parallel()
	s := commitsHang(t)
	r := rigOn(t, s.URL(), postgres.Options{URL: s.URL() + "&synchronous_commit=on"}, customers+`; INSERT INTO customers (name) VALUES ('Ann'), ('Bob')`)
	writes := []event.Write{update(1, rec("name", "x"), event.Record{}), update(2, rec("name", "x"), rec("name", "Cy")), update(3, rec("name", "x"), event.Record{}),
		update(2, rec("ltv", "many"), event.Record{}), create(rec("name", "new"))}
	done := make(chan []event.Result, 1)
	go func() { done <- r.Apply(r.ctx, writes) }()
	awaitWaiting(r, "SyncRep")
	r.sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'lockstep'`)
	got := <-done
	for i, want := range []string{"in doubt", "transient", "transient", "rejected", "in doubt"} {
		if class(got[i]) != want {
			t.Errorf("write %d: %v, want %s", i, got[i].Err, want)
		}
	}
	var f *event.Fault = got[0].Err
	if !errors.Is(f, f.Err) || !strings.Contains(f.Message, "COMMIT") {
		t.Errorf("got %+v, want the cause, and the word COMMIT", f)
	}
}
