package postgres_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-sync/lockstep/cdc/cdctest"
	"github.com/lockstep-sync/lockstep/schemas/event"
	server "github.com/lockstep-sync/lockstep/testenv/postgres"
)

// onEach runs a test on every version of the server.
func onEach(t *testing.T, test func(t *testing.T, db *database)) {
	t.Helper()
	for _, version := range server.Versions() {
		t.Run(fmt.Sprint("PostgreSQL ", version), func(t *testing.T) {
			t.Parallel()
			test(t, open(t, server.Database(t, version), version))
		})
	}
}

// pumped installs the tables and pumps them into a log.
func pumped(t *testing.T, db *database, tables ...string) *cdctest.Log {
	t.Helper()
	db.Install(t, tables...)
	log := cdctest.NewLog(t)
	cdctest.Start(t, cdctest.NewPump(db.Reader(t, nil), log, cdctest.Everything))
	return log
}

// large is SQL for a text that is stored out of line.
const large = "(SELECT string_agg(md5(i::text), '') FROM generate_series(1, 500) i)"

func TestAnUntouchedLargeColumnIsUnchangedAndNeverNull(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *database) {
		db.Exec(t, "CREATE TABLE docs (id int PRIMARY KEY, body text, n int)", "CREATE TABLE whole (id int PRIMARY KEY, body text, n int)",
			"ALTER TABLE whole REPLICA IDENTITY FULL")
		log := pumped(t, db, "docs", "whole")
		for _, table := range []string{"docs", "whole"} {
			db.Exec(t, "INSERT INTO "+table+" VALUES (1, "+large+", 1)", "UPDATE "+table+" SET n = 2", "UPDATE "+table+" SET body = NULL",
				"UPDATE "+table+" SET n = NULL")
		}
		got := log.Wait(t, 8)
		text := got[0].After.Get("body").Text
		if len(text) != 16000 {
			t.Fatalf("inserted text has %d bytes, want 16000", len(text))
		}
		if v := got[1].After.Get("body"); !v.IsUnchanged() || !slices.Contains(got[1].After.Names, "body") {
			t.Errorf("untouched text is %.40s, among %q; want (unchanged), and named", v.Display(), got[1].After.Names)
		}
		if v := got[5].After.Get("body"); v.Text != text {
			t.Errorf("untouched text under REPLICA IDENTITY FULL is %.40s, want the old row's", v.Display())
		}
		for _, i := range []int{2, 6} {
			if v := got[i].After.Get("body"); !v.IsNull() {
				t.Errorf("text set to NULL is %.40s, want NULL", v.Display())
			}
		}
		if v := got[7].Before.Get("n"); v.Text != "2" {
			t.Errorf("old n under REPLICA IDENTITY FULL is %s, want 2", v.Display())
		}
		if !got[3].Before.IsZero() {
			t.Errorf("an update of other columns has old image %+v, want none", got[3].Before)
		}
	})
}

func TestALargeKeyIsKnownThoughItIsUntouched(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *database) {
		db.Exec(t, "CREATE TABLE wide (k text PRIMARY KEY, n int)", "ALTER TABLE wide ALTER k SET STORAGE EXTERNAL")
		log := pumped(t, db, "wide")
		key := strings.Repeat("k", 2500)
		db.Exec(t, "INSERT INTO wide VALUES ('"+key+"', 1)", "UPDATE wide SET n = 2", "DELETE FROM wide")
		for i, c := range log.Wait(t, 3) {
			if c.Key != event.KeyOf(key) || !c.OldKey.IsZero() {
				t.Errorf("change %d has key %.20s and old key %.20s, want the text of 2500 bytes and none", i, c.Key, c.OldKey)
			}
		}
	})
}

func TestAnIdentityIndexStandsInForAPrimaryKey(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *database) {
		db.Exec(t, "CREATE TABLE codes (note text, code text NOT NULL, land text NOT NULL)", "CREATE UNIQUE INDEX codes_key ON codes (land, code)",
			"ALTER TABLE codes REPLICA IDENTITY USING INDEX codes_key")
		log := pumped(t, db, "codes")
		db.Exec(t, "INSERT INTO codes VALUES ('x', '7', 'de')", "UPDATE codes SET code = '8'", "DELETE FROM codes")
		got := log.Wait(t, 3)
		if got[1].Key != event.KeyOf("de", "8") || got[1].OldKey != event.KeyOf("de", "7") || got[2].Key != event.KeyOf("de", "8") {
			t.Errorf("keys are %s (was %s) and %s, want the index's columns in its order", got[1].Key, got[1].OldKey, got[2].Key)
		}
	})
}

func TestAPartitionedTableIsOneTable(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *database) {
		db.Exec(t, "CREATE TABLE sales (id int, region text, n int, PRIMARY KEY (region, id)) PARTITION BY LIST (region)",
			"CREATE TABLE sales_eu PARTITION OF sales FOR VALUES IN ('eu')",
			"CREATE TABLE sales_us (n int, region text NOT NULL, dropped int, id int NOT NULL)", "ALTER TABLE sales_us DROP COLUMN dropped",
			"ALTER TABLE sales ATTACH PARTITION sales_us FOR VALUES IN ('us')")
		log := pumped(t, db, "sales")
		db.Exec(t, "INSERT INTO sales VALUES (1, 'eu', 10), (2, 'us', 20)", "UPDATE sales SET n = 21 WHERE id = 2",
			"UPDATE sales SET region = 'us' WHERE id = 1", "TRUNCATE sales",
			"CREATE TABLE sales_jp PARTITION OF sales FOR VALUES IN ('jp')", "INSERT INTO sales VALUES (3, 'jp', 30)")
		got := log.Wait(t, 7)
		want := []string{`c ["eu","1"] 10`, `c ["us","2"] 20`, `u ["us","2"] 21`, `d ["eu","1"] (unchanged)`, `c ["us","1"] 10`, `t  (unchanged)`, `c ["jp","3"] 30`}
		for i, c := range got {
			if s := fmt.Sprintf("%c %s %s", c.Op, c.Key, c.After.Get("n").Display()); c.Object != "public.sales" || s != want[i] {
				t.Errorf("change %d is %s of %s, want %s of public.sales", i, s, c.Object, want[i])
			}
		}
	})
}

func TestTypesOfTheUsersOwn(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *database) {
		db.Exec(t, `CREATE TYPE "Mood" AS ENUM ('so so', 'good')`, "CREATE DOMAIN flag AS boolean", "CREATE DOMAIN stamp AS timestamptz", "CREATE DOMAIN deep AS stamp",
			`CREATE TABLE mine (id int PRIMARY KEY, m "Mood", f flag, s deep, a "Mood"[])`)
		log := pumped(t, db, "mine")
		db.Exec(t, `INSERT INTO mine VALUES (1, 'so so', true, '2026-01-02 03:04:05+01', '{good,"so so"}')`)
		got := log.Wait(t, 1)[0].After
		for name, want := range map[string]string{"m": "so so", "f": "true", "s": "2026-01-02T02:04:05Z", "a": `{good,"so so"}`} {
			if v := got.Get(name); v.Text != want {
				t.Errorf("%s = %s, want %s", name, v.Display(), want)
			}
		}
	})
}

func TestABacklogOutlivesItsTable(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *database) {
		db.Exec(t, "CREATE TABLE gone (b int, a int, PRIMARY KEY (a, b))", "CREATE TABLE moved (id int PRIMARY KEY, v text)",
			"ALTER TABLE moved REPLICA IDENTITY FULL", "CREATE TABLE kept (id int PRIMARY KEY)")
		db.Install(t, "gone", "moved", "kept")
		db.Exec(t, "INSERT INTO gone VALUES (1, 2)", "INSERT INTO moved VALUES (1, 'x')",
			"DROP TABLE gone", "ALTER TABLE moved RENAME COLUMN id TO nr", "ALTER TABLE moved RENAME TO elsewhere", "INSERT INTO kept VALUES (1)",
			"UPDATE elsewhere SET v = 'y'")
		log := cdctest.NewLog(t)
		cdctest.Start(t, cdctest.NewPump(db.Reader(t, nil), log, cdctest.Everything))
		got := log.Wait(t, 4)
		for i, want := range []string{`public.gone ["1","2"]`, `public.moved ["1"]`, `public.kept ["1"]`, `public.elsewhere ["1"]`} {
			if s := got[i].Object + " " + string(got[i].Key); s != want {
				t.Errorf("change %d is %s, want %s", i, s, want)
			}
		}
	})
}

func TestAMessageThatOnlyLooksLikeOursIsNobodysOrigin(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *database) {
		db.Exec(t, "CREATE TABLE kept (id int PRIMARY KEY)")
		log := pumped(t, db, "kept")
		db.Transaction(t, "SELECT pg_logical_emit_message(true, 'lockstep', 'no json')", "INSERT INTO kept VALUES (1)",
			"SELECT pg_logical_emit_message(true, 'other', '{\"origin\":\"crm\"}')", "INSERT INTO kept VALUES (2)")
		db.Transaction(t, "SELECT pg_logical_emit_message(false, 'lockstep', '{\"origin\":\"crm\"}')", "INSERT INTO kept VALUES (3)")
		for i, c := range log.Wait(t, 3) {
			if !c.Origin.IsZero() {
				t.Errorf("change %d has origin %+v, want none", i, c.Origin)
			}
		}
	})
}

func TestANarrowPartitionUnderAWideTableMakesNoNulls(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *database) {
		db.Exec(t, "CREATE TABLE docs (id int PRIMARY KEY, body text, n int) PARTITION BY RANGE (id)",
			"CREATE TABLE docs_1 PARTITION OF docs FOR VALUES FROM (0) TO (100)")
		log := pumped(t, db, "docs")
		// Behind our back, and on the root alone: the server now calls the leaf's keys whole rows.
		db.Exec(t, "ALTER TABLE docs REPLICA IDENTITY FULL", "INSERT INTO docs VALUES (1, "+large+", 1)", "UPDATE docs SET id = 2, n = 2")
		if v := log.Wait(t, 2)[1].After.Get("body"); !v.IsUnchanged() {
			t.Errorf("untouched text is %.40s, want (unchanged)", v.Display())
		}
	})
}
