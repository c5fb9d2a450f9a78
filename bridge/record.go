package bridge

import (
	"time"

	"github.com/lockstep-sync/lockstep/bridge/journal"
	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/bridge/merge"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

// recordID names a pair of records while the engine works on it: by its left
// key or, as long as no left record is known, by its right one.
type recordID struct {
	side mapping.Side
	key  event.Key
}

// token is the id's name in STATE.
func (id recordID) token() string {
	if id.side == mapping.Right {
		return "r" + id.key.Token()
	}
	return "l" + id.key.Token()
}

// stage is how far a record's write to one side has come.
type stage uint8

const (
	idle    stage = iota
	queued        // in the outbox: what is written is decided when its turn comes
	sending       // a call is under way: changes of that side wait until it ends
)

// record is one pair of records in memory, from its first unfinished change to
// the moment when its link is on disk. All of it is guarded by its lane's mutex.
type record struct {
	lane *lane
	id   recordID
	link *merge.Link

	seqs   []uint64          // entries of CHANGES that are done when this record is
	held   []taken           // changes that wait, in the order in which they came: for a call to end, for an answer
	taken  []taken           // changes taken in while the other side is unknown, for whoever turns out to own them
	unsure [2][]event.Change // changes that only a look at the record can place
	look   [2]bool           // the side has to be read

	out      [2]stage
	plans    [2]merge.Plan // what is being sent
	deleting [2]bool       // what is being sent carries a deletion
	guarded  bool          // the right record was read for the write at hand
	busy     int           // questions, locks, stores under way: nothing is decided meanwhile
	miss     [2]bool       // a guard missed: the other edit is on its way through the log
	missed   int           // counts the misses, so that an old timer does not wake a new one

	lock    string // the match lock that is held or waited for
	locked  bool   // it is held
	checked bool   // the link was read again after the lock was got
	doubt   bool   // a creation may have happened
	matched bool   // the other side was looked up and there is no such record
	tries   int    // how often the right record was found to be another row's
	waited  bool   // an own creation's link was waited for
	again   bool   // one of its changes was read before a crash: a write may be forgotten
	foreign bool   // somebody other than Lockstep changed the record

	unsaved  bool      // a decision is not on disk yet (B6)
	waitFrom time.Time // since when it waits for a referenced record in memory
	fuseRead bool      // its deletion was counted
	reviews  int       // frozen fields that STATE lists
	storing  int       // stores under way
	orders   []func()  // of people: carried out between stores
	noted    bool      // STATE has a note that an order is not carried out yet (B7)

	dirty bool // the link differs from what is on disk
	fresh bool // something changed since the record was parked
	audit []journal.AuditEntry
	puts  []journal.Put
	moved bool         // the link is kept under another name from here on: do not store it
	told  [2]time.Time // when the newest change of each side was made
	cause [2]string    // id of the newest change of each side, for tracing
}

// taken is a change that was taken in, with its side.
type taken struct {
	side   mapping.Side
	change event.Change
}

func (r *record) mapping() *mapping.Mapping { return r.lane.mapping.Mapping }

// takeHeld empties the line of waiting changes of a record of which only the
// right side is known, for whoever goes on with them.
func (r *record) takeHeld() []event.Change {
	changes := make([]event.Change, len(r.held))
	for i, t := range r.held {
		changes[i] = t.change
	}
	r.held = nil
	return changes
}

// quiet tells whether nothing of the record is under way.
func (r *record) quiet() bool {
	return r.busy == 0 && r.out == [2]stage{} && len(r.held) == 0 && len(r.orders) == 0 && r.storing == 0
}

// advance does all that can be done for the record now. It is called, with the
// lane's mutex held, after whatever happens to it, and may be called at any time.
func (r *record) advance() {
	if r.busy > 0 || r.lane.ended {
		return
	}
	// B1: strictly in the lane's order. What one side's change brought about on the
	// other side must not be seen before it.
	for len(r.held) > 0 && r.busy == 0 && r.out[r.held[0].side] != sending {
		if r.moved && !r.renew() {
			return
		}
		next := r.held[0]
		if !r.absorb(next.side, &next.change) {
			break // it waits for the record to come to rest
		}
		r.held = r.held[1:]
	}
	if len(r.held) == 0 {
		r.held = nil
	}
	if r.busy > 0 {
		return
	}
	r.settle()
}

// renew starts afresh for changes that came after the record went to another
// name.
func (r *record) renew() bool {
	link, err := r.lane.linkOf(r.id)
	if err != nil {
		r.lane.fail(err)
		return false
	}
	r.link, r.moved, r.taken, r.look = link, false, nil, [2]bool{}
	r.doubt, r.matched, r.checked = link.State == merge.Creating, false, false
	return true
}

// settle decides the next step from the link's state alone (B3).
func (r *record) settle() {
	l := r.link
	switch {
	case l == nil || r.moved || l.State == merge.Deleted:
		r.finish()
	case l.Parked != nil && l.Parked.Kind != merge.ParkedWaiting && !r.fresh:
		r.finish() // only a change of the record, or a person, lets it go on
	case l.State == merge.Reviving:
		r.revive()
	case l.Gone[mapping.Left] || l.Gone[mapping.Right]:
		r.settleGone()
	case l.State != merge.Linked:
		r.identify()
	default:
		r.resolve()
	}
}

// resolve lets both sides meet and puts the record in line for what has to be
// written.
func (r *record) resolve() {
	for _, side := range mapping.Sides {
		if r.look[side] || !r.link.Complete(side) {
			r.askRecord(side)
		}
	}
	if r.busy > 0 {
		return
	}
	d := r.decide()
	switch {
	case d.Fault != nil:
		r.park(mapping.Left, "unmappable", d.Fault)
	case r.unsaved:
		r.save()
	default:
		r.line(d)
	}
}

// decide lets both sides meet and notes what was decided.
func (r *record) decide() merge.Decision {
	d := r.link.Resolve(r.mapping(), r.facts())
	if len(d.Waits) > 0 && r.await(d.Waits) { // what it waits for may have come before it was known to wait
		again := r.link.Resolve(r.mapping(), r.facts())
		again.Audit = append(d.Audit, again.Audit...)
		d = again
	}
	for _, e := range d.Audit {
		r.unsaved = r.unsaved || e.Kind != "one-way"
	}
	r.note(d.Audit)
	return d
}

// save puts what was decided on disk before anything of it is written to a
// side (B6).
func (r *record) save() {
	if r.out != [2]stage{} {
		return // the call's end comes back here
	}
	r.dirty = true
	if err := r.encode(); err != nil {
		r.lane.fail(err)
		return
	}
	audit, puts := r.audit, r.puts
	r.audit, r.puts, r.dirty = nil, nil, false
	r.busy++
	r.persist(audit, puts, func() {
		r.unsaved = false
		r.busy--
		r.advance()
	})
}

func (r *record) line(d merge.Decision) {
	plans := d.Plans
	for _, side := range mapping.Sides {
		if r.out[side] != idle || plans[side].IsZero() || r.miss[side] {
			continue
		}
		if r.unguarded(side, plans[side]) {
			r.guarded = true
			r.askRecord(side)
			return
		}
		r.enqueue(side, event.DoUpdate)
	}
	if r.out == [2]stage{} && plans[0].IsZero() && plans[1].IsZero() {
		if len(d.Waits) == 0 {
			r.unpark()
		} else if r.linger() {
			return
		} else {
			r.parkWaiting(d.Waits)
		}
		r.finish()
	}
}

// unguarded tells whether the SaaS record has to be read before this write, and
// was not: the mapping wants it, or a field of it is settled by a person or an
// expression, which want to see both edits and not what our write left of them.
func (r *record) unguarded(side mapping.Side, plan merge.Plan) bool {
	if side != mapping.Right || r.guarded {
		return false
	}
	return r.mapping().Guard() == mapping.GuardRead || plan.Holds(func(i int) bool {
		kind := r.mapping().Fields()[i].Rule().Kind
		return kind == mapping.Review || kind == mapping.Merge
	})
}

func (r *record) enqueue(side mapping.Side, op event.WriteOp) {
	r.out[side] = queued
	end := r.mapping().End(side)
	r.lane.engine.sides[end.Connection].outbox.enqueue(&job{rec: r, side: int(side), op: op, object: end.Object})
}

// finish puts the audit, then the link, on disk, and only then calls the
// record's changes done (B2). The record leaves memory when nothing has come
// meanwhile.
func (r *record) finish() {
	if r.out != [2]stage{} || len(r.held) > 0 {
		return
	}
	r.taken, r.unsure = nil, [2][]event.Change{}
	seqs := r.seqs
	r.seqs, r.fresh = nil, false
	if r.noted {
		r.noted = false
		r.puts = append(r.puts, put(todoName(r.mapping().Name(), r.id), nil))
	}
	if err := r.encode(); err != nil {
		r.lane.fail(err)
		return
	}
	audit, puts := r.audit, r.puts
	r.audit, r.puts, r.dirty = nil, nil, false
	if len(audit) == 0 && len(puts) == 0 {
		r.unlock()
		r.lane.done(seqs)
		r.leave()
		return
	}
	r.busy++
	r.persist(audit, puts, func() {
		r.unlock() // B4: whoever is next in line reads what is on disk now
		r.lane.done(seqs)
		if l := r.link; l != nil && l.State == merge.Linked && !r.moved {
			r.lane.engine.linked(r.lane.mapping, l.Keys[mapping.Left], l.Keys[mapping.Right])
		}
		r.busy--
		if r.quiet() && len(r.seqs) == 0 {
			r.leave()
			return
		}
		r.advance()
	})
}

// checkpoint stores the link of a record that is edited without a pause, so that
// the lane's cursor moves on and a crash forgets no write of ours. The link says
// all that the changes taken in so far brought, pending edits included; the
// newest of them stays open, so that a restart takes the record up again (B2).
func (r *record) checkpoint() {
	taken := len(r.seqs) - len(r.held) - 1
	if taken < 1 || r.busy > 0 || r.moved || r.link.State != merge.Linked || r.look != [2]bool{} || r.out != [2]stage{} {
		return
	}
	seqs := r.seqs[:taken:taken]
	r.seqs = r.seqs[taken:]
	r.dirty = true
	if err := r.encode(); err != nil {
		r.lane.fail(err)
		return
	}
	audit, puts := r.audit, r.puts
	r.audit, r.puts, r.dirty = nil, nil, false
	r.busy++
	r.persist(audit, puts, func() {
		r.lane.done(seqs)
		r.busy--
		r.advance()
	})
}

// leave drops the record from memory.
func (r *record) leave() {
	if r.quiet() && len(r.seqs) == 0 {
		delete(r.lane.records, r.id)
	}
}

// encode adds the link to what is to be stored, when it changed.
func (r *record) encode() error {
	if !r.dirty || r.moved || r.link == nil || r.link.Keys[mapping.Left].IsZero() {
		return nil
	}
	data, err := r.link.Encode(r.mapping())
	if err != nil {
		return err
	}
	r.puts = append(r.puts, journal.Put{Key: linkName(r.mapping().Name(), r.link.Keys[mapping.Left]), Data: data})
	return r.putReview()
}

// putIndex leads from the right record to the left one from here on.
func (r *record) putIndex() {
	data, err := encodeIndex(r.link.Keys[mapping.Left])
	if err != nil {
		r.lane.fail(err)
		return
	}
	r.puts = append(r.puts, journal.Put{Key: indexName(r.mapping().Name(), r.link.Keys[mapping.Right]), Data: data})
}

// park lets the record wait for a person or for its next change (B5).
func (r *record) park(side mapping.Side, kind string, fault *event.Fault) {
	now := r.lane.engine.clock().UTC()
	if p := r.link.Parked; p != nil {
		r.lane.mapping.counts.park(p.Kind, -1)
	}
	r.lane.mapping.counts.park(kind, 1)
	r.link.Parked = &merge.Parked{Side: side, Kind: kind, Message: fault.Message, Field: fault.Field, At: now}
	if fault.Code != "" {
		r.link.Parked.Message = fault.Code + ": " + fault.Message
	}
	r.link.Parked.Message = r.lane.mapping.mask(r.link, r.link.Parked.Message)
	r.dirty, r.fresh, r.miss = true, false, [2]bool{}
	r.tell("parked", kind+": "+r.link.Parked.Message)
	r.puts = append(r.puts, r.parkedPut(nil))
	r.finish()
}

// unpark takes the record off the list of those that wait.
func (r *record) unpark() {
	if r.link.Parked == nil {
		return
	}
	r.lane.mapping.counts.park(r.link.Parked.Kind, -1)
	r.link.Parked, r.dirty = nil, true
	r.tell("resumed", "the record goes on")
	r.puts = append(r.puts, journal.Put{Key: parkedName(r.mapping().Name(), r.id)})
}

// persist is lane.persist for a record: a person's orders come between its
// stores, so that what is on disk is always the newer state.
func (r *record) persist(audit []journal.AuditEntry, puts []journal.Put, done func()) {
	r.storing++
	r.lane.persist(audit, puts, func() {
		r.storing--
		done()
		r.obey()
	})
}

// order lets a person's order be carried out as soon as nothing is being stored.
func (r *record) order(f func()) {
	r.orders = append(r.orders, f)
	r.obey()
}

func (r *record) obey() {
	for r.storing == 0 && len(r.orders) > 0 {
		f := r.orders[0]
		r.orders = r.orders[1:]
		f()
	}
}

// after runs f with the lane's mutex held, once the time has passed and unless
// the lane has ended.
func (r *record) after(d time.Duration, f func()) {
	time.AfterFunc(d, func() { r.lane.locked(f) })
}
