package bridge

import (
	"fmt"

	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/bridge/merge"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

// policy is what happens to the record of a side whose other half is gone.
func (r *record) policy(side mapping.Side) mapping.DeletePolicy {
	p := r.mapping().Delete(side)
	switch r.link.Why {
	case merge.GoneFiltered:
		p = r.mapping().Leave(side)
	case merge.GoneMerged:
		p = r.mapping().Merged(side)
	}
	if p.Kind == mapping.DeleteConfirm && r.link.Confirmed {
		p.Kind = mapping.DeletePropagate
	}
	return p
}

// hold parks a deletion until a person has decided.
func (r *record) hold(side mapping.Side, kind, message string) {
	if p := r.link.Parked; p != nil && p.Kind == kind {
		r.finish()
		return
	}
	r.unpark()
	r.park(side, kind, &event.Fault{Class: event.Rejected, Message: message})
}

// become sets the link's state and keeps the count of the mapping's records,
// which the fuse's share is of.
func (r *record) become(s merge.State) {
	counts := func(s merge.State) int64 {
		if s == merge.Linked || s == merge.Reviving {
			return 1
		}
		return 0
	}
	r.lane.mapping.counts.records.Add(counts(s) - counts(r.link.State))
	r.link.State, r.dirty = s, true
}

// reviveBy takes in that a deleted record was restored on its side: the other
// half comes back too, under its old key where the side can.
func (r *record) reviveBy(side mapping.Side, c *event.Change) {
	l := r.link
	l.Seen[side], l.Gone[side] = c.Position, false
	l.Gone[side.Other()] = true
	r.bringBack(side, fmt.Sprintf("restored on the %s side", side))
	r.look[side] = true
}

// bringBack starts to create again what is gone, with what was last known of it.
func (r *record) bringBack(kept mapping.Side, why string) {
	l := r.link
	if kept == mapping.Right && !l.Gone[mapping.Right] && !r.owns() {
		l.Keys[mapping.Right] = "" // another row took its place: there is nothing to bring back
		r.unpark()
		r.become(merge.Deleted)
		return
	}
	r.become(merge.Reviving)
	l.Since, l.Confirmed, l.Why = r.lane.engine.clock().UTC(), false, merge.GoneDeleted
	r.dirty, r.fresh, r.unsaved, r.doubt, r.matched, r.checked, r.fuseRead = true, true, true, false, false, true, false
	if l.Gone[mapping.Right] && !l.Keys[mapping.Right].IsZero() { // a SaaS gives another id
		r.dropIndex(l.Keys[mapping.Right])
		l.Keys[mapping.Right] = ""
	}
	r.tell("restoring", why+": the record is brought back")
	r.unpark()
	r.remind()
}

// reviving is the side on which the record is being brought back.
func (r *record) reviving() mapping.Side {
	if r.link.Gone[mapping.Left] {
		return mapping.Left
	}
	return mapping.Right
}

// revive brings the record back where it is gone: a row under its old key, a
// SaaS record under a new one, unless one with the same match value exists (B4).
func (r *record) revive() {
	l := r.link
	side := r.reviving()
	switch {
	case r.unsaved:
		r.save() // B4, B6: the intent is on disk before the call
		return
	case r.out != [2]stage{}:
		return
	case l.Gone == [2]bool{}:
		r.become(merge.Linked)
		r.resolve()
		return
	case r.look[side.Other()] && !l.Gone[side.Other()]:
		r.askRecord(side.Other())
		return
	}
	if side == mapping.Right && !r.matched {
		value, ok := r.mapping().MatchValue(mapping.Left, l.Record(r.mapping(), mapping.Left))
		if ok {
			if r.acquire(value) {
				r.askMatch(mapping.Left, value)
			}
			return
		}
	}
	r.enqueue(side, event.DoCreate)
}

// lastKnown is what was last known of a side's record, as far as it can be
// written there.
func (r *record) lastKnown(side mapping.Side) event.Record {
	var out event.Record
	for i, f := range r.mapping().Fields() {
		if f.Shape(side).ReadOnly {
			continue
		}
		part := f.Spread(side, r.link.Fields[i].Cell[side].Now, event.Value{})
		for k, name := range part.Names {
			if v := part.Values[k]; v.IsSet() {
				out.Put(name, v)
			}
		}
	}
	return out
}

// revived takes in that the record exists again on one side.
func (r *record) revived(side mapping.Side, res event.Result) {
	l := r.link
	l.Revived(r.mapping(), side, res)
	r.doubt, r.matched = false, false
	r.tell("restored", fmt.Sprintf("exists again on the %s side as %s", side, res.Key))
	if side == mapping.Right || !l.Keys[mapping.Right].IsZero() {
		r.putIndex()
	}
	if l.Gone == [2]bool{} {
		r.become(merge.Linked)
	}
	r.unsaved = true // the next step, the other side or an edit that waits, begins after this is stored
}
