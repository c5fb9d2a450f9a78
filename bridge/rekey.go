package bridge

import (
	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/bridge/merge"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

// A change that gives a row another key is in two lanes: that of the old key,
// where the link departs, and that of the new key, where it arrives. Each takes
// it at its place in the lane's order (B1): the old lane after all earlier
// changes of the record, the new one before all later ones, which queue behind
// the arrival until the departure is on disk.
//
// Nobody waits in a circle: an arrival waits for a departure of the same
// position in the log, and a departure only for what came before it.

// rekeys tells whether the change gives a row another key.
func rekeys(c *event.Change) bool {
	return !c.OldKey.IsZero() && c.OldKey != c.Key && c.Op != event.Merged
}

// movedName is where a link is between departure and arrival.
func movedName(mapping string, c *event.Change) string {
	return "moved." + mapping + "." + c.Key.Token() + "." + c.Position.String()
}

// departure names what an arrival waits for.
func departure(mapping string, old event.Key) string {
	return "departure." + mapping + "." + string(old)
}

// rekeyed takes such a change in. Where both keys are in one lane its entry is
// done when the arrival is.
func (l *lane) rekeyed(side mapping.Side, seq uint64, c *event.Change) error {
	departs, arrives := c.OldKey.Lane(l.engine.lanes) == l.number, c.Key.Lane(l.engine.lanes) == l.number
	if !departs && !arrives { // appended when there was another number of lanes: whose it was, it stays
		departs, arrives = true, true
	}
	if departs {
		if err := l.hand(recordID{side, c.OldKey}, side, c, seq, !arrives); err != nil {
			return err
		}
	}
	if arrives {
		return l.hand(recordID{side, c.Key}, side, c, seq, true)
	}
	return nil
}

// depart puts the link where its new key's lane finds it, and a tombstone in
// its place, so that the row's earlier changes may repeat (B3). Changes of the
// other side that are in line here go after it.
func (r *record) depart(side mapping.Side, c *event.Change) bool {
	if !r.still() {
		return false
	}
	if !r.link.Seen[side].Before(c.Position) {
		return true // B3: moved before
	}
	r.unpark() // under the new key it is tried again
	m, old := r.mapping(), r.link
	if old.State != merge.New || !old.Keys[side.Other()].IsZero() {
		moved := *old
		moved.Keys[side] = c.Key
		data, err := moved.Encode(m)
		if err != nil {
			r.lane.fail(err)
			return true
		}
		r.tell("rekeyed", "the row's key changed to "+string(c.Key))
		r.puts = append(r.puts, put(movedName(m.Name(), c), data))
		r.link = &moved
		if !moved.Keys[side.Other()].IsZero() {
			r.putIndex() // the other side's changes go to the new lane from here on, behind the arrival
		}
	}
	r.link = merge.NewLink(m, side, c.OldKey)
	if err := r.putReview(); err != nil { // the new lane lists it
		r.lane.fail(err)
		return true
	}
	r.link.State, r.link.Gone[side], r.link.Seen[side] = merge.Deleted, true, c.Position
	data, err := r.link.Encode(m)
	if err != nil {
		r.lane.fail(err)
		return true
	}
	r.puts = append(r.puts, put(linkName(m.Name(), c.OldKey), data))
	r.moved = true
	gone := departure(m.Name(), c.OldKey)
	r.forwardThen(r.takeOthers(side), side.Other(), func() { r.lane.engine.releaseName(gone) })
	return true
}

// takeOthers takes the other side's changes out of the line, behind the one at
// its head, which is the one at hand.
func (r *record) takeOthers(side mapping.Side) []event.Change {
	var others []event.Change
	kept := r.held[:1:1]
	for _, t := range r.held[1:] {
		if t.side == side {
			kept = append(kept, t)
		} else {
			others = append(others, t.change)
		}
	}
	r.held = kept
	return others
}

// arrive takes the link over, and the change with it.
func (r *record) arrive(side mapping.Side, c *event.Change) bool {
	if !r.still() {
		return false
	}
	if !r.link.Seen[side].Before(c.Position) {
		return true // B3: it has arrived before
	}
	e, m := r.lane.engine, r.mapping()
	departed, err := e.departed(r.lane, side, c)
	if err == nil && !departed {
		r.busy++
		e.awaitRelease(departure(m.Name(), c.OldKey), r)
		if departed, err = e.departed(r.lane, side, c); departed { // meanwhile
			e.releaseName(departure(m.Name(), c.OldKey))
		}
		return false
	}
	var data []byte
	if err == nil {
		data, _, err = e.journal.Load(e.ctx, movedName(m.Name(), c))
	}
	if err == nil && data != nil {
		err = r.takeOver(data, c)
	}
	if err != nil {
		r.lane.fail(err)
		return true
	}
	next := *c
	next.OldKey = ""
	return r.absorb(side, &next)
}

// takeOver makes the link that arrived this record's own. What was under the
// key before is over: its row is gone, or the key could not have been given away.
func (r *record) takeOver(data []byte, c *event.Change) error {
	m := r.mapping()
	link, err := merge.Decode(m, data)
	if err != nil {
		return err
	}
	if before := r.link.Keys[mapping.Right]; !before.IsZero() && before != link.Keys[mapping.Right] && r.owns() {
		r.tell("unlinked", "another row took its key; the right record stays and is free")
		r.dropIndex(before)
	}
	if r.link.Parked != nil {
		r.unpark()
	}
	r.become(merge.Deleted)
	r.link, r.dirty, r.fresh = link, true, true
	r.doubt, r.matched, r.checked = link.State == merge.Creating || link.State == merge.Reviving, false, false
	r.puts = append(r.puts, put(movedName(m.Name(), c), nil))
	if !link.Keys[mapping.Right].IsZero() {
		r.putIndex()
	}
	return nil
}

// departed tells whether the link under the old key has left, on disk.
func (e *Engine) departed(l *lane, side mapping.Side, c *event.Change) (bool, error) {
	link, err := l.loadLink(c.OldKey)
	return link != nil && !link.Seen[side].Before(c.Position), err
}

// awaitRelease has the record woken by releaseName. Its busy count stands for
// the wait.
func (e *Engine) awaitRelease(name string, r *record) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.awaiting[name] = append(e.awaiting[name], r)
}

// releaseName wakes the records that wait for something of that name.
func (e *Engine) releaseName(name string) {
	e.mu.Lock()
	waiting := e.awaiting[name]
	delete(e.awaiting, name)
	e.mu.Unlock()
	for _, r := range waiting {
		go r.lane.locked(func() { r.busy--; r.advance() })
	}
}

// routeRekeyed adds the lane of the new key.
func (e *Engine) routeRekeyed(m *mappingRun, side mapping.Side, c *event.Change, dst []event.Route) []event.Route {
	if lane := c.Key.Lane(e.lanes); side == mapping.Left && rekeys(c) && lane != c.OldKey.Lane(e.lanes) {
		return append(dst, event.Route{Mapping: m.Name(), Lane: lane})
	}
	return dst
}
