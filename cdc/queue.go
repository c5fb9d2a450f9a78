package cdc

import (
	"context"
	"sync"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// queue stands between the stream and the appender: one batch fills while the
// other is appended. The appender takes whatever has arrived as soon as it is
// free, so a batch is as large as the last fsync was slow, without a timer. While
// it waits for work, it is woken when the stream pauses or a batch is full.
//
// I4: it holds two batches, each bounded; a full one makes the stream wait.
type queue struct {
	maxEntries, maxBytes int
	ready, room          chan struct{} // one token each: look again

	mu      sync.Mutex
	filling *batch
	spare   *batch // nil while it is being appended
}

func newQueue(maxEntries, maxBytes int) *queue {
	return &queue{maxEntries: maxEntries, maxBytes: maxBytes,
		ready: make(chan struct{}, 1), room: make(chan struct{}, 1), filling: &batch{}, spare: &batch{}}
}

// add queues the change for its routes and waits while there is no room.
func (q *queue) add(ctx context.Context, connection string, c *event.Change, routes []event.Route) error {
	for {
		q.mu.Lock()
		b := q.filling
		if len(b.entries) == 0 || len(b.entries)+len(routes) <= q.maxEntries && len(b.data) < q.maxBytes {
			b.add(connection, c, routes)
			q.mu.Unlock()
			return nil
		}
		q.mu.Unlock()
		signal(q.ready)
		select {
		case <-q.room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// checkpoint queues a checkpoint behind everything added so far.
func (q *queue) checkpoint(c Checkpoint) {
	q.mu.Lock()
	q.filling.checkpoint(c)
	q.mu.Unlock()
}

// take waits for something to append. The batch goes back with done.
func (q *queue) take(ctx context.Context) (*batch, error) {
	for {
		q.mu.Lock()
		if b := q.filling; !b.empty() {
			q.filling, q.spare = q.spare, nil
			q.mu.Unlock()
			signal(q.room)
			b.seal()
			return b, nil
		}
		q.mu.Unlock()
		select {
		case <-q.ready:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (q *queue) done(b *batch) {
	b.reset()
	q.mu.Lock()
	q.spare = b
	q.mu.Unlock()
}

// settled tells whether all that was queued is durable.
func (q *queue) settled() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.spare != nil && q.filling.empty()
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
