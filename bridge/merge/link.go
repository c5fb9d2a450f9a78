package merge

import (
	"time"

	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

// Cell is one side of one field of a link.
type Cell struct {
	// Shadow is the value here when both sides last agreed, in this side's own
	// form; Unchanged as long as they never have.
	Shadow event.Value
	// Now is the value that this side is believed to hold.
	Now event.Value
	// At is when the edit that made Now happened, by its own side's clock.
	At time.Time
	// Floor: what the side's feed says at a position before it is older than
	// our last write to this field.
	Floor event.Position
	// Seen is the newest event time taken from a side that has a clock per
	// field instead of one ordered log.
	Seen event.Position
	// Told is what the side said at Seen, so that its repetition is known.
	Told event.Value
	// Lost marks an edit that our own write overwrote and that won all the
	// same: Now has to be written back to its own side.
	Lost bool
	// Was is the shadow before our last write to either side, of a field whose
	// conflicts an expression merges: an edit that the write replaced had it as base.
	Was event.Value
	// Ours: what stands was written by us, even where the side had said the same
	// before. A later edit that our write replaced still counts.
	Ours bool

	recent []event.Value // what Now was since the link was loaded or last written; not stored
}

// Edited tells whether this side holds an edit that the other has not got.
func (c Cell) Edited() bool { return c.Lost || !c.Now.IsUnchanged() && !c.Now.Equal(c.Shadow) } // M1

// Field is one mapped field of a link: a cell for each side, and what stands
// between them.
type Field struct {
	Cell    [2]Cell
	Frozen  *Frozen  // it waits for a person
	Settled *Settled // a value decided for both sides is on its way
	Turns   Turns
}

// State is where a link stands.
type State uint8

const (
	New      State = iota // one side is known, the other is not found or created yet
	Creating              // the creation on the other side was begun: when in doubt, look it up before creating again
	Linked                // both records are known
	Deleted               // a tombstone: late changes do not bring the record back
	Reviving              // a record that is gone on one side is being brought back there
)

var stateNames = [...]string{"new", "creating", "linked", "deleted", "reviving"}

func (s State) String() string { return stateNames[s] }

// GoneReason says why a record does not exist on a side any more, as far as this
// mapping is concerned.
type GoneReason uint8

const (
	GoneDeleted  GoneReason = iota
	GoneFiltered            // it does not match the side's filter any more
	GoneMerged              // it was merged into a record that has a partner already
)

// Done is the reason as the verb of a sentence.
func (r GoneReason) Done() string {
	return [...]string{"deleted", "no longer taken by the filter", "merged into another record"}[r]
}

// Link is all that is kept of one pair of records. It has one owner at a time
// and is not safe for concurrent use.
type Link struct {
	Keys   [2]event.Key
	State  State
	Fields []Field           // in the mapping's order
	Seen   [2]event.Position // newest change taken from a side with an ordered log
	Gone   [2]bool           // the record does not exist on this side any more
	Why    GoneReason        // why not
	// Confirmed: a person said that the deletion is to be carried over.
	Confirmed bool
	Since     time.Time // when the creation on the other side was begun (State Creating)
	Parked    *Parked   // why this record waits for a person or for its next change
}

// Parked is a record that cannot go on by itself.
type Parked struct {
	Side    mapping.Side `json:"side"`            // the side that refuses, or whose value does not fit
	Kind    string       `json:"kind"`            // rejected, unmappable, unmatched, ambiguous, or one of those below
	Message string       `json:"message"`         // what the side said
	Field   string       `json:"field,omitempty"` // the field at fault, where that is known
	At      time.Time    `json:"at"`
}

// Kinds of parked records that the engine treats in a way of their own.
const (
	ParkedConfirm = "confirm-delete" // a deletion waits for a person
	ParkedHeld    = "held-delete"    // a deletion is one of a burst that waits for a person
	ParkedWaiting = "waiting"        // a reference points to a record that is not linked; other fields go on
)

// Deletion tells whether what is parked is a deletion that waits for a person.
func (p *Parked) Deletion() bool {
	return p != nil && (p.Kind == ParkedConfirm || p.Kind == ParkedHeld)
}

// Frozen is how many fields wait for a person.
func (l *Link) Frozen() (n int) {
	for i := range l.Fields {
		if l.Fields[i].Frozen != nil {
			n++
		}
	}
	return n
}

// Thaw lets go of all that waits for a person or is on its way to both sides: the
// record is deleted.
func (l *Link) Thaw() {
	for i := range l.Fields {
		l.Fields[i].Frozen, l.Fields[i].Settled = nil, nil
	}
}

// Revived takes in that the side's record exists again with what was last known
// of it. An edit that it held and the other side has not got stays one.
func (l *Link) Revived(m *mapping.Mapping, side mapping.Side, res event.Result) {
	for i, f := range m.Fields() {
		cell := &l.Fields[i].Cell[side]
		stored := f.Take(side, res.After, cell.Now)
		if stored.IsUnchanged() {
			continue
		}
		if !cell.Edited() {
			cell.Shadow = stored
		}
		cell.Now, cell.Lost = stored, false
		cell.Floor = Later(cell.Floor, Floor(res)) // M2
	}
	if !res.Key.IsZero() {
		l.Keys[side] = res.Key
	}
	l.Gone[side], l.Seen[side] = false, Later(l.Seen[side], Floor(res))
}

// NewLink returns a link of which only one side's key is known.
func NewLink(m *mapping.Mapping, side mapping.Side, key event.Key) *Link {
	l := &Link{Fields: make([]Field, len(m.Fields()))}
	l.Keys[side] = key
	return l
}

// Complete tells whether every mapped field of the side is known.
func (l *Link) Complete(side mapping.Side) bool {
	for i := range l.Fields {
		if l.Fields[i].Cell[side].Now.IsUnchanged() {
			return false
		}
	}
	return true
}

// Empty sets the side to a record that holds nothing yet, as before it is created.
func (l *Link) Empty(side mapping.Side) {
	for i := range l.Fields {
		l.Fields[i].Cell[side] = Cell{Shadow: event.Value{State: event.Null}, Now: event.Value{State: event.Null}}
	}
}

// Forget drops all that is known of the side's values, and that the sides ever
// agreed: for a record that was found and has to be read.
func (l *Link) Forget(side mapping.Side) {
	for i := range l.Fields {
		l.Fields[i].Cell[side] = Cell{}
		l.Fields[i].Cell[side.Other()].Shadow = event.Value{}
		l.Fields[i].Frozen, l.Fields[i].Settled = nil, nil
	}
}

// Record returns the side's mapped values as they are believed to be.
func (l *Link) Record(m *mapping.Mapping, side mapping.Side) event.Record {
	var r event.Record
	for i, f := range m.Fields() {
		part := f.Spread(side, l.Fields[i].Cell[side].Now, event.Value{})
		for k, name := range part.Names {
			r.Put(name, part.Values[k])
		}
	}
	return r
}

// Reverted tells whether an edit of the side went back to what both sides
// agreed on, so that nothing calls for a write, although one may have been sent
// in between and forgotten in a crash.
func (l *Link) Reverted(side mapping.Side) bool {
	for i := range l.Fields {
		if c := &l.Fields[i].Cell[side]; len(c.recent) > 1 && !c.Edited() {
			return true
		}
	}
	return false
}

// Values returns the side's values as they are believed to be, in the
// mapping's order, for Changed.
func (l *Link) Values(side mapping.Side) []event.Value {
	out := make([]event.Value, len(l.Fields))
	for i := range l.Fields {
		out[i] = l.Fields[i].Cell[side].Now
	}
	return out
}

// Changed tells whether any of the side's values differs from before.
func (l *Link) Changed(side mapping.Side, before []event.Value) bool {
	for i := range l.Fields {
		if !l.Fields[i].Cell[side].Now.Equal(before[i]) {
			return true
		}
	}
	return false
}
