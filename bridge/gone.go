package bridge

import (
	"fmt"

	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/bridge/merge"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

// settleGone carries a deletion to the other side as the mapping's policy for
// that direction says, and leaves a tombstone.
func (r *record) settleGone() {
	l := r.link
	gone := mapping.Left
	if !l.Gone[gone] {
		gone = mapping.Right
	}
	other := gone.Other()
	switch {
	case r.out != [2]stage{}:
		return // a call is under way; its end comes back here
	case l.Keys[other].IsZero() && r.doubt:
		r.findDoubtful(gone)
	case l.Keys[other].IsZero():
		r.abandon() // the other side never had it
		r.finish()
	case l.Gone[other]:
		r.bury()
	case other == mapping.Right && !r.owns() && l.State != merge.New:
		l.Keys[other] = "" // another row took its place
		r.bury()
	case l.State == merge.New && gone == mapping.Left:
		r.abandon() // they never were linked: the other one is left alone
		r.finish()
	case l.State == merge.New && l.Gone[mapping.Right]:
		// It was found by its match value and vanished before it was linked.
		r.dropIndex(l.Keys[mapping.Right])
		l.Keys[mapping.Right], l.Gone[mapping.Right], r.dirty = "", false, true
		r.matched, r.checked = false, true
		r.advance()
	default:
		r.carryDelete(gone, other)
	}
}

// findDoubtful looks up a record whose creation is in doubt and whose source
// was deleted meanwhile.
func (r *record) findDoubtful(known mapping.Side) {
	m := r.mapping()
	value, ok := m.MatchValue(known, r.link.Record(m, known))
	if !ok {
		r.abandon()
		r.finish()
		return
	}
	if r.acquire(value) {
		r.askMatch(known, value)
	}
}

func (r *record) carryDelete(gone, other mapping.Side) {
	r.lostEdits(gone, other)
	if r.unsaved {
		r.save() // B6: what the deletion takes with it is in the audit before it is carried
		return
	}
	policy := r.policy(other)
	switch policy.Kind {
	case mapping.DeletePropagate, mapping.DeleteArchive:
		if r.fused(other) {
			return
		}
		op := event.DoDelete
		if policy.Kind == mapping.DeleteArchive && len(policy.Set.Names) > 0 {
			op = event.DoUpdate
		}
		r.lineDelete(other, op)
	case mapping.DeleteUnlink:
		r.tell("unlinked", fmt.Sprintf("deleted on the %s side; the %s record stays and is free", gone, other))
		r.abandon()
		r.finish()
	case mapping.DeleteConfirm:
		r.hold(other, merge.ParkedConfirm, fmt.Sprintf("%s on the %s side; the %s record %s waits for a person to confirm", r.link.Why.Done(), gone, other, r.link.Keys[other]))
	default: // ignore
		r.bury()
	}
}

func (r *record) lineDelete(other mapping.Side, op event.WriteOp) {
	if !r.miss[other] {
		r.enqueue(other, op)
	}
}

// lostEdits puts into the audit what the deletion takes with it: edits of the
// other side that had not reached the deleted record. The deletion wins.
func (r *record) lostEdits(gone, other mapping.Side) {
	for i, f := range r.mapping().Fields() {
		cells := r.link.Fields[i].Cell
		if !cells[other].Edited() {
			continue
		}
		r.unsaved = true
		r.note([]merge.Entry{{Kind: "conflict", Field: f.Name(mapping.Left) + "=" + f.Name(mapping.Right), Left: cells[mapping.Left].Now, Right: cells[mapping.Right].Now, Loser: cells[other].Now,
			Rule: "a deletion wins over an edit", Winner: gone.String(), Text: "the record was deleted on the " + gone.String() + " side"}})
		r.link.Fields[i].Cell[other].Shadow = cells[other].Now
	}
}

// bury leaves a tombstone: late changes do not bring the record back.
func (r *record) bury() {
	if r.link.State != merge.Deleted {
		r.link.Thaw()
		r.become(merge.Deleted)
		r.tell("deleted", "the link ends here: late changes do not bring the record back")
		r.unpark()
		r.link.Confirmed = false
	}
	r.finish()
}

// done is a policy as the verb of a sentence.
func done(p mapping.DeletePolicy) string {
	if p.Kind == mapping.DeleteArchive {
		return "archived"
	}
	return "deleted"
}
