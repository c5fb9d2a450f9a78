package postgres_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5"

	"github.com/lockstep-sync/lockstep/cdc"
	"github.com/lockstep-sync/lockstep/cdc/cdctest"
	"github.com/lockstep-sync/lockstep/cdc/postgres"
	"github.com/lockstep-sync/lockstep/schemas/ddl"
	"github.com/lockstep-sync/lockstep/schemas/event"
	"github.com/lockstep-sync/lockstep/schemas/pgform"
	"github.com/lockstep-sync/lockstep/testenv"
	server "github.com/lockstep-sync/lockstep/testenv/postgres"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// harness is cdctest's for one version.
type harness struct{ version int }

func (h harness) Shared(t testing.TB) cdctest.Database {
	return open(t, server.Database(t, h.version), h.version)
}

func (h harness) Own(t testing.TB) (cdctest.Database, func()) {
	s, db := own(t, h.version, nil)
	return db, func() {
		if err := s.Restart(patience(t)); err != nil {
			t.Fatal(err)
		}
	}
}

// own is a database on a server of the test's own.
func own(t testing.TB, version int, settings map[string]string) (*server.Server, *database) {
	s, err := server.Start(patience(t), server.Options{Version: version, Fast: true, Settings: settings})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s, open(t, s.URL(), version)
}

// database is one database under test; slots are the server's, so each has its
// own name.
type database struct {
	url, slot string
	version   int
	proxy     *testenv.Proxy
	want      ddl.Want
}

func open(t testing.TB, address string, version int) *database {
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	proxy, err := testenv.NewProxy(u.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := proxy.Close(); err != nil {
			t.Error(err)
		}
	})
	return &database{url: address, version: version, proxy: proxy, slot: ddl.Name(strings.TrimPrefix(u.Path, "/"))}
}

func patience(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// with runs f on a connection of its own.
func (d *database) with(t testing.TB, f func(context.Context, *pgx.Conn) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := pgx.Connect(ctx, d.url)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(ctx)
	// So that what was executed is flushed, and End tells of it.
	if _, err := c.Exec(ctx, "SET synchronous_commit = on"); err != nil {
		t.Fatal(err)
	}
	if err := f(ctx, c); err != nil {
		t.Fatal(err)
	}
}

func (d *database) Exec(t testing.TB, statements ...string) {
	t.Helper()
	d.with(t, func(ctx context.Context, c *pgx.Conn) error {
		for _, s := range statements {
			if _, err := c.Exec(ctx, s); err != nil {
				return fmt.Errorf("%.100s: %w", s, err)
			}
		}
		return nil
	})
}

func (d *database) Transaction(t testing.TB, statements ...string) {
	t.Helper()
	d.with(t, func(ctx context.Context, c *pgx.Conn) error {
		return pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error {
			for _, s := range statements {
				if _, err := tx.Exec(ctx, s); err != nil {
					return fmt.Errorf("%.100s: %w", s, err)
				}
			}
			return nil
		})
	})
}

// value is the first value of a query, as text.
func (d *database) value(t testing.TB, sql string) (out string) {
	t.Helper()
	d.with(t, func(ctx context.Context, c *pgx.Conn) error { return c.QueryRow(ctx, sql).Scan(&out) })
	return out
}

func (d *database) Install(t testing.TB, tables ...string) {
	t.Helper()
	d.want = ddl.Want{Connection: cdctest.Connection, Publication: d.slot, Slot: d.slot}
	for _, table := range tables {
		d.want.Tables = append(d.want.Tables, ddl.TableWant{Name: pgform.JoinTable("public", table)})
	}
	if _, err := ddl.Install(patience(t), d.url, d.want); err != nil {
		t.Fatal(err)
	}
}

func (d *database) options(t testing.TB, columns map[string][]string) postgres.Options {
	t.Helper()
	through, err := d.proxy.URL(d.url)
	if err != nil {
		t.Fatal(err)
	}
	return postgres.Options{Connection: cdctest.Connection, URL: through, Publication: d.slot, Slot: d.slot, Columns: columns,
		StatusInterval: 200 * time.Millisecond, SilenceLimit: 2 * time.Second, ConnectTimeout: 5 * time.Second}
}

func (d *database) Reader(t testing.TB, columns map[string][]string) cdc.Reader {
	t.Helper()
	r, err := postgres.New(d.options(t, columns))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (d *database) Network() *testenv.Proxy { return d.proxy }

func (d *database) Confirmed(t testing.TB) event.Position {
	t.Helper()
	return position(t, d.value(t, "SELECT confirmed_flush_lsn::text FROM pg_replication_slots WHERE slot_name = '"+d.slot+"'"))
}

func (d *database) End(t testing.TB) event.Position {
	t.Helper()
	return position(t, d.value(t, "SELECT pg_current_wal_flush_lsn()::text"))
}

func position(t testing.TB, lsn string) event.Position {
	t.Helper()
	n, err := pglogrepl.ParseLSN(lsn)
	if err != nil {
		t.Fatal(err)
	}
	return event.Position{Major: uint64(n)}
}

func (d *database) Dialect() cdctest.Dialect {
	return cdctest.Dialect{
		Object: func(table string) string { return pgform.JoinTable("public", table) },
		Quote:  pgform.QuoteIdent,
		Rename: func(table, from, to string) string {
			return fmt.Sprintf("ALTER TABLE %s RENAME COLUMN %s TO %s", table, from, to)
		},
		FullImages: func(table string) string { return "ALTER TABLE " + table + " REPLICA IDENTITY FULL" },
		Many: func(table string, from, n int) string {
			return fmt.Sprintf("INSERT INTO %s (id, name) SELECT i, repeat('x', 1000) FROM generate_series(%d, %d) i", table, from, from+n-1)
		},
		Origin: func(o event.Origin) string { return emit(o) },
		Elsewhere: []string{"CREATE TABLE IF NOT EXISTS unpublished (v text)", "INSERT INTO unpublished SELECT repeat('x', 1000) FROM generate_series(1, 100)",
			"SELECT pg_switch_wal()"},
		Types: types,
	}
}

// emit is the statement with which writeback tags a transaction.
func emit(o event.Origin) string {
	content, err := json.Marshal(map[string]string{"origin": o.Connection, "change": o.Change})
	if err != nil {
		panic(err) // a map of strings has JSON
	}
	return "SELECT pg_logical_emit_message(true, 'lockstep', '" + strings.ReplaceAll(string(content), "'", "''") + "')"
}

var types = []cdctest.Type{
	{Name: "smallint", Kind: event.Int, Values: same("-32768", "32767")},
	{Name: "bigint", Kind: event.Int, Values: same("9223372036854775807", "-9223372036854775808")},
	{Name: "numeric", Kind: event.Decimal, Values: texts("12345678901234567890.123456789012345678901234567890", "1.10", "NaN", "Infinity")},
	{Name: "numeric(12,2)", Kind: event.Decimal, Values: texts("0.10", "-9999999999.99")},
	{Name: "float8", Kind: event.Float, Values: texts("0.1", "1e-07", "NaN", "-Infinity", "1.7976931348623157e+308")},
	{Name: "float4", Kind: event.Float, Values: texts("0.1", "3.4028235e+38")},
	{Name: "boolean", Kind: event.Bool, Values: same("true", "false")},
	{Name: "text", Kind: event.Text, Values: append(texts("", "Zoë 🚀", "NULL", `\\x`), cdctest.Text{SQL: "E'a\\nb\\t\"c\\\\'", Want: "a\nb\t\"c\\"})},
	{Name: "char(5)", Kind: event.Text, Values: []cdctest.Text{{SQL: "'ab'", Want: "ab   "}}},
	{Name: "date", Kind: event.Date, Values: texts("2026-11-22", "infinity", "0044-03-15 BC")},
	{Name: "time", Kind: event.Time, Values: texts("23:59:59.999999", "24:00:00")},
	{Name: "timestamp", Kind: event.Local, Values: []cdctest.Text{{SQL: "'2026-11-22 01:02:03.4'", Want: "2026-11-22T01:02:03.4"}}},
	{Name: "timestamptz", Kind: event.Instant, Values: []cdctest.Text{{SQL: "'2026-11-22 01:02:03.456789+05:30'", Want: "2026-11-21T19:32:03.456789Z"},
		{SQL: "'infinity'", Want: "infinity"}}},
	{Name: "uuid", Kind: event.UUID, Values: []cdctest.Text{{SQL: "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", Want: "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"}}},
	{Name: "bytea", Kind: event.Bytes, Values: []cdctest.Text{{SQL: `'\x00ff10'`, Want: "AP8Q"}, {SQL: "''", Want: ""}}},
	{Name: "jsonb", Kind: event.JSON, Values: texts(`{"a": [1, 2.50, null]}`)},
	{Name: "json", Kind: event.JSON, Values: texts(`{"a":  1,"a":2}`)},
	{Name: "int[]", Kind: event.Array, Values: texts("{1,NULL,3}", "{}", "{{1,2},{3,4}}")},
	{Name: "text[]", Kind: event.Array, Values: texts(`{"a b",NULL,"NULL","q\"uote"}`)},
	{Name: "interval", Kind: event.Other, Values: texts("1 year 2 mons 3 days 04:05:06.7")},
	{Name: "inet", Kind: event.Other, Values: texts("192.168.0.1/24")},
	{Name: "tstzrange", Kind: event.Other, Values: texts(`["2026-01-01 00:00:00+00","2026-02-01 00:00:00+00")`)},
	{Name: "money", Kind: event.Other, Values: texts("$1,234.50")},
}

func same(values ...string) (out []cdctest.Text) {
	for _, v := range values {
		out = append(out, cdctest.Text{SQL: v, Want: v})
	}
	return out
}

func texts(values ...string) (out []cdctest.Text) {
	for _, v := range values {
		out = append(out, cdctest.Text{SQL: "'" + strings.ReplaceAll(v, "'", "''") + "'", Want: v})
	}
	return out
}
