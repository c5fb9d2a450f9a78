package hubspot

import (
	"sync"
	"time"
)

// mostHeard bounds each of the two generations of times that are kept.
const mostHeard = 20_000

// heard keeps when associations changed, as webhooks told of late: HubSpot does
// not keep it, and does not move a record's own date when one changes. What is
// forgotten, or was told before a restart, is not known.
type heard struct {
	mu         sync.Mutex
	young, old map[string]time.Time
}

func heardKey(object, field, id string) string { return object + "\x00" + field + "\x00" + id }

// note takes in a change; the latest counts.
func (h *heard) note(object, field, id string, at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	key := heardKey(object, field, id)
	if !at.After(h.young[key]) || !at.After(h.old[key]) {
		return
	}
	if h.young == nil || len(h.young) >= mostHeard {
		h.young, h.old = make(map[string]time.Time), h.young
	}
	h.young[key] = at
}

// at is when the association last changed; zero when that is not known.
func (h *heard) at(object, field, id string) time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	key := heardKey(object, field, id)
	if at, ok := h.young[key]; ok {
		return at
	}
	return h.old[key]
}
