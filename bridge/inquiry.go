package bridge

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// question asks one connection for records: by key, or by the value of a field.
type question struct {
	object string
	key    event.Key // a read
	field  string    // a lookup, by value
	value  string
	fields []string
	most   int // questions that one call may hold with this one; 0 = questionsPerCall
	answer func([]event.Snapshot, *event.Fault)
}

// inquiries asks one connection's questions, many in one call. Failures that
// may pass are tried again for as long as they last; the asking record waits,
// others do not.
type inquiries struct {
	side   Side
	health *Health
	clock  Clock

	mu    sync.Mutex
	queue []question
	wake  chan struct{}
}

const questionsPerCall = 100

func newInquiries(side Side, health *Health, clock Clock) *inquiries {
	return &inquiries{side: side, health: health, clock: clock, wake: make(chan struct{}, 1)}
}

func (q *inquiries) ask(question question) {
	q.mu.Lock()
	q.queue = append(q.queue, question)
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// Run asks until ctx ends. Questions still open then stay unanswered: their
// changes are read again after a restart (B2).
func (q *inquiries) Run(ctx context.Context) error {
	for {
		batch := q.take()
		if len(batch) == 0 {
			select {
			case <-ctx.Done():
				return nil
			case <-q.wake:
				continue
			}
		}
		if _, pause := q.health.gate(); pause > 0 {
			timer := time.NewTimer(pause)
			select {
			case <-ctx.Done():
				timer.Stop()
				return nil
			case <-timer.C:
			}
		}
		if !q.put(ctx, batch) {
			q.mu.Lock()
			q.queue = append(batch, q.queue...)
			q.mu.Unlock()
		}
		if ctx.Err() != nil {
			return nil
		}
	}
}

// take removes the first question and those that one call can answer with it.
func (q *inquiries) take() []question {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.queue) == 0 {
		return nil
	}
	first, most := q.queue[0], questionsPerCall
	if first.most > 0 {
		most = first.most
	}
	var batch, rest []question
	for _, other := range q.queue {
		if len(batch) < most && other.most == first.most && other.object == first.object && other.field == first.field && sameFields(other.fields, first.fields) {
			batch = append(batch, other)
		} else {
			rest = append(rest, other)
		}
	}
	q.queue = rest
	return batch
}

func sameFields(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// put makes the call and hands out the answers; false when it has to be made
// again.
func (q *inquiries) put(ctx context.Context, batch []question) bool {
	var found []event.Snapshot
	var err error
	if batch[0].field == "" {
		keys := make([]event.Key, len(batch))
		for i, b := range batch {
			keys[i] = b.key
		}
		found, err = q.side.Read(ctx, batch[0].object, keys, batch[0].fields)
	} else {
		values := make([]string, len(batch))
		for i, b := range batch {
			values[i] = b.value
		}
		found, err = q.side.Lookup(ctx, batch[0].object, batch[0].field, values, batch[0].fields)
	}
	var fault *event.Fault
	if err != nil && !errors.As(err, &fault) {
		fault = &event.Fault{Class: event.Transient, Message: err.Error(), Err: err}
	}
	q.health.noteRead(fault)
	if fault != nil && fault.Class != event.Rejected && fault.Class != event.Gone {
		return false
	}
	if fault != nil && len(batch) > 1 { // B5: halved until it shows whose question is refused
		for i := range batch {
			batch[i].most = len(batch) / 2
		}
		return false
	}
	for _, b := range batch {
		b.answer(b.pick(found), fault)
	}
	return true
}

// pick returns the snapshots that answer the question. A side may answer a
// read with the survivor of a merge: the only snapshot of a read of one key.
func (b *question) pick(found []event.Snapshot) []event.Snapshot {
	var mine []event.Snapshot
	for _, s := range found {
		if b.field == "" && (s.Key == b.key || s.Asked == b.key) || b.field != "" && s.Asked == event.KeyOf(b.value) {
			mine = append(mine, s)
		}
	}
	return mine
}
