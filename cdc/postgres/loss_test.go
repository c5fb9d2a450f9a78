package postgres_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lockstep-sync/lockstep/cdc"
	"github.com/lockstep-sync/lockstep/cdc/cdctest"
	"github.com/lockstep-sync/lockstep/cdc/postgres"
	"github.com/lockstep-sync/lockstep/schemas/ddl"
	"github.com/lockstep-sync/lockstep/schemas/event"
	server "github.com/lockstep-sync/lockstep/testenv/postgres"
)

// streaming installs a table, pumps it and waits until its first row is there.
func streaming(t *testing.T, db *database) (*cdctest.Log, *cdc.Pump) {
	t.Helper()
	db.Exec(t, "CREATE TABLE kept (id int PRIMARY KEY)")
	db.Install(t, "kept")
	log := cdctest.NewLog(t)
	p := cdctest.NewPump(db.Reader(t, nil), log, cdctest.Everything)
	cdctest.Start(t, p)
	db.Exec(t, "INSERT INTO kept VALUES (1)")
	log.Wait(t, 1)
	cdctest.Await(t, p, cdc.Streaming)
	return log, p
}

// failed waits for a Problem and checks that it says what and what to do.
func failed(t *testing.T, p *cdc.Pump, want cdc.Kind) {
	t.Helper()
	s := cdctest.Await(t, p, cdc.Failed)
	if s.Kind != want || s.Problem == "" || s.Remedy == "" {
		t.Errorf("problem of kind %q: %q, remedy %q; want kind %q with both", s.Kind, s.Problem, s.Remedy, want)
	}
}

// drop drops the slot under its reader.
func (d *database) drop(t *testing.T) {
	t.Helper()
	d.with(t, func(ctx context.Context, c *pgx.Conn) error {
		for {
			if _, err := c.Exec(ctx, "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = $1 AND active", d.slot); err != nil {
				return err
			}
			_, err := c.Exec(ctx, "SELECT pg_drop_replication_slot($1)", d.slot)
			if err == nil || ctx.Err() != nil || strings.Contains(err.Error(), "does not exist") {
				return err
			}
		}
	})
}

func TestADroppedSlotIsALossAndIsNeverMadeAnew(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *database) {
		log, p := streaming(t, db)
		db.drop(t)
		failed(t, p, cdc.SlotMissing)
		if n := db.value(t, "SELECT count(*)::text FROM pg_replication_slots WHERE slot_name = '"+db.slot+"'"); n != "0" {
			t.Error("the slot is there again")
		}
		// Somebody makes it anew: what happened in between is in no log.
		db.Exec(t, "INSERT INTO kept VALUES (2)", "SELECT pg_create_logical_replication_slot('"+db.slot+"', 'pgoutput')")
		deadline := time.After(30 * time.Second)
		for p.Status().Kind != cdc.SlotMoved {
			select {
			case <-deadline:
				t.Fatalf("status is %+v, want a slot that was moved", p.Status())
			case <-time.After(5 * time.Millisecond):
			}
		}
		if n := log.Count(); n != 1 {
			t.Errorf("%d changes, want 1", n)
		}
	})
}

func TestASlotThatFellTooFarBehindIsLost(t *testing.T) {
	t.Parallel()
	for _, version := range []int{14, 18} {
		t.Run(db14or18(version), func(t *testing.T) {
			t.Parallel()
			_, db := own(t, version, map[string]string{"max_slot_wal_keep_size": "1MB", "min_wal_size": "32MB", "max_wal_size": "32MB"})
			db.Exec(t, "CREATE TABLE kept (id int PRIMARY KEY)")
			db.Install(t, "kept")
			deadline := time.After(time.Minute)
			for db.value(t, "SELECT coalesce(wal_status, '') FROM pg_replication_slots") != "lost" {
				db.Exec(t, "INSERT INTO kept SELECT coalesce(max(id), 0) + 1 FROM kept", "SELECT pg_switch_wal()", "CHECKPOINT")
				select {
				case <-deadline:
					t.Fatal("the slot is not lost")
				default:
				}
			}
			p := cdctest.NewPump(db.Reader(t, nil), cdctest.NewLog(t), cdctest.Everything)
			cdctest.Start(t, p)
			failed(t, p, cdc.SlotLost)
		})
	}
}

func db14or18(version int) string {
	return map[int]string{14: "by wal_status", 18: "by invalidation_reason"}[version]
}

func TestADroppedPublicationIsAProblemUntilItIsRepaired(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *database) {
		log, p := streaming(t, db)
		db.Exec(t, `DROP PUBLICATION "`+db.slot+`"`, "INSERT INTO kept VALUES (2)")
		failed(t, p, cdc.PublicationMissing)
		if n := log.Count(); n != 1 {
			t.Errorf("%d changes, want 1", n)
		}
	})
}

func TestAPublicationThatComesBackBeforeAChangeGoesOn(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *database) {
		db.Exec(t, "CREATE TABLE kept (id int PRIMARY KEY)")
		db.Install(t, "kept")
		db.Exec(t, `DROP PUBLICATION "`+db.slot+`"`)
		log := cdctest.NewLog(t)
		p := cdctest.NewPump(db.Reader(t, nil), log, cdctest.Everything)
		cdctest.Start(t, p)
		failed(t, p, cdc.PublicationMissing)
		if made, err := ddl.Repair(patience(t), db.url, db.want); err != nil || made != ddl.Created {
			t.Fatalf("Repair = %s, %v; want created", made, err)
		}
		cdctest.Await(t, p, cdc.Streaming)
		db.Exec(t, "INSERT INTO kept VALUES (1)")
		log.Wait(t, 1)
	})
}

func TestATableTakenOutOfThePublicationIsSeenByInspect(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *database) {
		db.Exec(t, "CREATE TABLE other (id int PRIMARY KEY)")
		db.Exec(t, "CREATE TABLE kept (id int PRIMARY KEY)")
		log := pumped(t, db, "kept", "other")
		db.Exec(t, "INSERT INTO kept VALUES (1)")
		log.Wait(t, 1)
		db.Exec(t, `ALTER PUBLICATION "`+db.slot+`" DROP TABLE kept`)
		_, problems, err := ddl.Inspect(patience(t), db.url, db.want)
		if err != nil || len(problems) != 1 || !strings.Contains(problems[0].What, "public.kept is not in the publication") {
			t.Fatalf("Inspect = %v, %v; want that public.kept is missing", problems, err)
		}
		if made, err := ddl.Repair(patience(t), db.url, db.want); err != nil || made != ddl.Altered {
			t.Fatalf("Repair = %s, %v; want altered", made, err)
		}
		db.Exec(t, "INSERT INTO kept VALUES (2)")
		log.Wait(t, 2)
	})
}

func TestAnotherServerIsNotReadForOurs(t *testing.T) {
	t.Parallel()
	db := open(t, server.Database(t, 0), 0)
	db.Exec(t, "CREATE TABLE kept (id int PRIMARY KEY)")
	db.Install(t, "kept")
	o := db.options(t, nil)
	o.SystemID = "7000000000000000001"
	r, err := postgres.New(o)
	if err != nil {
		t.Fatal(err)
	}
	p := cdctest.NewPump(r, cdctest.NewLog(t), cdctest.Everything)
	cdctest.Start(t, p)
	failed(t, p, cdc.SourceChanged)
}

func TestAServerBehindWhatWasReadIsAProblem(t *testing.T) {
	t.Parallel()
	db := open(t, server.Database(t, 0), 0)
	db.Exec(t, "CREATE TABLE kept (id int PRIMARY KEY)")
	db.Install(t, "kept")
	log := cdctest.NewLog(t)
	ahead := event.Change{Connection: cdctest.Connection, Op: event.Insert, Position: event.Position{Major: 1 << 60, Minor: 1}}
	err := log.Append(context.Background(), []event.Entry{{Connection: cdctest.Connection, Mapping: "all", Position: ahead.Position, Data: event.AppendChange(nil, &ahead)}})
	if err != nil {
		t.Fatal(err)
	}
	p := cdctest.NewPump(db.Reader(t, nil), log, cdctest.Everything)
	cdctest.Start(t, p)
	failed(t, p, cdc.SourceBehind)
}

func TestAWrongPasswordOrDatabaseNeedsAPerson(t *testing.T) {
	t.Parallel()
	db := open(t, server.Database(t, 0), 0)
	o := db.options(t, nil)
	o.URL = strings.Replace(o.URL, "/"+strings.TrimPrefix(strings.SplitN(o.URL, "/", 4)[3], ""), "/no_such_database?sslmode=disable", 1)
	r, err := postgres.New(o)
	if err != nil {
		t.Fatal(err)
	}
	p := cdctest.NewPump(r, cdctest.NewLog(t), cdctest.Everything)
	cdctest.Start(t, p)
	failed(t, p, cdc.Refused)
}
