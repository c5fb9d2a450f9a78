package hubspot

import (
	"context"
	"sync"
	"time"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// renewAfter bounds how often a property nobody knows makes the definitions of
// its object be read again.
const renewAfter = time.Minute

// shape is what is known of one object. It never changes once made.
type shape struct {
	object event.Object
	fields map[string]event.Field
	at     time.Time
	fault  *event.Fault // why it is not known: a final answer of the vendor
}

// kind of a property; text for one nobody knows.
func (s *shape) kind(name string) event.Kind { return s.fields[name].Kind }

// why returns a fault of the caller's own, or nil.
func (s *shape) why() *event.Fault {
	if s.fault == nil {
		return nil
	}
	f := *s.fault
	return &f
}

// shapes remembers objects as they were last described.
type shapes struct {
	fetch func(ctx context.Context, object string) (event.Object, *event.Fault)
	now   func() time.Time
	stale func(object string, f *event.Fault) // told when definitions cannot be read again
	gate  chan struct{}                       // one fetch at a time: callers that miss the same object ask once

	mu    sync.Mutex
	known map[string]*shape
}

func newShapes(fetch func(context.Context, string) (event.Object, *event.Fault), now func() time.Time, stale func(string, *event.Fault)) *shapes {
	return &shapes{fetch: fetch, now: now, stale: stale, gate: make(chan struct{}, 1), known: make(map[string]*shape)}
}

func (s *shapes) get(object string) *shape {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known[object]
}

// of returns the shape of an object that knows the named fields, as far as the
// vendor does: it is fetched when it is not known, and again when it lacks a
// name and is not new.
func (s *shapes) of(ctx context.Context, object string, names []string) (*shape, *event.Fault) {
	known := s.get(object)
	if known.enough(names, s.now()) {
		return known, known.why()
	}
	select {
	case s.gate <- struct{}{}:
		defer func() { <-s.gate }()
	case <-ctx.Done():
		return nil, &event.Fault{Class: event.Transient, Message: "describe " + object + ": given up", Err: context.Cause(ctx)}
	}
	if known = s.get(object); known.enough(names, s.now()) { // somebody else asked meanwhile
		return known, known.why()
	}
	fresh, fault := s.renew(ctx, object)
	if fault != nil && known != nil && known.fault == nil {
		s.stale(object, fault)
		return known, nil // what was known before still serves
	}
	return fresh, fault
}

// enough tells whether the shape serves for the names.
func (s *shape) enough(names []string, now time.Time) bool {
	if s == nil {
		return false
	}
	if now.Sub(s.at) < renewAfter {
		return true
	}
	if s.fault != nil {
		return false
	}
	for _, name := range names {
		if _, has := s.fields[name]; !has {
			return false
		}
	}
	return true
}

// renew fetches the shape and remembers it, or remembers that the vendor will
// not give it.
func (s *shapes) renew(ctx context.Context, object string) (*shape, *event.Fault) {
	asked := s.now() // what is answered is at least as new as this
	described, fault := s.fetch(ctx, object)
	if fault != nil && !denied(fault) {
		return nil, fault
	}
	fresh := &shape{object: described, fields: make(map[string]event.Field, len(described.Fields)), at: asked, fault: fault}
	for _, f := range described.Fields {
		fresh.fields[f.Name] = f
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.known[object]
	switch {
	case fault != nil && old != nil && old.fault == nil: // what was known still serves
	case old != nil && fresh.at.Before(old.at): // a slow answer does not take the place of a newer one
	default:
		s.known[object] = fresh
	}
	return fresh, fault
}

// denied tells whether the vendor's answer is final: there is no such object,
// or not for this token. Asking again soon would bring the same.
func denied(f *event.Fault) bool {
	return f.Class == event.Rejected || f.Class == event.Gone || f.Code == missingScopes
}
