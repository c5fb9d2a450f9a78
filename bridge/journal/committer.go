package journal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// ErrBusy answers asynchronous writes while more than maxQueued bytes of them
// wait for the disk.
var ErrBusy = errors.New("too much waits to be written to disk; wait for what is under way")

const (
	maxQueued  = 64 << 20 // bytes waiting in one committer
	perMessage = 256      // what a message costs beside its payload
)

// message is one message to be stored.
type message struct {
	subject string
	data    []byte
	entry   *event.Entry // CHANGES only: gives the headers, and goes to the followers
	deleted bool         // STATE only: a delete marker
	joined  bool         // belongs to the same change as the message before it
}

func (m *message) size() int { return len(m.data) + len(m.subject) + perMessage }

// request is what one call wants stored, in order.
type request struct {
	msgs []message
	size int
	done func(error) // called once, from the committer's goroutine
	fail error       // set: never sent, only reported in its turn
}

// committer owns all writes to one stream. It takes whatever has arrived while
// the last fsync ran as the next group, so that many callers share one fsync.
//
// Invariant: what is stored is always a prefix of what was handed over. Every
// publish names the sequence it must follow, and a failure fails everything
// that was already queued behind it: its caller did not know of the failure
// when it asked, and may have meant the two in this order.
type committer struct {
	stream   string
	subject  string // one that the stream takes
	reserve  uint64 // bytes of disk to leave free
	batchMax int    // messages in one batch
	space    *space
	scratch  *scratch
	log      zerolog.Logger
	pub      *publisher
	stored   func(m *message, seq uint64)                  // after each durable message, in order
	reset    func(last uint64)                             // after a failure: not all that is stored up to last was reported
	lastSeq  func(context.Context, string) (uint64, error) // asks the server
	last     uint64                                        // sequence of the last message known to be stored
	unsure   bool                                          // last is not sure: ask the server before the next publish

	mu     sync.Mutex
	queue  []*request
	queued int           // bytes
	room   chan struct{} // closed and replaced when queued shrinks
	wake   chan struct{}
	closed bool
	doubt  chan struct{} // while unsure; closed when that ends
	ended  chan struct{}
}

func (j *Journal) newCommitter(ctx context.Context, stream string) (*committer, error) {
	nc, err := j.dial(stream)
	if err != nil {
		return nil, err
	}
	pub, err := newPublisher(nc)
	if err != nil {
		nc.Close()
		return nil, err
	}
	c := &committer{stream: stream, subject: strings.ToLower(stream) + ".barrier", space: j.space, scratch: j.scratch, log: j.log, pub: pub, lastSeq: j.lastSeq,
		stored: func(*message, uint64) {}, reset: func(uint64) {},
		room: make(chan struct{}), wake: make(chan struct{}, 1), ended: make(chan struct{})}
	if c.last, err = j.lastSeq(ctx, stream); err != nil {
		nc.Close()
		return nil, err
	}
	return c, nil
}

func (j *Journal) lastSeq(ctx context.Context, stream string) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	s, err := j.js.Stream(ctx, stream)
	if err != nil {
		return 0, fmt.Errorf("look at stream %s: %w", stream, err)
	}
	return s.CachedInfo().State.LastSeq, nil
}

func (c *committer) start() { go c.run() }

// write stores the messages and returns when they are durable. When ctx ends
// before they were taken they are withdrawn; afterwards the outcome is awaited,
// because the messages' memory belongs to the caller again when write returns.
func (c *committer) write(ctx context.Context, msgs []message) error {
	if len(msgs) == 0 {
		return ctx.Err()
	}
	answer := make(chan error, 1)
	r := &request{msgs: msgs, done: func(err error) { answer <- err }}
	for {
		room, err := c.offer(r, false)
		if err != nil {
			return err
		}
		if room == nil {
			break
		}
		select {
		case <-room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		if c.withdraw(r) {
			return ctx.Err()
		}
		return <-answer
	}
}

// writeAsync queues the messages and returns at once; done is called in order
// with every other call's.
func (c *committer) writeAsync(msgs []message, done func(error)) {
	if _, err := c.offer(&request{msgs: msgs, done: done}, true); err != nil {
		done(err)
	}
}

// offer queues r. Without room it returns a channel that is closed when there
// may be some, or, when forced, queues r to fail in its turn.
func (c *committer) offer(r *request, force bool) (<-chan struct{}, error) {
	r.size = 0
	for i := range r.msgs {
		r.size += r.msgs[i].size()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, ErrClosed
	}
	if c.queued > 0 && c.queued+r.size > maxQueued {
		if !force {
			return c.room, nil
		}
		r.msgs, r.size, r.fail = nil, 0, ErrBusy
	}
	c.queue = append(c.queue, r)
	c.queued += r.size
	select {
	case c.wake <- struct{}{}:
	default:
	}
	return nil, nil
}

func (c *committer) withdraw(r *request) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, q := range c.queue {
		if q == r {
			c.queue = append(c.queue[:i:i], c.queue[i+1:]...)
			c.shrink(r.size)
			return true
		}
	}
	return false
}

// shrink is called with mu held.
func (c *committer) shrink(size int) {
	c.queued -= size
	close(c.room)
	c.room = make(chan struct{})
}

// take waits for something to do and returns every request up to the first one
// that is to fail in its turn, or that one alone; nil at the end.
func (c *committer) take() []*request {
	for {
		c.mu.Lock()
		n := 0
		for n < len(c.queue) && c.queue[n].fail == nil {
			n++
		}
		if n == 0 && len(c.queue) > 0 {
			n = 1
		}
		group, size := c.queue[:n:n], 0
		for _, r := range group {
			size += r.size
		}
		if c.queue = c.queue[n:]; n > 0 {
			c.shrink(size)
		}
		closed := c.closed
		c.mu.Unlock()
		if n > 0 {
			return group
		}
		if closed {
			return nil
		}
		c.idle()
	}
}

// idle waits for work. Meanwhile it finds out what a failure left open, because
// followers may be waiting for messages whose acknowledgement was lost.
func (c *committer) idle() {
	if c.unsure {
		err := c.resync()
		if err == nil {
			return
		}
		c.log.Warn().Err(err).Str("stream", c.stream).Msg("journal does not answer")
		again := time.NewTimer(resyncEvery)
		defer again.Stop()
		select {
		case <-c.wake:
		case <-again.C:
		}
		return
	}
	<-c.wake
}

func (c *committer) run() {
	defer close(c.ended)
	for group := c.take(); group != nil; group = c.take() {
		if group[0].fail != nil {
			c.refuse(group, 0, group[0].fail)
			continue
		}
		c.commit(group)
	}
}

// commit stores the group's messages, piece by piece, and answers each request
// as soon as its last message is durable.
func (c *committer) commit(group []*request) {
	var msgs []*message
	for _, r := range group {
		for k := range r.msgs {
			msgs = append(msgs, &r.msgs[k])
		}
	}
	stored, end := 0, 0 // end: where the first unanswered request ends
	for len(group) > 0 {
		n, err := c.put(msgs[stored:])
		stored += n
		for len(group) > 0 && end+len(group[0].msgs) <= stored {
			end += len(group[0].msgs)
			group[0].done(nil)
			group = group[1:]
		}
		if err != nil {
			c.refuse(group, stored-end, err)
			return
		}
	}
}

// refuse answers the rest of a group, of whose first request n messages are
// stored, and everything queued meanwhile, with the error that stopped it.
func (c *committer) refuse(rest []*request, n int, err error) {
	c.mu.Lock()
	rest = append(rest[:len(rest):len(rest)], c.queue...)
	c.queue = nil
	c.shrink(c.queued)
	c.mu.Unlock()
	for i, r := range rest {
		switch {
		case i > 0:
			r.done(fmt.Errorf("store in %s: not tried, because an earlier write failed: %w", c.stream, err))
		case n > 0:
			r.done(fmt.Errorf("store in %s: only the first %d of %d messages are stored: %w", c.stream, n, len(r.msgs), err))
		default:
			r.done(fmt.Errorf("store in %s: %w", c.stream, err))
		}
	}
}

// close stores what is queued, refuses what comes later and waits.
func (c *committer) close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	select {
	case c.wake <- struct{}{}:
	default:
	}
	<-c.ended
	c.pub.nc.Close()
}
