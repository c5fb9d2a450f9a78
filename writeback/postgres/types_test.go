package postgres_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lockstep-sync/lockstep/schemas/event"
	server "github.com/lockstep-sync/lockstep/testenv/postgres"
)

// kinds are columns of every sort: type, then values in canonical text.
var kinds = []struct {
	column string
	values []string
}{
	{"text", []string{"", "Zoë \"q\" 'a' \\ 🚀\n", strings.Repeat("60 kB 🚀", 7000), " "}},
	{"varchar(10)", []string{"ten chars!"}},
	{"char(5)", []string{"ab   "}},
	{"bool", []string{"true", "false"}},
	{"smallint", []string{"-32768"}},
	{"bigint", []string{"-9223372036854775808", "9223372036854775807"}},
	{"numeric", []string{"0.000000000000000000000000000001", "-99999999999999999999999999999999999999.5", "NaN", "1.00"}},
	{"numeric(12,2)", []string{"9999999999.99", "-0.01"}},
	{"real", []string{"1e-07", "-0", "NaN"}},
	{"double precision", []string{"0.30000000000000004", "-Infinity", "5e-324"}},
	{"date", []string{"infinity", "0044-03-15 BC", "2024-02-29"}},
	{"time(3)", []string{"24:00:00", "01:02:03.004"}},
	{"timestamp", []string{"2024-02-29T23:59:59.999999", "-infinity", "0044-03-15T12:00:00 BC"}},
	{"timestamptz", []string{"2024-02-29T23:59:59.5Z", "infinity", "294276-12-31T23:59:59.999999Z", "0044-03-15T12:00:00Z BC"}},
	{"interval", []string{"-1 years -2 mons +3 days 04:05:06.7"}},
	{"uuid", []string{"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"}},
	{"bytea", []string{"", "AP9o", "XHg="}},
	{"json", []string{`{"b" : 1.00, "a":[null, "🚀\n"], "b":2}`}},
	{"jsonb", []string{`{"a": [null], "b": 1.00}`, "null"}},
	{"xml", []string{"<a>1</a>"}},
	{"point", []string{"(0.1,-3)"}},
	{"inet", []string{"10.0.0.1", "10.0.0.0/8", "::1"}},
	{"money", []string{"-$1,234.50"}},
	{"bit(3)", []string{"101"}},
	{"text[]", []string{"{}", `{"a,b",NULL,"NULL","\"","\\",""}`, "[0:1]={x,y}"}},
	{"json[]", []string{`{"{\"a\": 1}"}`}},
	{"tstzrange", []string{`["2024-01-01 00:00:00+00",)`}},
	{"tsvector", []string{"'cat':3A 'fat':2"}},
	{`"Mood"`, []string{"so so", "¡ok!"}},
	{`"Mood"[]`, []string{`{"so so"}`}},
	{"moment", []string{"2024-02-29T23:59:59.5Z"}},
	{"percent", []string{"99.5"}},
	{"pair", []string{`(1,"a,b")`, "(,)", `(2,"")`}},
}

const ownTypes = `CREATE TYPE "Mood" AS ENUM ('so so', '¡ok!'); CREATE DOMAIN moment AS timestamptz; CREATE DOMAIN percent AS numeric(4,1) CHECK (value <= 100);
	CREATE TYPE pair AS (a int, b text);`

// TestEveryTypeIsWrittenGuardedAndRead writes each value, guards the next write
// by it, repeats that write, and reads it.
func TestEveryTypeIsWrittenGuardedAndRead(t *testing.T) {
	t.Parallel()
	for _, version := range server.Versions() {
		t.Run(fmt.Sprint("PostgreSQL ", version), func(t *testing.T) {
			t.Parallel()
			var columns strings.Builder
			for i, k := range kinds {
				fmt.Fprintf(&columns, `, "Spalte %d ""ü""" %s`, i, k.column)
			}
			r := newRig(t, version, `CREATE SCHEMA "Übersicht.x"; `+ownTypes+`CREATE TABLE "Übersicht.x"."Größe" (id int PRIMARY KEY`+columns.String()+`)`)
			const object = `"Übersicht.x".Größe`
			w := create(rec("id", 1))
			w.Object = object
			r.stands(r.one(w))
			for i, k := range kinds {
				field, last := fmt.Sprintf(`Spalte %d "ü"`, i), any(nil)
				for _, value := range append(k.values, "") {
					w := update(1, rec(field, value), rec(field, last))
					if w.Object = object; value == "" && k.column != "text" && k.column != "bytea" {
						w.Set = rec(field, nil)
					}
					for range 2 {
						res := r.one(w)
						if want := w.Set.Get(field); res.Err != nil || !res.After.Get(field).Equal(want) {
							t.Errorf("%s: %.60q over %.60q: %v, stored as %.60q", k.column, want.Display(), last, res.Err, res.After.Get(field).Display())
						}
					}
					got, err := r.Read(r.ctx, object, []event.Key{event.KeyOf("1")}, []string{field})
					if err != nil || len(got) != 1 || !got[0].Record.Get(field).Equal(w.Set.Get(field)) {
						t.Errorf("%s: %.60q is read as %+v, %v", k.column, value, got, err)
					}
					last = value
				}
			}
		})
	}
}

func TestALookupUsesTheTypesOwnSense(t *testing.T) {
	t.Parallel()
	r := newRig(t, 0, ownTypes+`CREATE TABLE k (id int PRIMARY KEY, n numeric, s text, m "Mood", d moment, j json, v varchar(9), a int[], c char(4));
		INSERT INTO k VALUES (1, 1.00, 'a', 'so so', '2024-01-01Z', '{"a": 1}', 'v', '{1,2}', 'ab'), (2, 2, 'A', '¡ok!', NULL, NULL, 'w', NULL, NULL), (3, 1, 'b', NULL, NULL, NULL, NULL, NULL, NULL)`)
	for _, c := range []struct {
		field string
		ask   []string
		want  string
	}{
		{"n", []string{"1", "7", "many"}, `[["1"] ["1"]][["3"] ["1"]]`},
		{"s", []string{"a", "\x00", "zz"}, `[["1"] ["a"]]`},
		{"m", []string{"¡ok!", "no mood"}, `[["2"] ["¡ok!"]]`},
		{"d", []string{"2024-01-01T00:00:00Z"}, `[["1"] ["2024-01-01T00:00:00Z"]]`},
		{"j", []string{`{"a": 1}`}, `[["1"] ["{\"a\": 1}"]]`},
		{"v", []string{"v", "w"}, `[["1"] ["v"]][["2"] ["w"]]`},
		{"a", []string{"{1,2}"}, `[["1"] ["{1,2}"]]`},
		{"c", []string{"ab"}, `[["1"] ["ab"]]`},
		{"id", []string{"2"}, `[["2"] ["2"]]`},
	} {
		got, err := r.Lookup(r.ctx, "public.k", c.field, c.ask, []string{"s"})
		if err != nil {
			t.Errorf("%s: %v", c.field, err)
			continue
		}
		var text strings.Builder
		for _, s := range got {
			fmt.Fprintf(&text, "[%s %s]", s.Key, s.Asked)
			if len(s.Record.Names) != 1 || !s.Record.Get("s").IsSet() || s.Floor.IsZero() {
				t.Errorf("%s: got %+v, want the field s and a floor", c.field, s)
			}
		}
		if text.String() != c.want {
			t.Errorf("lookup of %s by %q = %s, want %s", c.field, c.ask, text.String(), c.want)
		}
	}
}
