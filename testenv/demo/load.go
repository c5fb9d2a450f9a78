package main

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// load is an application and a person at work at the same time, on the same
// customers. Each owns one field and writes ascending numbers into it, so that
// the last one must stand on both sides in the end, whatever happened between.
type load struct {
	stage     *stage
	prefix    string
	customers int
	pace      time.Duration // between two edits of one actor

	edits   atomic.Int64 // made so far, by both
	quit    chan struct{}
	actors  sync.WaitGroup
	rows    map[string]string // last first_name by email; of the application alone until finish
	phones  map[string]string // last phone by email; of the person alone until finish
	created int               // contacts that the person created
	errs    [2]error
}

// begin sets both to work; the caller calls finish.
func (c *chapter) begin(prefix string, customers int) *load {
	l := &load{
		stage: c.stage, prefix: prefix, customers: customers, pace: 4 * time.Millisecond,
		quit: make(chan struct{}), rows: map[string]string{}, phones: map[string]string{},
	}
	l.actors.Go(func() { l.errs[0] = l.work(l.application) })
	l.actors.Go(func() { l.errs[1] = l.work(l.person) })
	return l
}

// finish has both stop and returns their errors.
func (l *load) finish() error {
	close(l.quit)
	l.actors.Wait()
	return errors.Join(l.errs[:]...)
}

func (l *load) work(edit func(n int) error) error {
	tick := time.NewTicker(l.pace)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-l.quit:
			return nil
		case <-tick.C:
		}
		if err := edit(n); err != nil {
			return err
		}
		l.edits.Add(1)
	}
}

func (l *load) email(n int) string {
	return fmt.Sprintf("%s.%d@example.com", l.prefix, n%l.customers)
}

func (l *load) application(n int) error {
	email, value := l.email(n), fmt.Sprint(n)
	err := l.stage.exec(`INSERT INTO customers (email, first_name) VALUES ($1, $2)
		ON CONFLICT (email) DO UPDATE SET first_name = excluded.first_name`, email, value)
	if err == nil {
		l.rows[email] = value
	}
	return err
}

// person edits the contacts there are, and creates one now and then.
func (l *load) person(n int) error {
	if n%20 == 0 && l.created < l.customers/2 {
		email := fmt.Sprintf("%s.crm%d@example.com", l.prefix, l.created)
		l.created++
		_, err := l.stage.crm.Create("contacts", map[string]string{"email": email, "firstname": "from the CRM"})
		return err
	}
	email, value := l.email(n), fmt.Sprintf("+1 555 %d", n)
	contact, ok := l.stage.contact(email)
	if !ok {
		return nil // not there yet
	}
	err := l.stage.crm.Edit("contacts", contact.ID, map[string]string{"phone": value})
	if err == nil {
		l.phones[email] = value
	}
	return err
}

// nothingLost is the condition that both sides are equal and hold the last edit
// of each actor. It is for after finish.
func (l *load) nothingLost() error {
	if err := l.stage.same(l.prefix+".", len(l.rows)+l.created)(); err != nil {
		return err
	}
	rows, err := l.stage.rows(l.prefix + ".")
	if err != nil {
		return err
	}
	for email, want := range l.rows {
		if got := rows[email].first; got != want {
			return fmt.Errorf("the first name of %s is %q, want %q, the application's last", email, got, want)
		}
	}
	for email, want := range l.phones {
		if got := rows[email].phone; got != want {
			return fmt.Errorf("the phone of %s is %q, want %q, the person's last", email, got, want)
		}
	}
	return nil
}

// nothingTwice counts every contact that ever was, archived ones too: HubSpot
// would not have taken a second with the same email, but one without.
func (l *load) nothingTwice() (string, error) {
	contacts := 0
	for _, r := range l.stage.crm.Records("contacts") {
		if strings.HasPrefix(r.Properties["email"], l.prefix+".") || r.Properties["email"] == "" {
			contacts++
		}
	}
	if want := len(l.rows) + l.created; contacts != want {
		return "", fmt.Errorf("there are %d contacts, want %d", contacts, want)
	}
	return fmt.Sprintf("%d contacts", contacts), nil
}
