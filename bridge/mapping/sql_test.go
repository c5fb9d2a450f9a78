package mapping_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/schemas/event"
	"github.com/lockstep-sync/lockstep/testenv"
	"github.com/lockstep-sync/lockstep/testenv/postgres"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// filterColumns are the columns of the table filtered, as a side describes them.
var filterColumns = []event.Field{
	{Name: "n", Kind: event.Int, Native: "bigint"},
	{Name: "s", Kind: event.Text, Native: "character varying(20)"},
	{Name: "we-ird", Kind: event.Text, Native: "text"},
	{Name: "b", Kind: event.Bool, Native: "boolean"},
	{Name: "d", Kind: event.Date, Native: "date"},
	{Name: "l", Kind: event.Local, Native: "timestamp without time zone"},
	{Name: "t", Kind: event.Instant, Native: "timestamp with time zone"},
	{Name: "m", Kind: event.Decimal, Native: "numeric(12,2)", Scale: 2},
	{Name: "wide", Kind: event.Decimal, Native: "numeric", Scale: -1},
	{Name: "f", Kind: event.Float, Native: "double precision"},
	{Name: "c", Kind: event.Text, Native: "character(5)"},
	{Name: "ci", Kind: event.Text, Native: "citext"},
	{Name: "j", Kind: event.JSON, Native: "jsonb"},
}

func TestFiltersAreTranslated(t *testing.T) {
	t.Parallel()
	for filter, want := range map[string]string{
		"row.t == null":                `"t" IS NULL`,
		"null != row.t":                `"t" IS NOT NULL`,
		"row.n == 5":                   `"n" IS NOT DISTINCT FROM 5`,
		"row.n != -5":                  `"n" IS DISTINCT FROM (-5)`,
		"row.n > 5 && row.n <= 10":     `("n" > 5) AND ("n" <= 10)`,
		"5 < row.n":                    `"n" > 5`,
		"!(row.n < 5 || row.s == 'x')": `NOT (("n" < 5) OR ("s" COLLATE "C" IS NOT DISTINCT FROM 'x'))`,
		"row.s in ['a', 'b']":          `"s" IS NOT NULL AND ("s" COLLATE "C" = 'a' OR "s" COLLATE "C" = 'b')`,
		`row.s == 'it\'s'`:             `"s" COLLATE "C" IS NOT DISTINCT FROM 'it''s'`,
		`row.s == 'a\\b\''`:            `"s" COLLATE "C" IS NOT DISTINCT FROM E'a\\b'''`,
		"row.b":                        `"b"`,
		"!row.b":                       `NOT ("b")`,
		"row.b == true":                `"b" IS NOT DISTINCT FROM TRUE`,
		"row.m > 12":                   `"m" > 12`,
		"row.m == 12.5":                `"m" IS NOT DISTINCT FROM 12.5`,
		"row.d >= timestamp('2026-01-31T00:00:00Z')":     `"d" >= DATE '2026-01-31'`,
		"row.l < timestamp('2026-01-31T01:02:03.4Z')":    `"l" < TIMESTAMP '2026-01-31 01:02:03.4'`,
		"row.t < timestamp('2026-01-31T01:02:03+02:00')": `"t" < TIMESTAMPTZ '2026-01-30 23:02:03+00'`,
		"true":                             `TRUE`,
		"row.t == null && row.s != 'test'": `("t" IS NULL) AND ("s" COLLATE "C" IS DISTINCT FROM 'test')`,
	} {
		got, _, ok := mapping.FilterSQL(filter, filterColumns)
		if got != want || !ok {
			t.Errorf("%s: got %s, %t, want %s", filter, got, ok, want)
		}
	}
	if _, names, _ := mapping.FilterSQL("row.t == null && (row.n > 5 || row.t != null)", filterColumns); !slices.Equal(names, []string{"t", "n"}) {
		t.Errorf("got columns %q, want t, n", names)
	}
}

func TestFiltersThatSQLWouldTakeOtherwiseAreNotTranslated(t *testing.T) {
	t.Parallel()
	for _, filter := range []string{
		"", " ", "row.n", "row.nope == 1", "row.n ==", "row.s.startsWith('a')", "size(row.s) > 3", "row.s > 'a'", "row.n + 1 == 5", "row.n == row.n",
		"row.s == row.s", "row.f > 1.5", "row.wide > 1.5", "row.c == 'a'", "row.ci == 'a'", "row.j == 'a'", "row.j.a == 1", "has(row.n)", "row.n in []",
		"row.n > 5.5", "row.b ? true : false", "row.m > 1234567890123456", "row.m == 0.12345678901234567", "row.d == timestamp('2026-01-31T00:00:01Z')",
		"row.t > timestamp('2026-01-31T00:00:00.0000001Z')", "row.t > timestamp(row.s)", "row.s == 'a\\u0000b'", "row.n in [1, row.n]", "row.s in ['a', null]",
		"[1].exists(x, x == row.n)", "row.n == 5 && row.f > 1.0", "row.t + duration('1h') > timestamp('2026-01-31T00:00:00Z')",
	} {
		if got, _, ok := mapping.FilterSQL(filter, filterColumns); ok {
			t.Errorf("%q became %s, want no translation", filter, got)
		}
	}
}

// TestTheDatabaseAndTheMappingTakeTheSameRows asks both about every row and
// every filter, and has a publication take each filter.
func TestTheDatabaseAndTheMappingTakeTheSameRows(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	db, err := pgx.Connect(ctx, postgres.Database(t, 15))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(context.WithoutCancel(ctx))
	exec := func(sql string) {
		t.Helper()
		if _, err := db.Exec(ctx, sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	exec(`CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level1', deterministic = false)`)
	const columns = `, "we-ird" text, b boolean, d date, l timestamp, t timestamptz, m numeric(12,2))`
	exec(`CREATE TABLE filtered (i int PRIMARY KEY, n bigint, s varchar(20) COLLATE nocase` + columns)
	exec(`CREATE TABLE published (i int PRIMARY KEY, n bigint, s varchar(20)` + columns) // no publication filters by a collation of the user's
	exec(`SET TimeZone = 'America/St_Johns'`)                                            // constants must not depend on the session
	rows := filterRows()
	for i, r := range rows {
		values := make([]string, len(r.Values))
		for j, v := range r.Values {
			values[j] = "NULL"
			if v.IsSet() {
				values[j] = "'" + strings.ReplaceAll(v.Text, "'", "''") + "'"
			}
		}
		exec(fmt.Sprintf("INSERT INTO filtered VALUES (%d, %s)", i, strings.Join(values, ", ")))
	}
	filters := someFilters()
	for _, filter := range filters {
		sql, _, ok := mapping.FilterSQL(filter, filterColumns)
		if !ok {
			t.Errorf("%s is not translated", filter)
			continue
		}
		exec("CREATE PUBLICATION p FOR TABLE published WHERE (" + sql + ")")
		exec("DROP PUBLICATION p")
		found, err := db.Query(ctx, "SELECT i FROM filtered WHERE "+sql+" ORDER BY i")
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		got, err := pgx.CollectRows(found, pgx.RowTo[int])
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		if want := taken(t, filter, rows); !slices.Equal(got, want) {
			t.Errorf("%s\n%s\nSQL takes %v, the mapping %v", filter, sql, got, want)
		}
	}
}

// taken are the rows that the compiled filter takes.
func taken(t *testing.T, filter string, rows []event.Record) (out []int) {
	t.Helper()
	object := event.Object{Name: "public.filtered", Fields: append([]event.Field{{Name: "match_key"}}, filterColumns...)}
	m, problems := mapping.Compile(mapping.Spec{Name: "m", MatchLeft: "match_key", MatchRight: "match_key", FilterLeft: filter,
		Fields: []mapping.FieldSpec{{Left: "match_key", Right: "match_key"}}}, object, object)
	if len(problems) > 0 {
		t.Fatalf("%s: %v", filter, problems)
	}
	for i, r := range rows {
		takes, err := m.Takes(mapping.Left, r)
		if err != nil {
			t.Fatalf("%s of row %d: %v", filter, i, err)
		}
		if takes {
			out = append(out, i)
		}
	}
	return out
}

// filterRows are rows with every interesting value beside every other's null.
func filterRows() []event.Record {
	values := [][]string{
		{"", "0", "5", "-5", "9223372036854775807"},
		{"", "x", "X", "it's", `a\b`, "ä", "x ", "NULL"},
		{"", "y"},
		{"", "true", "false"},
		{"", "2026-01-31", "2026-02-01", "infinity", "-infinity"},
		{"", "2026-01-31T12:00:00", "2026-01-31T12:00:00.000001", "infinity"},
		{"", "2026-01-31T12:00:00Z", "2026-01-31T11:59:59.999999Z", "-infinity"},
		{"", "0.00", "12.50", "-0.01", "9999999999.99"},
	}
	var rows []event.Record
	for i := range values {
		for _, text := range values[i] {
			for _, rest := range []int{0, 1, 2} { // the other columns: null, or their first or second value
				var r event.Record
				for j := range values {
					v := text
					if j != i {
						v = values[j][min(rest, len(values[j])-1)]
					}
					if v == "" {
						r.Put(filterColumns[j].Name, event.Value{State: event.Null})
					} else {
						r.Put(filterColumns[j].Name, event.String(v))
					}
				}
				rows = append(rows, r)
			}
		}
	}
	return rows
}

// someFilters are all atoms, and their combinations.
func someFilters() []string {
	atoms := []string{
		"row.n == 5", "row.n != 5", "row.n < 5", "row.n >= 0", "-5 <= row.n", "row.n in [5, -5]", "row.n == null", "row.n != null",
		"row.s == 'x'", "row.s != 'x'", `row.s == 'it\'s'`, `row.s == 'a\\b'`, "row.s == 'ä'", "row.s in ['X', 'NULL']", "row.s != null", "row.`we-ird` == 'y'",
		"row.b", "row.b == true", "row.b != false", "row.b == null",
		"row.d == timestamp('2026-01-31T00:00:00Z')", "row.d > timestamp('2026-01-31T00:00:00Z')", "row.d <= timestamp('9999-12-31T00:00:00Z')",
		"row.l > timestamp('2026-01-31T12:00:00Z')", "row.l == timestamp('2026-01-31T14:00:00.000001+02:00')", "row.l != timestamp('2026-01-31T12:00:00Z')",
		"row.t >= timestamp('2026-01-31T12:00:00Z')", "row.t < timestamp('2026-01-31T14:00:00+02:00')", "row.t > timestamp('0001-01-01T00:00:00Z')",
		"row.m > 0", "row.m == 12.5", "row.m <= -0.01", "row.m < 9999999999.99", "true", "false",
	}
	filters := slices.Clone(atoms)
	for i, a := range atoms {
		b := atoms[(i*7+3)%len(atoms)]
		filters = append(filters, "!("+a+")", a+" && "+b, a+" || "+b, "!("+a+" && !("+b+")) || "+b, "!("+a+" || "+b+")")
	}
	return filters
}

func FuzzFilterSQL(f *testing.F) {
	for _, filter := range someFilters() {
		f.Add(filter)
	}
	f.Fuzz(func(t *testing.T, filter string) {
		sql, names, ok := mapping.FilterSQL(filter, filterColumns)
		if !ok {
			if sql != "" || names != nil {
				t.Fatalf("got %q and %q although not ok", sql, names)
			}
			return
		}
		if strings.ContainsRune(sql, 0) {
			t.Fatalf("got a NUL in %q", sql)
		}
		if rest := withoutQuoted(sql); strings.ContainsAny(rest, ";'\"\\") || strings.Contains(rest, "--") || strings.Contains(rest, "/*") {
			t.Fatalf("%q became %q, where something stands outside of quotes", filter, sql)
		}
		// Whatever is translated compiles, too, and decides every row.
		object := event.Object{Fields: append([]event.Field{{Name: "match_key"}}, filterColumns...)}
		m, problems := mapping.Compile(mapping.Spec{Name: "m", MatchLeft: "match_key", MatchRight: "match_key", FilterLeft: filter,
			Fields: []mapping.FieldSpec{{Left: "match_key", Right: "match_key"}}}, object, object)
		if m == nil {
			t.Fatalf("%q is translated and does not compile: %v", filter, problems)
		}
		for _, r := range filterRows()[:6] {
			if _, err := m.Takes(mapping.Left, r); err != nil {
				t.Fatalf("%q: %v", filter, err)
			}
		}
	})
}

// withoutQuoted takes names and constants out of SQL.
func withoutQuoted(sql string) string {
	var b strings.Builder
	for i := 0; i < len(sql); i++ {
		c := sql[i]
		if c != '\'' && c != '"' {
			b.WriteByte(c)
			continue
		}
		escapes := c == '\'' && i > 0 && sql[i-1] == 'E'
		for i++; i < len(sql); i++ {
			if escapes && sql[i] == '\\' {
				i++
			} else if sql[i] == c {
				if i+1 < len(sql) && sql[i+1] == c {
					i++
					continue
				}
				break
			}
		}
	}
	return b.String()
}
