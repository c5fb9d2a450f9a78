package main

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/lockstep-sync/lockstep/testenv/hubspot"
)

func outage(c *chapter) {
	const prefix, records, rounds = "subscriber.", 200, 10
	c.act(func() error {
		return c.exec(`INSERT INTO customers (email, first_name) SELECT 'subscriber.' || i || '@example.com', 'start' FROM generate_series(1, $1) i`, records)
	})
	c.sees(fmt.Sprintf("%d customers sign up in one transaction; they are contacts", records), c.same(prefix, records))
	c.rest()

	c.act(func() error { return c.crm.SetFaults(hubspot.Faults{Down: true}) })
	c.act(func() error { return c.editAll(records, rounds) })
	c.sees(fmt.Sprintf("the API is down, %d edits are made; PostgreSQL keeps 0 bytes of log for them", records*rounds), func() error {
		behind, err := c.behind()
		if err == nil && behind > 0 {
			err = fmt.Errorf("the slot is %d bytes behind", behind)
		}
		return err
	})
	c.finds("they wait on Lockstep's own disk", func() (string, error) {
		s, err := c.lockstep.Status()
		if err != nil {
			return "", err
		}
		if s.Waiting() == 0 {
			return "", errors.New("its status says that nothing waits")
		}
		return fmt.Sprintf("%d changes", s.Waiting()), nil
	})

	c.crm.ResetRequests()
	c.act(func() error { return c.crm.SetFaults(hubspot.Faults{}) })
	c.sees("the API is back: every contact has its last value", all(c.same(prefix, records), c.atRest))
	c.finds("each contact was written once, a hundred in a call", func() (string, error) {
		w := c.crm.Requests().Writes
		if w.Calls > 10 || w.Records != records {
			return "", fmt.Errorf("%d write calls wrote %d records, want at most 10 calls for %d", w.Calls, w.Records, records)
		}
		return fmt.Sprintf("%d write calls", w.Calls), nil
	})
}

// editAll edits every subscriber this many times, each edit a transaction of its
// own, on four connections.
func (c *chapter) editAll(records, rounds int) error {
	const connections = 4
	var work sync.WaitGroup
	var errs [connections]error
	for part := range connections {
		work.Go(func() {
			for n := 0; n < records*rounds && errs[part] == nil; n++ {
				if i := n % records; i%connections == part {
					errs[part] = c.exec(`UPDATE customers SET first_name = $1 WHERE email = $2`,
						fmt.Sprintf("edit %d", n/records), fmt.Sprintf("subscriber.%d@example.com", i+1))
				}
			}
		})
	}
	work.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func badDay(c *chapter) {
	if c.failed {
		return
	}
	c.crm.ResetRequests()
	faults := hubspot.Faults{
		ThrottlePer10s: 60, ErrorRate: 0.3, ApplyThenFailRate: 0.2,
		DuplicateWebhooks: 0.3, ShuffleWebhooks: true, DelayWebhooksMS: 20,
	}
	c.act(func() error { return c.crm.SetFaults(faults) })
	l := c.begin("badday", 30)
	c.sees("while both sides are edited, calls go wrong", func() error {
		if n := c.refused().all(); n < 8 {
			return fmt.Errorf("only %d calls went wrong", n)
		}
		return nil
	})
	err := l.finish()
	c.finds("how they went wrong", func() (string, error) { return c.refused().String(), err })
	c.act(func() error { return c.crm.SetFaults(hubspot.Faults{}) })
	c.sees(fmt.Sprintf("a better day: %d edits, none lost, both sides equal", l.edits.Load()), all(l.nothingLost, c.atRest))
	c.finds("no contact was created twice", l.nothingTwice)
}

// refusals counts the calls that went wrong, by how.
type refusals struct{ limited, failed, cut int }

func (r refusals) all() int { return r.limited + r.failed + r.cut }

func (r refusals) String() string {
	return fmt.Sprintf("429: %d, 5xx: %d, cut: %d", r.limited, r.failed, r.cut)
}

func (s *stage) refused() (r refusals) {
	for _, call := range s.crm.Requests().Calls {
		switch {
		case call.Status == 0:
			r.cut += call.Count
		case call.Status == 429:
			r.limited += call.Count
		case call.Status >= 500:
			r.failed += call.Count
		}
	}
	return r
}

func killed(c *chapter) {
	const times = 3
	if c.failed {
		return
	}
	l := c.begin("killed", 40)
	var down []time.Duration
	for range times {
		edits := l.edits.Load()
		err := c.wait(func() error {
			if n := l.edits.Load() - edits; n < 150 {
				return fmt.Errorf("only %d edits were made", n)
			}
			return nil
		})
		start := time.Now()
		if err == nil {
			err = c.lockstep.Kill()
		}
		if err == nil {
			err = c.lockstep.Start(c.ctx)
		}
		if err != nil {
			c.fail("SIGKILL under load", err)
			break
		}
		down = append(down, time.Since(start))
	}
	c.act(l.finish)
	c.finds(fmt.Sprintf("SIGKILL under load, %d times; each time it is back and ready", times), func() (string, error) {
		fact := ""
		for _, d := range down {
			fact += duration(d) + "  "
		}
		return fact, nil
	})
	c.sees(fmt.Sprintf("%d edits, none lost, both sides equal", l.edits.Load()), all(l.nothingLost, c.atRest))
	c.finds("no contact was created twice", l.nothingTwice)
}

func noEcho(c *chapter) {
	const prefix, each = "subscriber.", 100
	c.act(func() error {
		return c.exec(`CREATE TABLE edits (email text);
			CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO edits VALUES (NEW.email); RETURN NULL; END $$;
			CREATE TRIGGER note AFTER UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION note()`)
	})
	c.crm.ResetRequests()
	c.act(func() error {
		if err := c.exec(`UPDATE customers SET company = 'Left' WHERE email IN (SELECT 'subscriber.' || i || '@example.com' FROM generate_series(1, $1) i)`, each); err != nil {
			return err
		}
		for i := range each {
			if err := c.edit(fmt.Sprintf("subscriber.%d@example.com", each+1+i), "company", "Right"); err != nil {
				return err
			}
		}
		return nil
	})
	c.sees(fmt.Sprintf("%d customers are edited in the table, %d others in the CRM", each, each), all(c.same(prefix, 2*each), c.atRest))
	c.finds("the CRM was written to once for each edit of the table", func() (string, error) { return c.written(each) })
	c.finds("the table was written to once for each edit, the trigger says", func() (string, error) {
		n, err := c.number(`SELECT count(*) FROM edits`)
		if err == nil && n != 2*each {
			err = fmt.Errorf("%d rows were written, want %d by the application and %d by lockstep", n, each, each)
		}
		return fmt.Sprintf("%d writes", n), err
	})
}
