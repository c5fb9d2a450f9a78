package cdctest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// patience is how long a test waits for what must come.
const patience = 30 * time.Second

// Log is a cdc.Log in memory. It outlives the pumps that append to it, as the
// disk does, and fails the test when positions of a mapping do not grow.
type Log struct {
	t testing.TB

	mu      sync.Mutex
	news    chan struct{} // closed at every append
	entries []event.Entry // without Data
	changes []event.Change
	count   int
	forget  bool // keep nothing but the count
	tails   map[string]event.Position
	largest int
	fail    func(stored int, entries []event.Entry) (take int, err error)
	watch   func()
}

// NewLog makes an empty Log.
func NewLog(t testing.TB) *Log {
	return &Log{t: t, news: make(chan struct{}), tails: map[string]event.Position{}}
}

var errKilled = errors.New("the process was killed")

// Append is cdc.Log's.
func (l *Log) Append(ctx context.Context, entries []event.Entry) error {
	l.mu.Lock()
	take, err := len(entries), error(nil)
	if l.fail != nil {
		take, err = l.fail(l.count, entries)
	}
	for _, e := range entries[:take] {
		l.store(e)
	}
	l.largest = max(l.largest, len(entries))
	if take > 0 {
		close(l.news)
		l.news = make(chan struct{})
	}
	watch := l.watch
	l.mu.Unlock()
	if watch != nil {
		watch()
	}
	if errors.Is(err, errKilled) {
		<-ctx.Done() // nothing ever answers a killed process
	}
	return err
}

func (l *Log) store(e event.Entry) {
	at := e.Connection + "/" + e.Mapping
	if !l.tails[at].Before(e.Position) {
		l.t.Errorf("mapping %s: position %s appended after %s", e.Mapping, e.Position, l.tails[at])
	}
	l.tails[at] = e.Position
	l.count++
	if l.forget {
		return
	}
	c, err := event.ParseChange(e.Data)
	if err != nil {
		l.t.Errorf("entry at %s: %v", e.Position, err)
	}
	if c.Position != e.Position || c.Origin != e.Origin || c.Connection != e.Connection {
		l.t.Errorf("entry %+v does not repeat its change %+v", e, c)
	}
	e.Data = nil
	l.entries, l.changes = append(l.entries, e), append(l.changes, c)
}

// Tail is cdc.Log's.
func (l *Log) Tail(_ context.Context, connection, mapping string) (event.Position, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.tails[connection+"/"+mapping], nil
}

// Changes returns what was appended so far.
func (l *Log) Changes() []event.Change {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]event.Change(nil), l.changes...)
}

// Entries is the same, as entries without Data.
func (l *Log) Entries() []event.Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]event.Entry(nil), l.entries...)
}

// Count is how many entries were appended.
func (l *Log) Count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.count
}

// Wait waits until n entries were appended and returns their changes.
func (l *Log) Wait(t testing.TB, n int) []event.Change {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		l.mu.Lock()
		count, news := l.count, l.news
		l.mu.Unlock()
		if count >= n {
			return l.Changes()
		}
		select {
		case <-news:
		case <-deadline.C:
			t.Fatalf("%d entries after %v, want %d", count, patience, n)
		}
	}
}

// Fail has f decide what becomes of every Append: how many of its entries are
// stored, and the error. stored is how many are there already. nil ends it.
func (l *Log) Fail(f func(stored int, entries []event.Entry) (take int, err error)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fail = f
}

// KillAt ends the pump's process, as far as the Log can: once n entries are
// stored no Append returns before its context ends. The channel is closed when
// that happens.
func (l *Log) KillAt(n int) <-chan struct{} {
	dead := make(chan struct{})
	var once sync.Once
	l.Fail(func(stored int, entries []event.Entry) (int, error) {
		if stored+len(entries) < n {
			return len(entries), nil
		}
		once.Do(func() { close(dead) })
		return max(0, min(n-stored, len(entries))), errKilled
	})
	return dead
}

// until waits for the condition, looked at every few milliseconds.
func until(t testing.TB, what string, condition func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}
