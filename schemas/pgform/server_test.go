package pgform_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lockstep-sync/lockstep/schemas/event"
	"github.com/lockstep-sync/lockstep/schemas/pgform"
	"github.com/lockstep-sync/lockstep/testenv"
	"github.com/lockstep-sync/lockstep/testenv/postgres"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// examples are values by type: what SQL makes them.
var examples = map[string][]string{
	"bool":          {"true", "false"},
	"int2":          {"-32768"},
	"int8":          {"9223372036854775807"},
	"oid":           {"4294967295"},
	"numeric":       {"'1e-300'", "'-12345678901234567890.12300'", "'NaN'", "'Infinity'", "repeat('9', 1000)::numeric"},
	"float4":        {"'1e-07'", "3.14159274", "'-0'", "'NaN'", "'-Infinity'"},
	"float8":        {"0.1::float8+0.2::float8", "1e308", "5e-324", "'NaN'"},
	"text":          {"''", "E'a\\n\\t\\\\ \"q\" ''s'' 🚀 Ü'", "repeat('🚀x', 20000)"},
	"bpchar":        {"'ab  '"},
	"\"char\"":      {"'x'"},
	"bytea":         {"''", "'\\x00ff0a5c'", "decode(repeat('00ff', 3000), 'hex')"},
	"date":          {"'infinity'", "'-infinity'", "'0044-03-15 BC'", "'5874897-12-31'", "'2024-02-29'"},
	"time":          {"'24:00'", "'00:00:00.000001'"},
	"timetz":        {"'12:00:00.5+05:30'", "'12:00-15:59:59'"},
	"timestamp":     {"'infinity'", "'4713-11-24 00:00:00.000001 BC'", "'294276-12-31 23:59:59.999999'", "'2024-02-29 00:00'"},
	"timestamptz":   {"'-infinity'", "'4713-11-25 00:00:00+01 BC'", "'294276-12-31 23:59:59.999999Z'", "'2024-06-30 12:00:00.5 Europe/Berlin'"},
	"interval":      {"'-1 year 2 mons -3 days 04:05:06.789'", "'0'"},
	"uuid":          {"'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'"},
	"json":          {"'{\"a\" : [1, 2.50, null], \"a\": \"🚀\"}'"},
	"jsonb":         {"'{\"b\": 1.00, \"a\": [true]}'", "'null'"},
	"xml":           {"'<a b=\"1\">x</a>'"},
	"money":         {"'-1234567.89'"},
	"bit":           {"B'101'"},
	"varbit":        {"B''"},
	"inet":          {"'10.0.0.1/8'", "'::1'"},
	"macaddr8":      {"'08:00:2b:01:02:03:04:05'"},
	"point":         {"'(0.1,-1e-300)'"},
	"path":          {"'[(0,0),(1,1)]'"},
	"circle":        {"'<(1,2),3.5>'"},
	"tsvector":      {"'fat:2 cat:3A ''it''''s'''"},
	"int4range":     {"'[1,5)'", "'empty'"},
	"tstzrange":     {"'[2024-01-01 00:00+02,)'"},
	"text[]":        {"ARRAY['a,b', NULL, 'NULL', '\"', '\\', '']", "'{}'", "'[0:1]={x,y}'", "ARRAY[['a'],['b']]"},
	"bytea[]":       {"ARRAY['\\x00'::bytea]"},
	"timestamptz[]": {"ARRAY['2024-01-01 00:00:00+02'::timestamptz, 'infinity', NULL]"},
	"pg_lsn":        {"'16/B374D848'"},
}

func TestEveryTypeRoundTripsThroughRealServers(t *testing.T) {
	t.Parallel()
	for _, version := range postgres.Versions() {
		t.Run(fmt.Sprint("PostgreSQL ", version), func(t *testing.T) {
			t.Parallel()
			ctx, c := session(t, version)
			for name, values := range examples {
				for _, sql := range values {
					roundTrip(ctx, t, c, name, sql)
				}
			}
		})
	}
}

// roundTrip reads a value, writes it as a parameter and reads it again.
func roundTrip(ctx context.Context, t *testing.T, c *pgx.Conn, name, sql string) {
	t.Helper()
	var oid uint32
	first := c.PgConn().ExecParams(ctx, "SELECT ("+sql+")::"+name, nil, nil, nil, nil)
	var text []byte
	for first.NextRow() {
		oid = first.FieldDescriptions()[0].DataTypeOID
		text = append([]byte{}, first.Values()[0]...)
	}
	if _, err := first.Close(); err != nil {
		t.Errorf("%s %.40s: %v", name, sql, err)
		return
	}
	typ, ok := pgform.Builtin(oid)
	if !ok {
		t.Errorf("%s: type %d is not known", name, oid)
		return
	}
	v := typ.Value(text)
	if back := typ.Input(event.String(v.Text)); back != string(text) {
		t.Errorf("%s: %.60q became %.60q and then %.60q", name, text, v.Text, back)
	}
	again := c.PgConn().ExecParams(ctx, "SELECT $1::"+typ.Name, [][]byte{[]byte(typ.Input(v))}, nil, nil, nil).Read()
	if again.Err != nil {
		t.Errorf("%s: the server refuses its own value %.60q: %v", name, v.Text, again.Err)
		return
	}
	if got := typ.Value(again.Rows[0][0]); got != v {
		t.Errorf("%s: %.60q came back as %.60q", name, v.Text, got.Text)
	}
}

func TestTheBuiltInTypesAreTheServers(t *testing.T) {
	t.Parallel()
	for _, version := range postgres.Versions() {
		t.Run(fmt.Sprint("PostgreSQL ", version), func(t *testing.T) {
			t.Parallel()
			ctx, c := session(t, version)
			// Types that no column of an ordinary table has: pseudo types, catalogs' rows, the planner's own.
			rows, err := c.Query(ctx, `SELECT oid, 'pg_catalog.' || '"' || typname || '"', typcategory, typtype FROM pg_type
				WHERE oid < 10000 AND typtype IN ('b', 'r', 'm') AND typrelid = 0
				AND (typelem = 0 OR (SELECT e.typtype IN ('b', 'r', 'm') AND e.typcategory <> 'Z' FROM pg_type e WHERE e.oid = typelem))
				AND typname !~ '^pg_(node_tree|ndistinct|dependencies|mcv_list|brin.*)$' AND typcategory NOT IN ('P', 'Z')`)
			if err != nil {
				t.Fatal(err)
			}
			var oid uint32
			var name string
			var category, typtype rune
			if _, err := pgx.ForEachRow(rows, []any{&oid, &name, &category, &typtype}, func() error {
				got, ok := pgform.Builtin(oid)
				if !ok {
					t.Errorf("%s (%d) is not known", name, oid)
				} else if got.Name != name || got.OID != oid || (category == 'A') != (got.Kind == event.Array) {
					t.Errorf("%s (%d, category %c) is %+v here", name, oid, category, got)
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestTheServerResolvesOtherTypes(t *testing.T) {
	t.Parallel()
	ctx, c := session(t, 0)
	if _, err := c.Exec(ctx, `CREATE SCHEMA "Ü.x"; CREATE TYPE "Ü.x"."Mood" AS ENUM ('ok', 'so so'); CREATE DOMAIN inner_moment AS timestamptz;
		CREATE DOMAIN moment AS inner_moment NOT NULL; CREATE DOMAIN moods AS "Ü.x"."Mood"; CREATE TYPE pair AS (a int, b text)`); err != nil {
		t.Fatal(err)
	}
	want := map[string]event.Kind{`"Ü.x"."Mood"`: event.Enum, `"Ü.x"."_Mood"`: event.Array, "public.moment": event.Instant,
		"public.moods": event.Enum, "public.pair": event.Other}
	rows, err := c.Query(ctx, pgform.TypesQuery, oidsOf(ctx, t, c))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]event.Kind{}
	var oid, base uint32
	var name string
	var typtype, category byte
	if _, err := pgx.ForEachRow(rows, []any{&oid, &name, &base, &typtype, &category}, func() error {
		got[name] = pgform.Named(oid, name, base, typtype, category).Kind
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for name, kind := range want {
		if k, ok := got[name]; !ok || k != kind {
			t.Errorf("%s is %v (known: %v), want %v", name, k, ok, kind)
		}
	}
}

func oidsOf(ctx context.Context, t *testing.T, c *pgx.Conn) []uint32 {
	t.Helper()
	rows, err := c.Query(ctx, `SELECT oid FROM pg_type WHERE oid >= 16384`)
	if err != nil {
		t.Fatal(err)
	}
	oids, err := pgx.CollectRows(rows, pgx.RowTo[uint32])
	if err != nil {
		t.Fatal(err)
	}
	return oids
}

// contrary sets the database to spell everything otherwise.
func contrary(ctx context.Context, t *testing.T, url string) {
	t.Helper()
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(ctx)
	for _, s := range []string{"DateStyle = 'SQL, DMY'", "TimeZone = 'Asia/Kolkata'", "IntervalStyle = iso_8601", "extra_float_digits = 0",
		"bytea_output = escape", "xmloption = document", "array_nulls = off"} {
		if _, err := c.Exec(ctx, "ALTER DATABASE "+pgform.QuoteIdent(c.Config().Database)+" SET "+s); err != nil {
			t.Fatal(err)
		}
	}
}

// session is one of a database that is set to spell everything otherwise.
func session(t *testing.T, version int) (context.Context, *pgx.Conn) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	url := postgres.Database(t, version)
	contrary(ctx, t, url)
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range pgform.Settings() {
		cfg.RuntimeParams[s.Name] = s.Value
	}
	c, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return ctx, c
}
