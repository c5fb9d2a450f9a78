package cdctest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/cdc"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

// Connection is the connection's name throughout the suite; mapping the one
// that takes everything unless a case says otherwise.
const (
	Connection = "app"
	mapping    = "all"
)

// Everything routes each change to one mapping.
func Everything(_ context.Context, _ *event.Change, dst []event.Route) ([]event.Route, error) {
	return append(dst, event.Route{Mapping: mapping}), nil
}

// NewPump makes a Pump with the patience of a test.
func NewPump(reader cdc.Reader, log cdc.Log, route cdc.RouteFunc) *cdc.Pump {
	p := cdc.New(Connection, reader, log, route)
	p.Mappings = []string{mapping}
	p.Retry = cdc.Backoff{Min: 5 * time.Millisecond, Max: 100 * time.Millisecond}
	p.Recheck = 50 * time.Millisecond
	return p
}

// Start runs the pump until stop or the end of the test.
func Start(t testing.TB, p *cdc.Pump) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := p.Run(ctx); err != nil {
			t.Errorf("Run ended with %v, want nil", err)
		}
	}()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			select {
			case <-done:
			case <-time.After(patience):
				t.Errorf("Run did not end within %v of its context", patience)
			}
		})
	}
	t.Cleanup(stop)
	return stop
}

// Await waits until the pump is in the state.
func Await(t testing.TB, p *cdc.Pump, want cdc.State) cdc.Status {
	t.Helper()
	until(t, "state "+string(want), func() bool { return p.Status().State == want })
	return p.Status()
}

// begin makes log, reader and pump over tables that exist, and runs it.
func begin(t *testing.T, db Database, tables ...string) (*Log, *cdc.Pump) {
	t.Helper()
	db.Install(t, tables...)
	log := NewLog(t)
	p := NewPump(db.Reader(t, nil), log, Everything)
	Start(t, p)
	return log, p
}
