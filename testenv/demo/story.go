package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// told is a chapter as the story has it.
type told struct {
	title string
	tell  func(*chapter)
}

// story is what is told, in order. Its end takes everything down and is left
// out where somebody wants to play afterwards.
func story(toTheEnd bool) []told {
	chapters := []told{
		{"Rows appear as contacts", rowsAppear},
		{"What people do in the CRM appears in the table", peopleWork},
		{"What the CRM computes is written back", scoresComeBack},
		{"Two people edit different fields of one record at the same moment", differentFields},
		{"Two people edit the same field", sameField},
		{"The CRM's API is down for a while", outage},
		{"The CRM's API has a bad day: rate limit, errors, lost answers, doubled webhooks", badDay},
		{"Lockstep is killed at work", killed},
		{"Nothing echoes", noEcho},
	}
	if toTheEnd {
		chapters = append(chapters, told{"Lockstep leaves", leaves})
	}
	return chapters
}

func rowsAppear(c *chapter) {
	const ada, grace = "ada@example.com", "grace@example.com"
	c.act(func() error {
		return c.exec(`INSERT INTO customers (email, first_name, last_name, phone, password) VALUES ($1, 'Ada', 'Byron', '+44 20 7946 0001', 'secret')`, ada)
	})
	c.sees("INSERT: a customer signs up; she is a contact", all(c.contactHas(ada, "firstname", "Ada"), c.contactHas(ada, "phone", "+44 20 7946 0001")))
	c.act(func() error { return c.exec(`UPDATE customers SET last_name = 'Lovelace' WHERE email = $1`, ada) })
	c.sees("UPDATE: she marries; the contact has her new name", c.contactHas(ada, "lastname", "Lovelace"))
	c.act(func() error { return c.exec(`UPDATE customers SET phone = NULL WHERE email = $1`, ada) })
	c.sees("NULL: she takes her phone number back; the contact has none", c.contactHas(ada, "phone", none))

	c.act(func() error { return c.exec(`INSERT INTO customers (email, first_name) VALUES ($1, 'Grace')`, grace) })
	c.sees("another customer signs up", c.contactHas(grace, "firstname", "Grace"))
	c.act(func() error { return c.exec(`DELETE FROM customers WHERE email = $1`, grace) })
	c.sees("DELETE: she closes her account; the contact is archived", c.noContact(grace))
}

func peopleWork(c *chapter) {
	const alan = "alan@example.com"
	c.act(func() error {
		_, err := c.crm.Create("contacts", map[string]string{"email": alan, "firstname": "Alan", "company": "Bletchley"})
		return err
	})
	c.sees("somebody creates a contact; it is a row", all(c.rowHas(alan, "first_name", "Alan"), c.rowHas(alan, "company", "Bletchley")))
	c.act(func() error { return c.edit(alan, "lastname", "Turing") })
	c.sees("edits it; the row follows", c.rowHas(alan, "last_name", "Turing"))
	c.act(func() error { return c.edit(alan, "company", "") })
	c.sees("clears a property; the column is NULL", c.rowHas(alan, "company", none))
	c.act(func() error { return c.exec(`UPDATE customers SET phone = '+44 20 7946 0003' WHERE email = $1`, alan) })
	c.sees("the application edits that row; the same contact follows", c.contactHas(alan, "phone", "+44 20 7946 0003"))
	c.act(func() error {
		contact, _ := c.contact(alan)
		return c.crm.Archive("contacts", contact.ID)
	})
	c.sees("somebody archives the contact; the row is deleted", c.noRow(alan))
}

func scoresComeBack(c *chapter) {
	const ada = "ada@example.com"
	c.act(func() error { return c.edit(ada, "hubspotscore", "87") })
	c.sees("HubSpot scores a contact; the table has the score", c.rowHas(ada, "lead_score", "87"))
	var rounds []round
	for i := range 10 {
		score := fmt.Sprint(10 * i)
		rounds = append(rounds, round{
			act:  func() error { return c.edit(ada, "hubspotscore", score) },
			held: c.rowHas(ada, "lead_score", score),
		})
	}
	c.repeat("and scores it anew, 10 times", rounds)
}

func leaves(c *chapter) {
	c.act(func() error { return nil })
	c.sees("everything has come to rest", c.atRest)
	if c.failed {
		return
	}
	if err := c.lockstep.Stop(); err != nil {
		c.fail("SIGTERM: it ends with exit code 0", err)
		return
	}
	c.finds("SIGTERM: it ends with exit code 0", func() (string, error) { return "", nil })
	c.act(func() error {
		_, err := c.lockstep.Command(c.ctx, "uninstall", "--config", c.lockstep.Config, "--data", c.lockstep.Data)
		return err
	})
	c.finds("lockstep uninstall: no slot, no publication and no data directory are left", func() (string, error) {
		left, err := c.number(`SELECT (SELECT count(*) FROM pg_replication_slots WHERE database = current_database()) + (SELECT count(*) FROM pg_publication)`)
		if err == nil && left > 0 {
			err = fmt.Errorf("there are %d slots and publications left", left)
		}
		if _, gone := os.Stat(c.lockstep.Data); err == nil && !errors.Is(gone, fs.ErrNotExist) {
			err = fmt.Errorf("%s is still there", c.lockstep.Data)
		}
		return "", err
	})
}
