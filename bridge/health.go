package bridge

import (
	"math/rand/v2"
	"sync"
	"time"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// Clock tells the time; time.Now outside of tests.
type Clock func() time.Time

// Health is what is known of a connection's ability to take calls: its
// circuit, its pauses, and the counts for status and metrics.
type Health struct {
	connection string
	clock      Clock

	mu        sync.Mutex
	failures  int // calls failed in a row, for reasons that are not a record's own
	until     time.Time
	throttled bool
	problem   string
	since     time.Time
	good      uint64
	calls     uint64
	writes    uint64
	faults    map[event.Class]uint64
	busy      time.Duration
}

func newHealth(connection string, clock Clock) *Health {
	return &Health{connection: connection, clock: clock, faults: map[event.Class]uint64{}}
}

const (
	firstPause = 100 * time.Millisecond
	longPause  = 5 * time.Second
	authPause  = 15 * time.Second
)

// backoff grows from firstPause to longPause, with jitter so that many waiting
// ones do not come back at the same moment.
func backoff(attempt int) time.Duration {
	d := min(firstPause<<min(max(attempt-1, 0), 16), longPause)
	return d/2 + rand.N(d/2+1)
}

// gate tells whether calls have to wait, and whether the next one is a probe
// that goes alone.
func (h *Health) gate() (probing bool, pause time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.failures > 0, max(h.until.Sub(h.clock()), 0)
}

func (h *Health) successes() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.good
}

// record takes in what became of one call.
func (h *Health) record(results []event.Result, took time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls++
	h.busy += took
	var worst *event.Fault
	stood := false
	for _, r := range results {
		if r.Err == nil {
			h.writes++
			stood = true
			continue
		}
		h.faults[r.Err.Class]++
		if r.Err.Alone {
			stood = true // B5: a locked row is no reason to stop the others
			continue
		}
		switch r.Err.Class {
		case event.Transient, event.Throttled, event.Unauthorized, event.InDoubt:
			if worst == nil || r.Err.Class > worst.Class {
				worst = r.Err
			}
		default:
			stood = true // the side answered about this very record: it is there
		}
	}
	h.note(worst, stood)
}

// note opens the circuit when a call failed as a whole, and closes it when the
// side answered.
func (h *Health) note(worst *event.Fault, stood bool) {
	now := h.clock()
	if worst == nil || stood && worst.Class != event.Throttled {
		h.failures, h.until, h.throttled, h.problem = 0, time.Time{}, false, ""
		h.good++
		return
	}
	pause := worst.RetryAfter
	switch worst.Class {
	case event.Throttled:
		h.throttled = true
		if pause <= 0 {
			pause = time.Second
		}
	case event.Unauthorized:
		h.failures++
		pause = max(pause, authPause)
	default:
		h.failures++
		pause = max(pause, backoff(h.failures))
	}
	h.until = now.Add(pause)
	if h.problem == "" {
		h.since = now
	}
	h.problem = worst.Error()
}

// noteRead takes in what became of a read.
func (h *Health) noteRead(err *event.Fault) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls++
	if err != nil {
		h.faults[err.Class]++
	}
	if err == nil || err.Class == event.Rejected || err.Class == event.Gone {
		h.note(nil, true)
		return
	}
	h.note(err, false)
}

// ConnectionStatus is a connection as status and metrics show it.
type ConnectionStatus struct {
	Name    string            `json:"name"`
	State   string            `json:"state"` // ok, throttled, unreachable, refused
	Problem string            `json:"problem,omitempty"`
	Since   *time.Time        `json:"since,omitempty"`
	RetryIn float64           `json:"retry_in_seconds,omitempty"`
	Calls   uint64            `json:"calls"`
	Writes  uint64            `json:"writes"`
	Faults  map[string]uint64 `json:"faults,omitempty"`
	Waiting int               `json:"waiting"` // records in line
}

func (h *Health) status() ConnectionStatus {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := ConnectionStatus{Name: h.connection, State: "ok", Problem: h.problem, Calls: h.calls, Writes: h.writes}
	if left := h.until.Sub(h.clock()); left > 0 {
		s.RetryIn = left.Seconds()
	}
	switch {
	case h.failures > 0:
		s.State = "unreachable"
	case h.throttled && s.RetryIn > 0:
		s.State = "throttled"
	}
	if h.problem != "" {
		since := h.since
		s.Since = &since
	}
	if len(h.faults) > 0 {
		s.Faults = map[string]uint64{}
		for class, n := range h.faults {
			s.Faults[class.String()] = n
		}
	}
	return s
}
