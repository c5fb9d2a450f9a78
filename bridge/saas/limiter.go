package saas

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

const (
	defaultConcurrency = 4
	defaultPause       = 10 * time.Second // of a throttled connection whose vendor names no time
	maxWait            = 15 * time.Second // waits above are the engine's business: they come back as a Fault
	unpaced            = 100_000          // calls a second that no pacing could slow
)

// Limiter paces the calls of one connection. It starts without a limit, learns
// the vendor's from Budget, and uses nine tenths of it evenly with bursts of one
// tenth, so that no window of the vendor's holds more than the whole. Safe for
// concurrent use.
type Limiter struct {
	slots chan struct{} // one per call under way
	fixed bool          // the limit is configured: budgets do not change it

	mu      sync.Mutex
	pacer   *rate.Limiter            // nil: unpaced
	classes map[string]*rate.Limiter // never changed
	status  Status
}

// NewLimiter makes a limiter for a number of calls at once (0: 4). A configured
// limit overrides what the vendor tells; the zero Rate learns. Classes are calls
// with a small limit of their own, such as searches; theirs applies on top.
func NewLimiter(concurrency int, configured Rate, classes map[string]Rate) *Limiter {
	if concurrency <= 0 {
		concurrency = defaultConcurrency
	}
	l := &Limiter{
		slots: make(chan struct{}, concurrency), fixed: !configured.IsZero(),
		pacer: pacerOf(configured), classes: make(map[string]*rate.Limiter, len(classes)),
		status: Status{Limit: configured},
	}
	for name, r := range maps.All(classes) {
		l.classes[name] = pacerOf(r)
	}
	return l
}

// pacerOf spreads a rate such that burst and refill together stay within it in
// every window of its length.
func pacerOf(r Rate) *rate.Limiter {
	perSecond := 0.9 * float64(r.Calls) / r.Per.Seconds()
	if r.IsZero() || perSecond > unpaced {
		return nil
	}
	return rate.NewLimiter(rate.Limit(perSecond), max(1, r.Calls/10))
}

// Acquire waits until a call of the class may start ("" is no class) and returns
// what to do when it has ended. A wait that the context or maxWait would not
// outlast comes back at once, as a Throttled fault that says how long.
func (l *Limiter) Acquire(ctx context.Context, class string) (release func(), fault *event.Fault) {
	// The class first: a search that waits its turn must not hold a place that
	// other calls could use.
	if fault := l.pace(ctx, l.classes[class]); fault != nil {
		return nil, fault
	}
	l.mu.Lock()
	pacer := l.pacer
	l.mu.Unlock()
	if fault := l.pace(ctx, pacer); fault != nil {
		return nil, fault
	}
	for {
		if fault := wait(ctx, l.pause()); fault != nil {
			return nil, fault
		}
		select {
		case l.slots <- struct{}{}:
		case <-ctx.Done():
			return nil, abandoned(ctx)
		}
		if l.pause() <= 0 {
			break
		}
		<-l.slots // a pause began while this call waited for its place
	}
	l.mu.Lock()
	l.status.Calls++
	l.mu.Unlock()
	return func() { <-l.slots }, nil
}

// pace takes a turn of a pacer and waits until it has come.
func (l *Limiter) pace(ctx context.Context, pacer *rate.Limiter) *event.Fault {
	if pacer == nil {
		return nil
	}
	turn := pacer.Reserve()
	fault := wait(ctx, turn.Delay())
	if fault != nil {
		turn.Cancel() // give the turn to somebody who can wait
	}
	return fault
}

// wait sleeps, unless the context ends first or the time is not worth it.
func wait(ctx context.Context, d time.Duration) *event.Fault {
	if ctx.Err() != nil {
		return abandoned(ctx)
	}
	if d <= 0 {
		return nil
	}
	if deadline, ok := ctx.Deadline(); d > maxWait || ok && time.Until(deadline) < d {
		return &event.Fault{Class: event.Throttled, RetryAfter: d,
			Message: fmt.Sprintf("the connection's call limit is used up for another %s", d.Round(time.Millisecond))}
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return abandoned(ctx)
	}
}

func abandoned(ctx context.Context) *event.Fault {
	return &event.Fault{Class: event.Transient, Message: "the call was given up before it was sent", Err: context.Cause(ctx)}
}

// Learn takes what a response told.
func (l *Limiter) Learn(b Budget) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if b.Daily > 0 {
		l.status.Budget.Daily, l.status.Budget.DailyRemaining = b.Daily, b.DailyRemaining
	}
	told := Rate{b.Max, b.Interval}
	if told.IsZero() {
		return
	}
	l.status.Budget.Max, l.status.Budget.Remaining, l.status.Budget.Interval = b.Max, b.Remaining, b.Interval
	if l.fixed {
		return
	}
	if l.status.Limit != told {
		l.status.Limit, l.pacer = told, pacerOf(told)
	}
	// Somebody else uses the same budget: burst no further than it reaches.
	if l.pacer != nil && b.Remaining < l.pacer.Burst() {
		if surplus := int(l.pacer.Tokens()) - b.Remaining; surplus > 0 {
			l.pacer.AllowN(time.Now(), surplus)
		}
	}
}

// Throttled tells that the vendor refused a call for its number: no call of the
// connection starts for d (0: a window of the known budget, else ten seconds).
// It returns how long that is.
func (l *Limiter) Throttled(d time.Duration) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if d <= 0 {
		d = defaultPause
		if l.status.Budget.Interval > 0 {
			d = l.status.Budget.Interval
		}
	}
	l.status.Throttled++
	if until := time.Now().Add(d); until.After(l.status.ThrottledUntil) {
		l.status.ThrottledUntil = until
	}
	return d
}

// pause is how long no call may start.
func (l *Limiter) pause() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Until(l.status.ThrottledUntil)
}

// Status returns the limits and counters as they stand.
func (l *Limiter) Status() Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.status
	s.InFlight = len(l.slots)
	return s
}
