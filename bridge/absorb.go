package bridge

import (
	"fmt"
	"slices"

	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/bridge/merge"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

// absorb takes one change of a side into the record's link. It returns false
// when the change has to wait until nothing of the record is under way.
func (r *record) absorb(side mapping.Side, c *event.Change) bool {
	r.miss[side] = false // the edit that a guard ran into may be this one
	r.foreign = r.foreign || c.Origin.IsZero()
	if r.link.Keys[side].IsZero() && r.link.State != merge.Deleted && !c.Key.IsZero() {
		// An unlinked record of that side found this one by its match value.
		r.link.Keys[side], r.look[side], r.dirty = c.Key, true, true
	}
	switch {
	case !c.OldKey.IsZero() && c.Op == event.Merged:
		return r.absorbMerge(side, c)
	case rekeys(c) && r.id.key == c.OldKey:
		return r.depart(side, c)
	case rekeys(c):
		return r.arrive(side, c)
	case r.link.State == merge.Deleted:
		return r.absorbRebirth(side, c)
	case c.Op == event.Delete:
		return r.absorbDelete(side, c)
	case c.Op == event.Restored || (c.Op == event.Insert || c.Op == event.Update) && c.After.IsZero():
		// Created, brought back or changed, without values: it has to be read,
		// unless it is our own creation coming back.
		r.remember(side, c)
		if r.alive(side, c) && !(c.Op == event.Insert && r.link.State == merge.Linked && !c.Origin.IsZero()) {
			r.look[side], r.fresh = true, true
		}
		return true
	}
	return r.absorbEdit(side, c)
}

// alive takes in that the record exists on a clocked side, unless its deletion
// is newer.
func (r *record) alive(side mapping.Side, c *event.Change) bool {
	if c.Position.Before(r.link.Seen[side]) {
		return false
	}
	r.link.Seen[side] = c.Position
	if r.link.Gone[side] {
		r.link.Gone[side], r.dirty = false, true
	}
	return true
}

// remember keeps a change for as long as the other side is unknown: whoever
// turns out to own the record takes it in.
func (r *record) remember(side mapping.Side, c *event.Change) {
	if r.link.Keys[side.Other()].IsZero() {
		r.taken = append(r.taken, taken{side, *c})
	}
}

func (r *record) absorbEdit(side mapping.Side, c *event.Change) bool {
	l := r.link
	if c.Position.Minor != 0 && !l.Seen[side].Before(c.Position) {
		return true // B3: seen before
	}
	if l.Gone[side] {
		if c.Position.Minor == 0 {
			if r.look[side] = l.Why == merge.GoneFiltered; !r.look[side] && c.Origin.IsZero() {
				r.note(l.Outlived(r.mapping(), side, c)) // a late event of a record that is gone
			}
			return true
		}
		l.Gone[side], l.Confirmed, r.dirty, r.fresh = false, false, true, true // the key was used again
	}
	r.told[side] = c.At
	before := l.Values(side)
	unsure, lost := l.Observe(r.mapping(), side, c, r.facts())
	r.note(lost)
	if unsure {
		r.unsure[side] = append(r.unsure[side], *c)
		r.look[side] = true
	}
	r.remember(side, c)
	if l.Changed(side, before) {
		r.dirty, r.fresh = true, true
		r.cause[side] = c.ID()
		r.lane.mapping.counts.edit(side)
	}
	if c.Position.Minor != 0 && !c.After.IsZero() && !names(c.After, r.lane.mapping.columns[side]) {
		// The image lacks a column that the mapping reads: it was made while the
		// column had another name, or before the mapping had the field.
		r.look[side] = true
	}
	if r.again && l.Reverted(side) && l.State == merge.Linked {
		r.look[side.Other()] = true
	}
	r.filter(side, c)
	return true
}

// names tells whether the record names every column, be its value known or not.
func names(rec event.Record, columns []string) bool {
	for _, c := range columns {
		if !slices.Contains(rec.Names, c) {
			return false
		}
	}
	return true
}

// filter treats a record that leaves the mapping's row filter like one that is
// deleted on its side, for this mapping.
func (r *record) filter(side mapping.Side, c *event.Change) {
	m := r.mapping()
	if !m.Filtered(side) {
		return
	}
	if !r.judges(side, c) {
		r.look[side] = true
		return
	}
	r.filterRecord(side, c.After)
}

// judges tells whether a change says all that the side's filter needs.
func (r *record) judges(side mapping.Side, c *event.Change) bool {
	for _, name := range r.mapping().FilterColumns(side) {
		if c.After.Get(name).IsUnchanged() {
			return false
		}
	}
	return true
}

// excluded tells whether the side's filter certainly does not take the record.
func (r *record) excluded(side mapping.Side, c *event.Change) bool {
	if !r.mapping().Filtered(side) || !r.judges(side, c) {
		return false
	}
	takes, err := r.mapping().Takes(side, c.After)
	return err == nil && !takes
}

func (r *record) filterRecord(side mapping.Side, rec event.Record) {
	takes, err := r.mapping().Takes(side, rec)
	if err != nil {
		r.tell("filter", fmt.Sprintf("the row filter fails: %v; the record is left as it is", err))
		takes = r.link.State == merge.Linked
	}
	if takes {
		if r.link.Gone[side] && r.link.Why == merge.GoneFiltered {
			r.link.Gone[side], r.link.Confirmed, r.dirty, r.fresh = false, false, true, true
		}
		return
	}
	if r.link.State == merge.New && r.link.Parked == nil {
		// It never was part of this mapping, so nothing follows from that on the other
		// side: a record there that matches it is left alone.
		r.link.State = merge.Deleted
		r.moved = true
		return
	}
	if !r.link.Gone[side] {
		r.link.Gone[side], r.link.Why, r.dirty, r.fresh = true, merge.GoneFiltered, true, true
	}
}

func (r *record) absorbDelete(side mapping.Side, c *event.Change) bool {
	l := r.link
	if !l.Seen[side].Before(c.Position) {
		return true
	}
	l.Seen[side] = c.Position
	if !l.Gone[side] || l.Why != merge.GoneDeleted {
		l.Gone[side], l.Why, r.dirty, r.fresh = true, merge.GoneDeleted, true, true
		r.cause[side] = c.ID()
	}
	return true
}

// absorbRebirth decides whether a change brings back a record whose link is a
// tombstone: a new row under the old key or a restored contact does, a late
// change does not.
func (r *record) absorbRebirth(side mapping.Side, c *event.Change) bool {
	ordered := c.Position.Minor != 0
	if c.Op == event.Delete || ordered && !r.link.Seen[side].Before(c.Position) {
		return true
	}
	if ordered && r.link.Gone[side] {
		if r.excluded(side, c) {
			return true // it is not taken now either
		}
		if !r.still() {
			return false
		}
		r.reset(side)
		return r.absorb(side, c)
	}
	if !ordered && r.link.Gone[side] && r.link.Why == merge.GoneFiltered && c.Op != event.Restored {
		// It may be taken again: it is looked at like one that nobody knows.
		if !r.still() {
			return false
		}
		r.abandon()
		r.forward([]event.Change{*c}, mapping.Right)
		return true
	}
	if !ordered && c.Origin.IsZero() {
		r.note(r.link.Outlived(r.mapping(), side, c))
	}
	if c.Op == event.Restored && r.link.Seen[side].Before(c.Position) {
		if !r.still() {
			return false
		}
		r.reviveBy(side, c)
	}
	return true
}

// still tells whether nothing is being written; the change at hand is held.
func (r *record) still() bool { return r.out == [2]stage{} }

// reset starts a new life of the record under the same left key.
func (r *record) reset(side mapping.Side) {
	old := r.link
	r.dropIndex(old.Keys[mapping.Right])
	r.link = merge.NewLink(r.mapping(), side, old.Keys[side])
	r.link.Seen = old.Seen
	r.checked, r.matched, r.doubt, r.dirty = false, false, false, true
}

// abandon removes the link and its index entry for good.
func (r *record) abandon() {
	r.become(merge.New)
	r.link.Thaw()
	if err := r.putReview(); err != nil {
		r.lane.fail(err)
	}
	r.dropIndex(r.link.Keys[mapping.Right])
	r.dropLink(r.link.Keys[mapping.Left])
	if r.link.Parked != nil {
		r.unpark()
	}
	r.moved = true
}

// absorbMerge follows the survivor of a merge: a link of the loser is led to
// the survivor or, when that has a row of its own, given up; the loser's row
// stays as it is.
func (r *record) absorbMerge(side mapping.Side, c *event.Change) bool {
	if !r.still() {
		return false
	}
	if r.link.Keys[side] != c.OldKey || r.link.State == merge.Deleted {
		return true
	}
	r.follow(side, c.Key)
	return true
}

// follow leads the link to another record of the side, which took the place of
// the one it knew.
func (r *record) follow(side mapping.Side, survivor event.Key) {
	if side == mapping.Right {
		owner, err := r.lane.engine.leftOf(r.lane.engine.ctx, r.mapping().Name(), survivor)
		if err != nil {
			r.lane.fail(err)
			return
		}
		if !owner.IsZero() && owner != r.link.Keys[mapping.Left] {
			r.tell("merged", fmt.Sprintf("the record was merged into %s, which is linked with row %s: %s for this row", survivor, owner, r.mapping().Merged(mapping.Left).Kind))
			r.dropIndex(r.link.Keys[mapping.Right])
			r.link.Keys[mapping.Right], r.link.Gone[mapping.Right], r.link.Why = "", true, merge.GoneMerged
			r.dirty, r.fresh = true, true
			return
		}
		r.dropIndex(r.link.Keys[mapping.Right])
	}
	r.tell("merged", fmt.Sprintf("%s was merged into %s; the link follows", r.link.Keys[side], survivor))
	r.link.Keys[side] = survivor
	if side == mapping.Right {
		r.putIndex()
	}
	r.look[side], r.dirty, r.fresh = true, true, true
}
