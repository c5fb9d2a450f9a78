package postgres_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/schemas/event"
	"github.com/lockstep-sync/lockstep/testenv"
	server "github.com/lockstep-sync/lockstep/testenv/postgres"
	"github.com/lockstep-sync/lockstep/writeback/postgres"
)

func TestARestartOfTheServerIsSurvived(t *testing.T) {
	t.Parallel()
	s, err := server.Start(context.Background(), server.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	r := rigOn(t, s.URL(), postgres.Options{}, customers+`; INSERT INTO customers (name) VALUES ('Ann')`)
	r.stands(r.one(update(1, rec("name", "1"), rec("name", "Ann"))))
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	if f := r.refused(r.one(update(1, rec("name", "2"), rec("name", "1"))), event.Transient); f.Message == "" {
		t.Errorf("got %+v", f)
	}
	if err := s.StartAgain(r.ctx); err != nil {
		t.Fatal(err)
	}
	r.stands(r.one(update(1, rec("name", "2"), rec("name", "1"))))
	if err := s.Restart(r.ctx); err != nil {
		t.Fatal(err)
	}
	r.stands(r.one(update(1, rec("name", "3"), rec("name", "2")))) // the idle session is dead: nobody notices
}

func TestKilledSessionsAndCutNetworks(t *testing.T) {
	t.Parallel()
	base := server.Database(t, 0)
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	proxy, err := testenv.NewProxy(u.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = proxy.Close() })
	through, err := proxy.URL(base)
	if err != nil {
		t.Fatal(err)
	}
	r := rigOn(t, base, postgres.Options{URL: through}, customers+`; INSERT INTO customers (name) VALUES ('Ann')`)
	n := 0
	write := func(ctx context.Context) event.Result {
		n++
		return r.Apply(ctx, []event.Write{update(1, rec("name", n), event.Record{})})[0]
	}
	r.stands(write(r.ctx))
	r.sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'lockstep' AND datname = current_database()`)
	r.stands(write(r.ctx))
	proxy.Cut()
	r.refused(write(r.ctx), event.Transient)
	if _, err := r.Read(r.ctx, "public.customers", []event.Key{event.KeyOf("1")}, nil); err == nil || err.(*event.Fault).Class != event.Transient {
		t.Errorf("a read over a cut network: %v", err)
	}
	if err := proxy.Restore(); err != nil {
		t.Fatal(err)
	}
	r.stands(write(r.ctx))
	proxy.Pause()
	short, cancel := context.WithTimeout(r.ctx, 300*time.Millisecond)
	defer cancel()
	start := time.Now()
	r.refused(write(short), event.Transient)
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("a silent network held the call for %v", took)
	}
	proxy.Resume()
	r.stands(write(r.ctx))
	r.Close()
	r.refused(write(r.ctx), event.Transient)
}

func TestAConnectionThatIsRefusedIsUnauthorized(t *testing.T) {
	t.Parallel()
	r := newRig(t, 0, customers+`; INSERT INTO customers (name) VALUES ('Ann')`)
	role := "reader_" + strings.TrimPrefix(r.ask(`SELECT current_database()`), "a_")[:8] + fmt.Sprint(time.Now().UnixNano())
	r.sql(`CREATE ROLE ` + role + ` LOGIN; GRANT SELECT ON customers TO ` + role)
	t.Cleanup(func() { _, _ = r.app.Exec(context.Background(), `DROP OWNED BY `+role+`; DROP ROLE `+role) })
	with := func(user, database, more string) *postgres.Applier {
		u, err := url.Parse(r.url)
		if err != nil {
			t.Fatal(err)
		}
		if u.User = url.UserPassword(user, "S3cret!"); database != "" {
			u.Path = "/" + database
		}
		return applier(t, postgres.Options{Connection: "app", URL: u.String() + more})
	}
	w := []event.Write{update(1, rec("name", "Bob"), event.Record{})}
	for name, c := range map[string]struct {
		a    *postgres.Applier
		want event.Class
		code string
	}{
		"no such role":          {with("nobody_"+role, "", ""), event.Unauthorized, "28000"},
		"no such database":      {with(role, "nowhere", ""), event.Unauthorized, "3D000"},
		"a role that may read":  {with(role, "", ""), event.Rejected, "42501"},
		"read-only by its role": {with("postgres", "", "&default_transaction_read_only=on"), event.Unauthorized, "25006"},
	} {
		f := r.refused(c.a.Apply(r.ctx, w)[0], c.want)
		if f.Code != c.code || strings.Contains(f.Error(), "S3cret") {
			t.Errorf("%s: %v, want %s without the password", name, f, c.code)
		}
	}
	got, err := with(role, "", "").Lookup(r.ctx, "public.customers", "name", []string{"Ann"}, []string{"name"})
	if err != nil || len(got) != 1 || !got[0].Floor.IsZero() {
		t.Errorf("a role that may read reads %+v, %v", got, err)
	}
	if _, err := postgres.New(postgres.Options{Connection: "app", URL: "postgres://u:S3cret!@h:port/x"}); err == nil || strings.Contains(err.Error(), "S3cret") {
		t.Errorf("a bad url is told as %v", err)
	}
}

func TestAStandbyRefusesWritesAndServesReads(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	primary, err := server.Start(ctx, server.Options{Version: 16, Fast: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = primary.Stop() })
	r := rigOn(t, primary.URL(), postgres.Options{}, customers+`; INSERT INTO customers (name) VALUES ('Ann')`)
	standby, err := primary.Standby(ctx, server.Options{Fast: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = standby.Stop() })
	a := applier(t, postgres.Options{Connection: "app", URL: standby.URL()})
	for _, w := range []event.Write{update(1, rec("name", "Bob"), event.Record{}), create(rec("name", "Cy")), remove(1, event.Record{})} {
		if f := r.refused(a.Apply(r.ctx, []event.Write{w})[0], event.Unauthorized); !strings.Contains(f.Message, "url of the primary") {
			t.Errorf("got %v, want advice", f)
		}
	}
	got, err := a.Read(r.ctx, "public.customers", []event.Key{event.KeyOf("1")}, []string{"name"})
	if err != nil || len(got) != 1 || got[0].Record.Get("name").Text != "Ann" || !got[0].Floor.IsZero() {
		t.Errorf("read %+v, %v", got, err)
	}
}

// A pooler that shares sessions cannot keep prepared statements or settings.
func TestWithoutPreparedStatements(t *testing.T) {
	t.Parallel()
	base := server.Database(t, 0)
	r := rigOn(t, base, postgres.Options{URL: base + "&default_query_exec_mode=exec"}, customers)
	r.sql(`ALTER DATABASE ` + r.ask(`SELECT quote_ident(current_database())`) + ` SET timezone = 'Asia/Kolkata'`)
	w := create(rec("updated_at", "2024-01-01T00:00:00Z"))
	if got := r.stands(r.one(w)).After.Get("updated_at").Text; got != "2024-01-01T00:00:00Z" {
		t.Errorf("stored as %s", got)
	}
	r.stands(r.one(update(1, rec("name", "Ann"), rec("updated_at", "2024-01-01T00:00:00Z"))))
}

func TestMoreStatementsThanASessionKeeps(t *testing.T) {
	t.Parallel()
	r := rigOn(t, server.Database(t, 0), postgres.Options{Connections: 1}, `CREATE TABLE customers (id int PRIMARY KEY, c0 int, c1 int, c2 int, c3 int, c4 int, c5 int, c6 int, c7 int, c8 int, c9 int);
		INSERT INTO customers (id) VALUES (1)`)
	for start := 1; start < 1000; start += 100 {
		var writes []event.Write
		for mask := start; mask < start+100; mask++ {
			var set event.Record
			for bit := range 10 {
				if mask&(1<<bit) != 0 {
					set.Put(fmt.Sprint("c", bit), event.String(fmt.Sprint(mask)))
				}
			}
			writes = append(writes, update(1, set, event.Record{}))
		}
		for _, res := range r.Apply(r.ctx, writes) {
			r.stands(res)
		}
	}
	r.want("1000,999,991", `SELECT c3 || ',' || c0 || ',' || c4 FROM customers`)
}
