package main_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/lockstep-sync/lockstep/testenv"
	"github.com/lockstep-sync/lockstep/testenv/hubspot"
	"github.com/lockstep-sync/lockstep/testenv/postgres"
)

// policy is one mapping of testdata/encounters/policies, as far as the stage has
// to know it.
type policy struct {
	Name, Left, Right string
	Match             struct{ Left, Right string }

	table, account, object string
}

// stage is one Lockstep with the mappings of one policy file, a database, and
// an account of its own for each right connection.
type stage struct {
	*rig
	policies map[string]*policy
	accounts map[string]*hubspot.Server
	token    string
	faults   hubspot.Faults // in force, without the skew
	skew     map[string]time.Duration
}

// skews are the connections whose accounts have a clock that is off.
var skews = map[string]time.Duration{"crm_ahead": time.Hour, "crm_behind": -time.Hour}

var encounterProperties = []hubspot.Property{
	{Name: "bio", Type: "string", FieldType: "textarea"},
	{Name: "plan_tier", Type: "enumeration", FieldType: "select", Options: []hubspot.PropertyOption{{Label: "Free", Value: "F"}, {Label: "Pro", Value: "P"}, {Label: "Other", Value: "X"}}},
	{Name: "amount_due", Type: "number", FieldType: "number"}, {Name: "score_of_app", Type: "number", FieldType: "number"},
	{Name: "visits", Type: "number", FieldType: "number"}, {Name: "active", Type: "bool", FieldType: "booleancheckbox"},
	{Name: "consent", Type: "bool", FieldType: "booleancheckbox"}, {Name: "seen_at", Type: "datetime", FieldType: "date"},
	{Name: "born", Type: "date", FieldType: "date"}, {Name: "nickname", Type: "string", FieldType: "text"},
}

// newStage starts database and accounts, and writes the configuration.
func newStage(t *testing.T, file string) *stage {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var list []*policy
	if err := yaml.Unmarshal(text, &list); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	s := &stage{rig: &rig{t: t, dir: t.TempDir(), log: &logBuffer{}}, policies: map[string]*policy{}, accounts: map[string]*hubspot.Server{}, skew: map[string]time.Duration{}}
	s.url = postgres.Database(t, 0)
	s.db = openDatabase(t, s.url)
	if err := s.db.QueryRow(t.Context(), "SELECT 'slot_' || oid FROM pg_database WHERE datname = current_database()").Scan(&s.slot); err != nil {
		t.Fatal(err)
	}
	schema, err := os.ReadFile("testdata/encounters/schema.sql")
	if err != nil {
		t.Fatal(err)
	}
	s.exec(string(schema))
	for _, p := range list {
		p.table = strings.TrimPrefix(p.Left, "app/public.")
		p.account, p.object, _ = strings.Cut(p.Right, "/")
		s.policies[p.Name] = p
		s.exec("CREATE TABLE IF NOT EXISTS " + p.table + " (LIKE customers INCLUDING ALL)")
		s.openAccount(p.account)
	}
	port, err := testenv.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	s.listen = testenv.Loopback(port)
	s.configure(string(text))
	t.Cleanup(func() {
		s.rig.stop()
		if t.Failed() {
			t.Logf("log of lockstep:\n%s", s.log.tail(3000))
		}
	})
	return s
}

func (s *stage) openAccount(name string) {
	s.t.Helper()
	if s.accounts[name] != nil {
		return
	}
	s.skew[name] = skews[name]
	crm, err := hubspot.Start(hubspot.Options{Limit: -1, SearchLimit: -1, DailyLimit: -1, RetrySchedule: retries(),
		Properties: map[string][]hubspot.Property{"contacts": encounterProperties}, Faults: hubspot.Faults{ClockSkewMS: skews[name].Milliseconds()}})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { crm.Close() })
	s.accounts[name] = crm
}

// configure writes the policies as a configuration.
func (s *stage) configure(mappings string) {
	s.t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "connections:\n  app: {type: postgres, url: %q, slot: %s}\n", s.url, s.slot)
	for name, crm := range s.accounts {
		precision := ""
		if name == "crm_coarse" {
			precision = ", clock_precision: 10s"
		}
		fmt.Fprintf(&b, "  %s: {type: hubspot, url: %q, token: %q, webhook_secret: %q, app_id: %q%s}\n", name, crm.URL(), crm.Token(), crm.WebhookSecret(), crm.AppID(), precision)
		s.hook(crm, name)
	}
	b.WriteString("mappings:\n" + regexp.MustCompile(`(?m)^`).ReplaceAllString(mappings, "  "))
	s.config = filepath.Join(s.dir, "lockstep.yaml")
	if err := os.WriteFile(s.config, []byte(b.String()), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// fault changes the faults of all accounts.
func (s *stage) fault(change func(*hubspot.Faults)) error {
	change(&s.faults)
	for name, crm := range s.accounts {
		f := s.faults
		f.ClockSkewMS = s.skew[name].Milliseconds()
		if err := crm.SetFaults(f); err != nil {
			return err
		}
	}
	return nil
}

// quiet waits until nothing is under way: what is in the log was read, what was
// told was delivered, and what follows from both, twice over. Webhooks that are
// held stay where they are.
func (s *stage) quiet() error {
	deadline := time.Now().Add(20 * time.Second)
	for range 2 {
		var target string
		if err := s.db.QueryRow(context.Background(), "SELECT pg_current_wal_insert_lsn()::text").Scan(&target); err != nil {
			return err
		}
		if err := await(deadline, func() error { return s.still(target) }); err != nil {
			return fmt.Errorf("it does not settle: %w", err)
		}
	}
	return nil
}

func (s *stage) still(target string) error {
	var behind int64
	err := s.db.QueryRow(context.Background(), "SELECT coalesce(max($1::pg_lsn - confirmed_flush_lsn), 0)::bigint FROM pg_replication_slots WHERE database = current_database()", target).Scan(&behind)
	if err != nil {
		return err
	}
	if behind > 0 {
		return fmt.Errorf("the slot is %d bytes behind", behind)
	}
	for name, crm := range s.accounts {
		if w := crm.Webhooks(); w.Pending > 0 && !s.faults.HoldWebhooks {
			return fmt.Errorf("%d webhook events of %s are not delivered", w.Pending, name)
		}
	}
	report, err := s.status()
	if err != nil {
		return err
	}
	for _, m := range report.Mappings {
		if m.Waiting+uint64(m.UnderWay) > 0 {
			return fmt.Errorf("mapping %s has %d changes waiting, %d under way", m.Name, m.Waiting, m.UnderWay)
		}
	}
	return nil
}

// await asks again and again until the condition holds.
func await(deadline time.Time, condition func() error) error {
	tick := time.NewTicker(4 * time.Millisecond)
	defer tick.Stop()
	for {
		err := condition()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		<-tick.C
	}
}

// soon is await with the deadline of everything that should happen by itself.
func soon(condition func() error) error { return await(time.Now().Add(15*time.Second), condition) }

// ask calls the API; out may be nil, or take JSON lines.
func (s *stage) ask(method, path string, query url.Values, body, out any) error {
	if s.token == "" {
		data, err := os.ReadFile(filepath.Join(s.dir, "data", "api.token"))
		if err != nil {
			return err
		}
		s.token = strings.TrimSpace(string(data))
	}
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequest(method, "http://"+s.listen+path+"?"+query.Encode(), bytes.NewReader(text))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+s.token)
	client := http.Client{Timeout: 20 * time.Second}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 64<<20))
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return &apiError{res.StatusCode, string(answer)}
	}
	if entries, lines := out.(*[]auditEntry); lines {
		return readEntries(answer, entries)
	}
	return json.Unmarshal(answer, out)
}

// apiError is an answer of the API other than 200.
type apiError struct {
	status int
	text   string
}

func (e *apiError) Error() string { return fmt.Sprintf("the API answers %d: %s", e.status, e.text) }

// auditEntry is an entry of the audit, as the API tells it.
type auditEntry struct {
	At                                                                    time.Time
	Key, Kind, Field, Rule, Winner, Left, Right, By, Source, Change, Text string
	Values                                                                []struct{ Field, Left, Right string }
}

func readEntries(answer []byte, into *[]auditEntry) error {
	lines := bufio.NewScanner(bytes.NewReader(answer))
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e auditEntry
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return fmt.Errorf("%s: %w", lines.Text(), err)
		}
		*into = append(*into, e)
	}
	return lines.Err()
}
