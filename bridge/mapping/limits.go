package mapping

import "time"

// Fuse bounds the deletions that a mapping carries to one side within a window:
// beyond Count of them, or beyond Share of its records, they wait for a person.
// The zero Fuse bounds nothing.
type Fuse struct {
	Count  int
	Share  float64 // 0 to 1
	Window time.Duration
}

// Breaker freezes a field whose writes change direction more than Flips times
// within a span. The zero Breaker never does.
type Breaker struct {
	Flips  int
	Within time.Duration
}

// DriftPolicy says what becomes of a mapping when a field that it uses changes
// its shape or vanishes.
type DriftPolicy uint8

const (
	DriftPause  DriftPolicy = iota // it stands still until a person, or the shape, lets it go on
	DriftIgnore                    // it goes on without the field
)

// Fuse is the mapping's bound for deletions.
func (m *Mapping) Fuse() Fuse { return m.fuse }

// Breaker is the mapping's bound for a field that goes back and forth.
func (m *Mapping) Breaker() Breaker { return m.breaker }

// Drift is the mapping's policy for fields that change their shape.
func (m *Mapping) Drift() DriftPolicy { return m.drift }
