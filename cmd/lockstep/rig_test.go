package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/lockstep-sync/lockstep/testenv"
	"github.com/lockstep-sync/lockstep/testenv/hubspot"
	"github.com/lockstep-sync/lockstep/testenv/postgres"
)

// binary is the lockstep under test, built once for all stories.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "lockstep-bin-")
	if err == nil {
		binary = filepath.Join(dir, "lockstep")
		args := append([]string{"build"}, buildFlags...)
		build := exec.Command("go", append(args, "-o", binary, ".")...)
		var out []byte
		if out, err = build.CombinedOutput(); err != nil {
			err = fmt.Errorf("build lockstep: %w\n%s", err, out)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	testenv.AtExit(func() { os.RemoveAll(dir) })
	testenv.Main(m)
}

// rig is one Lockstep between a database of its own and a simulated HubSpot.
type rig struct {
	t      *testing.T
	db     *pgxpool.Pool
	url    string
	slot   string
	crm    *hubspot.Server
	dir    string
	config string
	listen string
	log    *logBuffer
	proc   *exec.Cmd
	ended  chan error
}

const table = `CREATE TABLE customers (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	email text NOT NULL UNIQUE, first_name text, last_name text, phone text, bio text,
	ltv numeric(20,4), visits bigint, active boolean, signed_up timestamptz, birthday date, tags text[], extra jsonb,
	lead_score numeric, secret_note text, updated_at timestamptz DEFAULT now())`

var properties = []hubspot.Property{
	{Name: "bio", Type: "string", FieldType: "textarea"}, {Name: "ltv", Type: "number", FieldType: "number"},
	{Name: "visits", Type: "number", FieldType: "number"}, {Name: "active", Type: "bool", FieldType: "booleancheckbox"},
	{Name: "signed_up", Type: "datetime", FieldType: "date"}, {Name: "birthday", Type: "date", FieldType: "date"},
	{Name: "tags", Type: "string", FieldType: "textarea"}, {Name: "extra", Type: "string", FieldType: "textarea"},
}

const contactsMapping = `
  - name: %s
    left: app/public.customers
    right: %s/contacts
    match: {left: email, right: email}
    fields:
      - {left: email, right: email}
      - {left: first_name, right: firstname}
      - {left: last_name, right: lastname}
      - {left: phone, right: phone}
      - {left: bio, right: bio}
      - {left: ltv, right: ltv}
      - {left: visits, right: visits, direction: right}
      - {left: active, right: active}
      - {left: signed_up, right: signed_up, direction: right}
      - {left: birthday, right: birthday}
      - {left: tags, right: tags, direction: right}
      - {left: extra, right: extra, direction: right}
      - {left: lead_score, right: hubspotscore, direction: left}
    conflict: newest
    delete: {to_right: propagate, to_left: propagate}
`

type rigOptions struct {
	version  int
	server   *postgres.Server // instead of the shared one
	url      string           // instead of the database's own (a proxy, say)
	crmURL   string
	crm      hubspot.Options
	extra    string // further top-level configuration
	mappings string // instead of contactsMapping for each CRM
}

// newRig starts database and CRM and writes the configuration; start runs
// Lockstep.
func newRig(t *testing.T, o rigOptions) *rig {
	t.Helper()
	r := &rig{t: t, dir: t.TempDir()}
	if o.server != nil {
		var err error
		if r.url, err = o.server.NewDatabase(t.Context(), "app"); err != nil {
			t.Fatal(err)
		}
	} else {
		r.url = postgres.Database(t, o.version)
	}
	r.db = openDatabase(t, r.url)
	r.exec(table)
	if err := r.db.QueryRow(t.Context(), "SELECT 'slot_' || oid FROM pg_database WHERE datname = current_database()").Scan(&r.slot); err != nil {
		t.Fatal(err)
	}
	r.crm = r.newCRM(o.crm)
	secrets := map[string]string{"url": r.url}
	if o.url != "" {
		secrets["url"] = o.url
	}
	port, err := testenv.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	r.listen = testenv.Loopback(port)
	r.writeConfig(o, secrets["url"])
	t.Cleanup(func() {
		r.stop()
		if t.Failed() {
			t.Logf("log of lockstep:\n%s", r.log.tail(6000))
		}
	})
	return r
}

func (r *rig) newCRM(o hubspot.Options) *hubspot.Server {
	r.t.Helper()
	if o.Limit == 0 {
		o.Limit, o.SearchLimit, o.DailyLimit = -1, -1, -1
	}
	o.Properties = map[string][]hubspot.Property{"contacts": properties}
	crm, err := hubspot.Start(o)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { crm.Close() })
	return crm
}

func (r *rig) writeConfig(o rigOptions, url string) {
	r.t.Helper()
	var b strings.Builder
	crmURL := r.crm.URL()
	if o.crmURL != "" {
		crmURL = o.crmURL
	}
	fmt.Fprintf(&b, "connections:\n  app: {type: postgres, url: %q, slot: %s}\n", url, r.slot) // slots belong to the server, which tests share
	fmt.Fprintf(&b, "  crm: {type: hubspot, url: %q, token: %q, webhook_secret: %q, app_id: %q}\n", crmURL, r.crm.Token(), r.crm.WebhookSecret(), r.crm.AppID())
	b.WriteString(o.extra)
	b.WriteString("mappings:\n")
	if o.mappings != "" {
		b.WriteString(o.mappings)
	} else {
		fmt.Fprintf(&b, contactsMapping, "contacts", "crm")
	}
	r.config = filepath.Join(r.dir, "lockstep.yaml")
	if err := os.WriteFile(r.config, []byte(b.String()), 0o600); err != nil {
		r.t.Fatal(err)
	}
	r.log = &logBuffer{}
	r.hook(r.crm, "crm")
}

func (r *rig) hook(crm *hubspot.Server, connection string) {
	r.t.Helper()
	if err := crm.SetWebhook("http://" + r.listen + "/webhooks/" + connection); err != nil {
		r.t.Fatal(err)
	}
}

// start runs lockstep and waits until it is ready.
func (r *rig) start(args ...string) {
	r.t.Helper()
	r.launch(args...)
	r.eventually("lockstep is ready", func() error {
		select {
		case err := <-r.ended:
			r.ended <- err
			r.t.Fatalf("lockstep ended: %v", err)
		default:
		}
		return r.ready()
	})
}

func (r *rig) launch(args ...string) {
	r.t.Helper()
	r.proc = exec.Command(binary, append([]string{"run", "--config", r.config, "--data", filepath.Join(r.dir, "data"), "--listen", r.listen}, args...)...)
	r.proc.Stdout, r.proc.Stderr = r.log, r.log
	r.proc.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := r.proc.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.ended = make(chan error, 1)
	go func(p *exec.Cmd, ended chan error) { ended <- p.Wait() }(r.proc, r.ended)
}

func (r *rig) ready() error {
	status, body, err := get("http://" + r.listen + "/readyz")
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return fmt.Errorf("readyz answers %d: %s", status, body)
	}
	return nil
}

// kill ends lockstep with SIGKILL; stop with SIGTERM.
func (r *rig) kill() { r.signal(syscall.SIGKILL) }
func (r *rig) stop() { r.signal(syscall.SIGTERM) }

func (r *rig) signal(s syscall.Signal) {
	if r.proc == nil {
		return
	}
	if err := r.proc.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		r.t.Error(err)
	}
	select {
	case err := <-r.ended:
		if s == syscall.SIGTERM && err != nil {
			r.t.Errorf("lockstep ended with %v after SIGTERM", err)
		}
	case <-time.After(30 * time.Second):
		r.t.Error("lockstep did not end within 30 s")
		r.proc.Process.Kill()
		<-r.ended
	}
	if r.log.contains("DATA RACE") {
		r.t.Error("the race detector found a race in lockstep")
	}
	r.proc = nil
}

// cli runs another lockstep command and returns its output and exit code.
func (r *rig) cli(args ...string) (stdout, stderr string, code int) {
	r.t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.Command(binary, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		r.t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

func (r *rig) exec(sql string, args ...any) {
	r.t.Helper()
	if _, err := r.db.Exec(r.t.Context(), sql, args...); err != nil {
		r.t.Fatalf("%s: %v", sql, err)
	}
}

// column returns one column of one row as text; "NULL" for null, "no row" without one.
func (r *rig) column(email, expression string) string {
	r.t.Helper()
	var v *string
	err := r.db.QueryRow(context.Background(), "SELECT ("+expression+")::text FROM customers WHERE email = $1", email).Scan(&v)
	switch {
	case err != nil && err.Error() == "no rows in result set":
		return "no row"
	case err != nil:
		return err.Error()
	case v == nil:
		return "NULL"
	}
	return *v
}

// contact returns the live contact with the email, or false.
func contact(crm *hubspot.Server, email string) (hubspot.Record, bool) {
	for _, c := range crm.Records("contacts") {
		if !c.Archived && c.Properties["email"] == email {
			return c, true
		}
	}
	return hubspot.Record{}, false
}

// property returns a property of the contact with the email; "NULL" when it is
// not set, "no contact" without one.
func (r *rig) property(email, name string) string {
	c, ok := contact(r.crm, email)
	if !ok {
		return "no contact"
	}
	if v := c.Properties[name]; v != "" {
		return v
	}
	return "NULL"
}

// equals waits until got returns want.
func (r *rig) equals(what, want string, got func() string) {
	r.t.Helper()
	r.eventually(what, func() error {
		if g := got(); g != want {
			return fmt.Errorf("got %s, want %s", short(g), short(want))
		}
		return nil
	})
}

// eventually waits for a condition, with a deadline that is generous because
// the machine may be busy; how fast things are is the benchmarks' concern.
func (r *rig) eventually(what string, condition func() error) {
	r.t.Helper()
	r.within(2*time.Minute, what, condition) // long, for full machines: a story that holds does not wait
}

func (r *rig) within(limit time.Duration, what string, condition func() error) {
	r.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.Now().Add(limit)
	for {
		err := condition()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("%s: %v\nstatus: %s", what, err, r.statusText())
		}
		<-tick.C
	}
}

// settled waits until nothing is under way any more, on either side. Rest seen
// once proves nothing (a change may be between the log and the status): rest
// counts when it was seen before and after the reader passed a mark in the log,
// with no change handled in between. The end of the log would be no mark, as
// other stories write to the same server.
func (r *rig) settled() {
	r.t.Helper()
	var mark string
	var handled uint64
	r.eventually("everything settles", func() error {
		var behind int64
		if mark != "" {
			if err := r.db.QueryRow(context.Background(), "SELECT coalesce(max($1::text::pg_lsn - confirmed_flush_lsn), 0)::bigint FROM pg_replication_slots WHERE database = current_database()", mark).Scan(&behind); err != nil {
				return err
			}
		}
		n, err := r.atRest()
		switch {
		case err != nil:
			mark = ""
			return err
		case mark == "" || n != handled:
			handled = n
			if mark, err = r.mark(); err != nil {
				return err
			}
			return errors.New("at rest, but the log is not read to its end")
		case behind > 0:
			return fmt.Errorf("the slot is %d bytes behind", behind)
		}
		return nil
	})
}

// mark writes a message to the log, flushed: the servers commit
// asynchronously, and what is not flushed is in no log yet.
func (r *rig) mark() (lsn string, err error) {
	if _, err = r.db.Exec(context.Background(), "BEGIN; SET LOCAL synchronous_commit = on; SELECT pg_logical_emit_message(true, '', ''); COMMIT"); err != nil {
		return "", err
	}
	return lsn, r.db.QueryRow(context.Background(), "SELECT pg_current_wal_flush_lsn()::text").Scan(&lsn)
}

// atRest says what is still under way, and how many changes were handled.
func (r *rig) atRest() (handled uint64, err error) {
	if w := r.crm.Webhooks(); w.Pending > 0 {
		return 0, fmt.Errorf("%d webhook events are not delivered", w.Pending)
	}
	s, err := r.status()
	if err != nil {
		return 0, err
	}
	for _, m := range s.Mappings {
		if m.Waiting+uint64(m.UnderWay) > 0 {
			return 0, fmt.Errorf("mapping %s has %d changes waiting, %d under way", m.Name, m.Waiting, m.UnderWay)
		}
		handled += m.Changes
	}
	return handled, nil
}

// statusReport is the part of /api/status that the stories look at.
type statusReport struct {
	Ready    bool     `json:"ready"`
	Problems []string `json:"problems"`
	Notices  []string `json:"notices"`
	Mappings []struct {
		Name     string `json:"name"`
		State    string `json:"state"`
		Problem  string `json:"problem"`
		Waiting  uint64 `json:"waiting"`
		UnderWay int    `json:"under_way"`
		Changes  uint64 `json:"changes"`
		Parked   int64  `json:"parked"`
	} `json:"mappings"`
	Parked []struct{ Kind, Message, Field string } `json:"parked"`
}

func (r *rig) status() (s statusReport, err error) {
	code, body, err := get("http://" + r.listen + "/api/status")
	if err != nil {
		return s, err
	}
	if code != http.StatusOK {
		return s, fmt.Errorf("status answers %d: %s", code, body)
	}
	return s, json.Unmarshal(body, &s)
}

func (r *rig) statusText() string {
	_, body, err := get("http://" + r.listen + "/api/status")
	if err != nil {
		return err.Error()
	}
	return string(body)
}

func get(url string) (int, []byte, error) {
	client := http.Client{Timeout: 10 * time.Second}
	res, err := client.Get(url)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	return res.StatusCode, body, err
}

func openDatabase(t *testing.T, url string) *pgxpool.Pool {
	t.Helper()
	db, err := pgxpool.New(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

func short(s string) string {
	if len(s) > 200 {
		return fmt.Sprintf("%q… (%d bytes)", s[:200], len(s))
	}
	return fmt.Sprintf("%q", s)
}

// logBuffer keeps what lockstep prints.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) contains(s string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Contains(l.b.Bytes(), []byte(s))
}

func (l *logBuffer) tail(n int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.b.Bytes()
	if len(b) > n {
		b = b[len(b)-n:]
	}
	return string(b)
}
