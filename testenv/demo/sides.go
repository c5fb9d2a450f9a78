package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/lockstep-sync/lockstep/testenv/hubspot"
)

// exec runs SQL as the application does.
func (s *stage) exec(sql string, args ...any) error {
	if _, err := s.db.Exec(context.Background(), sql, args...); err != nil {
		return fmt.Errorf("%s: %w", sql, err)
	}
	return nil
}

// number asks the database for a number.
func (s *stage) number(sql string, args ...any) (n int64, err error) {
	if err := s.db.QueryRow(context.Background(), sql, args...).Scan(&n); err != nil {
		return 0, fmt.Errorf("%s: %w", sql, err)
	}
	return n, nil
}

// edit changes a contact as a person does in the CRM.
func (s *stage) edit(email, property, value string) error {
	c, ok := s.contact(email)
	if !ok {
		return fmt.Errorf("there is no contact %s to edit", email)
	}
	return s.crm.Edit("contacts", c.ID, map[string]string{property: value})
}

// contact returns the live contact with the email.
func (s *stage) contact(email string) (hubspot.Record, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c, ok := s.crm.Record("contacts", s.ids[email]); ok && !c.Archived && c.Properties["email"] == email {
		return c, true
	}
	for _, c := range s.crm.Records("contacts") {
		if !c.Archived && c.Properties["email"] == email {
			s.ids[email] = c.ID
			return c, true
		}
	}
	return hubspot.Record{}, false
}

// none stands for a NULL and for a property that is not set.
const none = "(empty)"

// contactHas is the condition that the contact's property has the value.
func (s *stage) contactHas(email, property, want string) func() error {
	return func() error {
		c, ok := s.contact(email)
		if !ok {
			return fmt.Errorf("there is no contact %s", email)
		}
		got := c.Properties[property]
		if got == "" {
			got = none
		}
		if got != want {
			return fmt.Errorf("the %s of contact %s is %q, want %q", property, email, got, want)
		}
		return nil
	}
}

// rowHas is the condition that the row's column has the value.
func (s *stage) rowHas(email, column, want string) func() error {
	sql := "SELECT coalesce(" + pgx.Identifier{column}.Sanitize() + "::text, $2) FROM customers WHERE email = $1"
	return func() error {
		var got string
		err := s.db.QueryRow(context.Background(), sql, email, none).Scan(&got)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			return fmt.Errorf("there is no row %s", email)
		case err != nil:
			return fmt.Errorf("read row %s: %w", email, err)
		case got != want:
			return fmt.Errorf("the %s of row %s is %q, want %q", column, email, got, want)
		}
		return nil
	}
}

// noContact is the condition that no live contact has the email; noRow the same
// of the table.
func (s *stage) noContact(email string) func() error {
	return func() error {
		if c, ok := s.contact(email); ok {
			return fmt.Errorf("contact %s (%s) is still there", c.ID, email)
		}
		return nil
	}
}

func (s *stage) noRow(email string) func() error {
	return func() error {
		n, err := s.number("SELECT count(*) FROM customers WHERE email = $1", email)
		if err == nil && n > 0 {
			err = fmt.Errorf("row %s is still there", email)
		}
		return err
	}
}

// all joins conditions into one.
func all(conditions ...func() error) func() error {
	return func() error {
		for _, c := range conditions {
			if err := c(); err != nil {
				return err
			}
		}
		return nil
	}
}

// customer is what both sides hold of one. HubSpot has no NULL beside "".
type customer struct{ first, last, phone, company string }

// rows are the table's customers whose email begins with the prefix.
func (s *stage) rows(prefix string) (map[string]customer, error) {
	rows, err := s.db.Query(context.Background(), `SELECT email, coalesce(first_name, ''), coalesce(last_name, ''), coalesce(phone, ''), coalesce(company, '')
		FROM customers WHERE starts_with(email, $1)`, prefix)
	if err != nil {
		return nil, fmt.Errorf("read the table: %w", err)
	}
	found := map[string]customer{}
	var email string
	var c customer
	if _, err := pgx.ForEachRow(rows, []any{&email, &c.first, &c.last, &c.phone, &c.company}, func() error {
		found[email] = c
		return nil
	}); err != nil {
		return nil, fmt.Errorf("read the table: %w", err)
	}
	return found, nil
}

// same is the condition that both sides have the same customers with the
// prefix, this many, equal in every field; and none twice.
func (s *stage) same(prefix string, want int) func() error {
	return func() error {
		rows, err := s.rows(prefix)
		if err != nil {
			return err
		}
		contacts := 0
		for _, r := range s.crm.Records("contacts") {
			p := r.Properties
			if r.Archived || !strings.HasPrefix(p["email"], prefix) {
				continue
			}
			contacts++
			row, ok := rows[p["email"]]
			if !ok {
				return fmt.Errorf("contact %s (%s) is no row", r.ID, p["email"])
			}
			if c := (customer{p["firstname"], p["lastname"], p["phone"], p["company"]}); c != row {
				return fmt.Errorf("%s is %+v as a row and %+v as a contact", p["email"], row, c)
			}
		}
		if len(rows) != want || contacts != want {
			return fmt.Errorf("there are %d rows and %d contacts, want %d of each", len(rows), contacts, want)
		}
		return nil
	}
}

// atRest is the condition that nothing is under way any more: no change waits,
// the log is confirmed to its end, every webhook is delivered.
func (s *stage) atRest() error {
	st, err := s.lockstep.Status()
	if err != nil {
		return err
	}
	if n := st.Waiting(); n > 0 {
		return fmt.Errorf("%d changes are waiting or under way", n)
	}
	behind, err := s.behind()
	if err != nil {
		return err
	}
	if behind > 0 {
		return fmt.Errorf("the slot is %d bytes behind", behind)
	}
	if w := s.crm.Webhooks(); w.Pending > 0 {
		return fmt.Errorf("%d webhook events are not delivered", w.Pending)
	}
	return nil
}

// behind is how much of the log PostgreSQL keeps for Lockstep, in bytes.
func (s *stage) behind() (int64, error) {
	return s.number(`SELECT (pg_current_wal_lsn() - confirmed_flush_lsn)::bigint FROM pg_replication_slots WHERE database = current_database()`)
}
