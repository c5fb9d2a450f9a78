package pgform_test

import (
	"testing"

	"github.com/lockstep-sync/lockstep/schemas/pgform"
)

func TestTableNames(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ object, schema, table, joined string }{
		{"customers", "public", "customers", "public.customers"},
		{"public.customers", "public", "customers", "public.customers"},
		{"CRM.Kunden Übersicht", "CRM", "Kunden Übersicht", "CRM.Kunden Übersicht"},
		{`"CRM"."Kunden"`, "CRM", "Kunden", "CRM.Kunden"},
		{`crm."a.b"`, "crm", "a.b", `crm."a.b"`},
		{`crm."say ""hi"""`, "crm", `say "hi"`, `crm."say ""hi"""`},
		{`"a.b"`, "public", "a.b", `public."a.b"`},
	} {
		schema, table, err := pgform.SplitTable(c.object)
		if err != nil || schema != c.schema || table != c.table {
			t.Errorf("SplitTable(%s) = %q, %q, %v; want %q, %q", c.object, schema, table, err, c.schema, c.table)
		}
		if got := pgform.JoinTable(schema, table); got != c.joined {
			t.Errorf("JoinTable(%q, %q) = %s, want %s", schema, table, got, c.joined)
		}
	}
}

func TestNamesOfNoTable(t *testing.T) {
	t.Parallel()
	for _, object := range []string{"", ".", "a.", ".a", "a.b.c", `"a`, `"a"b`, `a"b`, `a.""`, `"a".b.c`} {
		if schema, table, err := pgform.SplitTable(object); err == nil {
			t.Errorf("SplitTable(%s) = %q, %q; want an error", object, schema, table)
		}
	}
}

func FuzzTableName(f *testing.F) {
	f.Add("public", `a."b"`)
	f.Fuzz(func(t *testing.T, schema, table string) {
		if schema == "" || table == "" {
			return // no name in PostgreSQL is empty
		}
		s, n, err := pgform.SplitTable(pgform.JoinTable(schema, table))
		if err != nil || s != schema || n != table {
			t.Errorf("%q, %q came back as %q, %q, %v", schema, table, s, n, err)
		}
	})
}
