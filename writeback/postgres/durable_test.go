package postgres_test

import (
	"context"
	"testing"

	"github.com/lockstep-sync/lockstep/schemas/event"
	server "github.com/lockstep-sync/lockstep/testenv/postgres"
	"github.com/lockstep-sync/lockstep/writeback/postgres"
)

// A write that stands for us and is lost in a crash of the server would leave no
// trace in the log: both sides would differ for ever.
func TestAWriteOutlivesACrashOfAServerThatCommitsAsynchronously(t *testing.T) {
	t.Parallel()
	s, err := server.Start(context.Background(), server.Options{Settings: map[string]string{"synchronous_commit": "off", "wal_writer_delay": "10s"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	r := rigOn(t, s.URL(), postgres.Options{}, customers+`; INSERT INTO customers (name) VALUES ('Ann'); CHECKPOINT`)
	set := event.Record{}
	set.Put("name", event.String("Bea"))
	if res := r.Apply(r.ctx, []event.Write{{Op: event.DoUpdate, Object: "public.customers", Key: event.KeyOf("1"), Set: set, Origin: "crm"}}); res[0].Err != nil {
		t.Fatal(res[0].Err)
	}
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := s.StartAgain(r.ctx); err != nil {
		t.Fatal(err)
	}
	r.app = dial(r.ctx, t, s.URL())
	if name := r.ask(`SELECT name FROM customers`); name != "Bea" {
		t.Errorf("after the crash the row holds %s, want Bea", name)
	}
}
