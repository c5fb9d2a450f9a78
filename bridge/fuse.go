package bridge

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/bridge/merge"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

// leastShare is how many deletions a window may always hold, however small the
// mapping is: a share of a handful of records says nothing.
const leastShare = 20

// fuse counts the deletions that a mapping carries to one side. When they are
// too many for its window it blows: every further one is held until a person has
// confirmed or rejected them all. Edits go on.
type fuse struct {
	limit mapping.Fuse
	side  mapping.Side

	mu      sync.Mutex
	counted []deletion // in the window, carried; at most the limit
	base    int64      // how many records there were when the window began
	blown   *blown
}

type deletion struct {
	at  time.Time
	key event.Key // the left record's
}

// blown is what STATE keeps of a fuse that has blown.
type blown struct {
	Since    time.Time   `json:"since"`
	Message  string      `json:"message"`
	Carried  []event.Key `json:"carried"`            // left keys of the deletions carried in the window
	Decision string      `json:"decision,omitempty"` // confirm, reject: being carried out
	By       string      `json:"by,omitempty"`
	Truncate *truncation `json:"truncate,omitempty"` // it was a TRUNCATE: nothing was carried or held
}

// take counts a deletion and tells whether it may be carried; news is set when
// the fuse blew at this very one.
func (f *fuse) take(now time.Time, key event.Key, records int64) (ok bool, news *blown) {
	if f.limit == (mapping.Fuse{}) {
		return true, nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.blown != nil {
		return false, nil
	}
	old := 0
	for old < len(f.counted) && now.Sub(f.counted[old].at) >= f.limit.Window {
		old++
	}
	f.counted = f.counted[old:]
	if len(f.counted) == 0 {
		f.base = records
	}
	if !exceeded(f.limit, len(f.counted)+1, max(f.base, records)) {
		f.counted = append(f.counted, deletion{now, key})
		return true, nil
	}
	f.blow(now, fmt.Sprintf("more than %d deletions to the %s side within %s (%s)", len(f.counted), f.side, f.limit.Window, describe(f.limit)))
	return false, f.blown
}

// exceeded tells whether n deletions of that many records are too many.
func exceeded(f mapping.Fuse, n int, records int64) bool {
	if f == (mapping.Fuse{}) {
		return false
	}
	return n > f.Count || n > leastShare && float64(n) > f.Share*float64(records)
}

func (f *fuse) blow(now time.Time, message string) {
	f.blown = &blown{Since: now, Message: message}
	for _, d := range f.counted {
		f.blown.Carried = append(f.blown.Carried, d.key)
	}
}

func describe(f mapping.Fuse) string {
	return fmt.Sprintf("the fuse is %d, or %.0f %% of the records", f.Count, f.Share*100)
}

// state returns a copy of what blew the fuse, nil while it has not.
func (f *fuse) state() *blown {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.blown == nil {
		return nil
	}
	b := *f.blown
	return &b
}

func (f *fuse) set(b *blown) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.blown = b
}

func (f *fuse) reset() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.blown, f.counted = nil, nil
}

func fuseName(mapping string, side mapping.Side) string {
	return "fuse." + mapping + "." + side.String()
}

// fused tells whether the record's deletion has to wait for a person, and holds it.
func (r *record) fused(other mapping.Side) bool {
	m := r.lane.mapping
	if r.link.Confirmed || r.fuseRead {
		return false
	}
	ok, news := m.fuses[other].take(r.lane.engine.clock().UTC(), r.link.Keys[mapping.Left], m.counts.records.Load())
	if news != nil {
		r.blew(other, news)
	}
	if ok {
		r.fuseRead = true
		return false
	}
	r.hold(other, merge.ParkedHeld, fmt.Sprintf("%s on the %s side, one of a burst of deletions: they wait for a person to confirm or reject them", r.link.Why.Done(), other.Other()))
	return true
}

// blew stores that the fuse has blown, together with the deletion that it held
// first.
func (r *record) blew(side mapping.Side, b *blown) {
	data, err := json.Marshal(b)
	if err != nil {
		r.lane.fail(fmt.Errorf("encode fuse of mapping %s: %w", r.mapping().Name(), err))
		return
	}
	r.puts = append(r.puts, put(fuseName(r.mapping().Name(), side), data))
	r.tell("fuse", b.Message+": further deletions are held")
	r.lane.engine.log.Warn().Str("mapping", r.mapping().Name()).Msg(b.Message + ": further deletions are held until a person confirms or rejects them (lockstep review list)")
}

// recoverFuses reads which fuses have blown, and goes on with decisions that were
// being carried out.
func (e *Engine) recoverFuses(ctx context.Context, m *mappingRun) error {
	for _, side := range mapping.Sides {
		data, found, err := e.journal.Load(ctx, fuseName(m.Name(), side))
		if err != nil {
			return fmt.Errorf("read fuse of mapping %s: %w", m.Name(), err)
		}
		if !found {
			continue
		}
		var b blown
		if err := json.Unmarshal(data, &b); err != nil {
			return fmt.Errorf("read fuse of mapping %s: %w", m.Name(), err)
		}
		m.fuses[side].set(&b)
		if b.Decision != "" {
			e.errand(func(ctx context.Context) error { return e.carryOut(ctx, m, side) })
		}
	}
	return nil
}
