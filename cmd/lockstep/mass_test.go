package main_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/testenv/hubspot"
)

const plainMapping = `
  - name: contacts
    left: app/public.customers
    right: crm/contacts
    match: {left: email, right: email}
    fields:
      - {left: email, right: email}
      - {left: first_name, right: firstname}
`

// live counts the contacts that are not archived.
func live(crm *hubspot.Server) int {
	n := 0
	for _, c := range crm.Records("contacts") {
		if !c.Archived {
			n++
		}
	}
	return n
}

// crowd makes n pairs.
func (r *rig) crowd(n int) {
	r.t.Helper()
	r.exec(`INSERT INTO customers (email, first_name) SELECT 'p' || i || '@example.com', 'P' || i FROM generate_series(1, $1::int) i`, n)
	r.seldom("everybody has a contact", func() error { return wantCount(live(r.crm), n) })
	r.settled()
}

// seldom is eventually for what costs much to look at.
func (r *rig) seldom(what string, condition func() error) {
	r.t.Helper()
	var next time.Time
	err := errors.New("not looked at yet")
	r.within(5*time.Minute, what, func() error {
		if time.Now().After(next) {
			err = condition()
			next = time.Now().Add(500 * time.Millisecond)
		}
		return err
	})
}

func wantCount(got, want int) error {
	if got != want {
		return fmt.Errorf("%d, want %d", got, want)
	}
	return nil
}

func (r *rig) rows() (n int) {
	r.t.Helper()
	if err := r.db.QueryRow(r.t.Context(), "SELECT count(*) FROM customers").Scan(&n); err != nil {
		r.t.Fatal(err)
	}
	return n
}

// held waits until the fuse holds n deletions.
func (r *rig) held(n int) {
	r.t.Helper()
	r.seldom("the fuse holds the rest", func() error {
		fuses := listed(r.t, r.order(0, "review", "list", "--kind", "fuse", "--json"))
		if len(fuses) != 1 || fuses[0]["held"] != float64(n) {
			return fmt.Errorf("fuses are %v", fuses)
		}
		return nil
	})
}

// Not beside the other stories: it takes all the machine has.
func TestTenThousandDeletionsByAccident(t *testing.T) {
	const people, limit = 10_000, 500
	r := newRig(t, rigOptions{mappings: plainMapping})
	r.start()
	r.crowd(people)
	var before []int64
	if err := r.db.QueryRow(t.Context(), "SELECT array_agg(id ORDER BY id) FROM customers").Scan(&before); err != nil {
		t.Fatal(err)
	}
	r.exec("DELETE FROM customers")
	r.held(people - limit)
	if got := live(r.crm); got != people-limit {
		t.Errorf("contacts left = %d, want %d: the fuse stops the burst within its limit", got, people-limit)
	}
	r.order(0, "review", "choose", "--kind", "fuse", "reject", "--all", "--by", "ann")
	r.kill() // what was decided is carried out over a crash, too
	r.start()
	r.seldom("every record is back", func() error {
		if err := wantCount(r.rows(), people); err != nil {
			return fmt.Errorf("rows: %w", err)
		}
		if err := wantCount(live(r.crm), people); err != nil {
			return fmt.Errorf("contacts: %w", err)
		}
		return nil
	})
	r.settled()
	var after []int64
	if err := r.db.QueryRow(t.Context(), "SELECT array_agg(id ORDER BY id) FROM customers").Scan(&after); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(before, after) {
		t.Error("the rows came back under other keys")
	}
	r.exec("UPDATE customers SET first_name = 'again' WHERE email = 'p1@example.com'")
	r.equals("and is in step", "again", func() string { return r.property("p1@example.com", "firstname") })
	if list := r.order(0, "review", "list"); list != "nothing waits for a person\n" {
		t.Errorf("reviews are left:\n%s", list)
	}
}

func TestAMassArchiveIsConfirmed(t *testing.T) {
	t.Parallel()
	const people, limit = 300, 60 // 20 % of 300
	r := newRig(t, rigOptions{mappings: plainMapping})
	r.start()
	r.crowd(people)
	for _, c := range r.crm.Records("contacts") {
		if err := r.crm.Archive("contacts", c.ID); err != nil {
			t.Fatal(err)
		}
	}
	r.held(people - limit)
	if got := r.rows(); got != people-limit {
		t.Errorf("rows left = %d, want %d", got, people-limit)
	}
	r.order(0, "review", "choose", "--kind", "fuse", "confirm", "--all", "--by", "ann")
	r.seldom("all rows are gone", func() error { return wantCount(r.rows(), 0) })
}

func TestATruncateWaitsForAPerson(t *testing.T) {
	t.Parallel()
	const people = 100
	r := newRig(t, rigOptions{mappings: plainMapping})
	r.start()
	r.crowd(people)
	r.exec("TRUNCATE customers")
	r.held(people)
	if got := live(r.crm); got != people {
		t.Errorf("contacts left = %d, want all %d", got, people)
	}
	r.order(0, "review", "choose", "--kind", "fuse", "reject", "--all", "--by", "ann")
	r.seldom("all rows are back", func() error { return wantCount(r.rows(), people) })
}
