package postgres_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

func TestATableIsDescribed(t *testing.T) {
	t.Parallel()
	r := newRig(t, 0, ownTypes+`CREATE DOMAIN code AS varchar(7) DEFAULT 'x' NOT NULL; CREATE TABLE "T" (b int, a bigint GENERATED ALWAYS AS IDENTITY, s serial, name varchar(20) NOT NULL UNIQUE,
		ltv numeric(12,2) NOT NULL DEFAULT 0, any_n numeric, m "Mood", c code, up text GENERATED ALWAYS AS (upper(name)) STORED, part text, dropped int,
		PRIMARY KEY (a, b)); CREATE UNIQUE INDEX ON "T" (part) WHERE b > 0; CREATE UNIQUE INDEX ON "T" (any_n) INCLUDE (m); ALTER TABLE "T" DROP dropped`)
	got, err := r.Describe(r.ctx, "T")
	if err != nil {
		t.Fatal(err)
	}
	want := event.Object{Name: "public.T", Key: []string{"a", "b"}, Fields: []event.Field{
		{Name: "b", Kind: event.Int, Native: "integer", Required: true},
		{Name: "a", Kind: event.Int, Native: "bigint", ReadOnly: true, Generated: true},
		{Name: "s", Kind: event.Int, Native: "integer", Generated: true},
		{Name: "name", Kind: event.Text, Native: "character varying(20)", Required: true, Unique: true, MaxLength: 20, Scale: -1},
		{Name: "ltv", Kind: event.Decimal, Native: "numeric(12,2)", Generated: true, Scale: 2},
		{Name: "any_n", Kind: event.Decimal, Native: "numeric", Nullable: true, Unique: true, Scale: -1},
		{Name: "m", Kind: event.Enum, Native: `"Mood"`, Nullable: true, Scale: -1, Options: []string{"so so", "¡ok!"}},
		{Name: "c", Kind: event.Text, Native: "code", Generated: true, MaxLength: 7, Scale: -1},
		{Name: "up", Kind: event.Text, Native: "text", Nullable: true, ReadOnly: true, Generated: true, Scale: -1},
		{Name: "part", Kind: event.Text, Native: "text", Nullable: true, Scale: -1},
	}}
	ids := map[string]bool{}
	for i, f := range got.Fields {
		ids[f.ID], got.Fields[i].ID = true, ""
	}
	if len(ids) != len(got.Fields) || ids[""] {
		t.Errorf("got identities %v, want one for each column", ids)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("description differs (-want +got):\n%s", diff)
	}
}

func TestWhatCannotBeWrittenIsRefusedWithAdvice(t *testing.T) {
	t.Parallel()
	r := newRig(t, 0, customers+`; CREATE VIEW v AS SELECT * FROM customers; CREATE TABLE bare (a int); CREATE MATERIALIZED VIEW mv AS SELECT 1;
		CREATE TABLE mute (id int PRIMARY KEY); ALTER TABLE mute REPLICA IDENTITY NOTHING;
		CREATE TABLE p (id int PRIMARY KEY) PARTITION BY HASH (id); CREATE TABLE idx (id int PRIMARY KEY, code text NOT NULL UNIQUE); ALTER TABLE idx REPLICA IDENTITY USING INDEX idx_code_key`)
	for object, advice := range map[string]string{"public.v": "name the table", "mv": "materialized view", "bare": "PRIMARY KEY", "mute": "REPLICA IDENTITY",
		"Customers": "there is no table public.Customers", "a.b.c": "more than two parts", "customers_id_seq": "sequence"} {
		_, err := r.Describe(r.ctx, object)
		var f *event.Fault
		if !errors.As(err, &f) || f.Class != event.Rejected || !strings.Contains(f.Message, advice) {
			t.Errorf("%s: %v, want a rejection with %q", object, err, advice)
		}
	}
	for object, key := range map[string]string{"p": "id", "idx": "code"} {
		if got, err := r.Describe(r.ctx, object); err != nil || len(got.Key) != 1 || got.Key[0] != key {
			t.Errorf("%s: key %v, %v; want %s, as its log names rows", object, got.Key, err, key)
		}
	}
}

func TestATableThatChangesIsLookedAtAgain(t *testing.T) {
	t.Parallel()
	r := newRig(t, 0, customers+`; INSERT INTO customers (name, ltv) VALUES ('Ann', 1), ('Bob', 2)`)
	r.stands(r.one(update(1, rec("name", "Bo"), rec("name", "Ann"))))
	r.sql(`ALTER TABLE customers ALTER ltv TYPE text USING ltv::text, ADD phone text, ALTER name TYPE varchar(50)`)
	for _, res := range r.Apply(r.ctx, []event.Write{update(1, rec("ltv", "lots", "name", "Cy"), rec("ltv", "1.00")), update(2, rec("phone", "1"), rec("phone", nil))}) {
		r.stands(res)
	}
	if _, err := r.Read(r.ctx, "public.customers", []event.Key{event.KeyOf("1")}, []string{"ltv"}); err != nil {
		t.Error(err)
	}
	r.sql(`ALTER TABLE customers RENAME phone TO mobile; ALTER TABLE customers DROP ltv, ADD ltv int`)
	if f := r.refused(r.one(update(2, rec("phone", "2"), event.Record{})), event.Transient); f.Field != "phone" {
		t.Errorf("a renamed column is told as %+v", f)
	}
	got, err := r.Read(r.ctx, "public.customers", []event.Key{event.KeyOf("2")}, []string{"ltv", "mobile"})
	if err != nil || len(got) != 1 || !got[0].Record.Get("ltv").IsNull() || got[0].Record.Get("mobile").Text != "1" {
		t.Errorf("read %+v, %v", got, err)
	}
	r.sql(`DROP TABLE customers`)
	r.refused(r.one(update(2, rec("mobile", "2"), event.Record{})), event.Transient)
}
