package main_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/testenv/hubspot"
)

func TestEditsTravelBothWays(t *testing.T) {
	t.Parallel()
	r := newRig(t, rigOptions{})
	r.start()

	long := strings.Repeat("Zeile äöü 🚀 \"quoted\" 'single' \\ back\n", 1600)[:60_000]
	texts := map[string]string{
		"quotes and newlines": "O'Neil \"the\" \\ boss\nsecond line\r\n\ttab; $1 ?",
		"emoji":               "👩‍👩‍👧 Ünïcødé 漢字 \u200d",
		"sixty kilobytes":     strings.ToValidUTF8(long, ""),
	}
	for name, text := range texts {
		email := strings.ReplaceAll(name, " ", ".") + "@example.com"
		r.exec("INSERT INTO customers (email, first_name, bio) VALUES ($1, $2, $3)", email, "Ann", text)
		r.equals(name+" reaches the contact", text, func() string { return r.property(email, "bio") })
		back := "back: " + text[:min(len(text), 50_000)]
		back = strings.ToValidUTF8(back, "")
		c, _ := contact(r.crm, email)
		edit(t, r.crm, c.ID, "bio", back)
		r.equals(name+" reaches the row", back, func() string { return r.column(email, "bio") })
	}

	const email = "ann@example.com"
	r.exec(`INSERT INTO customers (email, first_name, ltv, visits, active, signed_up, birthday, tags, extra) VALUES
		($1, 'Ann', 1234567890123456.7891, 9223372036854775807, true, '2024-02-29 23:59:59.123456+02', '1999-12-31', '{a,"b c",NULL}', '{"k": [1, null, "x"]}')`, email)
	for property, want := range map[string]string{"firstname": "Ann", "ltv": "1234567890123456.7891", "visits": "9223372036854775807", "active": "true",
		"signed_up": "2024-02-29T21:59:59.123Z", "birthday": "1999-12-31", "tags": `{a,"b c",NULL}`, "extra": `{"k": [1, null, "x"]}`} {
		r.equals(property+" of a new row", want, func() string { return r.property(email, property) })
	}
	r.exec("UPDATE customers SET first_name = NULL, active = false, ltv = -0.5 WHERE email = $1", email)
	r.equals("a column set to NULL clears the property", "NULL", func() string { return r.property(email, "firstname") })
	r.equals("a boolean", "false", func() string { return r.property(email, "active") })
	r.equals("a negative number", "-0.5000", func() string { return r.property(email, "ltv") })

	c, _ := contact(r.crm, email)
	edit(t, r.crm, c.ID, "lastname", "Lee")
	r.equals("an edit in the CRM reaches the row", "Lee", func() string { return r.column(email, "last_name") })
	edit(t, r.crm, c.ID, "lastname", "")
	r.equals("a cleared property is NULL in the row", "NULL", func() string { return r.column(email, "last_name") })
	edit(t, r.crm, c.ID, "hubspotscore", "87")
	r.equals("a value computed in the CRM is written back", "87", func() string { return r.column(email, "lead_score") })

	id, err := r.crm.Create("contacts", map[string]string{"email": "new@example.com", "firstname": "Nora", "active": "true", "birthday": "2001-05-06"})
	if err != nil {
		t.Fatal(err)
	}
	r.equals("a contact created by a person becomes a row", "Nora true 2001-05-06", func() string {
		return r.column("new@example.com", "first_name || ' ' || active || ' ' || birthday")
	})
	r.exec("UPDATE customers SET first_name = 'Norah' WHERE email = 'new@example.com'")
	r.equals("and is linked with it", "Norah", func() string { return r.property("new@example.com", "firstname") })

	if err := r.crm.Archive("contacts", id); err != nil {
		t.Fatal(err)
	}
	r.equals("an archived contact's row is deleted", "no row", func() string { return r.column("new@example.com", "id") })
	r.exec("DELETE FROM customers WHERE email = $1", email)
	r.equals("a deleted row's contact is archived", "no contact", func() string { return r.property(email, "email") })

	r.exec("INSERT INTO customers (email, first_name) VALUES ($1, 'Ann again')", email)
	r.equals("a row with the old email becomes a new contact", "Ann again", func() string { return r.property(email, "firstname") })
	r.settled()
}

func TestAChangedKeyKeepsTheLink(t *testing.T) {
	t.Parallel()
	r := newRig(t, rigOptions{})
	r.exec("ALTER TABLE customers ALTER id DROP IDENTITY, ALTER id SET DEFAULT floor(random() * 1e15)")
	r.start()
	r.exec("INSERT INTO customers (id, email, first_name) VALUES (1, 'k@example.com', 'Kay')")
	r.equals("the contact", "Kay", func() string { return r.property("k@example.com", "firstname") })
	before, _ := contact(r.crm, "k@example.com")
	r.exec("UPDATE customers SET id = 2, first_name = 'Kaya' WHERE id = 1")
	r.exec("UPDATE customers SET last_name = 'Bey' WHERE id = 2")
	r.equals("edits under the new key", "Kaya Bey", func() string {
		return r.property("k@example.com", "firstname") + " " + r.property("k@example.com", "lastname")
	})
	after, _ := contact(r.crm, "k@example.com")
	if after.ID != before.ID {
		t.Errorf("got contact %s after the key change, want %s still", after.ID, before.ID)
	}
	edit(t, r.crm, after.ID, "phone", "+1 555 0100")
	r.equals("the way back finds the new key", "+1 555 0100", func() string { return r.column("k@example.com", "phone") })
	r.settled()
	if n := len(r.crm.Records("contacts")); n != 1 {
		t.Errorf("got %d contacts, want 1", n)
	}
}

func TestTwoPeopleEditDifferentFieldsAtTheSameMoment(t *testing.T) {
	t.Parallel()
	r := newRig(t, rigOptions{})
	r.start()
	const records, rounds = 20, 25
	for i := range records {
		r.exec("INSERT INTO customers (email, first_name) VALUES ($1, 'start')", person(i))
	}
	ids := make([]string, records)
	for i := range records {
		r.equals("the contact exists", "start", func() string { return r.property(person(i), "firstname") })
		c, _ := contact(r.crm, person(i))
		ids[i] = c.ID
	}
	r.settled()
	for round := range rounds {
		left, right := fmt.Sprintf("left %d", round), fmt.Sprintf("right %d", round)
		var both sync.WaitGroup
		both.Go(func() {
			for i := range records {
				if _, err := r.db.Exec(t.Context(), "UPDATE customers SET first_name = $1 WHERE email = $2", left, person(i)); err != nil {
					t.Error(err)
				}
			}
		})
		both.Go(func() {
			for i := range records {
				if err := r.crm.Edit("contacts", ids[i], map[string]string{"phone": right}); err != nil {
					t.Error(err)
				}
			}
		})
		both.Wait()
		for i := range records {
			want := left + " / " + right
			r.equals("both edits are in the row", want, func() string { return r.column(person(i), "first_name || ' / ' || phone") })
			r.equals("both edits are in the contact", want, func() string {
				return r.property(person(i), "firstname") + " / " + r.property(person(i), "phone")
			})
		}
	}
	r.settled()
	if got := r.crm.Requests().Writes.Records; got != records+records*rounds {
		t.Errorf("got %d records written to the CRM, want %d: one for each row and one for each edit", got, records+records*rounds)
	}
}

func TestNothingEchoes(t *testing.T) {
	t.Parallel()
	r := newRig(t, rigOptions{})
	r.exec(`CREATE TABLE log (email text, n int);
		CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO log VALUES (NEW.email, 1); RETURN NEW; END $$;
		CREATE TRIGGER note AFTER UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION note()`)
	r.start()
	const n = 50
	for i := range n {
		r.exec("INSERT INTO customers (email, first_name) VALUES ($1, 'x')", person(i))
	}
	for i := range n {
		r.equals("the contact exists", "x", func() string { return r.property(person(i), "firstname") })
	}
	r.settled()
	for i := range n {
		c, _ := contact(r.crm, person(i))
		edit(t, r.crm, c.ID, "phone", "+1 555 "+fmt.Sprint(i))
	}
	for i := range n {
		r.equals("the row has it", "+1 555 "+fmt.Sprint(i), func() string { return r.column(person(i), "phone") })
	}
	r.settled()
	if got := r.crm.Requests().Writes.Records; got != n {
		t.Errorf("got %d records written to the CRM, want %d", got, n)
	}
	var updates int
	if err := r.db.QueryRow(t.Context(), "SELECT count(*) FROM log").Scan(&updates); err != nil {
		t.Fatal(err)
	}
	if updates != n {
		t.Errorf("got %d updates of rows, want %d", updates, n)
	}
}

func TestTwoConnectionsShareOneTable(t *testing.T) {
	t.Parallel()
	r := newRig(t, rigOptions{})
	second := r.newCRM(hubspot.Options{})
	r.writeConfig(rigOptions{
		extra:    fmt.Sprintf("  crm2: {type: hubspot, url: %q, token: %q, webhook_secret: %q, app_id: %q}\n", second.URL(), second.Token(), second.WebhookSecret(), second.AppID()),
		mappings: fmt.Sprintf(contactsMapping, "first", "crm") + fmt.Sprintf(contactsMapping, "second", "crm2"),
	}, r.url)
	r.hook(second, "crm2")
	r.start()
	id, err := r.crm.Create("contacts", map[string]string{"email": "hub@example.com", "firstname": "Hub"})
	if err != nil {
		t.Fatal(err)
	}
	other := func() string {
		c, ok := contact(second, "hub@example.com")
		if !ok {
			return "no contact"
		}
		return c.Properties["firstname"]
	}
	r.equals("what was created in the first reaches the second", "Hub", other)
	edit(t, r.crm, id, "firstname", "Hubert")
	r.equals("and so does an edit", "Hubert", other)
	c, _ := contact(second, "hub@example.com")
	edit(t, second, c.ID, "lastname", "Two")
	r.equals("and the other way round", "Two", func() string { return r.property("hub@example.com", "lastname") })
	r.settled()
	if got := r.crm.Requests().Writes.Records; got != 1 {
		t.Errorf("got %d records written to the first CRM, want 1: only the edit made in the second", got)
	}
	if got := second.Requests().Writes.Records; got != 2 {
		t.Errorf("got %d records written to the second CRM, want 2", got)
	}
}

func TestBothSidesAreEditedWhileItIsStopped(t *testing.T) {
	t.Parallel()
	r := newRig(t, rigOptions{crm: hubspot.Options{RetrySchedule: retries()}})
	r.start()
	for i := range 10 {
		r.exec("INSERT INTO customers (email, first_name, last_name) VALUES ($1, 'first', 'last')", person(i))
	}
	for i := range 10 {
		r.equals("the contact exists", "first", func() string { return r.property(person(i), "firstname") })
	}
	r.settled()
	r.stop()
	for i := range 10 {
		r.exec("UPDATE customers SET first_name = $1 WHERE email = $2", fmt.Sprintf("row %d", i), person(i))
		c, _ := contact(r.crm, person(i))
		edit(t, r.crm, c.ID, "lastname", fmt.Sprintf("crm %d", i))
	}
	r.exec("INSERT INTO customers (email, first_name) VALUES ('while@example.com', 'stopped')")
	if _, err := r.crm.Create("contacts", map[string]string{"email": "there@example.com", "firstname": "created"}); err != nil {
		t.Fatal(err)
	}
	r.start()
	for i := range 10 {
		want := fmt.Sprintf("row %d crm %d", i, i)
		r.equals("the contact has both", want, func() string { return r.property(person(i), "firstname") + " " + r.property(person(i), "lastname") })
		r.equals("the row has both", want, func() string { return r.column(person(i), "first_name || ' ' || last_name") })
	}
	r.equals("a row made meanwhile", "stopped", func() string { return r.property("while@example.com", "firstname") })
	r.equals("a contact made meanwhile", "created", func() string { return r.column("there@example.com", "first_name") })
}

func TestTheNewerOfTwoEditsWinsAndTheOtherIsInTheAudit(t *testing.T) {
	t.Parallel()
	r := newRig(t, rigOptions{crm: hubspot.Options{RetrySchedule: retries()}})
	r.start()
	r.exec("INSERT INTO customers (email, first_name, last_name) VALUES ('c@example.com', 'a', 'a')")
	r.equals("the contact exists", "a", func() string { return r.property("c@example.com", "firstname") })
	r.settled()
	r.stop()
	c, _ := contact(r.crm, "c@example.com")
	edit(t, r.crm, c.ID, "firstname", "crm first")
	r.exec("SELECT pg_sleep(0.02)") // the vendor's clock tells milliseconds: what is older has to be older by its clock
	r.exec("UPDATE customers SET first_name = 'row second', last_name = 'row first' WHERE email = 'c@example.com'")
	r.exec("SELECT pg_sleep(0.02)")
	edit(t, r.crm, c.ID, "lastname", "crm second")
	r.start()
	r.equals("the row edit was later", "row second", func() string { return r.property("c@example.com", "firstname") })
	r.equals("the CRM edit was later", "crm second", func() string { return r.column("c@example.com", "last_name") })
	r.equals("both sides agree", "row second crm second", func() string {
		return r.column("c@example.com", "first_name") + " " + r.property("c@example.com", "lastname")
	})
}

func edit(t *testing.T, crm *hubspot.Server, id, property, value string) {
	t.Helper()
	if err := crm.Edit("contacts", id, map[string]string{property: value}); err != nil {
		t.Fatal(err)
	}
}

func person(i int) string { return fmt.Sprintf("person%d@example.com", i) }

// retries repeats webhooks quickly, so that stories with an absent receiver are short.
func retries() []time.Duration {
	var s []time.Duration
	for range 600 {
		s = append(s, 200*time.Millisecond)
	}
	return s
}
