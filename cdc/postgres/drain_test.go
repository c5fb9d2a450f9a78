package postgres_test

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/cdc/cdctest"
	"github.com/lockstep-sync/lockstep/cdc/postgres"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

// BenchmarkDrain drains one backlog twice in the same run: with pg_recvlogical
// into a file, and with a Pump whose Log counts. It prints both rates and their
// ratio. The workload is one transaction of inserts and single-row updates after
// it, on a table with REPLICA IDENTITY FULL.
func BenchmarkDrain(b *testing.B) {
	const inserts, updates = 250_000, 50_000
	program, err := exec.LookPath("pg_recvlogical")
	if err != nil {
		b.Fatalf("%v: install the package postgresql-client to compare with it", err)
	}
	_, db := own(b, 0, nil)
	db.Exec(b, `CREATE TABLE contacts (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text NOT NULL, first_name text, last_name text,
		phone text, company text, ltv numeric(12,2), updated_at timestamptz DEFAULT now())`, `ALTER TABLE contacts REPLICA IDENTITY FULL`)
	db.Install(b, "contacts")
	db.Exec(b, `SELECT pg_create_logical_replication_slot('file', 'pgoutput')`,
		fmt.Sprintf(`INSERT INTO contacts (email, first_name, last_name, phone, company, ltv) SELECT 'user' || i || '@example.com', 'First' || i, 'Last' || i,
			'+1 555 ' || i, 'Company ' || i %% 1000, i %% 10000 + 0.25 FROM generate_series(1, %d) i`, inserts),
		fmt.Sprintf(`DO $$ BEGIN FOR i IN 1..%d LOOP UPDATE contacts SET ltv = ltv + 1 WHERE id = i; COMMIT; END LOOP; END $$`, updates))
	end := db.value(b, "SELECT pg_current_wal_flush_lsn()::text")
	file := filepath.Join(b.TempDir(), "out")
	start := time.Now()
	out, err := exec.Command(program, "--dbname", db.url, "--slot", "file", "--start", "--file", file, "--endpos", end, "--no-loop",
		"--option", "proto_version=1", "--option", "publication_names="+db.slot, "--option", "messages=true").CombinedOutput()
	if err != nil {
		b.Fatalf("pg_recvlogical: %v: %s", err, out)
	}
	theirs := time.Since(start)

	log := &counting{want: inserts + updates, done: make(chan struct{})}
	o := db.options(b, nil)
	o.URL = db.url // not through the proxy, which costs a copy
	reader, err := postgres.New(o)
	if err != nil {
		b.Fatal(err)
	}
	p := cdctest.NewPump(reader, log, cdctest.Everything)
	start = time.Now()
	stop := cdctest.Start(b, p)
	<-log.done
	ours := time.Since(start)
	stop()
	rate := func(d time.Duration) float64 { return (inserts + updates) / d.Seconds() }
	b.ReportMetric(rate(theirs), "pg_recvlogical/s")
	b.ReportMetric(rate(ours), "pump/s")
	b.ReportMetric(rate(ours)/rate(theirs), "ratio")
	b.ReportMetric(float64(log.appends), "appends")
}

// counting is a Log that is as fast as none.
type counting struct {
	count, want, appends int
	done                 chan struct{}
}

func (l *counting) Append(_ context.Context, entries []event.Entry) error {
	l.appends++
	if l.count += len(entries); l.count >= l.want {
		close(l.done)
	}
	return nil
}

func (l *counting) Tail(context.Context, string, string) (event.Position, error) {
	return event.Position{}, nil
}
