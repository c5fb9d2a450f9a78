package hubspot

import (
	"container/heap"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"
)

const (
	maxEvents      = 99      // per POST: the vendor says fewer than 100
	maxBody        = 1 << 20 // bytes per POST, unless one event alone is larger
	maxPosts       = 10      // POSTs in flight
	maxUndelivered = 1 << 20 // events kept at all; further ones are dropped
)

// WebhookStatus counts events since Start.
type WebhookStatus struct {
	URL        string `json:"url"`
	Pending    int64  `json:"pending"`    // queued, delayed, in flight or waiting for a retry
	Delivered  int64  `json:"delivered"`  // answered 2xx
	Retried    int64  `json:"retried"`    // sent again after a failed POST
	Dropped    int64  `json:"dropped"`    // by drop_webhooks, after the last retry, for lack of room or of a URL
	Duplicated int64  `json:"duplicated"` // added by duplicate_webhooks
	Posts      int64  `json:"posts"`      // POSTs made, failed ones included
	Held       int64  `json:"held"`       // of the pending, those that only hold_webhooks keeps from being sent
}

// CompressedRetries is the default schedule of retries: the vendor's 24 hours
// squeezed into five minutes, for somebody who watches. It backs off to five
// seconds and stays there, so that a receiver which was away is caught up
// within seconds of its return.
func CompressedRetries() []time.Duration {
	schedule := []time.Duration{time.Second, 2 * time.Second, 4 * time.Second}
	for range 60 {
		schedule = append(schedule, 5*time.Second)
	}
	return schedule
}

// RealRetries is the vendor's own schedule: ten retries spread over 24 hours.
// How they are spread is not documented; here the pauses double.
func RealRetries() []time.Duration {
	schedule := make([]time.Duration, 10)
	for i := range schedule {
		schedule[i] = 24 * time.Hour / 1023 << i
	}
	return schedule
}

// webhooks delivers events. One goroutine runs the schedule, up to ten post.
type webhooks struct {
	client   *http.Client
	timeout  time.Duration
	secret   string
	from     sender
	schedule []time.Duration
	clock    func() int64
	dice     *dice
	faults   func() *Faults
	rules    func() *Assumptions
	changed  func()

	wake chan struct{}
	stop context.CancelFunc
	done sync.WaitGroup

	mu      sync.Mutex
	status  WebhookStatus
	lastID  int64
	queue   []event  // not sent yet
	ready   []*batch // to be sent again now
	waiting batches  // delayed or to be retried later
	posting int
	passes  int // events that may be sent in spite of hold_webhooks
}

// run starts the schedule; close ends it.
func (w *webhooks) run() {
	ctx, stop := context.WithCancel(context.Background())
	w.stop, w.wake = stop, make(chan struct{}, 1)
	w.done.Go(func() { w.loop(ctx) })
}

// close stops every delivery and waits for its goroutines.
func (w *webhooks) close() {
	w.stop()
	w.done.Wait()
	w.client.CloseIdleConnections()
}

// setURL directs what is and comes to a receiver; "" ends delivery and drops
// what waits.
func (w *webhooks) setURL(target string) error {
	if target != "" {
		parsed, err := url.Parse(target)
		if err != nil {
			return fmt.Errorf("parse webhook url: %w", err)
		}
		if parsed.Scheme != "http" && parsed.Scheme != "https" || parsed.Host == "" {
			return fmt.Errorf("webhook url %q is not an http or https URL", target)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.status.URL = target
	if target == "" {
		gone := int64(len(w.queue))
		for _, b := range append(w.ready, w.waiting...) {
			gone += int64(len(b.events))
		}
		w.queue, w.ready, w.waiting = nil, nil, nil
		w.status.Pending -= gone
		w.status.Dropped += gone
	}
	return nil
}

// take queues events, unless nobody listens. It keeps no reference to the slice.
func (w *webhooks) take(events []event) {
	faults, rules := w.faults(), w.rules()
	w.mu.Lock()
	defer w.mu.Unlock()
	var accepted []event
	for _, e := range events {
		w.lastID++
		if w.status.URL == "" {
			continue
		}
		e.id = 3_400_000_000 + w.lastID
		e.null = rules.WebhookNullForCleared
		if !rules.EventTimeEqualsUpdatedAt {
			e.at += w.dice.below(101) - 50
		}
		if w.dice.hits(faults.DropWebhooks) || w.status.Pending >= maxUndelivered {
			w.status.Dropped++
			continue
		}
		w.status.Pending++
		accepted = append(accepted, e)
		if w.dice.hits(faults.DuplicateWebhooks) {
			w.status.Pending++
			w.status.Duplicated++
			accepted = append(accepted, e)
		}
	}
	if len(accepted) == 0 {
		return
	}
	if delay := faults.delay(); delay > 0 {
		heap.Push(&w.waiting, &batch{events: accepted, due: time.Now().Add(delay), fresh: true})
	} else {
		w.queue = append(w.queue, accepted...)
	}
	w.signal()
}

func (w *webhooks) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// loop sends what is due, until the context ends.
func (w *webhooks) loop(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		timer.Reset(w.dispatch(ctx))
		select {
		case <-ctx.Done():
			return
		case <-w.wake:
		case <-timer.C:
		}
	}
}

// dispatch starts as many POSTs as may run and returns how long nothing more
// can become due.
func (w *webhooks) dispatch(ctx context.Context) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	for len(w.waiting) > 0 && !w.waiting[0].due.After(now) {
		b := heap.Pop(&w.waiting).(*batch)
		if b.fresh {
			w.queue = append(w.queue, b.events...)
		} else {
			w.ready = append(w.ready, b)
		}
	}
	for w.posting < maxPosts && len(w.ready)+len(w.queue) > 0 {
		limit := maxEvents
		if w.faults().HoldWebhooks {
			if limit = min(limit, w.passes); limit == 0 {
				break
			}
		}
		b := w.next(limit)
		w.passes = max(0, w.passes-len(b.events))
		w.posting++
		w.status.Posts++
		if b.attempt > 0 {
			w.status.Retried += int64(len(b.events))
		}
		target := w.status.URL
		w.done.Go(func() { w.deliver(ctx, target, b) })
	}
	if len(w.waiting) > 0 {
		return time.Until(w.waiting[0].due)
	}
	return time.Hour
}

// release lets n more events pass the hold and tells how many of them there are.
func (w *webhooks) release(n int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n = min(n, int(w.held())-w.passes)
	if n <= 0 || !w.faults().HoldWebhooks {
		return 0
	}
	w.passes += n
	w.signal()
	return n
}

// lift starts sending again when the hold has ended.
func (w *webhooks) lift(holding bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !holding {
		w.passes = 0
	}
	w.signal()
}

// held counts the events that are due. The caller holds the lock.
func (w *webhooks) held() int64 {
	n := int64(len(w.queue))
	for _, b := range w.ready {
		n += int64(len(b.events))
	}
	return n
}

// next takes a batch of at most limit events: retries first, they are older and
// stay whole. The caller holds the lock.
func (w *webhooks) next(limit int) *batch {
	if len(w.ready) > 0 {
		b := w.ready[0]
		w.ready = w.ready[1:]
		return b
	}
	if w.faults().ShuffleWebhooks {
		w.dice.shuffle(len(w.queue), func(i, j int) { w.queue[i], w.queue[j] = w.queue[j], w.queue[i] })
	}
	n, size := 0, 2
	for n < len(w.queue) && n < limit {
		size += len(w.queue[n].append(nil, w.from, 0)) + 1
		if n > 0 && size > maxBody {
			break
		}
		n++
	}
	b := &batch{events: append([]event(nil), w.queue[:n]...)}
	w.queue = w.queue[n:]
	if len(w.queue) == 0 {
		w.queue = nil // lets go of the array
	}
	return b
}

// snapshot returns the counters.
func (w *webhooks) snapshot() WebhookStatus {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := w.status
	if w.faults().HoldWebhooks {
		out.Held = w.held()
	}
	return out
}
