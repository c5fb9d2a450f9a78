package postgres_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5"

	"github.com/lockstep-sync/lockstep/schemas/event"
	server "github.com/lockstep-sync/lockstep/testenv/postgres"
)

const withLog = customers + `; ALTER TABLE customers REPLICA IDENTITY FULL; CREATE PUBLICATION p FOR ALL TABLES`

const slot = `SELECT pg_create_logical_replication_slot(current_database() || '_s', 'pgoutput')::text`

// entry is one row change of the log with what the reader would attach to it.
type entry struct {
	commit uint64
	change string // the id in the last message before it, in its transaction
	row    []string
}

// log reads what pgoutput says, as the reader does.
func (r *rig) log() []entry {
	r.Helper()
	r.sql(`SET synchronous_commit = on`) // what is not flushed is not decoded
	r.sql(`CREATE TABLE IF NOT EXISTS flushed ()`)
	rows, err := r.app.Query(r.ctx, `SELECT data FROM pg_logical_slot_get_binary_changes(current_database() || '_s', NULL, NULL,
		'proto_version', '1', 'publication_names', 'p', 'messages', 'true')`)
	if err != nil {
		r.Fatal(err)
	}
	messages, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
	if err != nil {
		r.Fatal(err)
	}
	var out []entry
	var now entry
	for _, data := range messages {
		m, err := pglogrepl.Parse(data)
		if err != nil {
			r.Fatal(err)
		}
		switch m := m.(type) {
		case *pglogrepl.BeginMessage:
			now = entry{commit: uint64(m.FinalLSN)}
		case *pglogrepl.LogicalDecodingMessage:
			var said struct{ Origin, Change string }
			if err := json.Unmarshal(m.Content, &said); err != nil || !m.Transactional || m.Prefix != "lockstep" || said.Origin != "crm" {
				r.Errorf("message %q, prefix %q, transactional %v: %v", m.Content, m.Prefix, m.Transactional, err)
			}
			now.change = said.Change
		case *pglogrepl.InsertMessage:
			out = append(out, now.with(m.Tuple))
		case *pglogrepl.UpdateMessage:
			out = append(out, now.with(m.NewTuple))
		case *pglogrepl.DeleteMessage:
			out = append(out, now.with(m.OldTuple))
		}
	}
	return out
}

func (e entry) with(t *pglogrepl.TupleData) entry {
	e.row = nil
	for _, c := range t.Columns {
		e.row = append(e.row, string(c.Data))
	}
	return e
}

func TestTheOriginPrecedesTheRowsInTheLog(t *testing.T) {
	t.Parallel()
	for _, version := range server.Versions() {
		t.Run(fmt.Sprint("PostgreSQL ", version), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, version, withLog+`; CREATE TABLE seen (n int); CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
				INSERT INTO seen VALUES (new.id); RETURN new; END $$; CREATE TRIGGER note AFTER UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION note()`)
			r.sql(slot)
			r.sql(`INSERT INTO customers (name) SELECT 'Ann' FROM generate_series(1, 6)`)
			var writes []event.Write
			for id := 6; id >= 1; id-- {
				writes = append(writes, update(id, rec("name", "Bob"), rec("name", "Ann")))
			}
			writes[2].Set = rec("ltv", "many") // row 4: what follows runs behind a savepoint
			writes[3].Guard = rec("name", "Eve")
			writes = append(writes, create(rec("name", "Cy")), remove(6, rec("name", "Bob")))
			writes[7].ID = writes[0].ID
			results := r.Apply(r.ctx, writes)
			for i, want := range []string{"", "", "rejected", "guard missed", "", "", "", ""} {
				if class(results[i]) != want {
					t.Errorf("write %d: %v, want %q", i, results[i].Err, want)
				}
			}
			var got strings.Builder
			commits := map[uint64]bool{}
			for _, e := range r.log() {
				if e.change == "" {
					continue // the application's own
				}
				commits[e.commit] = true
				fmt.Fprintf(&got, "%s=%s ", e.row[0], e.change)
				for i, w := range writes {
					if w.Key == event.KeyOf(e.row[0]) && results[i].Err == nil && e.commit < results[i].Floor.Major {
						t.Errorf("the commit of row %s is at %d, before its floor %d", e.row[0], e.commit, results[i].Floor.Major)
					}
				}
			}
			const want = "8=crm:new 1=crm:1 1=crm:1 2=crm:2 2=crm:2 5=crm:5 5=crm:5 6=crm:6 6=crm:6 6=crm:6 "
			if got.String() != want || len(commits) != 1 {
				t.Errorf("the log says %s in %d transactions, want %s in one", got.String(), len(commits), want)
			}
		})
	}
}

// TestTheFloorDividesTheLog has applications change rows while we write and read
// them: what a floor promises must hold for every one.
func TestTheFloorDividesTheLog(t *testing.T) {
	t.Parallel()
	r := newRig(t, 17, withLog)
	r.sql(slot)
	r.sql(`INSERT INTO customers (name, ltv) SELECT '0', 0 FROM generate_series(1, 5)`)
	var group sync.WaitGroup
	for range 3 {
		app := dial(r.ctx, t, r.url)
		group.Go(func() {
			for n := range 150 {
				if _, err := app.Exec(r.ctx, `UPDATE customers SET ltv = ltv + 1 WHERE id = $1`, n%5+1); err != nil {
					t.Error(err)
				}
			}
		})
	}
	type claim struct {
		id    string
		floor uint64
		ltv   string // what the row held at that moment; "" unknown
		name  string // what our write wrote
	}
	var claims []claim
	keys := []event.Key{event.KeyOf("1"), event.KeyOf("2"), event.KeyOf("3"), event.KeyOf("4"), event.KeyOf("5")}
	for n := range 60 {
		got, err := r.Read(r.ctx, "public.customers", keys, []string{"ltv"})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range got {
			if !s.Floor.IsZero() {
				claims = append(claims, claim{id: s.Key.ID(), floor: s.Floor.Major, ltv: s.Record.Get("ltv").Text})
			}
		}
		name := fmt.Sprint("w", n)
		res := r.one(update(n%5+1, rec("name", name), event.Record{}))
		if res.Err == nil {
			claims = append(claims, claim{id: res.Key.ID(), floor: res.Floor.Major, name: name})
		}
	}
	group.Wait()
	log := r.log()
	if len(claims) < 100 {
		t.Fatalf("only %d floors in 60 rounds", len(claims))
	}
	for _, c := range claims {
		last := ""
		for _, e := range log {
			if e.row[0] != c.id {
				continue
			}
			if e.commit < c.floor {
				last = e.row[4]
			}
			if c.name != "" && (e.row[2] == c.name) != (e.commit >= c.floor) && e.row[2] == c.name {
				t.Errorf("our write %s of row %s is at %d, before its floor %d", c.name, c.id, e.commit, c.floor)
			}
		}
		if c.ltv != "" && last != c.ltv {
			t.Errorf("row %s was read as %s, but before its floor the log ends with %s", c.id, c.ltv, last)
		}
	}
}
