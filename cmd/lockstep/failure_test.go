package main_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/testenv"
	"github.com/lockstep-sync/lockstep/testenv/hubspot"
	"github.com/lockstep-sync/lockstep/testenv/postgres"
)

// TestKillsUnderLoadLoseNothing is the accounting: each actor owns one field of
// each record and writes ascending numbers, so the last one must stand on both
// sides, whatever died in between.
func TestKillsUnderLoadLoseNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, rigOptions{crm: hubspot.Options{RetrySchedule: retries()}})
	r.start()
	const records, kills = 40, 30
	var mu sync.Mutex
	rows, contacts := map[int]int{}, map[int]int{}
	done := make(chan struct{})
	var actors sync.WaitGroup
	actors.Go(func() { // the application
		tick := time.NewTicker(3 * time.Millisecond)
		defer tick.Stop()
		for n := 0; ; n++ {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			i := n % records
			if _, err := r.db.Exec(t.Context(), `INSERT INTO customers (email, first_name) VALUES ($1, $2)
				ON CONFLICT (email) DO UPDATE SET first_name = excluded.first_name`, person(i), strconv.Itoa(n)); err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			rows[i] = n
			mu.Unlock()
		}
	})
	actors.Go(func() { // a person in the CRM
		tick := time.NewTicker(3 * time.Millisecond)
		defer tick.Stop()
		for n := 0; ; n++ {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			i := n % records
			if c, ok := contact(r.crm, person(i)); ok {
				if err := r.crm.Edit("contacts", c.ID, map[string]string{"phone": strconv.Itoa(n)}); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				contacts[i] = n
				mu.Unlock()
			}
		}
	})
	for k := range kills {
		r.within(time.Minute, "lockstep is ready again", r.ready)
		pause := time.NewTimer(time.Duration(rand.IntN(250)) * time.Millisecond)
		if _, err := r.crm.Create("contacts", map[string]string{"email": fmt.Sprintf("new%d@example.com", k), "firstname": "new"}); err != nil {
			t.Fatal(err)
		}
		<-pause.C
		r.kill()
		r.launch()
	}
	close(done)
	actors.Wait()
	r.within(time.Minute, "lockstep is ready again", r.ready)
	for i := range records {
		last := strconv.Itoa(rows[i])
		r.equals("the row's last edit is on both sides", last+" "+last, func() string {
			return r.column(person(i), "first_name") + " " + r.property(person(i), "firstname")
		})
		if n, ok := contacts[i]; ok {
			r.equals("the contact's last edit is in the row", strconv.Itoa(n), func() string { return r.column(person(i), "phone") })
			r.equals("the contact's last edit is in the contact", strconv.Itoa(n), func() string { return r.property(person(i), "phone") })
		}
	}
	for k := range kills {
		r.equals("a contact created between kills is a row", "new", func() string { return r.column(fmt.Sprintf("new%d@example.com", k), "first_name") })
	}
	r.settled()
	if conflicts := r.order(0, "audit", "--kind", "conflict", "--json"); conflicts != "" {
		t.Errorf("want no conflict, as each field is edited on one side only; got\n%s", conflicts)
	}
	if n := len(r.crm.Records("contacts")); n != records+kills {
		t.Errorf("got %d contacts, want %d: none twice", n, records+kills)
	}
	var n int
	if err := r.db.QueryRow(t.Context(), "SELECT count(*) FROM customers").Scan(&n); err != nil {
		t.Fatal(err)
	}
	if n != records+kills {
		t.Errorf("got %d rows, want %d: none twice", n, records+kills)
	}
}

func TestAnOutageOfTheCRMIsRiddenOut(t *testing.T) {
	t.Parallel()
	r := newRig(t, rigOptions{})
	r.start()
	const records, changes = 1000, 10_000
	r.exec("INSERT INTO customers (email, first_name) SELECT 'person' || i || '@example.com', 'start' FROM generate_series(0, $1 - 1) i", records)
	for i := range records {
		r.equals("the contact exists", "start", func() string { return r.property(person(i), "firstname") })
	}
	r.settled()
	r.faults(func(f *hubspot.Faults) { f.Down = true })
	for round := range changes / records {
		for i := range records {
			r.exec("UPDATE customers SET first_name = $1 WHERE email = $2", fmt.Sprintf("round %d", round), person(i))
		}
	}
	end, err := r.mark()
	if err != nil {
		t.Fatal(err)
	}
	r.eventually("the slot goes on advancing while the CRM is down", func() error {
		var behind int64
		if err := r.db.QueryRow(t.Context(), "SELECT ($1::text::pg_lsn - confirmed_flush_lsn)::bigint FROM pg_replication_slots WHERE database = current_database()", end).Scan(&behind); err != nil {
			return err
		}
		if behind > 0 {
			return fmt.Errorf("it is %d bytes behind", behind)
		}
		return nil
	})
	if s, err := r.status(); err != nil || s.Mappings[0].UnderWay == 0 && s.Mappings[0].Waiting == 0 {
		t.Errorf("got status %+v, %v; want changes waiting", s, err)
	}
	r.crm.ResetRequests()
	r.faults(func(f *hubspot.Faults) { f.Down = false })
	last := fmt.Sprintf("round %d", changes/records-1)
	for i := range records {
		r.equals("the last value arrives", last, func() string { return r.property(person(i), "firstname") })
	}
	r.settled()
	if w := r.crm.Requests().Writes; w.Calls > 30 || w.Records != records {
		t.Errorf("got %d write calls with %d records after the outage, want at most 30 with %d", w.Calls, w.Records, records)
	}
}

func (r *rig) faults(change func(*hubspot.Faults)) {
	r.t.Helper()
	f := r.crm.Faults()
	change(&f)
	if err := r.crm.SetFaults(f); err != nil {
		r.t.Fatal(err)
	}
}

func TestFaultsOfTheCRMLoseAndDoubleNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, rigOptions{crm: hubspot.Options{RetrySchedule: retries()}})
	r.start()
	r.faults(func(f *hubspot.Faults) {
		f.ErrorRate, f.ApplyThenFailRate, f.DuplicateWebhooks, f.ShuffleWebhooks = 0.2, 0.2, 0.5, true
		f.DelayWebhooksMS = 20
	})
	const n = 100
	for i := range n {
		r.exec("INSERT INTO customers (email, first_name) VALUES ($1, 'one')", person(i))
		r.exec("UPDATE customers SET first_name = 'two' WHERE email = $1", person(i))
		if i%2 == 0 {
			if _, err := r.crm.Create("contacts", map[string]string{"email": "crm" + person(i), "firstname": "there"}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i := range n {
		r.within(time.Minute, "every row is a contact", func() error {
			if got := r.property(person(i), "firstname"); got != "two" {
				return errors.New(got)
			}
			return nil
		})
		if i%2 == 0 {
			r.equals("every contact is a row", "there", func() string { return r.column("crm"+person(i), "first_name") })
		}
	}
	r.faults(func(f *hubspot.Faults) { *f = hubspot.Faults{} })
	r.settled()
	if got := len(r.crm.Records("contacts")); got != n+n/2 {
		t.Errorf("got %d contacts, want %d", got, n+n/2)
	}
	var rows int
	if err := r.db.QueryRow(t.Context(), "SELECT count(*) FROM customers").Scan(&rows); err != nil {
		t.Fatal(err)
	}
	if rows != n+n/2 {
		t.Errorf("got %d rows, want %d", rows, n+n/2)
	}
}

func TestARejectedRecordWaitsAndHoldsUpNobody(t *testing.T) {
	t.Parallel()
	r := newRig(t, rigOptions{})
	r.start()
	r.exec("INSERT INTO customers (email, first_name) VALUES ('not an address', 'Bad')")
	r.exec("INSERT INTO customers (email, first_name) VALUES ('good@example.com', 'Good')")
	r.equals("the good one goes on", "Good", func() string { return r.property("good@example.com", "firstname") })
	r.eventually("the bad one is parked with the vendor's words", func() error {
		s, err := r.status()
		if err == nil && (len(s.Parked) != 1 || !strings.Contains(s.Parked[0].Message, "email")) {
			err = fmt.Errorf("parked: %+v", s.Parked)
		}
		return err
	})
	r.exec("UPDATE customers SET email = 'better@example.com' WHERE first_name = 'Bad'")
	r.equals("its next change tries again", "Bad", func() string { return r.property("better@example.com", "firstname") })
	r.eventually("and nothing is parked any more", func() error {
		s, err := r.status()
		if err == nil && len(s.Parked) != 0 {
			err = fmt.Errorf("parked: %+v", s.Parked)
		}
		return err
	})
}

func TestTheDatabaseRestartsAndTheNetworkIsCut(t *testing.T) {
	t.Parallel()
	server, err := postgres.Start(t.Context(), postgres.Options{Version: 15})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Stop() })
	proxy, err := testenv.NewProxy(testenv.Loopback(server.Port()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { proxy.Close() })
	url := strings.Replace(server.URL(), testenv.Loopback(server.Port()), proxy.Addr(), 1)
	r := newRig(t, rigOptions{server: server, url: url, crm: hubspot.Options{RetrySchedule: retries()}})
	r.writeConfig(rigOptions{}, strings.Replace(r.url, testenv.Loopback(server.Port()), proxy.Addr(), 1))
	r.start()
	r.exec("INSERT INTO customers (email, first_name) VALUES ('net@example.com', 'one')")
	r.equals("before", "one", func() string { return r.property("net@example.com", "firstname") })

	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.db.Reset()
	r.exec("UPDATE customers SET first_name = 'two'")
	r.equals("after a restart of the database", "two", func() string { return r.property("net@example.com", "firstname") })

	proxy.Cut()
	r.exec("UPDATE customers SET first_name = 'three'")
	c, _ := contact(r.crm, "net@example.com")
	edit(t, r.crm, c.ID, "phone", "123")
	r.eventually("readyz says that the database is away", func() error {
		if r.ready() == nil {
			return errors.New("it says ready")
		}
		return nil
	})
	if err := proxy.Restore(); err != nil {
		t.Fatal(err)
	}
	r.equals("after a network cut", "three", func() string { return r.property("net@example.com", "firstname") })
	r.equals("the way back", "123", func() string { return r.column("net@example.com", "phone") })
	r.eventually("ready again", r.ready)
}

func TestADroppedSlotIsSaidAndNeverReplacedInSilence(t *testing.T) {
	t.Parallel()
	r := newRig(t, rigOptions{})
	r.start()
	r.exec("INSERT INTO customers (email, first_name) VALUES ('slot@example.com', 'one')")
	r.equals("before", "one", func() string { return r.property("slot@example.com", "firstname") })
	r.settled()
	r.stop()
	r.exec("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = current_database()")
	r.exec("UPDATE customers SET first_name = 'in the gap'")
	r.launch()
	r.eventually("the problem and the remedy are in the status", func() error {
		s, err := r.status()
		if err != nil {
			return err
		}
		text := strings.Join(s.Problems, "\n")
		if s.Ready || !strings.Contains(text, "slot") || !strings.Contains(text, "--accept-gap") {
			return fmt.Errorf("ready %v, problems %q", s.Ready, text)
		}
		return nil
	})
	var slots int
	if err := r.db.QueryRow(t.Context(), "SELECT count(*) FROM pg_replication_slots WHERE database = current_database()").Scan(&slots); err != nil {
		t.Fatal(err)
	}
	if slots != 0 {
		t.Error("the slot was made again in silence")
	}
	r.stop()
	r.start("--accept-gap", "app")
	r.exec("UPDATE customers SET last_name = 'after'")
	r.equals("the next change of the record brings all of it", "in the gap after", func() string {
		return r.property("slot@example.com", "firstname") + " " + r.property("slot@example.com", "lastname")
	})
}

func TestAnAlteredPublicationIsSetBack(t *testing.T) {
	t.Parallel()
	r := newRig(t, rigOptions{})
	r.start()
	r.exec("INSERT INTO customers (email, first_name) VALUES ('pub@example.com', 'one')")
	r.equals("before", "one", func() string { return r.property("pub@example.com", "firstname") })
	var name string
	if err := r.db.QueryRow(t.Context(), "SELECT pubname FROM pg_publication").Scan(&name); err != nil {
		t.Fatal(err)
	}
	r.exec("ALTER PUBLICATION " + name + " DROP TABLE customers")
	r.eventually("it is set back", func() error {
		var n int
		if err := r.db.QueryRow(t.Context(), "SELECT count(*) FROM pg_publication_tables").Scan(&n); err != nil {
			return err
		}
		if n != 1 {
			return fmt.Errorf("the publication has %d tables", n)
		}
		return nil
	})
	r.exec("UPDATE customers SET first_name = 'two'")
	r.equals("and changes arrive", "two", func() string { return r.property("pub@example.com", "firstname") })
	if s, err := r.status(); err != nil || !strings.Contains(strings.Join(s.Problems, "\n"), "publication") {
		t.Errorf("got problems %q, %v; want a word about the publication", s.Problems, err)
	}
}

func TestATableThatChangesItsShape(t *testing.T) {
	t.Parallel()
	r := newRig(t, rigOptions{})
	r.start()
	r.exec("INSERT INTO customers (email, first_name) VALUES ('alter@example.com', 'one')")
	r.equals("before", "one", func() string { return r.property("alter@example.com", "firstname") })
	r.exec("ALTER TABLE customers ADD extra_column int DEFAULT 7")
	r.exec("ALTER TABLE customers DROP COLUMN secret_note")
	r.exec("UPDATE customers SET first_name = 'two', phone = '5'")
	r.equals("an added and a dropped column", "two 5", func() string {
		return r.property("alter@example.com", "firstname") + " " + r.property("alter@example.com", "phone")
	})
	c, _ := contact(r.crm, "alter@example.com")
	edit(t, r.crm, c.ID, "lastname", "way back")
	r.equals("the way back", "way back", func() string { return r.column("alter@example.com", "last_name") })
	r.exec("ALTER TABLE customers RENAME COLUMN phone TO telephone")
	r.exec("UPDATE customers SET first_name = 'three'")
	r.eventually("a mapped column that vanished is said", func() error {
		s, err := r.status()
		if err == nil && !strings.Contains(strings.Join(s.Problems, "\n"), "phone") {
			err = fmt.Errorf("problems: %q", s.Problems)
		}
		return err
	})
	r.exec("ALTER TABLE customers RENAME COLUMN telephone TO phone")
	r.equals("nothing is lost once it is back", "three", func() string { return r.property("alter@example.com", "firstname") })
}

func TestWebhooksAreCheckedBeforeAnythingIsStored(t *testing.T) {
	t.Parallel()
	r := newRig(t, rigOptions{})
	r.start()
	url := "http://" + r.listen + "/webhooks/crm"
	good := []byte(`[{"eventId":1,"subscriptionId":1,"portalId":1,"appId":1,"occurredAt":1742077073905,"subscriptionType":"contact.propertyChange","attemptNumber":0,"objectId":77,"propertyName":"firstname","propertyValue":"x","changeSource":"CRM_UI"}]`)
	now := time.Now().UnixMilli()
	post := func(body []byte, stamp int64, signature string) int {
		req, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-HubSpot-Request-Timestamp", strconv.FormatInt(stamp, 10))
		if signature != "" {
			req.Header.Set("X-HubSpot-Signature-v3", signature)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res.StatusCode
	}
	sign := func(body []byte, stamp int64) string {
		return hubspot.Sign(r.crm.WebhookSecret(), "POST", url, body, stamp)
	}
	big := append([]byte("["), bytes.Repeat([]byte(" "), 9<<20)...)
	old := now - 6*60*1000
	for name, c := range map[string]struct {
		want int
		got  int
	}{
		"a wrong signature": {401, post(good, now, sign([]byte("x"), now))},
		"no signature":      {401, post(good, now, "")},
		"an old timestamp":  {401, post(good, old, sign(good, old))},
		"a body too large":  {413, post(big, now, sign(big, now))},
		"a malformed body":  {400, post([]byte(`[{"x"`), now, sign([]byte(`[{"x"`), now))},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %d, want %d", name, c.got, c.want)
		}
	}
	s, err := r.status()
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Mappings[0].Changes; got != 0 {
		t.Errorf("got %d changes stored, want none", got)
	}
	if got := post(good, now, sign(good, now)); got != 200 {
		t.Errorf("a good one: got %d, want 200", got)
	}
}

func TestNoCustomerValueAndNoSecretLeaks(t *testing.T) {
	t.Parallel()
	const key, marker = "a-key-of-the-operator-0123456789", "MARKERVALUE"
	run := func(t *testing.T, encrypted bool) (r *rig) {
		o := rigOptions{}
		if encrypted {
			o.extra = "encryption_key: " + key + "\n"
		}
		r = newRig(t, o)
		r.start()
		r.exec("INSERT INTO customers (email, first_name, bio, secret_note) VALUES ('markervalue@example.com', $1, $1, 'UNMAPPEDVALUE')", marker)
		r.equals("the contact", marker, func() string { return r.property("markervalue@example.com", "firstname") })
		c, _ := contact(r.crm, "markervalue@example.com")
		edit(t, r.crm, c.ID, "lastname", marker+"2")
		r.equals("the row", marker+"2", func() string { return r.column("markervalue@example.com", "last_name") })
		r.exec("INSERT INTO customers (email, first_name) VALUES ('bad address', 'x')")
		r.settled()
		return r
	}
	t.Run("with a key the data directory shows nothing", func(t *testing.T) {
		t.Parallel()
		r := run(t, true)
		if file, ok := found(t, filepath.Join(r.dir, "data"), strings.ToLower(marker), "unmappedvalue"); ok {
			t.Errorf("a customer's value stands in %s", file)
		}
		_, metrics, err := get("http://" + r.listen + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		shown := r.log.tail(1<<20) + string(metrics) + r.statusText()
		for _, secret := range []string{key, r.crm.Token(), r.crm.WebhookSecret(), r.url} {
			if strings.Contains(shown, secret) {
				t.Errorf("the secret %q is shown", secret)
			}
		}
	})
	t.Run("without a key it shows the mapped value and never the unmapped one", func(t *testing.T) {
		t.Parallel()
		r := run(t, false)
		if _, ok := found(t, filepath.Join(r.dir, "data"), strings.ToLower(marker)); !ok {
			t.Error("the marker is not found without a key: this test cannot see")
		}
		if file, ok := found(t, filepath.Join(r.dir, "data"), "unmappedvalue"); ok {
			t.Errorf("an unmapped column's value stands in %s", file)
		}
	})
}

// found looks for texts in lower case in all files below dir, without regard to case.
func found(t *testing.T, dir string, texts ...string) (file string, ok bool) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil // files come and go while the journal runs
		}
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		lower := bytes.ToLower(data)
		for _, text := range texts {
			if bytes.Contains(lower, []byte(text)) {
				file, ok = path, true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return file, ok
}

func TestUninstallLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	r := newRig(t, rigOptions{})
	r.start()
	data := filepath.Join(r.dir, "data")
	if _, stderr, code := r.cli("uninstall", "--config", r.config, "--data", data); code == 0 {
		t.Errorf("uninstall succeeds while lockstep runs: %s", stderr)
	}
	r.stop()
	if out, stderr, code := r.cli("uninstall", "--config", r.config, "--data", data); code != 0 {
		t.Fatalf("uninstall ends with %d: %s%s", code, out, stderr)
	}
	var left int
	if err := r.db.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM pg_replication_slots WHERE database = current_database()) + (SELECT count(*) FROM pg_publication)`).Scan(&left); err != nil {
		t.Fatal(err)
	}
	if left != 0 {
		t.Errorf("got %d slots and publications left, want none", left)
	}
	if _, err := os.Stat(data); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the data directory is still there: %v", err)
	}
}
