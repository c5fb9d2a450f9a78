package postgres_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/schemas/event"
	server "github.com/lockstep-sync/lockstep/testenv/postgres"
)

func TestEveryVersionTakesWrites(t *testing.T) {
	t.Parallel()
	for _, version := range server.Versions() {
		t.Run(fmt.Sprint("PostgreSQL ", version), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, version, customers)
			made := r.stands(r.one(create(rec("email", "ann@x.org", "ltv", "1.5", "name", nil))))
			if made.Key != event.KeyOf("1") || made.After.Get("ltv").Text != "1.50" || !made.After.Get("name").IsNull() {
				t.Errorf("created %s with %+v, want row 1 as stored", made.Key, made.After)
			}
			res := r.stands(r.one(update(1, rec("name", "Ann", "updated_at", "2024-06-30T12:00:00.5Z"), rec("name", nil, "ltv", "1.50"))))
			if got := res.After.Get("updated_at").Text; got != "2024-06-30T12:00:00.5Z" || !res.After.Get("ltv").IsUnchanged() {
				t.Errorf("after the update: %+v", res.After)
			}
			if age := time.Since(res.At); age < -time.Minute || age > time.Minute || res.Floor.IsZero() || !made.Floor.Before(res.Floor) {
				t.Errorf("At is %v old, Floor %v follows %v", age, res.Floor, made.Floor)
			}
			r.want("Ann 1.50 free", `SELECT name || ' ' || ltv || ' ' || plan FROM customers`)
			r.stands(r.one(remove(1, rec("name", "Ann"))))
			r.want("0", `SELECT count(*)::text FROM customers`)
		})
	}
}

func TestAGuardStopsTheWrite(t *testing.T) {
	t.Parallel()
	r := newRig(t, 0, customers+`; INSERT INTO customers (name, ltv) VALUES ('Ann', 1.50), (NULL, NULL)`)
	for name, guard := range map[string]event.Record{
		"another text":                  rec("name", "Bob"),
		"the text in another case":      rec("name", "ann"),
		"null":                          rec("name", nil),
		"one field of two":              rec("name", "Ann", "ltv", "2.50"),
		"an equal number, spelled else": rec("ltv", "1.5"),
	} {
		r.refused(r.one(update(1, rec("name", "Eve"), guard)), event.GuardMissed)
		r.refused(r.one(remove(1, guard)), event.GuardMissed)
		if got := r.ask(`SELECT name FROM customers WHERE id = 1`); got != "Ann" {
			t.Fatalf("guard for %s: the name is %s", name, got)
		}
	}
	r.refused(r.one(update(2, rec("name", "Eve"), rec("name", ""))), event.GuardMissed)
	r.stands(r.one(update(2, rec("name", "Eve"), rec("name", nil))))
	r.refused(r.one(update(3, rec("name", "Eve"), rec("name", nil))), event.Gone)
	r.refused(r.one(remove(3, event.Record{})), event.Gone)
}

func TestAGuardThatIsNoValueOfTheTypeAnyMoreIsMissed(t *testing.T) {
	t.Parallel()
	r := newRig(t, 0, `CREATE TYPE mood AS ENUM ('ok', 'bad'); CREATE TABLE customers (id int PRIMARY KEY, m mood); INSERT INTO customers VALUES (1, 'ok');
		ALTER TYPE mood RENAME VALUE 'ok' TO 'fine'`)
	r.refused(r.one(update(1, rec("m", "bad"), rec("m", "ok"))), event.GuardMissed)
	r.stands(r.one(update(1, rec("m", "bad"), rec("m", "fine"))))
}

func TestARepeatedWriteIsDoneAlready(t *testing.T) {
	t.Parallel()
	r := newRig(t, 0, customers+`; INSERT INTO customers (name, ltv) VALUES ('Ann', 1)`)
	w := update(1, rec("name", "Bob", "ltv", "2.5"), rec("name", "Ann", "ltv", "1.00"))
	first := r.stands(r.one(w))
	version := r.ask(`SELECT xmin::text || ctid::text FROM customers`)
	second := r.stands(r.one(w))
	if second.After.Get("name").Text != "Bob" || second.After.Get("ltv").Text != "2.50" || second.Floor.Before(first.Floor) {
		t.Errorf("the repeat says %+v, floor %v after %v", second.After, second.Floor, first.Floor)
	}
	w.Guard = event.Record{}
	r.stands(r.one(w))
	r.want(version, `SELECT xmin::text || ctid::text FROM customers`)
	r.stands(r.one(update(1, event.Record{}, event.Record{})))
	r.refused(r.one(update(2, event.Record{}, event.Record{})), event.Gone)
}

func TestABadWriteDoesNotSpoilItsNeighbours(t *testing.T) {
	t.Parallel()
	r := newRig(t, 0, customers+`; ALTER TABLE customers ADD CHECK (ltv >= 0);
		INSERT INTO customers (email, name) SELECT n || '@x.org', 'Ann' FROM generate_series(1, 100) n`)
	bad := map[int]event.Class{3: event.Rejected, 4: event.Duplicate, 50: event.Gone, 51: event.GuardMissed, 77: event.Rejected, 100: event.Rejected, 1: event.Rejected}
	var writes []event.Write
	for id := 1; id <= 100; id++ {
		w := update(id, rec("name", "Bob", "ltv", id), rec("name", "Ann"))
		switch id {
		case 1, 3:
			w.Set.Put("ltv", event.String("-1"))
		case 4:
			w.Set.Put("email", event.String("9@x.org"))
		case 50:
			w.Key = event.KeyOf("1050")
		case 51:
			w.Guard = rec("name", "Cy")
		case 77:
			w.Set.Put("ltv", event.String("many"))
		case 100:
			w.Set.Put("plan", event.String("much too long"))
		}
		writes = append(writes, w)
	}
	for i, res := range r.Apply(r.ctx, writes) {
		want := ""
		if c, ok := bad[i+1]; ok {
			want = c.String()
		}
		if class(res) != want {
			t.Errorf("write %d: %v, want %q", i+1, res.Err, want)
		}
		if want == "" && (res.Key != writes[i].Key || res.After.Get("ltv").Text != fmt.Sprint(i+1, ".00")) {
			t.Errorf("write %d answers for %s with %+v", i+1, res.Key, res.After)
		}
	}
	r.want("93", `SELECT count(*)::text FROM customers WHERE name = 'Bob'`)
}

func TestWhenEveryWriteIsBadNothingIsLeft(t *testing.T) {
	t.Parallel()
	r := newRig(t, 0, customers+`; INSERT INTO customers (name) SELECT 'Ann' FROM generate_series(1, 10)`)
	var writes []event.Write
	for id := 1; id <= 10; id++ {
		writes = append(writes, update(id, rec("plan", nil), event.Record{}))
	}
	for _, res := range r.Apply(r.ctx, writes) {
		if f := r.refused(res, event.Rejected); f.Field != "plan" || f.Code != "23502" {
			t.Errorf("got %+v, want the field plan and 23502", f)
		}
	}
	r.stands(r.one(update(1, rec("plan", "pro"), event.Record{})))
}

func TestOneApplyOneTransaction(t *testing.T) {
	t.Parallel()
	r := newRig(t, 0, customers+`; CREATE TABLE deals (id int PRIMARY KEY, customer bigint REFERENCES customers); INSERT INTO customers (name) VALUES ('Ann'), ('Bob')`)
	deal := create(rec("id", 7, "customer", 2))
	deal.Object = "public.deals"
	for _, res := range r.Apply(r.ctx, []event.Write{deal, update(2, rec("name", "Bo"), event.Record{}), remove(1, event.Record{}), create(rec("name", "Cy"))}) {
		r.stands(res)
	}
	r.want("1", `SELECT count(DISTINCT x)::text FROM (SELECT xmin::text x FROM customers UNION ALL SELECT xmin::text FROM deals) x`)
	r.want("Bo,Cy", `SELECT string_agg(name, ',' ORDER BY id) FROM customers`)
}

func TestDeferredConstraintsFailAlone(t *testing.T) {
	t.Parallel()
	r := newRig(t, 0, customers+`; CREATE TABLE deals (id int PRIMARY KEY, customer bigint REFERENCES customers DEFERRABLE INITIALLY DEFERRED);
		INSERT INTO customers (name) VALUES ('Ann')`)
	var writes []event.Write
	for id, customer := range []int{1, 9, 1} {
		w := create(rec("id", id, "customer", customer))
		w.Object = "public.deals"
		writes = append(writes, w)
	}
	got := r.Apply(r.ctx, writes)
	r.stands(got[0])
	if f := r.refused(got[1], event.Rejected); f.Code != "23503" {
		t.Errorf("got %v, want 23503", f)
	}
	r.stands(got[2])
	r.want("0,2", `SELECT string_agg(id::text, ',' ORDER BY id) FROM deals`)
}

func TestADuplicateNamesTheRowThatIsThere(t *testing.T) {
	t.Parallel()
	r := newRig(t, 0, customers+`; INSERT INTO customers (id, email) VALUES (5, 'ann@x.org');
		CREATE TABLE seats (hall text, seat int, id int PRIMARY KEY, UNIQUE (hall, seat)); INSERT INTO seats VALUES ('A', 1, 7);
		CREATE TABLE days (id int, day date, email text, PRIMARY KEY (id, day), UNIQUE (email, day)) PARTITION BY RANGE (day);
		CREATE TABLE days_1 PARTITION OF days FOR VALUES FROM ('2024-01-01') TO ('2025-01-01'); INSERT INTO days VALUES (3, '2024-05-05', 'a')`)
	for _, c := range []struct {
		object string
		set    event.Record
		want   event.Key
		field  string
	}{
		{"public.customers", rec("email", "ann@x.org"), event.KeyOf("5"), "email"},
		{"public.customers", rec("id", "5"), event.KeyOf("5"), "id"},
		{"public.seats", rec("id", "8", "hall", "A", "seat", "1"), event.KeyOf("7"), ""},
		{"public.days", rec("id", "4", "day", "2024-05-05", "email", "a"), event.KeyOf("3", "2024-05-05"), ""},
	} {
		w := create(c.set)
		w.Object = c.object
		if f := r.refused(r.one(w), event.Duplicate); f.Existing != c.want || f.Field != c.field {
			t.Errorf("%s: existing %s, field %q; want %s, %q", c.object, f.Existing, f.Field, c.want, c.field)
		}
	}
}

func TestTriggersAndGeneratedColumns(t *testing.T) {
	t.Parallel()
	r := newRig(t, 0, `CREATE TABLE customers (id int PRIMARY KEY, email text, low text GENERATED ALWAYS AS (lower(email)) STORED, n int GENERATED ALWAYS AS IDENTITY);
		CREATE FUNCTION tidy() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			IF new.email = 'secret' THEN RETURN NULL; END IF; new.email := lower(new.email); RETURN new; END $$;
		CREATE TRIGGER tidy BEFORE INSERT OR UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION tidy()`)
	made := r.stands(r.one(create(rec("id", "1", "email", "ANN@X.org"))))
	if got := made.After.Get("email").Text; got != "ann@x.org" {
		t.Errorf("created with %q, want what the trigger stored", got)
	}
	changed := r.stands(r.one(update(1, rec("email", "BOB"), rec("email", "ann@x.org", "low", "ann@x.org"))))
	if got := changed.After.Get("email").Text; got != "bob" {
		t.Errorf("updated to %q, want what the trigger stored", got)
	}
	for field, value := range map[string]string{"low": "x", "n": "4"} {
		if f := r.refused(r.one(update(1, rec(field, value), event.Record{})), event.Rejected); f.Field != field {
			t.Errorf("%s: %+v", field, f)
		}
	}
	for _, w := range []event.Write{create(rec("id", "2", "email", "secret")), update(1, rec("email", "secret"), rec("email", "bob"))} {
		if f := r.refused(r.one(w), event.Rejected); !strings.Contains(f.Message, "suppress") {
			t.Errorf("a trigger's RETURN NULL is told as %q", f.Message)
		}
	}
}

func TestFaultsNameTheField(t *testing.T) {
	t.Parallel()
	r := newRig(t, 0, customers+`; INSERT INTO customers (name) VALUES ('Ann')`)
	for _, c := range []struct {
		set         event.Record
		field, code string
	}{
		{rec("name", "x", "ltv", "many"), "ltv", "22P02"},
		{rec("name", "x", "plan", "far too long a plan"), "plan", "22001"},
		{rec("name", "a\x00b"), "name", ""},
		{rec("name", "a\xffb"), "name", ""},
		{rec("updated_at", "yesteryear"), "updated_at", "22007"},
	} {
		f := r.refused(r.one(update(1, c.set, event.Record{})), event.Rejected)
		if f.Field != c.field || f.Code != c.code {
			t.Errorf("%v: field %q, code %s (%s); want %q, %s", c.set.Values, f.Field, f.Code, f.Message, c.field, c.code)
		}
	}
}
