package bridge

import (
	"fmt"
	"time"

	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/bridge/merge"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

const (
	// ownerTries times ownerWait bound how long a row waits for the link that has
	// its right record: a change of the row's key moves it from another lane.
	ownerTries = 60
	ownerWait  = 50 * time.Millisecond
	// ownLinkWait bounds how long an event of our own creation waits for the
	// link that the creation's answer makes, before the record is read instead.
	ownLinkWait = 3 * time.Second
	// searchLag is how old a creation in doubt has to be before a lookup by a
	// field that is not unique, which a vendor may serve from a late index, is
	// believed when it finds nothing.
	searchLag = 15 * time.Second
)

// identify finds the record's other half: by its match value, under the lock of
// that value, and creates it where there is none (B4).
func (r *record) identify() {
	if !r.link.Keys[mapping.Left].IsZero() && !r.link.Keys[mapping.Right].IsZero() {
		r.join()
		return
	}
	known := r.id.side
	if known == mapping.Right && r.ownedElsewhere() {
		return
	}
	if r.look[known] || !r.link.Complete(known) {
		r.askRecord(known)
		return
	}
	m := r.mapping()
	value, ok := m.MatchValue(known, r.link.Record(m, known))
	if !ok {
		f := m.Fields()[m.MatchIndex()]
		r.park(known, "unmatched", &event.Fault{Class: event.Rejected, Field: f.Name(known),
			Message: fmt.Sprintf("%s is empty, and records of mapping %s are matched by it: it goes on as soon as %s is set", f.Name(known), m.Name(), f.Name(known))})
		return
	}
	if !r.acquire(value) {
		return
	}
	if !r.checked {
		r.checked = true
		if r.recheck() {
			r.advance()
			return
		}
	}
	if (known == mapping.Right || r.doubt || !m.MatchUnique(known.Other())) && !r.matched {
		r.askMatch(known, value)
		return
	}
	r.create(known)
}

// join reads whatever is not known of two records that belong together, and
// links them.
func (r *record) join() {
	for _, side := range mapping.Sides {
		if r.look[side] || !r.link.Complete(side) {
			r.askRecord(side)
		}
	}
	if r.busy > 0 {
		return
	}
	r.become(merge.Linked)
	r.putIndex()
	r.tell("linked", "two records that existed are linked by their match value")
	r.resolve()
}

// create writes the intent, then lets the creation take its turn.
func (r *record) create(known mapping.Side) {
	other := known.Other()
	if r.out[other] != idle {
		return
	}
	l := r.link
	if l.State != merge.Creating && !r.ready(known) {
		return
	}
	if l.State != merge.Creating {
		l.State, l.Since, r.dirty = merge.Creating, r.lane.engine.clock().UTC(), true
		l.Empty(other)
		if known == mapping.Left { // B4: on disk before the call
			if err := r.encode(); err != nil {
				r.lane.fail(err)
				return
			}
			puts := r.puts
			r.puts, r.dirty = nil, false
			r.busy++
			r.persist(nil, puts, func() { r.busy--; r.advance() })
			return
		}
	}
	l.Empty(other)
	r.enqueue(other, event.DoCreate)
}

// ownedElsewhere hands an unlinked right record's changes to its left record's
// lane when a link has appeared, and waits for one when only our own writes
// speak of the record: its creation's answer is then on its way.
func (r *record) ownedElsewhere() bool {
	name := r.mapping().Name()
	left, err := r.lane.engine.leftOf(r.lane.engine.ctx, name, r.id.key)
	if err != nil {
		r.lane.fail(err)
		return true
	}
	if !left.IsZero() {
		r.handOver()
		return true
	}
	if r.foreign || r.waited {
		return false
	}
	r.waited = true
	r.busy++
	r.lane.engine.awaitLink(name, r.id.key, r, ownLinkWait)
	return true
}

// handOver gives all changes of a right record to the lane of its link.
func (r *record) handOver() {
	var changes []event.Change
	for _, t := range r.taken {
		changes = append(changes, t.change)
	}
	changes = append(changes, r.takeHeld()...)
	r.unpark()
	r.moved = true
	r.forward(changes, mapping.Right)
}

// recheck reads the link again once the lock is held: whoever held it before
// may have linked this very record.
func (r *record) recheck() bool {
	e := r.lane.engine
	if r.id.side == mapping.Right {
		left, err := e.leftOf(e.ctx, r.mapping().Name(), r.id.key)
		if err != nil {
			r.lane.fail(err)
			return false
		}
		if left.IsZero() {
			return false
		}
		r.handOver()
		return true
	}
	link, err := r.lane.loadLink(r.id.key)
	if err != nil {
		r.lane.fail(err)
		return false
	}
	if link == nil || link.Keys[mapping.Right].IsZero() || link.State == merge.Deleted {
		return false
	}
	r.link = link
	for _, t := range r.taken {
		unsure, lost := link.Observe(r.mapping(), t.side, &t.change, r.facts())
		r.note(lost)
		if unsure {
			r.unsure[t.side], r.look[t.side] = append(r.unsure[t.side], t.change), true
		}
	}
	r.taken, r.dirty, r.fresh = nil, true, true
	return true
}

// acquire gets the match value's lock; false means that the record waits for it.
func (r *record) acquire(value string) bool {
	name := lockName(r.mapping().Name(), value)
	if r.locked && r.lock == name {
		return true
	}
	r.unlock() // the match value changed while the record was being matched
	r.lock, r.checked, r.matched = name, false, false
	if r.lane.engine.locks.acquire(name, r) {
		r.locked = true
		return true
	}
	r.busy++
	return false
}

// granted is called, without any lane's mutex, when the record's turn has come.
func (r *record) granted() {
	r.lane.locked(func() {
		r.locked = true
		r.busy--
		r.advance()
	})
}

// unlock gives the match lock back. What the lock protects is on disk by then.
func (r *record) unlock() {
	if !r.locked {
		return
	}
	name := r.lock
	r.lock, r.locked, r.checked = "", false, false
	if next := r.lane.engine.locks.release(name, r); next != nil {
		go next.granted()
	}
}

// askMatch looks the other half up by the match value.
func (r *record) askMatch(known mapping.Side, value string) {
	m, other := r.mapping(), known.Other()
	end := m.End(other)
	r.busy++
	r.lane.engine.sides[end.Connection].inquiries.ask(question{object: end.Object, field: m.Fields()[m.MatchIndex()].Name(other),
		value: m.LookupValue(other, value), fields: m.Columns(other),
		answer: func(found []event.Snapshot, fault *event.Fault) {
			r.lane.locked(func() {
				r.busy--
				r.found(known, found, fault)
				r.advance()
			})
		}})
}

// found takes in what the lookup said.
func (r *record) found(known mapping.Side, found []event.Snapshot, fault *event.Fault) {
	other := known.Other()
	switch {
	case fault != nil:
		r.park(other, "rejected", fault)
	case len(found) > 1:
		r.park(known, "ambiguous", &event.Fault{Class: event.Rejected, Message: fmt.Sprintf(
			"%d records of %s have the same match value, among them %s and %s: leave one of them", len(found), r.mapping().End(other).Object, found[0].Key, found[1].Key)})
	case len(found) == 1:
		r.adopt(known, found[0].Key)
	default:
		age := r.lane.engine.clock().Sub(r.link.Since)
		if r.doubt && !r.mapping().MatchUnique(other) && known == mapping.Left && age < searchLag {
			r.busy++
			r.after(searchLag-age, func() { r.busy--; r.advance() })
			return
		}
		r.matched = true
		if r.doubt { // it was not created after all
			r.doubt = false
			if r.link.State == merge.Creating {
				r.link.State = merge.New
			}
		}
	}
}

// adopt links the record with one that exists on the other side already,
// unless that one belongs to another record.
func (r *record) adopt(known mapping.Side, key event.Key) {
	e, m := r.lane.engine, r.mapping()
	if known == mapping.Right {
		r.claim(key)
		return
	}
	owner, err := e.leftOf(e.ctx, m.Name(), key)
	if err != nil {
		r.lane.fail(err)
		return
	}
	if !owner.IsZero() && owner != r.id.key && !r.free(owner) {
		if r.tries < ownerTries { // a row whose key changed keeps its link under the old key for a moment
			r.tries++
			r.busy++
			r.after(ownerWait, func() {
				r.busy--
				if !r.recheck() {
					r.adopt(known, key)
				}
				r.advance()
			})
			return
		}
		r.tries = 0
		r.park(known, "ambiguous", &event.Fault{Class: event.Rejected, Message: fmt.Sprintf(
			"%s %s has the same match value but is linked with row %s: give one of the two rows another value", m.End(known.Other()).Object, key, owner)})
		return
	}
	r.link.Keys[mapping.Right], r.link.Gone[mapping.Right] = key, false
	r.link.Forget(mapping.Right)
	if r.link.State == merge.Creating && r.doubt {
		r.dirty = true // it stays that: what is read there was written by us (see looked)
		r.tell("found", "a creation whose answer was lost is found again")
	} else {
		r.become(merge.New)
	}
	r.doubt = false
}

// claim gives an existing left record to this right one: under the lock, the
// link of both keys goes to disk, then the changes go to the left record's lane.
func (r *record) claim(left event.Key) {
	link, err := r.lane.loadLink(left)
	if err != nil {
		r.lane.fail(err)
		return
	}
	if link != nil && link.State != merge.Deleted && !link.Keys[mapping.Right].IsZero() && link.Keys[mapping.Right] != r.id.key {
		r.park(mapping.Right, "ambiguous", &event.Fault{Class: event.Rejected, Message: fmt.Sprintf(
			"row %s has the same match value but is linked with %s: give one of the two another value", left, link.Keys[mapping.Right])})
		return
	}
	if link == nil || link.State == merge.Deleted {
		link = merge.NewLink(r.mapping(), mapping.Left, left)
	}
	link.Keys[mapping.Right] = r.id.key
	data, err := link.Encode(r.mapping())
	if err != nil {
		r.lane.fail(err)
		return
	}
	index, err := encodeIndex(left)
	if err != nil {
		r.lane.fail(err)
		return
	}
	r.puts = append(r.puts, put(linkName(r.mapping().Name(), left), data), put(indexName(r.mapping().Name(), r.id.key), index))
	r.handOver()
}

// free tells whether a left record's partner may be given to another one: its
// link is over, or its row is gone and a person is still to say what follows from
// that. A row that took the place of a deleted one takes its partner over.
func (r *record) free(left event.Key) bool {
	link, err := r.lane.loadLink(left)
	if err != nil {
		r.lane.fail(err)
		return false
	}
	if link == nil || link.State == merge.Deleted || link.Gone[mapping.Left] && link.Parked.Deletion() {
		return true
	}
	b := r.lane.mapping.fuses[mapping.Right].state()
	return b != nil && b.Truncate != nil && link.Seen[mapping.Left].Before(b.Truncate.Position)
}

// owns tells whether the right record still is this one's partner.
func (r *record) owns() bool {
	right := r.link.Keys[mapping.Right]
	if right.IsZero() {
		return true
	}
	owner, err := r.lane.engine.leftOf(r.lane.engine.ctx, r.mapping().Name(), right)
	if err != nil {
		r.lane.fail(err)
		return false
	}
	return owner == r.link.Keys[mapping.Left]
}

// askRecord reads the record of one side.
func (r *record) askRecord(side mapping.Side) {
	if r.out[side] == sending || r.link.Keys[side].IsZero() {
		return // what the call answers, or the lookup, tells as much
	}
	m := r.mapping()
	end := m.End(side)
	r.busy++
	r.lane.engine.sides[end.Connection].inquiries.ask(question{object: end.Object, key: r.link.Keys[side], fields: m.Columns(side),
		answer: func(found []event.Snapshot, fault *event.Fault) {
			r.lane.locked(func() {
				r.busy--
				r.looked(side, found, fault)
				r.advance()
			})
		}})
}

// looked takes in the record as it was read.
func (r *record) looked(side mapping.Side, found []event.Snapshot, fault *event.Fault) {
	unsure := r.unsure[side]
	r.look[side], r.unsure[side] = false, nil
	switch {
	case fault != nil:
		r.park(side, "rejected", fault)
		return
	case len(found) == 0:
		if !r.link.Gone[side] {
			r.link.Gone[side], r.link.Why, r.dirty, r.fresh = true, merge.GoneDeleted, true, true
		}
		return
	}
	snap := &found[0]
	if snap.Key != r.link.Keys[side] {
		r.follow(side, snap.Key)
		r.look[side] = false
	}
	if l := r.link; l.State != merge.Creating && !(r.again && l.State == merge.Linked) {
		// Another mapping of ours may have written it. Only where this one may have
		// forgotten a write is it believed to be that.
		snap.Own = nil
	}
	if snap.At.IsZero() { // a row does not tell when it was changed; the change that led here does
		snap.At = r.told[side]
	}
	before := r.link.Values(side)
	r.note(r.link.Look(r.mapping(), side, snap, unsure, r.facts()))
	if r.link.Changed(side, before) {
		r.dirty, r.fresh = true, true
		// B6: a change is read again after a crash, what was only looked at is not;
		// without it our own write would come back as somebody's edit.
		r.unsaved = r.unsaved || !r.link.Keys[mapping.Left].IsZero() && !r.link.Keys[mapping.Right].IsZero()
	}
	if r.mapping().Filtered(side) {
		r.filterRecord(side, snap.Record)
	}
}
