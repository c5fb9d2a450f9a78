package bridge

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/bridge/merge"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

// hands is a clock that moves only when a test moves it.
type hands struct {
	mu  sync.Mutex
	now time.Time
}

func (h *hands) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *hands) advance(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

// scripted is a side whose answers a test decides.
type scripted struct {
	Side
	limits event.Limits
	answer func(ctx context.Context, writes []event.Write) []event.Result

	mu    sync.Mutex
	calls [][]event.Write
	under int
}

func (s *scripted) Limits(string) event.Limits { return s.limits }

func (s *scripted) Apply(ctx context.Context, writes []event.Write) []event.Result {
	s.mu.Lock()
	s.calls = append(s.calls, writes)
	s.under++
	s.mu.Unlock()
	defer func() { s.mu.Lock(); s.under--; s.mu.Unlock() }()
	return s.answer(ctx, writes)
}

func (s *scripted) seen() (calls [][]event.Write, under int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([][]event.Write(nil), s.calls...), s.under
}

// stand answers that all writes stand, except those that fault says no to.
func stand(writes []event.Write, fault func(event.Write) *event.Fault) []event.Result {
	out := make([]event.Result, len(writes))
	for i, w := range writes {
		out[i] = event.Result{Key: w.Key, After: w.Set}
		if f := fault(w); f != nil {
			out[i] = event.Result{Err: f}
		}
	}
	return out
}

func well(event.Write) *event.Fault { return nil }

// rig is an outbox with records of two mappings in front of a scripted side.
type rig struct {
	t      *testing.T
	hands  *hands
	side   *scripted
	engine *Engine
	outbox *outbox
	lsn    uint64
}

func newRig(t *testing.T, side *scripted) *rig {
	t.Helper()
	firms := peopleSpec()
	firms.Name, firms.Left.Object, firms.Right.Object = "firms", "firms", "company"
	r := &rig{t: t, side: side, hands: &hands{now: time.Now()}}
	e, err := New(Options{Journal: openJournal(t), Sides: map[string]Side{"db": &scripted{}, "crm": side},
		Mappings: []*mapping.Mapping{people(t, peopleSpec(), true), people(t, firms, true)}, Clock: r.hands.clock})
	if err != nil {
		t.Fatal(err)
	}
	r.engine, r.outbox = e, e.sides["crm"].outbox
	return r
}

// run runs the outbox until the test ends or stop is called.
func (r *rig) run() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.outbox.Run(ctx, context.Background()) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			r.t.Errorf("Run = %v", err)
		}
	})
	r.t.Cleanup(stop)
	return stop
}

// pair is a linked pair in memory, number n of a mapping.
func (r *rig) pair(m, n int) *record {
	l := r.engine.mappings[m].lanes[0]
	link := merge.NewLink(l.mapping.Mapping, mapping.Left, event.KeyOf(fmt.Sprint(n)))
	link.Keys[mapping.Right], link.State = event.KeyOf(fmt.Sprint("c", n)), merge.Linked
	for i := range link.Fields {
		for _, side := range mapping.Sides {
			link.Fields[i].Cell[side] = merge.Cell{Shadow: event.String("old"), Now: event.String("old")}
		}
	}
	rec := &record{lane: l, id: recordID{mapping.Left, link.Keys[mapping.Left]}, link: link}
	rec.putIndex()
	if err := r.engine.journal.Store(r.t.Context(), rec.puts...); err != nil {
		r.t.Fatal(err)
	}
	rec.puts = nil
	return rec
}

func (r *rig) change(rec *record, op event.Op, pairs ...string) {
	rec.lane.locked(func() {
		r.lsn += 16
		after := fields(pairs...)
		for _, name := range rec.mapping().Columns(mapping.Left) { // a row's image names every column
			if !slices.Contains(after.Names, name) {
				after.Put(name, event.Value{})
			}
		}
		rec.held = append(rec.held, taken{mapping.Left, event.Change{Connection: "db", Op: op, Key: rec.link.Keys[mapping.Left], After: after, Position: event.Position{Major: r.lsn, Minor: 1}}})
		rec.advance()
	})
}

func (r *rig) edit(rec *record, name string) { r.change(rec, event.Update, "name", name) }

// quiet waits until nothing of the records is under way; time passes meanwhile
// when pass is set.
func (r *rig) quiet(pass time.Duration, records ...*record) {
	r.t.Helper()
	eventually(r.t, "nothing is under way", func() bool {
		r.hands.advance(pass)
		r.outbox.nudge()
		for _, rec := range records {
			quiet := false
			rec.lane.locked(func() { quiet = rec.quiet() })
			if !quiet {
				return false
			}
		}
		return true
	})
}

func (r *rig) parked(rec *record) (p *merge.Parked) {
	rec.lane.locked(func() { p = rec.link.Parked })
	return p
}

// with returns the calls that carried the record, and how many of them carried
// others too.
func (r *rig) with(rec *record) (calls, shared int) {
	all, _ := r.side.seen()
	for _, writes := range all {
		for _, w := range writes {
			if w.Key == rec.link.Keys[mapping.Right] {
				calls++
				if len(writes) > 1 {
					shared++
				}
			}
		}
	}
	return calls, shared
}

func TestOutboxBatches(t *testing.T) {
	t.Parallel()
	for _, mixed := range []bool{false, true} {
		t.Run(fmt.Sprintf("writes of 40 records go out ten a call, each once; mixed: %v", mixed), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, &scripted{limits: event.Limits{Batch: 10, Mixed: mixed, Concurrency: 1}, answer: func(_ context.Context, w []event.Write) []event.Result { return stand(w, well) }})
			var records []*record
			for n := range 20 {
				for m := range 2 {
					rec := r.pair(m, 100*m+n)
					records = append(records, rec)
					if n%2 == 0 {
						r.edit(rec, "new")
					} else {
						r.change(rec, event.Delete)
					}
				}
			}
			r.run()
			r.quiet(0, records...)
			calls, _ := r.side.seen()
			written := map[event.Key]int{}
			for _, writes := range calls {
				if len(writes) != 10 {
					t.Errorf("a call holds %d writes, want 10", len(writes))
				}
				for _, w := range writes {
					written[w.Key]++
					if !mixed && (w.Op != writes[0].Op || w.Object != writes[0].Object) {
						t.Errorf("a call holds %s of %s beside %s of %s", w.Op, w.Object, writes[0].Op, writes[0].Object)
					}
				}
			}
			if len(calls) != 4 || len(written) != 40 {
				t.Errorf("%d calls wrote %d records, want 4 and 40", len(calls), len(written))
			}
		})
	}
}

func TestOutboxCoalesces(t *testing.T) {
	t.Parallel()
	begun, answer := make(chan struct{}, 10), make(chan struct{}, 10)
	r := newRig(t, &scripted{limits: event.Limits{Batch: 10, Concurrency: 4}, answer: func(_ context.Context, w []event.Write) []event.Result {
		begun <- struct{}{}
		<-answer
		return stand(w, well)
	}})
	rec := r.pair(0, 1)
	for i := range 5 {
		r.edit(rec, fmt.Sprintf("in line %d", i))
	}
	r.run()
	<-begun
	for i := range 5 {
		r.edit(rec, fmt.Sprintf("under way %d", i))
	}
	answer <- struct{}{}
	<-begun
	answer <- struct{}{}
	r.quiet(0, rec)
	calls, _ := r.side.seen()
	if len(calls) != 2 {
		t.Fatalf("%d calls for ten edits, want one for those in line and one for those during the call", len(calls))
	}
	for i, want := range []struct{ name, guard string }{{"in line 4", "old"}, {"under way 4", "in line 4"}} {
		w := calls[i][0]
		if got := w.Set.Get("title").Text; got != want.name {
			t.Errorf("write %d sets %q, want %q", i, got, want.name)
		}
		if got := w.Guard.Get("title").Text; got != want.guard {
			t.Errorf("write %d expects %q, want %q", i, got, want.guard)
		}
	}
}

func TestOutboxCircuit(t *testing.T) {
	t.Parallel()
	t.Run("an outage stops all calls but one probe at a time, and nobody is parked", func(t *testing.T) {
		t.Parallel()
		var up atomic.Bool
		r := newRig(t, &scripted{limits: event.Limits{Batch: 1, Concurrency: 4}})
		r.side.answer = func(_ context.Context, w []event.Write) []event.Result {
			return stand(w, func(event.Write) *event.Fault {
				if up.Load() {
					return nil
				}
				return &event.Fault{Class: event.Transient, Message: "connection refused"}
			})
		}
		var records []*record
		for n := range 12 {
			records = append(records, r.pair(0, n))
			r.edit(records[n], "new")
		}
		r.run()
		at := 0 // calls made; the first ones may go out together
		eventually(t, "the circuit is open", func() bool {
			calls, under := r.side.seen()
			at = len(calls)
			return under == 0 && r.idle() && r.outbox.health.status().State == "unreachable"
		})
		for range 20 {
			r.hands.advance(longPause)
			r.outbox.nudge()
			eventually(t, "the probe is made", func() bool { calls, _ := r.side.seen(); return len(calls) > at && r.idle() })
			if calls, _ := r.side.seen(); len(calls) != at+1 {
				t.Fatalf("%d calls in one pause, want one probe", len(calls)-at)
			}
			at++
		}
		if got := r.outbox.waiting(); got != 12 {
			t.Errorf("records in line = %d, want 12", got)
		}
		up.Store(true)
		r.quiet(longPause, records...)
		if s := r.outbox.health.status(); s.State != "ok" || s.Problem != "" {
			t.Errorf("state after the outage = %q, %q, want ok", s.State, s.Problem)
		}
		for _, rec := range records {
			if p := r.parked(rec); p != nil {
				t.Errorf("a record is parked for an outage: %+v", p)
			}
		}
	})
	t.Run("a throttled connection waits as long as it is told to", func(t *testing.T) {
		t.Parallel()
		var calm atomic.Bool
		r := newRig(t, &scripted{limits: event.Limits{Batch: 10, Concurrency: 1}})
		r.side.answer = func(_ context.Context, w []event.Write) []event.Result {
			return stand(w, func(event.Write) *event.Fault {
				if calm.Swap(true) {
					return nil
				}
				return &event.Fault{Class: event.Throttled, Message: "slow down", RetryAfter: time.Minute}
			})
		}
		rec := r.pair(0, 1)
		r.edit(rec, "new")
		r.run()
		eventually(t, "the connection is throttled", func() bool { return r.idle() && r.outbox.health.status().State == "throttled" })
		r.hands.advance(59 * time.Second)
		if probing, pause := r.outbox.health.gate(); probing || pause != time.Second {
			t.Errorf("gate after 59 s = %v, %s, want a second more and no probing", probing, pause)
		}
		r.hands.advance(time.Second)
		r.quiet(0, rec)
		if calls, _ := r.side.seen(); len(calls) != 2 {
			t.Errorf("calls = %d, want 2", len(calls))
		}
	})
}

// idle tells whether no call is under way, its end taken in.
func (r *rig) idle() bool {
	r.outbox.mu.Lock()
	defer r.outbox.mu.Unlock()
	return r.outbox.running == 0
}

func TestOutboxOneRecord(t *testing.T) {
	t.Parallel()
	start := func(t *testing.T, fault func() *event.Fault) (r *rig, bad, good *record) {
		r = newRig(t, &scripted{limits: event.Limits{Batch: 10, Concurrency: 2}})
		bad, good = r.pair(0, 1), r.pair(0, 2)
		r.side.answer = func(_ context.Context, w []event.Write) []event.Result {
			return stand(w, func(w event.Write) *event.Fault {
				if w.Key == event.KeyOf("c1") {
					return fault()
				}
				return nil
			})
		}
		r.edit(bad, "bad")
		r.run()
		return r, bad, good
	}
	t.Run("that keeps failing while others succeed is sent alone, and parked in the end", func(t *testing.T) {
		t.Parallel()
		r, bad, good := start(t, func() *event.Fault { return &event.Fault{Class: event.Transient, Code: "XX000", Message: "cannot"} })
		rounds := 0
		for ; r.parked(bad) == nil && rounds < 100; rounds++ {
			r.edit(good, fmt.Sprint("round ", rounds))
			r.quiet(time.Second, good) // B5
		}
		p := r.parked(bad)
		if p == nil || p.Kind != "rejected" || !strings.Contains(p.Message, "XX000: cannot") {
			t.Fatalf("after %d rounds the record is parked as %+v, want rejected with the side's words", rounds, p)
		}
		calls, shared := r.with(bad)
		if calls < parkAfter || shared > aloneAfter+1 {
			t.Errorf("the record was sent %d times, %d of them with others, want at least %d and at most %d", calls, shared, parkAfter, aloneAfter+1)
		}
		if p := r.parked(good); p != nil {
			t.Errorf("its neighbour is parked too: %+v", p)
		}
	})
	t.Run("that is locked holds up nobody and is never parked", func(t *testing.T) {
		t.Parallel()
		var now atomic.Pointer[event.Fault]
		now.Store(&event.Fault{Class: event.Transient, Message: "the row is locked", Alone: true})
		r, bad, good := start(t, func() *event.Fault { return now.Load() })
		for n := 0; ; n++ {
			if calls, _ := r.with(bad); calls > 3*parkAfter {
				break
			}
			r.edit(good, fmt.Sprint("round ", n))
			r.quiet(time.Second, good)
			if s := r.outbox.health.status(); s.State != "ok" {
				t.Fatalf("a locked row makes the connection %s", s.State)
			}
		}
		now.Store(&event.Fault{Class: event.Transient, Message: "an outage in between"})
		at, _ := r.with(bad)
		for n := range 3 {
			eventually(t, "the record is tried in the outage", func() bool {
				r.hands.advance(time.Second)
				r.outbox.nudge()
				calls, _ := r.with(bad)
				return calls > at+n
			})
		}
		now.Store(nil)
		r.quiet(time.Second, bad, good)
		if p := r.parked(bad); p != nil {
			t.Errorf("the record is parked: %+v", p)
		}
	})
}

func TestOutboxEnds(t *testing.T) {
	t.Parallel()
	t.Run("when the calls under way have, and what they did is taken in", func(t *testing.T) {
		t.Parallel()
		begun, answer := make(chan struct{}), make(chan struct{})
		r := newRig(t, &scripted{limits: event.Limits{Batch: 1, Concurrency: 1}, answer: func(ctx context.Context, w []event.Write) []event.Result {
			close(begun)
			<-answer
			if ctx.Err() != nil {
				t.Error("the call is cut off although its own context goes on")
			}
			return stand(w, well)
		}})
		first, second := r.pair(0, 1), r.pair(0, 2)
		r.edit(first, "new")
		r.edit(second, "new")
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- r.outbox.Run(ctx, context.Background()) }()
		<-begun
		cancel()
		close(answer)
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
		var shadow [2]string
		for i, rec := range []*record{first, second} {
			rec.lane.locked(func() { shadow[i] = rec.link.Fields[1].Cell[mapping.Right].Shadow.Text })
		}
		if shadow != [2]string{"new", "old"} {
			t.Errorf("shadows = %q, want the call under way taken in and no further call", shadow)
		}
		if calls, _ := r.side.seen(); len(calls) != 1 {
			t.Errorf("calls = %d, want 1", len(calls))
		}
	})
	t.Run("and a call that the shutdown cuts off parks nobody", func(t *testing.T) {
		t.Parallel()
		begun := make(chan struct{})
		r := newRig(t, &scripted{limits: event.Limits{Batch: 1, Concurrency: 1}, answer: func(ctx context.Context, w []event.Write) []event.Result {
			close(begun)
			<-ctx.Done()
			return stand(w, func(event.Write) *event.Fault {
				return &event.Fault{Class: event.Transient, Message: ctx.Err().Error()}
			})
		}})
		rec := r.pair(0, 1)
		r.edit(rec, "new")
		ctx, cancel := context.WithCancel(context.Background())
		calls, cut := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- r.outbox.Run(ctx, calls) }()
		<-begun
		cancel()
		cut()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
		if p := r.parked(rec); p != nil {
			t.Errorf("the record is parked: %+v", p)
		}
	})
}
