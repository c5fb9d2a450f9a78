package bridge

import (
	"context"
	"fmt"
	"time"

	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/bridge/merge"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

// missWait bounds how long a missed guard waits for the other edit to come
// through the log, before the record is read instead.
const missWait = 3 * time.Second

type takeState uint8

const (
	takeWrite   takeState = iota
	takeNothing           // there is nothing to write any more
	takeLater             // another kind of write is needed: the job's op says which
)

// take is asked by the outbox when the record's turn has come: what is to be
// written is decided now, so that all changes until this moment are one write.
func (r *record) take(_ context.Context, j *job) (w event.Write, state takeState) {
	r.lane.mu.Lock()
	defer r.lane.mu.Unlock()
	side := mapping.Side(j.side)
	nothing := func() (event.Write, takeState) {
		r.out[side] = idle
		r.advance()
		return event.Write{}, takeNothing
	}
	if r.lane.ended || r.busy > 0 || r.link == nil {
		return nothing()
	}
	op, plan, fault := r.next(side)
	if fault != nil {
		r.out[side] = idle
		r.park(side, "unmappable", fault)
		return event.Write{}, takeNothing
	}
	if op == 0 {
		return nothing()
	}
	if op != j.op {
		j.op = op
		return event.Write{}, takeLater
	}
	r.out[side], r.plans[side] = sending, plan
	r.deleting[side] = r.link.State != merge.Reviving && r.link.Gone[side.Other()]
	other := side.Other()
	return event.Write{ID: r.cause[other], Origin: r.mapping().End(other).Connection, Op: op, Object: r.mapping().End(side).Object,
		Key: r.link.Keys[side], Set: plan.Set, Guard: plan.Guard}, takeWrite
}

// next decides the write that the side needs now; op 0 means none.
func (r *record) next(side mapping.Side) (op event.WriteOp, plan merge.Plan, fault *event.Fault) {
	l, other := r.link, side.Other()
	if l.State == merge.Reviving {
		if r.reviving() != side || r.unsaved {
			return 0, plan, nil
		}
		return event.DoCreate, merge.Plan{Set: r.lastKnown(side)}, nil
	}
	if l.Gone[other] || l.Gone[side] {
		if l.Gone[side] || l.Keys[side].IsZero() || l.State == merge.Deleted {
			return 0, plan, nil
		}
		if r.lostEdits(other, side); r.unsaved {
			return 0, plan, nil // B6: one more has come while the deletion was in line
		}
		policy := r.policy(side)
		plan.Guard = l.Record(r.mapping(), side)
		if policy.Kind == mapping.DeleteArchive && len(policy.Set.Names) > 0 {
			plan.Set = policy.At(r.lane.engine.clock())
			return event.DoUpdate, plan, nil
		}
		return event.DoDelete, plan, nil
	}
	if l.State == merge.New {
		return 0, plan, nil
	}
	d := r.decide()
	switch {
	case d.Fault != nil:
		return 0, plan, d.Fault
	case r.unsaved: // B6: it is stored first
		return 0, plan, nil
	case l.State == merge.Creating:
		plan = d.Plans[side]
		initial := r.mapping().Initial(side)
		plan.Set.Names, plan.Set.Values = append(plan.Set.Names, initial.Names...), append(plan.Set.Values, initial.Values...)
		return event.DoCreate, plan, nil
	case d.Plans[side].IsZero():
		return 0, plan, nil
	}
	return event.DoUpdate, d.Plans[side], nil
}

// unsent takes in that the call failed for reasons that may pass: the record
// is in line again, and further changes may join its write.
func (r *record) unsent(j *job) {
	r.lane.locked(func() {
		r.out[mapping.Side(j.side)] = queued
		r.lane.mapping.counts.retries.Add(1)
		r.advance()
	})
}

// complete takes in what became of the record's write.
func (r *record) complete(_ context.Context, j *job, w event.Write, res event.Result) {
	side := mapping.Side(j.side)
	r.lane.locked(func() {
		plan := r.plans[side]
		r.out[side], r.plans[side], r.guarded = idle, merge.Plan{}, false
		if res.Err == nil {
			r.lane.mapping.counts.wrote(side, w.Op)
			r.stands(side, w, plan, res)
			r.checkpoint()
		} else {
			r.refused(side, w, res.Err)
		}
		r.advance()
	})
}

// stands takes in a write that the side carried out.
func (r *record) stands(side mapping.Side, w event.Write, plan merge.Plan, res event.Result) {
	l := r.link
	r.dirty = true
	switch {
	case r.deleting[side]:
		l.Gone[side] = true
		l.Seen[side] = merge.Later(l.Seen[side], merge.Floor(res)) // M2: older changes do not bring it back
		r.tell("delete carried", fmt.Sprintf("%s on the %s side too", done(r.policy(side)), side))
		return
	case w.Op == event.DoCreate && l.State == merge.Reviving:
		r.revived(side, res)
		return
	case w.Op == event.DoCreate:
		l.Applied(r.mapping(), side, plan, res, r.facts())
		r.become(merge.Linked)
		r.doubt = false
		r.tellCarried("created", fmt.Sprintf("created on the %s side as %s", side, res.Key), side, plan)
		r.putIndex()
		r.settleCreated(side)
		return
	}
	l.Applied(r.mapping(), side, plan, res, r.facts())
	r.tellCarried("carried", "written to the "+side.String()+" side", side, plan)
}

// settleCreated stores the new link before anything else happens to it. A left
// record that was created belongs to the lane of its own key from here on.
func (r *record) settleCreated(side mapping.Side) {
	r.unpark()
	if err := r.encode(); err != nil {
		r.lane.fail(err)
		return
	}
	audit, puts := r.audit, r.puts
	r.audit, r.puts, r.dirty = nil, nil, false
	right := r.link.Keys[mapping.Right]
	moved := r.id.side == mapping.Right
	r.busy++
	left := r.link.Keys[mapping.Left]
	r.persist(audit, puts, func() {
		r.unlock()
		r.lane.engine.linked(r.lane.mapping, left, right)
		r.busy--
		if !moved {
			r.advance()
			return
		}
		changes := r.takeHeld()
		r.moved = true
		if len(changes) > 0 || r.look[mapping.Right] {
			r.forward(changes, mapping.Right)
		} else {
			r.advance()
		}
	})
}

// refused takes in a write that the side did not carry out, by its class. What
// may pass was tried again before it came here.
func (r *record) refused(side mapping.Side, w event.Write, f *event.Fault) {
	l := r.link
	r.lane.mapping.counts.refuse(f.Class)
	switch {
	case f.Class == event.GuardMissed:
		r.missGuard(side)
	case f.Class == event.Gone && w.Op != event.DoCreate:
		l.Gone[side], l.Why, r.dirty, r.fresh = true, merge.GoneDeleted, true, true
		if w.Op != event.DoDelete {
			r.tell("gone", fmt.Sprintf("the %s record %s does not exist any more", side, l.Keys[side]))
		}
	case f.Class == event.InDoubt: // a creation: the others were sent again
		r.doubt, r.matched = true, false
	case f.Class == event.Duplicate && w.Op == event.DoCreate && l.State == merge.Reviving && side == mapping.Left:
		if f.Existing != l.Keys[side] {
			r.reject(f, side)
			return
		}
		l.Gone[side], r.look[side] = false, true // it is there already
		r.become(merge.Reviving)
	case f.Class == event.Duplicate && w.Op == event.DoCreate:
		if !f.Existing.IsZero() {
			r.adopt(side.Other(), f.Existing)
			return
		}
		if r.matched { // looked up, not found, and refused as a duplicate all the same
			r.reject(f, side)
			return
		}
		r.doubt, r.matched = true, false
	default:
		r.reject(f, side)
	}
}

// reject parks a record that a side refuses for good.
func (r *record) reject(f *event.Fault, side mapping.Side) {
	if r.link.State == merge.Creating {
		r.link.State = merge.New
	}
	r.park(side, "rejected", f)
}

// missGuard waits for the other edit that came first: it is on its way through
// the log. When it does not come in time the record is read.
func (r *record) missGuard(side mapping.Side) {
	r.miss[side] = true
	r.missed++
	this := r.missed
	r.lane.mapping.counts.misses.Add(1)
	r.after(missWait, func() {
		if r.miss[side] && r.missed == this {
			r.miss[side], r.look[side] = false, true
			r.advance()
		}
	})
}
