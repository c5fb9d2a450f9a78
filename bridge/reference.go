package bridge

import (
	"fmt"
	"time"

	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/bridge/merge"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

// parentWait is how long a record waits in memory for the record that it refers
// to: both are often created in one transaction, and one call is cheaper than
// two. After that it goes on without, or is parked.
const parentWait = 2 * time.Second

// clocked is a side that tells how far its clock is from ours.
type clocked interface {
	ClockOffset() (offset, uncertainty time.Duration, known bool)
}

// facts is what decisions of this mapping rest on right now.
func (r *record) facts() merge.Facts {
	e, m := r.lane.engine, r.lane.mapping
	f := merge.Facts{Now: e.clock().UTC(), Precision: m.precision}
	for _, side := range mapping.Sides {
		var uncertainty time.Duration
		if f.Offset[side], uncertainty = e.sides[m.End(side).Connection].offset(); f.Offset[side] != 0 {
			f.Precision = max(f.Precision, uncertainty) // a corrected time is no better than the correction
		}
	}
	if m.refers {
		f.Translate = r.translate
	}
	return f
}

// offset is the side's clock minus ours and how exact that is, zero while that is not known or no more
// than the measurement's own error.
func (c *connection) offset() (offset, uncertainty time.Duration) {
	if c.clock == nil {
		return 0, 0
	}
	offset, uncertainty, known := c.clock.ClockOffset()
	if !known || offset.Abs() <= uncertainty {
		return 0, 0
	}
	return offset, uncertainty
}

// reference names a record that others refer to.
type reference struct {
	Mapping string       `json:"mapping"`
	Side    mapping.Side `json:"side"`
	Key     event.Key    `json:"key"`
}

// referred names the record that a field's value points to, as a record of the
// mapping that keeps it in step.
func (r *record) referred(f *mapping.Field, from mapping.Side, key event.Value) (*mappingRun, reference) {
	parent := r.lane.engine.byName[f.Reference()]
	if parent == nil {
		return nil, reference{}
	}
	side := from
	if parent.End(side).Connection != r.mapping().End(from).Connection {
		side = side.Other()
	}
	return parent, reference{parent.Name(), side, event.KeyOf(key.Text)}
}

// translate gives the key of a referenced record's other half.
func (r *record) translate(f *mapping.Field, to mapping.Side, key event.Value) (event.Value, bool) {
	parent, ref := r.referred(f, to.Other(), key)
	if parent == nil {
		return event.Value{}, false
	}
	link, err := r.lane.engine.linkOf(parent, ref)
	if err != nil {
		r.lane.fail(err)
		return event.Value{}, false
	}
	if link == nil || link.State != merge.Linked || link.Gone != [2]bool{} {
		return event.Value{}, false
	}
	id := link.Keys[ref.Side.Other()].ID()
	return event.String(id), id != ""
}

// linkOf loads the link of a record named by either side's key; nil when it has none.
func (e *Engine) linkOf(m *mappingRun, ref reference) (*merge.Link, error) {
	left := ref.Key
	if ref.Side == mapping.Right {
		var err error
		if left, err = e.leftOf(e.ctx, m.Name(), ref.Key); err != nil || left.IsZero() {
			return nil, err
		}
	}
	return m.lanes[0].loadLink(left)
}

// await notes for whom the record waits, and tells whether any of it is news.
// What is linked after that wakes it (linked); what was linked before that, the
// caller finds by asking once more.
func (r *record) await(waits []merge.Wait) bool {
	e, news := r.lane.engine, false
	me := waiter{r.lane.mapping, r.id}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, w := range waits {
		_, ref := r.referred(r.mapping().Fields()[w.Field], w.To.Other(), w.Key)
		if ref.Mapping == "" {
			continue
		}
		if e.waiters[ref] == nil {
			e.waiters[ref] = map[waiter]bool{}
		}
		news = news || !e.waiters[ref][me]
		e.waiters[ref][me] = true
	}
	return news
}

// waiter is a record that waits for another one.
type waiter struct {
	mapping *mappingRun
	id      recordID
}

// wake lets everything go on that waits for one of the two records.
func (e *Engine) wake(m *mappingRun, left, right event.Key) {
	e.mu.Lock()
	var all []waiter
	for side, key := range [2]event.Key{left, right} {
		ref := reference{m.Name(), mapping.Side(side), key}
		for w := range e.waiters[ref] {
			all = append(all, w)
		}
		delete(e.waiters, ref)
	}
	e.mu.Unlock()
	for _, w := range all {
		if w.mapping.paused != "" {
			continue // it asks again when it goes on
		}
		go func() {
			if err := w.lane().visit(w.id, func(r *record) { r.fresh = true }); err != nil {
				e.troubled(w.mapping, err)
			}
		}()
	}
}

func (w waiter) lane() *lane { return w.mapping.lanes[w.id.key.Lane(w.mapping.engine.lanes)] }

// self tells whether a record waits for itself: it goes on as soon as it exists.
func (r *record) self(w merge.Wait) bool {
	parent, ref := r.referred(r.mapping().Fields()[w.Field], w.To.Other(), w.Key)
	return parent == r.lane.mapping && r.link.Keys[ref.Side] == ref.Key
}

// linger tells whether the record still waits in memory for what it refers to.
// A lane that is half full of such records waits for none.
func (r *record) linger() bool {
	now := r.lane.engine.clock()
	if r.waitFrom.IsZero() {
		r.waitFrom = now
		r.after(parentWait, func() { r.advance() })
	}
	return now.Sub(r.waitFrom) < parentWait && len(r.lane.records) < maxRecords/2
}

// ready tells whether a record can be created now, as far as its references
// go. One that the other side requires keeps it back, any other one for a moment.
func (r *record) ready(known mapping.Side) bool {
	other := known.Other()
	if !r.lane.mapping.refers {
		return true
	}
	r.link.Empty(other)
	d := r.decide()
	if d.Fault != nil {
		r.park(other, "unmappable", d.Fault)
		return false
	}
	var waits []merge.Wait
	required := false
	for _, w := range d.Waits {
		if w.To == other && !r.self(w) {
			waits = append(waits, w)
			required = required || r.mapping().Fields()[w.Field].Shape(other).Required
		}
	}
	if len(waits) == 0 {
		return true
	}
	if r.linger() {
		return false
	}
	if required {
		r.parkWaiting(waits)
		r.finish()
	}
	return !required
}

// parkWaiting says for whom the record waits. It is said once; what comes of
// other fields goes on.
func (r *record) parkWaiting(waits []merge.Wait) {
	w := waits[0]
	f := r.mapping().Fields()[w.Field]
	from := w.To.Other()
	parent, ref := r.referred(f, from, w.Key)
	message := fmt.Sprintf("%s names %s of mapping %s, which is not linked: it goes on as soon as that is", f.Name(from), ref.Key, f.Reference())
	if parent == nil {
		message = fmt.Sprintf("%s refers to mapping %s, which does not run", f.Name(from), f.Reference())
	}
	if p := r.link.Parked; p != nil && p.Kind == merge.ParkedWaiting && p.Message == message {
		return
	}
	if r.link.Parked == nil {
		r.lane.mapping.counts.park(merge.ParkedWaiting, 1)
	}
	r.link.Parked = &merge.Parked{Side: w.To, Kind: merge.ParkedWaiting, Message: message, Field: f.Name(from), At: r.lane.engine.clock().UTC()}
	r.dirty = true
	r.tell("waiting", message)
	r.puts = append(r.puts, r.parkedPut(r.references(waits)))
}

func (r *record) references(waits []merge.Wait) []reference {
	var out []reference
	for _, w := range waits {
		if _, ref := r.referred(r.mapping().Fields()[w.Field], w.To.Other(), w.Key); ref.Mapping != "" {
			out = append(out, ref)
		}
	}
	return out
}
