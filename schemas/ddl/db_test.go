package ddl_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lockstep-sync/lockstep/schemas/ddl"
	"github.com/lockstep-sync/lockstep/testenv"
	server "github.com/lockstep-sync/lockstep/testenv/postgres"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// database is a fresh database of one version.
type database struct {
	url, name string
	version   int
}

func onEach(t *testing.T, test func(t *testing.T, db database)) {
	t.Helper()
	for _, version := range server.Versions() {
		t.Run(fmt.Sprint("PostgreSQL ", version), func(t *testing.T) {
			t.Parallel()
			test(t, fresh(t, version))
		})
	}
}

func fresh(t *testing.T, version int) database {
	t.Helper()
	address := server.Database(t, version)
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return database{url: address, name: strings.TrimPrefix(u.Path, "/"), version: version}
}

// want names publication and slot after the database: slots are the server's.
func (d database) want(tables ...ddl.TableWant) ddl.Want {
	return ddl.Want{Connection: "app", Publication: "Lockstep " + d.name, Slot: ddl.Name(d.name), Tables: tables}
}

func patience(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func (d database) exec(t *testing.T, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if err := d.try(t, s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

func (d database) try(t *testing.T, statement string) error {
	t.Helper()
	ctx := patience(t)
	c, err := pgx.Connect(ctx, d.url)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(ctx)
	_, err = c.Exec(ctx, statement)
	return err
}

func (d database) value(t *testing.T, sql string, args ...any) (out string) {
	t.Helper()
	ctx := patience(t)
	c, err := pgx.Connect(ctx, d.url)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(ctx)
	if err := c.QueryRow(ctx, sql, args...).Scan(&out); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return out
}

// remains is everything of ours that is on the database.
func (d database) remains(t *testing.T) string {
	t.Helper()
	return d.value(t, `SELECT (SELECT count(*) FROM pg_publication)::text || ' publications, ' ||
		(SELECT count(*) FROM pg_replication_slots WHERE database = current_database())::text || ' slots'`)
}

func (d database) install(t *testing.T, w ddl.Want) ddl.Installed {
	t.Helper()
	done, err := ddl.Install(patience(t), d.url, w)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

// listed is the column list and filter of a table, as the server has them.
func (d database) listed(t *testing.T, table string) string {
	t.Helper()
	if d.version < 15 {
		return "all"
	}
	return d.value(t, `SELECT coalesce((SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute
		WHERE attrelid = prrelid AND attnum = ANY (prattrs::int2[])), 'all') || coalesce(' where ' || pg_get_expr(prqual, prrelid), '')
		FROM pg_publication_rel WHERE prrelid = $1::regclass`, table)
}

// mentions fails unless a problem is about the object and says the words.
func mentions(t *testing.T, problems []ddl.Problem, object string, words ...string) {
	t.Helper()
	for _, p := range problems {
		found := p.Object == object
		for _, w := range words {
			found = found && strings.Contains(p.String(), w)
		}
		if found {
			return
		}
	}
	t.Errorf("no problem of %q says %q in %v", object, words, problems)
}
