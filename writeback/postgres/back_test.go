package postgres_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// restore is a creation under a key that was.
func restore(object string, key event.Key, set event.Record) event.Write {
	w := create(set)
	w.Object, w.Key = object, key
	return w
}

func TestARowIsBroughtBackUnderItsKey(t *testing.T) {
	t.Parallel()
	r := newRig(t, 0, `CREATE TABLE strict (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text UNIQUE, name text, up text GENERATED ALWAYS AS (upper(name)) STORED);
		CREATE TABLE pair (region text, n int, name text, PRIMARY KEY (region, n)); INSERT INTO strict (email, name) VALUES ('a@x', 'Ann'), ('b@x', 'Bob'); DELETE FROM strict WHERE id = 1`)
	key := event.KeyOf("1")
	got := r.stands(r.one(restore("public.strict", key, rec("name", "Ann", "email", "a@x", "id", 7))))
	if got.Key != key || got.Floor.IsZero() || got.After.Get("name").Text != "Ann" {
		t.Errorf("got %+v, want key %s, a floor, and the name", got, key)
	}
	r.want("1 Ann ANN", "SELECT concat_ws(' ', id, name, up) FROM strict WHERE email = 'a@x'")
	if f := r.refused(r.one(restore("public.strict", key, rec("name", "again"))), event.Duplicate); f.Existing != key {
		t.Errorf("got %+v, want the row that is there: %s", f, key)
	}
	if f := r.refused(r.one(restore("public.strict", event.KeyOf("9"), rec("email", "b@x"))), event.Duplicate); f.Existing != event.KeyOf("2") || f.Field != "email" {
		t.Errorf("got %+v, want the row that holds the email", f)
	}
	r.want("2", "SELECT count(*)::text FROM strict")
	r.stands(r.one(restore("public.pair", event.KeyOf("eu", "3"), rec("name", "Cy"))))
	r.want("Cy", "SELECT name FROM pair WHERE region = 'eu' AND n = 3")
	r.stands(r.one(restore("public.pair", event.KeyOf("eu", "4"), event.Record{})))
	r.refused(r.one(restore("public.pair", event.KeyOf("eu"), event.Record{})), event.Rejected)
}

const family = `CREATE TABLE companies (id int PRIMARY KEY, name text, region text, n int, UNIQUE (region, n)); CREATE TABLE branches (region text, n int, PRIMARY KEY (region, n));
	CREATE TABLE orders (id int PRIMARY KEY, company_id int REFERENCES companies, by_name int, region text, n int, boss int REFERENCES orders,
		FOREIGN KEY (region, n) REFERENCES branches); CREATE TABLE notes (id int PRIMARY KEY, company_id int REFERENCES companies (id) ON DELETE RESTRICT);
	INSERT INTO companies VALUES (1, 'Acme'), (2, 'Bolt'); INSERT INTO orders (id, company_id) VALUES (10, 1); INSERT INTO notes VALUES (1, 2)`

func TestForeignKeysAreDescribed(t *testing.T) {
	t.Parallel()
	r := newRig(t, 0, family+`; CREATE TABLE parts (id int, company_id int REFERENCES companies, PRIMARY KEY (id)) PARTITION BY HASH (id);
		CREATE TABLE parts0 PARTITION OF parts FOR VALUES WITH (MODULUS 1, REMAINDER 0)`)
	got := map[string]string{}
	for _, object := range []string{"public.orders", "public.notes", "public.parts", "public.parts0"} {
		o, err := r.Describe(r.ctx, object)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range o.Fields {
			if f.Reference != "" {
				got[object+"."+f.Name] = f.Reference
			}
		}
	}
	want := map[string]string{"public.orders.company_id": "public.companies", "public.orders.boss": "public.orders", "public.notes.company_id": "public.companies",
		"public.parts.company_id": "public.companies", "public.parts0.company_id": "public.companies"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("references differ (-want +got):\n%s", diff)
	}
}

func TestRowsThatReferToEachOtherAreRefusedWithWords(t *testing.T) {
	t.Parallel()
	r := newRig(t, 0, family)
	write := func(op event.WriteOp, object, key string, set event.Record) event.Write {
		w := event.Write{ID: "crm:1", Origin: "crm", Op: op, Object: object, Set: set}
		if key != "" {
			w.Key = event.KeyOf(key)
		}
		return w
	}
	for name, c := range map[string]struct {
		write event.Write
		field string
		words []string
	}{
		"a child whose parent is missing": {write(event.DoCreate, "public.orders", "", rec("id", 11, "company_id", 99)), "company_id",
			[]string{"orders_company_id_fkey", "company_id", "public.companies", "create that row"}},
		"a child that is given a missing parent": {write(event.DoUpdate, "public.orders", "10", rec("company_id", 99)), "company_id", []string{"orders_company_id_fkey"}},
		"a reference of two columns":             {write(event.DoUpdate, "public.orders", "10", rec("region", "eu", "n", 1)), "region", []string{"region, n", "public.branches"}},
		"a parent that has children":             {write(event.DoDelete, "public.companies", "1", event.Record{}), "", []string{"public.orders", "orders_company_id_fkey", "still refer", "archive or unlink"}},
		"a parent whose deletion is restricted":  {write(event.DoDelete, "public.companies", "2", event.Record{}), "", []string{"public.notes", "notes_company_id_fkey"}},
	} {
		f := r.refused(r.one(c.write), event.Rejected)
		if f.Field != c.field {
			t.Errorf("%s: got field %q, want %q", name, f.Field, c.field)
		}
		for _, w := range c.words {
			if !strings.Contains(f.Message, w) {
				t.Errorf("%s: %q does not say %q", name, f.Message, w)
			}
		}
	}
}

func TestADeferredReferenceIsRefusedWithTheSameWords(t *testing.T) {
	t.Parallel()
	r := newRig(t, 0, family+`; ALTER TABLE orders ALTER CONSTRAINT orders_company_id_fkey DEFERRABLE INITIALLY DEFERRED`)
	good, bad := create(rec("id", 20, "company_id", 2)), create(rec("id", 21, "company_id", 99))
	good.Object, bad.Object = "public.orders", "public.orders"
	res := r.Apply(r.ctx, []event.Write{good, bad})
	r.stands(res[0])
	if f := r.refused(res[1], event.Rejected); f.Field != "company_id" || !strings.Contains(f.Message, "public.companies does not have") {
		t.Errorf("got %+v", f)
	}
}
