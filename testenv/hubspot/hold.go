package hubspot

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"sync"
)

// gate is where write calls wait that a fault holds back: hold_writes before
// they are applied, hold_writes_after with their answer ready.
type gate struct {
	mu      sync.Mutex
	waiting []*heldCall // in the order in which they came
}

type heldCall struct {
	after bool          // it is applied already
	open  chan struct{} // closed when it may go on
}

// enter makes a call wait, unless nothing is to be held. The question is asked
// under the lock: a release that comes after the answer finds the call.
func (g *gate) enter(after bool, holding func() bool) *heldCall {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !holding() {
		return nil
	}
	h := &heldCall{after: after, open: make(chan struct{})}
	g.waiting = append(g.waiting, h)
	return h
}

// leave forgets a call that waits no more, for whatever reason.
func (g *gate) leave(h *heldCall) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if i := slices.Index(g.waiting, h); i >= 0 {
		g.waiting = slices.Delete(g.waiting, i, i+1)
	}
}

// release lets go of up to n calls that match, those first that came first, and
// tells how many there were.
func (g *gate) release(n int, match func(*heldCall) bool) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	released := 0
	g.waiting = slices.DeleteFunc(g.waiting, func(h *heldCall) bool {
		if released == n || !match(h) {
			return false
		}
		released++
		close(h.open)
		return true
	})
	return released
}

func (g *gate) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.waiting)
}

// hold makes a write call wait while the fault lasts; false when the caller or
// the server went meanwhile.
func (s *Server) hold(c *call, after bool) bool {
	h := s.gate.enter(after, func() bool {
		f := s.faults.Load()
		return after && f.HoldWritesAfter || !after && f.HoldWrites
	})
	if h == nil {
		return true
	}
	defer s.gate.leave(h)
	s.notify()
	select {
	case <-h.open:
		return true
	case <-c.r.Context().Done():
	case <-s.closed:
	}
	return false
}

// holds tells whether the call would wait before it is applied.
func (s *Server) holds(way *route) bool { return way.write && s.faults.Load().HoldWrites }

// holdBefore makes a write wait before it is applied. Its body is read first:
// net/http notices that a caller hung up only once it has the whole request.
func (s *Server) holdBefore(c *call, way *route) bool {
	if !s.holds(way) {
		return true
	}
	body, err := io.ReadAll(io.LimitReader(c.r.Body, maxRequest+1))
	if err != nil {
		return false
	}
	c.r.Body = io.NopCloser(bytes.NewReader(body))
	return s.hold(c, false)
}

// Held tells how many write calls wait at hold_writes and hold_writes_after.
func (s *Server) Held() int { return s.gate.count() }

// ReleaseWrites lets up to n held write calls go on, in the order in which they
// came, and tells how many there were. The hold lasts for all others; setting
// the fault to false ends it and releases all.
func (s *Server) ReleaseWrites(n int) int {
	defer s.notify()
	return s.gate.release(max(n, 0), func(*heldCall) bool { return true })
}

// ReleaseWebhooks lets the n oldest events go that hold_webhooks holds back, and
// tells how many there were; a POST that failed is sent again whole. The hold
// lasts for all others; setting the fault to false ends it and releases all.
func (s *Server) ReleaseWebhooks(n int) int {
	defer s.notify()
	return s.hooks.release(n)
}

// lift lets go of what the faults do not hold any more.
func (s *Server) lift(f *Faults) {
	s.gate.release(-1, func(h *heldCall) bool { return h.after && !f.HoldWritesAfter || !h.after && !f.HoldWrites })
	if s.hooks != nil { // the first faults are set before there are webhooks
		s.hooks.lift(f.HoldWebhooks)
	}
	s.notify()
}

// controlRelease serves POST /_control/release: {"writes":1} or {"webhooks":3}.
func (s *Server) controlRelease(r *http.Request) (int, any, error) {
	var in struct {
		Writes   int `json:"writes"`
		Webhooks int `json:"webhooks"`
	}
	if err := overlay(r, &in); err != nil {
		return 0, nil, err
	}
	if in.Writes < 0 || in.Webhooks < 0 {
		return 0, nil, invalid("writes and webhooks cannot be negative")
	}
	return http.StatusOK, map[string]int{"writes": s.ReleaseWrites(in.Writes), "webhooks": s.ReleaseWebhooks(in.Webhooks)}, nil
}
