package bridge

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/lockstep-sync/lockstep/bridge/journal"
	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

// Options is what an Engine is made of. All of it is required but Paused and
// Log.
type Options struct {
	Journal  *journal.Journal
	Sides    map[string]Side // by connection
	Mappings []*mapping.Mapping
	Paused   map[string]string // mappings whose lanes do not run, and why: see pause.go
	Clock    Clock
	Log      zerolog.Logger
	// Precision is how exact a connection's times are: two edits closer than the
	// coarser one of both sides count as simultaneous.
	Precision map[string]time.Duration
}

// Engine runs all mappings. Its methods are safe for concurrent use.
type Engine struct {
	journal  *journal.Journal
	sides    map[string]*connection
	mappings []*mappingRun
	byName   map[string]*mappingRun
	lanes    int
	clock    Clock
	log      zerolog.Logger
	locks    matchLocks
	ctx      context.Context // for the journal: outlives Run's by the shutdown
	cancel   context.CancelFunc

	mu         sync.Mutex
	stopped    error
	halt       context.CancelFunc
	awaiting   map[string][]*record
	waiters    map[reference]map[waiter]bool // who waits for whom (reference.go)
	errands    []func(context.Context) error
	errandWake chan struct{}
	busy       bool // an errand is under way
	trouble    string
	troubledAt time.Time
}

// connection is one side with its line of writes and its questions.
type connection struct {
	outbox    *outbox
	inquiries *inquiries
	clock     clocked // nil where the side does not tell
}

// mappingRun is one mapping at work.
type mappingRun struct {
	*mapping.Mapping
	engine    *Engine
	lanes     []*lane
	counts    counts
	fuses     [2]fuse // of deletions carried to that side
	columns   [2][]string
	precision time.Duration
	refers    bool         // it has references
	sensitive bool         // it has fields whose values are masked
	paused    string       // why its lanes do not run
	holds     atomic.Int32 // while above 0 its lanes take in nothing more

	mu      sync.Mutex
	problem string
}

// New returns an engine that does nothing until Run.
func New(o Options) (*Engine, error) {
	e := &Engine{journal: o.Journal, sides: map[string]*connection{}, lanes: o.Journal.Lanes(), clock: o.Clock, log: o.Log, awaiting: map[string][]*record{},
		byName: map[string]*mappingRun{}, waiters: map[reference]map[waiter]bool{}, errandWake: make(chan struct{}, 1)}
	e.ctx, e.cancel = context.WithCancel(context.Background())
	for name, side := range o.Sides {
		out := newOutbox(name, side, o.Clock)
		c := &connection{outbox: out, inquiries: newInquiries(side, out.health, o.Clock)}
		c.clock, _ = side.(clocked)
		e.sides[name] = c
	}
	for _, m := range o.Mappings {
		for _, side := range mapping.Sides {
			if end := m.End(side); e.sides[end.Connection] == nil {
				return nil, fmt.Errorf("mapping %s: its %s side is on connection %s, which nobody can write to", m.Name(), side, end.Connection)
			}
		}
		run := newRun(e, m, o.Precision)
		run.paused = o.Paused[m.Name()]
		for n := range e.lanes {
			run.lanes = append(run.lanes, newLane(e, run, n))
		}
		e.mappings, e.byName[m.Name()] = append(e.mappings, run), run
	}
	return e, nil
}

func newRun(e *Engine, m *mapping.Mapping, precision map[string]time.Duration) *mappingRun {
	run := &mappingRun{Mapping: m, engine: e}
	for _, side := range mapping.Sides {
		run.columns[side] = m.Columns(side)
		run.precision = max(run.precision, precision[m.End(side).Connection])
		run.fuses[side].limit, run.fuses[side].side = m.Fuse(), side
	}
	for _, f := range m.Fields() {
		run.refers = run.refers || f.Reference() != ""
		run.sensitive = run.sensitive || f.Sensitive()
	}
	return run
}

// shutdownGrace bounds how long calls under way may still take when Run ends.
const shutdownGrace = 10 * time.Second

// Run works until ctx ends or something happens after which going on would
// risk a change; it returns that error, or nil. Calls under way when ctx ends
// are waited for, so that what they did is recorded.
func (e *Engine) Run(ctx context.Context) error {
	defer e.cancel()
	if err := e.recover(ctx); err != nil {
		return err
	}
	ctx, halt := context.WithCancel(ctx)
	defer halt()
	e.mu.Lock()
	e.halt = halt
	e.mu.Unlock()
	calls, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(shutdownGrace, cut) })
	defer stop()
	group, run := errgroup.WithContext(ctx)
	for _, c := range e.sides {
		group.Go(func() error { return c.outbox.Run(run, calls) })
		group.Go(func() error { return c.inquiries.Run(run) })
	}
	for _, m := range e.mappings {
		for _, l := range m.lanes {
			group.Go(func() error { return l.Run(run) })
		}
	}
	group.Go(func() error { return e.keep(run) })
	group.Go(func() error { return e.runErrands(run) })
	err := group.Wait()
	last := e.saveCursors(e.ctx)
	for _, m := range e.mappings {
		for _, l := range m.lanes {
			l.end()
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, cause := range []error{e.stopped, err, last} {
		if cause != nil {
			return cause
		}
	}
	return nil
}

// stop ends Run with an error.
func (e *Engine) stop(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.stopped == nil {
		e.stopped = err
		e.log.Error().Err(err).Msg("the engine stops: going on would risk a change")
	}
	if e.halt != nil {
		e.halt()
	}
}

// keep writes the lanes' cursors and removes what everybody has handled.
func (e *Engine) keep(ctx context.Context) error {
	cursors, prune := time.NewTicker(250*time.Millisecond), time.NewTicker(time.Minute)
	defer cursors.Stop()
	defer prune.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-cursors.C:
			if err := e.saveCursors(ctx); err != nil && ctx.Err() == nil {
				e.troubled(nil, err)
			}
		case <-prune.C:
			low, err := e.low(ctx)
			if err == nil {
				err = e.journal.Prune(ctx, low)
			}
			if err != nil && ctx.Err() == nil {
				e.troubled(nil, err)
			}
		}
	}
}

// low is the sequence below which every mapping has handled everything. A lane
// with nothing to do holds back nothing, however old its cursor is.
func (e *Engine) low(ctx context.Context) (uint64, error) {
	stats, err := e.journal.Stats(ctx)
	if err != nil {
		return 0, err
	}
	low := stats.Changes.LastSeq + 1 // read first: what comes later is above it
	for _, m := range e.mappings {
		for _, l := range m.lanes {
			l.mu.Lock()
			stored, next, open := l.stored, l.window.next, l.window.open
			l.mu.Unlock()
			if open == 0 {
				waiting, err := e.journal.Backlog(ctx, m.Name(), l.number, next)
				if err != nil {
					return 0, err
				}
				if waiting == 0 {
					continue
				}
			}
			low = min(low, stored)
		}
	}
	return low, nil
}

// saveCursors puts the cursors that moved on disk. A cursor may lag behind
// (B3), never run ahead (B2).
func (e *Engine) saveCursors(ctx context.Context) error {
	var puts []journal.Put
	var lanes []*lane
	var lows []uint64
	for _, m := range e.mappings {
		for _, l := range m.lanes {
			if low, moved := l.cursor(); moved {
				puts = append(puts, put(cursorName(m.Name(), l.number), binary.BigEndian.AppendUint64(nil, low)))
				lanes, lows = append(lanes, l), append(lows, low)
			}
		}
	}
	puts = append(puts, e.countsMoved()...)
	if len(puts) == 0 {
		return nil
	}
	if err := e.journal.Store(ctx, puts...); err != nil {
		return fmt.Errorf("store cursors: %w", err)
	}
	for i, l := range lanes {
		l.mu.Lock()
		l.stored = lows[i]
		l.mu.Unlock()
	}
	return nil
}

func (e *Engine) loadCursor(ctx context.Context, mapping string, lane int) (uint64, error) {
	data, found, err := e.journal.Load(ctx, cursorName(mapping, lane))
	if err != nil || !found {
		return 0, err
	}
	if len(data) != 8 {
		return 0, fmt.Errorf("read cursor of lane %d of mapping %s: %d bytes, want 8", lane, mapping, len(data))
	}
	return binary.BigEndian.Uint64(data), nil
}

// awaitLink wakes the record when its right key is linked, or after a while.
// The record's busy count stands for the wait.
func (e *Engine) awaitLink(mapping string, right event.Key, r *record, limit time.Duration) {
	e.awaitRelease(indexName(mapping, right), r)
	time.AfterFunc(limit, func() { e.release(mapping, right) })
}

// linked wakes the records that waited for this link: those of its own right
// key, and those that refer to it. It may be called with a lane's mutex held.
func (e *Engine) linked(m *mappingRun, left, right event.Key) {
	e.release(m.Name(), right)
	e.wake(m, left, right)
}

func (e *Engine) release(mapping string, right event.Key) { e.releaseName(indexName(mapping, right)) }

// Route tells which mappings take a change, and in which lane: it is what
// readers and intakes ask before they append the change. dst is appended to.
func (e *Engine) Route(ctx context.Context, c *event.Change, dst []event.Route) ([]event.Route, error) {
	for _, m := range e.mappings {
		side, ok := m.SideOf(c.Connection, c.Object)
		if !ok {
			continue
		}
		lane, err := e.laneOf(ctx, m, side, c)
		if err != nil {
			return dst, err
		}
		dst = append(dst, event.Route{Mapping: m.Name(), Lane: lane})
		dst = e.routeRekeyed(m, side, c, dst)
	}
	return dst, nil
}

// SideOf tells which side of the mapping an object of a connection is.
func (m *mappingRun) SideOf(connection, object string) (mapping.Side, bool) {
	for _, side := range mapping.Sides {
		if end := m.End(side); end.Connection == connection && end.Object == object {
			return side, true
		}
	}
	return 0, false
}
