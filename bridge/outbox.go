package bridge

import (
	"context"
	"sync"
	"time"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// outbox delivers writes to one connection: what has gathered while the last
// calls were under way goes out as the next ones. A record stands in it at
// most once, and says what to write only when its turn has come, so that many
// changes of one record become one write.
//
// It owns the connection's circuit: while calls fail for reasons that are not
// the record's own, one batch at a time probes, with growing pauses.
type outbox struct {
	connection string
	side       Side
	health     *Health
	clock      Clock

	mu      sync.Mutex
	queue   []*job
	wake    chan struct{}
	running int
}

// job is one record waiting for its turn.
type job struct {
	rec    *record
	side   int
	op     event.WriteOp
	object string

	failedAt uint64 // the connection's successes when it last failed
	attempts int    // failures of this record while others succeeded
	blocked  int    // failures that were only this write's bad luck (Fault.Alone); they never park it
	notYet   time.Time
}

const (
	aloneAfter = 2  // attempts after which a record is sent by itself, so that it does not spoil others (B5)
	parkAfter  = 10 // attempts, alone, after which it waits for a person
)

func newOutbox(connection string, side Side, clock Clock) *outbox {
	return &outbox{connection: connection, side: side, clock: clock, health: newHealth(connection, clock), wake: make(chan struct{}, 1)}
}

func (o *outbox) enqueue(j *job) {
	o.mu.Lock()
	o.queue = append(o.queue, j)
	o.mu.Unlock()
	o.nudge()
}

func (o *outbox) nudge() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// waiting is the number of records in line.
func (o *outbox) waiting() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.queue)
}

// Run sends until ctx ends, and returns when the last call has. Calls run
// under a context of their own, which outlives ctx by the shutdown's grace.
func (o *outbox) Run(ctx, calling context.Context) error {
	var calls sync.WaitGroup
	defer calls.Wait()
	for {
		wait := o.start(ctx, calling, &calls)
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-o.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// start begins as many calls as may be under way, and tells how long nothing
// more can happen by itself.
func (o *outbox) start(ctx, calling context.Context, calls *sync.WaitGroup) time.Duration {
	const idle = time.Hour
	for ctx.Err() == nil {
		o.mu.Lock()
		if len(o.queue) == 0 {
			o.mu.Unlock()
			return idle
		}
		probing, pause := o.health.gate()
		limits := o.side.Limits(o.queue[0].object)
		if pause > 0 || o.running >= max(limits.Concurrency, 1) || probing && o.running > 0 {
			o.mu.Unlock()
			if pause > 0 {
				return pause
			}
			return idle // a call that ends nudges
		}
		o.mu.Unlock()
		batch, wait := o.take(ctx)
		if len(batch) == 0 {
			if wait > 0 {
				return wait
			}
			continue
		}
		o.mu.Lock()
		o.running++
		o.mu.Unlock()
		calls.Go(func() { o.call(calling, batch) })
	}
	return idle
}

type dispatch struct {
	job   *job
	write event.Write
}

// take asks records in line for their writes until a batch is full. Records
// whose write is of another kind than the first one's stay in line.
func (o *outbox) take(ctx context.Context) (batch []dispatch, wait time.Duration) {
	now := o.clock()
	o.mu.Lock()
	queue := o.queue
	o.queue = nil
	o.mu.Unlock()
	var rest []*job
	var op event.WriteOp
	var object string
	full, alone := 1, false
	for i, j := range queue {
		if len(batch) >= full || alone {
			rest = append(rest, queue[i:]...)
			break
		}
		if left := j.notYet.Sub(now); left > 0 {
			if wait == 0 || left < wait {
				wait = left
			}
			rest = append(rest, j)
			continue
		}
		single := j.attempts+j.blocked >= aloneAfter
		if len(batch) > 0 && (single || !o.fits(j, op, object)) {
			rest = append(rest, j)
			continue
		}
		w, state := j.rec.take(ctx, j)
		switch state {
		case takeNothing:
			continue
		case takeLater: // its operation changed meanwhile: it stays in line under the new one
			rest = append(rest, j)
			continue
		}
		if len(batch) == 0 {
			op, object, alone = w.Op, w.Object, single
			full = max(o.side.Limits(object).Batch, 1)
		}
		batch = append(batch, dispatch{j, w})
	}
	o.mu.Lock()
	o.queue = append(rest, o.queue...)
	o.mu.Unlock()
	return batch, wait
}

func (o *outbox) fits(j *job, op event.WriteOp, object string) bool {
	return o.side.Limits(object).Mixed || j.op == op && j.object == object
}

func (o *outbox) call(ctx context.Context, batch []dispatch) {
	writes := make([]event.Write, len(batch))
	for i, s := range batch {
		writes[i] = s.write
	}
	began := o.clock()
	results := o.side.Apply(ctx, writes)
	o.health.record(results, o.clock().Sub(began))
	var again []*job
	for i, s := range batch {
		res := results[i]
		if f := res.Err; f != nil && retryable(f, s.write.Op) {
			if ctx.Err() != nil {
				continue // cut off by the shutdown: its changes are read again after the restart (B2)
			}
			if o.failed(s.job, f) {
				again = append(again, s.job)
				s.job.rec.unsent(s.job)
				continue
			}
			f = &event.Fault{Class: event.Rejected, Code: f.Code, Field: f.Field, Err: f,
				Message: f.Message + " (the same for every attempt while other records were accepted)"}
			res.Err = f
		}
		s.job.rec.complete(ctx, s.job, s.write, res)
	}
	o.mu.Lock()
	o.queue = append(o.queue, again...) // B5: behind the others, so that the next probe is somebody else's
	o.running--
	o.mu.Unlock()
	o.nudge()
}

// retryable tells whether the same write can simply be sent again. A creation
// in doubt cannot: it is looked up first (B4).
func retryable(f *event.Fault, op event.WriteOp) bool {
	switch f.Class {
	case event.Transient, event.Throttled, event.Unauthorized:
		return true
	case event.InDoubt:
		return op != event.DoCreate
	default:
		return false
	}
}

// failed notes a failure that may pass and tells whether to try again. Only
// failures while other writes succeed count against the record itself: an
// outage is nobody's fault.
func (o *outbox) failed(j *job, f *event.Fault) bool {
	if f.Class == event.Throttled || f.Class == event.Unauthorized {
		return true
	}
	if f.Alone {
		j.blocked++
		j.notYet = o.clock().Add(backoff(j.blocked))
		return true
	}
	successes := o.health.successes()
	if successes > j.failedAt && j.failedAt > 0 {
		j.attempts++
		j.notYet = o.clock().Add(backoff(j.attempts))
	}
	j.failedAt = max(successes, 1)
	return j.attempts < parkAfter
}
