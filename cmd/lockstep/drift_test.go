package main_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/lockstep-sync/lockstep/bridge/journal"
	"github.com/lockstep-sync/lockstep/testenv/hubspot"
)

// watched makes shapes be looked at all the time.
var watched = []string{"--watch", "100ms"}

// people is a mapping of customers; left and right are the fields that the
// stories change, extra is further configuration.
func people(left, right, extra string) string {
	return fmt.Sprintf(`
  - name: contacts
    left: app/public.customers
    right: crm/contacts
    match: {left: email, right: email}
    fields:
      - {left: email, right: email}
      - {left: first_name, right: firstname}
      - {left: %s, right: %s}
    conflict: newest
    %s
`, left, right, extra)
}

const companies = `
  - name: companies
    left: app/public.companies
    right: crm/companies
    match: {left: domain, right: domain}
    fields:
      - {left: domain, right: domain}
      - {left: name, right: name}
`

// driftRig has customers and companies, each with its mapping.
func driftRig(t *testing.T, left, right, extra string) *rig {
	t.Helper()
	r := newRig(t, rigOptions{mappings: people(left, right, extra) + companies, crm: hubspot.Options{RetrySchedule: retries()}})
	r.exec("CREATE TABLE companies (id int PRIMARY KEY, domain text NOT NULL UNIQUE, name text)")
	return r
}

// migrate runs a migration the way docs/operations.md tells: a publication's
// column list would not let it pass.
func (r *rig) migrate(sql string) {
	r.t.Helper()
	r.exec(`BEGIN; ALTER PUBLICATION lockstep_app DROP TABLE public.customers; ` + sql + `; ALTER PUBLICATION lockstep_app ADD TABLE ONLY public.customers; COMMIT`)
}

// becomes waits until the mapping is in the state, with all the words in its
// problem.
func (r *rig) becomes(mapping, state string, words ...string) {
	r.t.Helper()
	r.eventually("mapping "+mapping+" is "+state, func() error {
		s, err := r.status()
		if err != nil {
			return err
		}
		for _, m := range s.Mappings {
			if m.Name != mapping {
				continue
			}
			if m.State != state {
				return fmt.Errorf("it is %s: %s", m.State, m.Problem)
			}
			for _, w := range words {
				if !strings.Contains(m.Problem, w) {
					return fmt.Errorf("%q does not say %q", m.Problem, w)
				}
			}
			return nil
		}
		return fmt.Errorf("there is no such mapping")
	})
}

// unaffected shows that another mapping goes on, both ways.
func (r *rig) unaffected(domain string) {
	r.t.Helper()
	r.exec("INSERT INTO companies SELECT count(*) + 1, $1, 'first' FROM companies", domain)
	company := func() (hubspot.Record, bool) {
		for _, c := range r.crm.Records("companies") {
			if c.Properties["domain"] == domain {
				return c, true
			}
		}
		return hubspot.Record{}, false
	}
	r.eventually("another mapping carries a row", func() error {
		if _, ok := company(); !ok {
			return fmt.Errorf("there is no company %s", domain)
		}
		return nil
	})
	c, _ := company()
	if err := r.crm.Edit("companies", c.ID, map[string]string{"name": "second"}); err != nil {
		r.t.Fatal(err)
	}
	r.eventually("another mapping carries an edit back", func() error {
		var name string
		err := r.db.QueryRow(context.Background(), "SELECT name FROM companies WHERE domain = $1", domain).Scan(&name)
		if err == nil && name != "second" {
			err = fmt.Errorf("the name is %s", name)
		}
		return err
	})
}

// delivered waits until every webhook was answered 200.
func (r *rig) delivered() {
	r.t.Helper()
	r.eventually("webhooks are taken", func() error {
		if w := r.crm.Webhooks(); w.Pending > 0 {
			return fmt.Errorf("%d events are not delivered", w.Pending)
		}
		return nil
	})
}

// audited stops lockstep and counts the audit's entries of the kind drift that
// have the words in them.
func (r *rig) audited(words string) (n int) {
	r.t.Helper()
	r.stop()
	j, err := journal.Open(context.Background(), journal.Options{Dir: filepath.Join(r.dir, "data"), Log: zerolog.Nop()})
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() {
		if err := j.Close(); err != nil {
			r.t.Error(err)
		}
	}()
	err = j.ReadAudit(context.Background(), journal.AuditFilter{Kind: "drift"}, func(e journal.AuditEntry) error {
		if strings.Contains(e.Text, words) {
			n++
		}
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return n
}

func (r *rig) reconfigure(mappings string) {
	r.t.Helper()
	log := r.log
	r.writeConfig(rigOptions{mappings: mappings}, r.url)
	r.log = log
}

// introduce makes rows whose contacts are there.
func (r *rig) introduce(column string, names ...string) {
	r.t.Helper()
	for _, name := range names {
		r.exec("INSERT INTO customers (email, first_name, "+column+") VALUES ($1, 'first', '1')", name+"@example.com")
	}
	for _, name := range names {
		r.equals("the contact of "+name, "first", func() string { return r.property(name+"@example.com", "firstname") })
	}
	r.settled()
}

func TestAColumnIsRenamedAndRenamedBack(t *testing.T) {
	t.Parallel()
	r := driftRig(t, "phone", "phone", "")
	r.start(watched...)
	r.introduce("phone", "ann", "bob", "cy")
	r.exec("ALTER TABLE customers RENAME phone TO mobile")
	r.exec("UPDATE customers SET mobile = '2' WHERE email = 'ann@example.com'")
	r.exec("INSERT INTO customers (email, first_name, mobile) VALUES ('new@example.com', 'New', '3')")
	r.becomes("contacts", "paused", "app/public.customers: phone was renamed to mobile", "wait on disk")
	r.exec("UPDATE customers SET mobile = '4', first_name = 'Bo' WHERE email = 'bob@example.com'")
	c, _ := contact(r.crm, "cy@example.com")
	edit(t, r.crm, c.ID, "phone", "5")
	edit(t, r.crm, c.ID, "firstname", "Cyrus")
	r.delivered()
	r.unaffected("a.example")
	if got := r.property("bob@example.com", "firstname") + r.column("cy@example.com", "first_name"); got != "firstfirst" {
		t.Errorf("while it is paused the mapping carried something: %s", got)
	}
	r.kill()
	r.start(watched...)
	r.becomes("contacts", "paused", "phone was renamed to mobile")
	r.unaffected("b.example")
	r.exec("ALTER TABLE customers RENAME mobile TO phone")
	r.becomes("contacts", "running")
	r.equals("an edit made at the moment of the renaming", "2", func() string { return r.property("ann@example.com", "phone") })
	r.equals("a row made then", "3", func() string { return r.property("new@example.com", "phone") })
	r.equals("an edit made during the pause", "4 Bo", func() string {
		return r.property("bob@example.com", "phone") + " " + r.property("bob@example.com", "firstname")
	})
	r.equals("edits made in the CRM during the pause", "5 Cyrus", func() string { return r.column("cy@example.com", "phone || ' ' || first_name") })
	r.settled()
	for words, want := range map[string]int{"phone was renamed to mobile": 2, "are again what they were": 1} { // what happened, and that it is paused for it
		if got := r.audited(words); got != want {
			t.Errorf("got %d audit entries with %q, want %d", got, words, want)
		}
	}
}

func TestDriftIsNoticedByTheFirstChangeThatMeetsIt(t *testing.T) {
	t.Parallel()
	for name, meet := range map[string]func(r *rig, id string){
		"a row":              func(r *rig, _ string) { r.exec("UPDATE customers SET mobile = '2' WHERE email = 'ann@example.com'") },
		"an edit in the CRM": func(r *rig, id string) { edit(r.t, r.crm, id, "phone", "2") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := driftRig(t, "phone", "phone", "")
			r.start("--watch", "1h")
			r.introduce("phone", "ann")
			r.exec("ALTER TABLE customers RENAME phone TO mobile")
			c, _ := contact(r.crm, "ann@example.com")
			meet(r, c.ID)
			r.becomes("contacts", "paused", "phone was renamed to mobile")
			r.exec("ALTER TABLE customers RENAME mobile TO phone")
			r.stop()
			r.start("--watch", "1h")
			r.equals("nothing is lost", "2 2", func() string {
				return r.property("ann@example.com", "phone") + " " + r.column("ann@example.com", "phone")
			})
		})
	}
}

func TestAColumnIsRenamedAndTheConfigurationFollows(t *testing.T) {
	t.Parallel()
	r := driftRig(t, "phone", "phone", "")
	r.start(watched...)
	r.introduce("phone", "ann", "bob", "cy")
	r.exec("ALTER TABLE customers RENAME phone TO mobile")
	r.exec("UPDATE customers SET mobile = '2' WHERE email = 'ann@example.com'")
	r.becomes("contacts", "paused", "phone was renamed to mobile")
	r.exec("UPDATE customers SET mobile = '4', first_name = 'Bo' WHERE email = 'bob@example.com'")
	r.exec("INSERT INTO customers (email, first_name, mobile) VALUES ('new@example.com', 'New', '3')")
	c, _ := contact(r.crm, "cy@example.com")
	edit(t, r.crm, c.ID, "firstname", "Cyrus")
	r.delivered()
	r.stop()
	r.exec("UPDATE customers SET mobile = '6' WHERE email = 'cy@example.com'")
	r.reconfigure(people("mobile", "phone", "") + companies)
	r.start(watched...)
	r.becomes("contacts", "running")
	r.equals("an edit made at the moment of the renaming", "2", func() string { return r.property("ann@example.com", "phone") })
	r.equals("a row made during the pause", "3", func() string { return r.property("new@example.com", "phone") })
	r.equals("an edit made during the pause", "4 Bo", func() string {
		return r.property("bob@example.com", "phone") + " " + r.property("bob@example.com", "firstname")
	})
	r.equals("an edit made while it was stopped", "6", func() string { return r.property("cy@example.com", "phone") })
	r.equals("an edit made in the CRM during the pause", "Cyrus", func() string { return r.column("cy@example.com", "first_name") })
	r.settled()
	if got := r.audited("the configuration was changed"); got != 1 {
		t.Errorf("got %d audit entries that say what for, want 1", got)
	}
}

func TestAColumnIsDroppedAndTheMappingGoesOnWithoutIt(t *testing.T) {
	t.Parallel()
	r := driftRig(t, "phone", "phone", "drift: ignore")
	r.start(watched...)
	r.introduce("phone", "ann", "bob")
	r.migrate("ALTER TABLE customers DROP phone")
	r.exec("UPDATE customers SET first_name = 'Anna' WHERE email = 'ann@example.com'")
	r.becomes("contacts", "attention", "goes on without phone=phone", "app/public.customers: phone is gone")
	r.equals("an edit of another column", "Anna", func() string { return r.property("ann@example.com", "firstname") })
	c, _ := contact(r.crm, "bob@example.com")
	edit(t, r.crm, c.ID, "phone", "7")
	edit(t, r.crm, c.ID, "firstname", "Bobby")
	r.equals("an edit of another property", "Bobby", func() string { return r.column("bob@example.com", "first_name") })
	r.settled()
	if got := r.property("ann@example.com", "phone") + " " + r.property("bob@example.com", "phone"); got != "1 7" {
		t.Errorf("the phones in the CRM are %s, want 1 7: nothing is cleared", got)
	}
	r.stop()
	r.start(watched...)
	r.becomes("contacts", "attention", "goes on without phone=phone")
	if s, err := r.status(); err != nil || len(s.Parked) > 0 || !s.Ready {
		t.Errorf("got %+v, %v; want it ready, and no record parked", s, err)
	}
	if got := r.audited("goes on without phone=phone"); got != 1 {
		t.Errorf("got %d audit entries that it goes on without, want 1, also after a restart", got)
	}
}

func TestAColumnIsRetypedAndAccepted(t *testing.T) {
	t.Parallel()
	r := driftRig(t, "phone", "phone", "")
	r.start(watched...)
	r.introduce("phone", "ann")
	r.migrate("ALTER TABLE customers ALTER phone TYPE varchar(40)")
	r.becomes("contacts", "paused", "phone is of type character varying(40) now instead of text", "lockstep resume contacts")
	r.exec("UPDATE customers SET phone = '2' WHERE email = 'ann@example.com'")
	for _, c := range []struct {
		mapping, body string
		taken         bool
	}{{"nobody", `{"by": "eve"}`, false}, {"contacts", `{}`, false}, {"companies", `{"by": "eve"}`, false}, {"contacts", `{"by": "eve"}`, true}} {
		if status, text := r.post("/api/mappings/"+c.mapping+"/resume", c.body); (status < 300) != c.taken {
			t.Errorf("resume %s with %s: got %d (%s), want it taken: %v", c.mapping, c.body, status, text, c.taken)
		}
	}
	r.becomes("contacts", "running")
	r.equals("what was edited meanwhile", "2", func() string { return r.property("ann@example.com", "phone") })
	c, _ := contact(r.crm, "ann@example.com")
	edit(t, r.crm, c.ID, "phone", strings.Repeat("9", 50))
	r.eventually("a text that does not fit any more is parked with words", func() error {
		s, err := r.status()
		if err == nil && (len(s.Parked) != 1 || !strings.Contains(s.Parked[0].Message, "40")) {
			err = fmt.Errorf("parked are %+v", s.Parked)
		}
		return err
	})
	if got := r.audited("accepted by eve"); got != 1 {
		t.Errorf("got %d audit entries with the person, want 1", got)
	}
}

// post gives an order to the running lockstep, as its own commands do.
func (r *rig) post(path, body string) (int, string) {
	r.t.Helper()
	token, err := os.ReadFile(filepath.Join(r.dir, "data", "api.token"))
	if err != nil {
		r.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, "http://"+r.listen+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	return r.call(req)
}

func (r *rig) call(req *http.Request) (int, string) {
	r.t.Helper()
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

func TestAColumnIsDroppedAndAddedAgain(t *testing.T) {
	t.Parallel()
	r := driftRig(t, "phone", "phone", "")
	r.start(watched...)
	r.introduce("phone", "ann")
	r.migrate("ALTER TABLE customers DROP phone, ADD phone text")
	r.exec("UPDATE customers SET first_name = 'Anna' WHERE email = 'ann@example.com'")
	r.becomes("contacts", "paused", "phone was dropped and added again")
	r.unaffected("a.example")
	if got := r.property("ann@example.com", "phone"); got != "1" {
		t.Errorf("the phone in the CRM is %s, want 1: the new column's NULLs are nobody's edits", got)
	}
}

func TestATableIsDroppedAndMadeAgain(t *testing.T) {
	t.Parallel()
	r := driftRig(t, "phone", "phone", "drift: ignore")
	r.start(watched...)
	r.introduce("phone", "ann")
	r.exec("DROP TABLE customers")
	r.becomes("contacts", "paused", "there is no table public.customers")
	r.unaffected("a.example")
	r.stop()
	r.start(watched...)
	r.becomes("contacts", "paused", "there is no table public.customers")
	r.unaffected("b.example")
	r.exec(table + "; ALTER TABLE customers ALTER id RESTART WITH 100")
	r.becomes("contacts", "running")
	r.eventually("the new table is in the log", r.ready)
	r.introduce("phone", "bob")
	r.exec("UPDATE customers SET phone = '2' WHERE email = 'bob@example.com'")
	r.equals("the new table is in step", "2", func() string { return r.property("bob@example.com", "phone") })
}

func TestAColumnIsAddedAndThatIsNews(t *testing.T) {
	t.Parallel()
	r := driftRig(t, "phone", "phone", "")
	r.start(watched...)
	r.introduce("phone", "ann")
	before := r.property("ann@example.com", "phone")
	r.exec("ALTER TABLE customers ADD fax text")
	r.eventually("status tells of it", func() error {
		s, err := r.status()
		if err == nil && !strings.Contains(strings.Join(s.Notices, "\n"), "app/public.customers: fax is new") {
			err = fmt.Errorf("notices are %q", s.Notices)
		}
		if err == nil && len(s.Problems) > 0 {
			err = fmt.Errorf("problems are %q", s.Problems)
		}
		return err
	})
	r.becomes("contacts", "running")
	if out, errs, code := r.cli("status", "--config", r.config, "--listen", r.listen); code != 0 || !strings.Contains(out, "NOTICES") || !strings.Contains(out, "fax is new") {
		t.Errorf("lockstep status: got code %d, %s%s; want the notice in it", code, out, errs)
	}
	r.exec("UPDATE customers SET fax = 'x', phone = '2' WHERE email = 'ann@example.com'")
	r.equals("edits flow on", "2", func() string { return r.property("ann@example.com", "phone") })
	r.stop()
	r.start(watched...)
	r.exec("UPDATE customers SET phone = $1 WHERE email = 'ann@example.com'", before)
	r.equals("edits flow on", before, func() string { return r.property("ann@example.com", "phone") })
	if r.log.contains("putting everything together anew") {
		t.Error("a column that nobody uses interrupts the work")
	}
	if got := r.audited("fax is new"); got != 1 {
		t.Errorf("got %d audit entries of it, want 1, also after a restart", got)
	}
}

func TestAFirstStartThatDoesNotFitIsAMistakeOfTheConfiguration(t *testing.T) {
	t.Parallel()
	r := driftRig(t, "telephone", "phone", "")
	r.launch(watched...)
	err := <-r.ended
	r.ended <- nil
	if err == nil || !strings.Contains(err.Error(), "exit status 2") || !r.log.contains("lockstep.yaml:") {
		t.Errorf("got %v and log %s, want exit code 2 and the line", err, r.log.tail(500))
	}
	r.proc = nil
	if _, err := os.Stat(filepath.Join(r.dir, "data")); err != nil {
		t.Error(err)
	}
}
