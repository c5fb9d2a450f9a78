package journal

import (
	"bytes"
	"sync"
)

const (
	sliceMax   = 500     // messages handed over at once, and waiting for one follower
	sliceBytes = 2 << 20 // of payload in them
)

// lane is one mapping's lane.
type lane struct {
	mapping string
	number  int
}

// hub hands what was just stored to the followers of its lane, from memory: an
// idle journal has no consumers, no heartbeats and no polling, and a change
// reaches its lane the moment it is on disk. A follower that is too slow, or
// that comes later, reads from the stream instead (follow.go).
type hub struct {
	mu    sync.Mutex
	last  uint64 // every stored message up to here was delivered or is to be read from the stream
	lanes map[lane][]*follower
}

// follower is one Follow call's queue.
//
// Invariant: while lost is false, the queue together with what was taken from
// it is every message of the lane behind the last that attach returned.
type follower struct {
	queue []Delivery
	bytes int
	lost  bool
	ready chan struct{} // holds a token when there is something to look at
}

func newHub() *hub { return &hub{lanes: make(map[lane][]*follower)} }

// attach begins, or begins again, to queue for f. Everything of the lane up to
// the sequence it returns is in the stream, everything behind it will be queued.
func (h *hub) attach(l lane, f *follower) uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	known := false
	for _, other := range h.lanes[l] {
		known = known || other == f
	}
	if !known {
		h.lanes[l] = append(h.lanes[l], f)
	}
	f.queue, f.bytes, f.lost = nil, 0, false
	return h.last
}

func (h *hub) detach(l lane, f *follower) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var rest []*follower
	for _, other := range h.lanes[l] {
		if other != f {
			rest = append(rest, other)
		}
	}
	if h.lanes[l] = rest; len(rest) == 0 {
		delete(h.lanes, l)
	}
}

// deliver queues a stored message for its followers. The data is copied: it
// belongs to the caller of Append.
func (h *hub) deliver(m *message, seq uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last = seq
	for _, f := range h.lanes[lane{m.entry.Mapping, m.entry.Lane}] {
		if f.lost {
			continue
		}
		if len(f.queue) >= sliceMax || f.bytes > 0 && f.bytes+len(m.data) > sliceBytes {
			f.lose()
			continue
		}
		e := *m.entry
		e.Data = bytes.Clone(e.Data)
		f.queue = append(f.queue, Delivery{Seq: seq, Entry: e})
		f.bytes += len(e.Data)
		f.wake()
	}
}

// reset is called when messages up to last may have been stored without being
// delivered: every follower has to read them from the stream.
func (h *hub) reset(last uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last = last
	for _, followers := range h.lanes {
		for _, f := range followers {
			f.lose()
		}
	}
}

// take returns what has arrived. Not ok: the queue has a gap at its end; what
// it returns comes before the gap.
func (h *hub) take(f *follower) (arrived []Delivery, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	arrived, f.queue, f.bytes = f.queue, nil, 0
	return arrived, !f.lost
}

// lose and wake are called with the hub's mutex held.
func (f *follower) lose() {
	f.lost = true
	f.wake()
}

func (f *follower) wake() {
	select {
	case f.ready <- struct{}{}:
	default:
	}
}
