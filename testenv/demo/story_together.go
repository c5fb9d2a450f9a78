package main

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/lockstep-sync/lockstep/testenv"
	"github.com/lockstep-sync/lockstep/testenv/hubspot"
)

// meet brings a customer into both sides.
func (c *chapter) meet(email string) {
	c.act(func() error { return c.exec(`INSERT INTO customers (email, first_name) VALUES ($1, 'Both')`, email) })
	c.sees("a customer is on both sides", c.contactHas(email, "firstname", "Both"))
	c.rest()
}

// together does both things at the same moment.
func together(left, right func() error) func() error {
	return func() error {
		var both sync.WaitGroup
		var errs [2]error
		both.Go(func() { errs[0] = left() })
		both.Go(func() { errs[1] = right() })
		both.Wait()
		return errors.Join(errs[:]...)
	}
}

func differentFields(c *chapter) {
	const email, times = "both@example.com", 50
	c.meet(email)
	c.crm.ResetRequests()
	var rounds []round
	for i := range times {
		company, phone := fmt.Sprintf("Company %d", i), fmt.Sprintf("+1 555 %04d", i)
		rounds = append(rounds, round{
			act: together(
				func() error { return c.exec(`UPDATE customers SET company = $1 WHERE email = $2`, company, email) },
				func() error { return c.edit(email, "phone", phone) },
			),
			held: all(
				c.rowHas(email, "company", company), c.rowHas(email, "phone", phone),
				c.contactHas(email, "company", company), c.contactHas(email, "phone", phone),
			),
		})
	}
	c.repeat(fmt.Sprintf("company in the table, phone in the CRM, %d times: both stand on both sides", times), rounds)
	c.report.say("(HubSpot's limit is 190 calls in ten seconds: when they come one after the other, one every 53 ms)")
	c.rest()
	c.finds("the CRM was written to once for each edit of the table", func() (string, error) {
		return c.written(times)
	})
}

// written says how many records were written to the CRM and fails if it is
// another number.
func (s *stage) written(want int) (string, error) {
	got := s.crm.Requests().Writes.Records
	if got != want {
		return "", fmt.Errorf("%d records were written to the CRM, want %d", got, want)
	}
	return fmt.Sprintf("%d writes", got), nil
}

func sameField(c *chapter) {
	const email, times = "same@example.com", 20
	c.meet(email)
	inRow := func(v string) func() error {
		return func() error { return c.exec(`UPDATE customers SET phone = $1 WHERE email = $2`, v, email) }
	}
	inCRM := func(v string) func() error { return func() error { return c.edit(email, "phone", v) } }
	c.newerWins(email, inRow, inCRM)

	var rounds []round
	for i := range times {
		a, b := fmt.Sprintf("row %d", i), fmt.Sprintf("CRM %d", i)
		rounds = append(rounds, round{act: together(inRow(a), inCRM(b)), held: c.agreed(email, a, b)})
	}
	c.repeat(fmt.Sprintf("at the same moment, %d times: both sides agree on one of the two", times), rounds)
}

// newerWins makes two conflicts of a known order.
func (c *chapter) newerWins(email string, inRow, inCRM func(string) func() error) {
	// With the API down neither edit reaches the other side before both are made.
	c.act(func() error { return c.crm.SetFaults(hubspot.Faults{Down: true}) })
	c.act(inRow("row first"))
	c.act(c.later)
	c.act(inCRM("CRM second"))
	c.sees("table, then CRM, while the API is down: the CRM's is newer and wins", c.rowHas(email, "phone", "CRM second"))
	c.act(func() error { return c.crm.SetFaults(hubspot.Faults{}) })
	c.sees("the API is back: both sides have it", all(c.rowHas(email, "phone", "CRM second"), c.contactHas(email, "phone", "CRM second"), c.atRest))

	c.act(func() error { return c.crm.SetFaults(hubspot.Faults{Down: true, DelayWebhooksMS: 300}) })
	c.act(inCRM("CRM first"))
	c.act(c.later)
	c.act(inRow("row second"))
	c.act(func() error { return c.wait(c.heard) })
	c.act(func() error { return c.crm.SetFaults(hubspot.Faults{}) })
	c.sees("CRM, then table: the table's is newer and wins", all(c.contactHas(email, "phone", "row second"), c.atRest, c.rowHas(email, "phone", "row second")))

	c.finds("lockstep's status counts both conflicts", func() (string, error) {
		s, err := c.lockstep.Status()
		if err == nil && s.Conflicts() != 2 {
			err = fmt.Errorf("it counts %d, want 2", s.Conflicts())
		}
		return fmt.Sprintf("%d conflicts", s.Conflicts()), err
	})
}

// heard is the condition that lockstep knows of every edit, even if it cannot
// pass it on yet.
func (c *chapter) heard() error {
	s, err := c.lockstep.Status()
	if err != nil {
		return err
	}
	if pending, unread := c.crm.Webhooks().Pending, s.Unread(); pending > 0 || unread > 0 {
		return fmt.Errorf("%d webhook events are not delivered, %d changes not read", pending, unread)
	}
	return nil
}

// agreed is the condition that everything rests and both sides hold the same
// of the two phone numbers.
func (c *chapter) agreed(email, a, b string) func() error {
	first := all(c.rowHas(email, "phone", a), c.contactHas(email, "phone", a))
	second := all(c.rowHas(email, "phone", b), c.contactHas(email, "phone", b))
	return func() error {
		if err := c.atRest(); err != nil {
			return err
		}
		if err := first(); err == nil {
			return nil
		} else if other := second(); other != nil {
			return errors.Join(err, other)
		}
		return nil
	}
}

// later lets the clocks that both sides stamp their edits with, which count
// milliseconds, move on.
func (c *chapter) later() error {
	now := time.Now()
	return testenv.Until(c.ctx, "the clock to move on", func() (bool, error) { return time.Since(now) > 20*time.Millisecond, nil })
}
