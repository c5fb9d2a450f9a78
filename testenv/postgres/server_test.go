package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/lockstep-sync/lockstep/testenv"
	"github.com/lockstep-sync/lockstep/testenv/postgres"
)

func TestMain(m *testing.M) { testenv.Main(m) }

func TestEveryVersionDecodesItsLogAndSurvivesACrash(t *testing.T) {
	t.Parallel()
	for _, version := range postgres.Versions() {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			t.Parallel()
			ctx := patience(t)
			s := start(t, postgres.Options{Version: version})
			if got := query(t, s.URL(), `SHOW server_version_num`); !strings.HasPrefix(got, fmt.Sprint(version)) {
				t.Fatalf("server_version_num = %s, want %d", got, version)
			}
			if got := query(t, s.URL(), `SHOW fsync`); got != "on" {
				t.Errorf("fsync = %s, want on", got)
			}
			query(t, s.URL(), `SELECT slot_name::text FROM pg_create_logical_replication_slot('orders', 'pgoutput')`)
			query(t, s.URL(), `CREATE TABLE kept AS SELECT 7 AS n`)

			port := s.Port()
			if err := s.Kill(); err != nil {
				t.Fatal(err)
			}
			if _, err := pgx.Connect(ctx, s.URL()); err == nil {
				t.Fatal("a killed server takes connections")
			}
			if err := s.StartAgain(ctx); err != nil {
				t.Fatal(err)
			}
			if s.Port() != port {
				t.Errorf("port after the crash = %d, want %d", s.Port(), port)
			}
			if got := query(t, s.URL(), `SELECT n::text FROM kept`); got != "7" {
				t.Errorf("row after the crash = %s, want 7", got)
			}
			if got := query(t, s.URL(), `SELECT plugin::text FROM pg_replication_slots`); got != "pgoutput" {
				t.Errorf("slot's plugin after the crash = %s, want pgoutput", got)
			}
		})
	}
}

func TestStopAndStart(t *testing.T) {
	t.Parallel()
	t.Run("a restart keeps data and ALTER SYSTEM", func(t *testing.T) {
		t.Parallel()
		s := start(t, postgres.Options{Fast: true, Settings: map[string]string{"work_mem": "5MB"}})
		query(t, s.URL(), `ALTER SYSTEM SET wal_sender_timeout = '7s'`)
		if err := s.Restart(patience(t)); err != nil {
			t.Fatal(err)
		}
		if got := query(t, s.URL(), `SHOW wal_sender_timeout`); got != "7s" {
			t.Errorf("wal_sender_timeout = %s, want 7s", got)
		}
		if got := query(t, s.URL(), `SHOW work_mem`); got != "5MB" {
			t.Errorf("work_mem = %s, want 5MB", got)
		}
	})
	t.Run("a private directory is gone after Stop, and the server stays down", func(t *testing.T) {
		t.Parallel()
		s := start(t, postgres.Options{Fast: true})
		if err := s.Stop(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(s.Dir()); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("directory after Stop: %v, want it gone", err)
		}
		if err := s.StartAgain(patience(t)); err == nil {
			t.Error("a server stopped for good starts again")
		}
	})
	t.Run("data and port outlive a server on a directory of the caller's", func(t *testing.T) {
		t.Parallel()
		dir := filepath.Join(t.TempDir(), "kept")
		first := start(t, postgres.Options{Dir: dir})
		query(t, first.URL(), `CREATE TABLE kept AS SELECT 1`)
		if err := first.Stop(); err != nil {
			t.Fatal(err)
		}
		second := start(t, postgres.Options{Dir: dir})
		if second.Port() != first.Port() {
			t.Errorf("port = %d, want the last one, %d", second.Port(), first.Port())
		}
		query(t, second.URL(), `SELECT count(*)::text FROM kept`)
		if err := second.Stop(); err != nil {
			t.Fatal(err)
		}
		_, err := postgres.Start(patience(t), postgres.Options{Version: 16, Dir: dir})
		if err == nil || !strings.Contains(err.Error(), "holds data of PostgreSQL 15, not 16") {
			t.Errorf("start of another version on the directory: %v", err)
		}
	})
	t.Run("a setting that the server refuses comes back with its words", func(t *testing.T) {
		t.Parallel()
		_, err := postgres.Start(patience(t), postgres.Options{Settings: map[string]string{"wal_level": "most"}})
		if err == nil || !strings.Contains(err.Error(), `invalid value for parameter "wal_level"`) {
			t.Errorf("start with a wrong setting: %v", err)
		}
	})
	t.Run("an unknown version is refused with the known ones", func(t *testing.T) {
		t.Parallel()
		_, err := postgres.Start(patience(t), postgres.Options{Version: 9})
		if err == nil || !strings.Contains(err.Error(), "[14 15 16 17 18]") {
			t.Errorf("start of version 9: %v", err)
		}
	})
}

func TestAnIdentityOfItsOwn(t *testing.T) {
	t.Parallel()
	const identifier = `SELECT system_identifier::text FROM pg_control_system()`
	a := start(t, postgres.Options{Fast: true, OwnIdentity: true})
	b := start(t, postgres.Options{Fast: true, OwnIdentity: true})
	if one, other := query(t, a.URL(), identifier), query(t, b.URL(), identifier); one == other {
		t.Errorf("both servers are %s, want two identities", one)
	}
}

func TestDatabase(t *testing.T) {
	t.Parallel()
	var dropped string
	t.Run("tests share a server and nothing else", func(t *testing.T) {
		one, other := postgres.Database(t, 0), postgres.Database(t, 0)
		query(t, one, `CREATE TABLE here AS SELECT 1`)
		if got := query(t, other, `SELECT count(*)::text FROM pg_tables WHERE tablename = 'here'`); got != "0" {
			t.Errorf("tables of the other database = %s, want 0", got)
		}
		dropped = query(t, one, `SELECT current_database()::text`)
		query(t, one, `SELECT slot_name::text FROM pg_create_logical_replication_slot('left_behind', 'pgoutput')`)
	})
	s := postgres.ForTest(t, 0)
	if got := query(t, s.URL(), `SELECT count(*)::text FROM pg_database WHERE datname = '`+dropped+`'`); got != "0" {
		t.Errorf("databases %s after its test = %s, want 0", dropped, got)
	}
	if got := query(t, s.URL(), `SELECT count(*)::text FROM pg_replication_slots WHERE slot_name = 'left_behind'`); got != "0" {
		t.Errorf("slots after their test = %s, want 0", got)
	}
}

func start(t *testing.T, o postgres.Options) *postgres.Server {
	t.Helper()
	s, err := postgres.Start(patience(t), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func patience(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// query returns the one value of a query, or nothing for a statement.
func query(t *testing.T, url, sql string) string {
	t.Helper()
	ctx := patience(t)
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(ctx)
	rows, err := c.Query(ctx, sql)
	if err != nil {
		t.Fatal(err)
	}
	var value string
	for rows.Next() {
		if err := rows.Scan(&value); err != nil {
			t.Fatal(err)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return value
}
