package writeback

import (
	"maps"
	"sync"
	"time"
)

// Reason says why a webhook was not taken. It is a metric's label and the text
// of the answer.
type Reason string

// Reasons for refusing a webhook, with the status they are answered by.
const (
	WrongMethod       Reason = "method not allowed"                      // 405
	UnknownConnection Reason = "unknown connection"                      // 404
	TooLarge          Reason = "body too large"                          // 413
	TooSlow           Reason = "body too slow"                           // 408
	CutOff            Reason = "body cut off"                            // 400
	BadSignature      Reason = "signature refused"                       // 401
	Malformed         Reason = "malformed body"                          // 400
	Busy              Reason = "too many requests at once"               // 503
	NotReady          Reason = "body cannot be read yet"                 // 503
	NotRouted         Reason = "changes could not be routed, send again" // 503
	NotStored         Reason = "changes could not be stored, send again" // 503
)

// Stats are an Intake's counters since the start.
type Stats struct {
	Connections map[string]ConnectionStats // by name; "" counts requests for no known connection
	InFlight    int
}

// ConnectionStats count one connection's webhooks.
type ConnectionStats struct {
	Accepted uint64 // requests answered 200
	Events   uint64 // changes in them
	Entries  uint64 // entries stored: changes times the mappings that take them
	Refused  map[Reason]uint64
	Last     time.Time // when the last one was accepted
}

// counters belong to one Intake.
type counters struct {
	mu     sync.Mutex
	by     map[string]*ConnectionStats
	flying int
}

// enter takes a place among the requests under way, if there is one.
func (c *counters) enter(most int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.flying >= most {
		return false
	}
	c.flying++
	return true
}

func (c *counters) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flying--
}

// of returns a connection's counters. The caller holds the lock.
func (c *counters) of(name string) *ConnectionStats {
	if c.by == nil {
		c.by = make(map[string]*ConnectionStats)
	}
	s := c.by[name]
	if s == nil {
		s = &ConnectionStats{Refused: make(map[Reason]uint64)}
		c.by[name] = s
	}
	return s
}

func (c *counters) accept(name string, events, entries int, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.of(name)
	s.Accepted++
	s.Events += uint64(events)
	s.Entries += uint64(entries)
	s.Last = at
}

func (c *counters) refuse(name string, reason Reason) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.of(name).Refused[reason]++
}

func (c *counters) snapshot() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := Stats{Connections: make(map[string]ConnectionStats, len(c.by)), InFlight: c.flying}
	for name, s := range c.by {
		one := *s
		one.Refused = maps.Clone(s.Refused)
		out.Connections[name] = one
	}
	return out
}
