package ddl_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/lockstep-sync/lockstep/schemas/ddl"
	server "github.com/lockstep-sync/lockstep/testenv/postgres"
)

// read reads the slot as somebody would.
func read(t *testing.T, db database, w ddl.Want) *pgconn.PgConn {
	t.Helper()
	c, err := pgconn.Connect(patience(t), db.url+"&replication=database&application_name=reader")
	if err != nil {
		t.Fatal(err)
	}
	err = pglogrepl.StartReplication(patience(t), c, w.Slot, 0, pglogrepl.StartReplicationOptions{
		PluginArgs: []string{"proto_version '1'", `publication_names '"` + w.Publication + `"'`}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(context.Background()) })
	return c
}

func TestCheckTellsAllAtOnce(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db database) {
		role := "role_" + db.name
		db.exec(t, people, `CREATE TABLE keyless (v text)`, `CREATE VIEW seen AS SELECT * FROM people`, `CREATE UNLOGGED TABLE fast (id int PRIMARY KEY)`,
			`CREATE TABLE made (id int PRIMARY KEY, twice int GENERATED ALWAYS AS (id * 2) STORED)`,
			`CREATE TABLE odd (id int PRIMARY KEY, code text NOT NULL UNIQUE)`, `ALTER TABLE odd REPLICA IDENTITY USING INDEX odd_code_key`,
			`CREATE TABLE hidden (id int PRIMARY KEY)`, `ALTER TABLE hidden ENABLE ROW LEVEL SECURITY`,
			`CREATE TABLE mixed (id int PRIMARY KEY) PARTITION BY RANGE (id)`, `CREATE TABLE mixed_1 PARTITION OF mixed FOR VALUES FROM (0) TO (9)`,
			`ALTER TABLE mixed REPLICA IDENTITY FULL`,
			`CREATE ROLE `+role+` LOGIN`, `GRANT SELECT ON people, keyless, seen, made, odd, hidden, mixed TO `+role, `GRANT INSERT (email) ON people TO `+role)
		t.Cleanup(func() { db.exec(t, `DROP OWNED BY `+role, `DROP ROLE `+role) })
		u, err := url.Parse(db.url)
		if err != nil {
			t.Fatal(err)
		}
		u.User = url.User(role)
		w := db.want(
			ddl.TableWant{Name: "public.people", Columns: []string{"id", "emial"}, Write: true},
			ddl.TableWant{Name: "public.poeple"}, ddl.TableWant{Name: "public.keyless"}, ddl.TableWant{Name: "public.seen"}, ddl.TableWant{Name: "public.fast"},
			ddl.TableWant{Name: "public.made", Columns: []string{"twice"}}, ddl.TableWant{Name: "public.odd"}, ddl.TableWant{Name: "public.hidden"},
			ddl.TableWant{Name: "public.mixed"})
		problems, err := ddl.Check(patience(t), u.String(), w)
		if err != nil {
			t.Fatal(err)
		}
		mentions(t, problems, "", "replication connection is refused", "ALTER ROLE", "REPLICATION")
		mentions(t, problems, "public.people", "no such column", "did you mean email?")
		mentions(t, problems, "public.people", "may not INSERT id", "GRANT INSERT")
		mentions(t, problems, "public.people", "may not UPDATE id", "GRANT UPDATE")
		mentions(t, problems, "public.people", "may not DELETE", "GRANT DELETE")
		mentions(t, problems, "public.people", "does not own", "CREATE PUBLICATION")
		mentions(t, problems, "public.poeple", "no such table", "did you mean public.people?")
		mentions(t, problems, "public.keyless", "no replica identity", "UPDATE and DELETE on it would fail")
		mentions(t, problems, "public.seen", "a view")
		mentions(t, problems, "public.fast", "unlogged")
		mentions(t, problems, "public.fast", "may not SELECT id")
		mentions(t, problems, "public.odd", "index without the primary key")
		mentions(t, problems, "public.hidden", "row security")
		mentions(t, problems, "public.mixed_1", "replica identity (DEFAULT)", "(FULL)")
		mentions(t, problems, w.Publication, "may not create a publication")
		if db.version < 18 {
			mentions(t, problems, "public.made", "generated column")
		}
		if got := db.remains(t); got != "0 publications, 0 slots" {
			t.Errorf("Check left %s behind", got)
		}
		var refused *ddl.Refused
		if _, err := ddl.Install(patience(t), db.url, w); !errors.As(err, &refused) {
			t.Errorf("Install = %v, want it refused", err)
		}
		if got := db.remains(t); got != "0 publications, 0 slots" {
			t.Errorf("a refused Install left %s behind", got)
		}
	})
}

func TestCheckOfASoundDatabaseHasNothingToSay(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db database) {
		db.exec(t, people, `CREATE SCHEMA "Über.x"`, `CREATE TABLE "Über.x"."a ""b""" (id int PRIMARY KEY)`)
		w := db.want(ddl.TableWant{Name: "public.people", Columns: []string{"id", "email"}, Write: true}, ddl.TableWant{Name: `"Über.x"."a ""b"""`})
		for _, when := range []string{"before", "after"} {
			if problems, err := ddl.Check(patience(t), db.url, w); err != nil || len(problems) > 0 {
				t.Errorf("Check %s Install = %v, %v; want nothing", when, problems, err)
			}
			db.install(t, w)
		}
	})
}

func TestARoleWithJustWhatIsNeededCanInstall(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db database) {
		role := "owner_" + db.name
		db.exec(t, people, `CREATE ROLE `+role+` LOGIN REPLICATION`, `ALTER TABLE people OWNER TO `+role, `GRANT CREATE ON DATABASE "`+db.name+`" TO `+role)
		t.Cleanup(func() { db.exec(t, `DROP OWNED BY `+role, `DROP ROLE `+role) })
		u, err := url.Parse(db.url)
		if err != nil {
			t.Fatal(err)
		}
		u.User = url.User(role)
		w := db.want(ddl.TableWant{Name: "public.people", Columns: []string{"email"}, Filter: "id > 0", Write: true})
		if problems, err := ddl.Check(patience(t), u.String(), w); err != nil || len(problems) > 0 {
			t.Errorf("Check = %v, %v; want nothing", problems, err)
		}
		if _, err := ddl.Install(patience(t), u.String(), w); err != nil {
			t.Error(err)
		}
		if _, err := ddl.Uninstall(patience(t), u.String(), w); err != nil {
			t.Error(err)
		}
	})
}

func TestAServerThatIsNotReadyForIt(t *testing.T) {
	t.Parallel()
	s, err := server.Start(patience(t), server.Options{Fast: true, Settings: map[string]string{"wal_level": "replica", "max_wal_senders": "0", "max_replication_slots": "0"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	problems, err := ddl.Check(patience(t), s.URL(), ddl.Want{Connection: "app"})
	if err != nil {
		t.Fatal(err)
	}
	mentions(t, problems, "", "wal_level is replica", "restart")
	mentions(t, problems, "", "max_wal_senders")
	mentions(t, problems, "lockstep_app", "all 0 replication slots are in use")
}

func TestASlotThatIsNotOurs(t *testing.T) {
	t.Parallel()
	db, other := fresh(t, 0), fresh(t, 0)
	db.exec(t, people)
	w := db.want(ddl.TableWant{Name: "public.people"})
	other.exec(t, "SELECT pg_create_logical_replication_slot('"+w.Slot+"', 'pgoutput')")
	problems, err := ddl.Check(patience(t), db.url, w)
	if err != nil {
		t.Fatal(err)
	}
	mentions(t, problems, w.Slot, "belongs to database "+other.name)
	if _, err := ddl.Uninstall(patience(t), db.url, w); err == nil || !strings.Contains(err.Error(), "not ours") {
		t.Errorf("Uninstall = %v, want a refusal", err)
	}
	if got := other.remains(t); got != "0 publications, 1 slots" {
		t.Errorf("the other database has %s, want its slot", got)
	}
	var refused *ddl.Refused
	if _, err := ddl.Install(patience(t), db.url, w); !errors.As(err, &refused) {
		t.Errorf("Install = %v, want a refusal", err)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, connection := range []string{"app", "App", "a-b", "a_b", "ünïcode", "", strings.Repeat("x", 80), strings.Repeat("x", 81)} {
		name := ddl.Name(connection)
		if len(name) > 63 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
			t.Errorf("Name(%q) = %q, which is no slot's name", connection, name)
		}
		if twin, taken := seen[name]; taken {
			t.Errorf("connections %q and %q share the name %q", connection, twin, name)
		}
		seen[name] = connection
	}
	if got := ddl.Name("app"); got != "lockstep_app" {
		t.Errorf("Name(app) = %q, want lockstep_app", got)
	}
}
