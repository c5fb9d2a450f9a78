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

	recent []event.Value // what Now was since the link was loaded or last written; not stored
}

// Edited tells whether this side holds an edit that the other has not got.
func (c Cell) Edited() bool { return c.Lost || !c.Now.IsUnchanged() && !c.Now.Equal(c.Shadow) } // M1

// Field is one mapped field of a link: a cell for each side.
type Field [2]Cell

// State is where a link stands.
type State uint8

const (
	New      State = iota // one side is known, the other is not found or created yet
	Creating              // the creation on the other side was begun: when in doubt, look it up before creating again
	Linked                // both records are known
	Deleted               // a tombstone: late changes do not bring the record back
)

// Link is all that is kept of one pair of records. It has one owner at a time
// and is not safe for concurrent use.
type Link struct {
	Keys   [2]event.Key
	State  State
	Fields []Field           // in the mapping's order
	Seen   [2]event.Position // newest change taken from a side with an ordered log
	Gone   [2]bool           // the record does not exist on this side any more
	Since  time.Time         // when the creation on the other side was begun (State Creating)
	Parked *Parked           // why this record waits for a person or for its next change
}

// Parked is a record that cannot go on by itself.
type Parked struct {
	Side    mapping.Side `json:"side"`            // the side that refuses, or whose value does not fit
	Kind    string       `json:"kind"`            // rejected, unmappable, unmatched, ambiguous, confirm-delete
	Message string       `json:"message"`         // what the side said
	Field   string       `json:"field,omitempty"` // the field at fault, where that is known
	At      time.Time    `json:"at"`
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
		if l.Fields[i][side].Now.IsUnchanged() {
			return false
		}
	}
	return true
}

// Empty sets the side to a record that holds nothing yet, as before it is created.
func (l *Link) Empty(side mapping.Side) {
	for i := range l.Fields {
		l.Fields[i][side] = Cell{Shadow: event.Value{State: event.Null}, Now: event.Value{State: event.Null}}
	}
}

// Forget drops all that is known of the side's values, and that the sides ever
// agreed: for a record that was found and has to be read.
func (l *Link) Forget(side mapping.Side) {
	for i := range l.Fields {
		l.Fields[i][side] = Cell{}
		l.Fields[i][side.Other()].Shadow = event.Value{}
	}
}

// Record returns the side's mapped values as they are believed to be.
func (l *Link) Record(m *mapping.Mapping, side mapping.Side) event.Record {
	var r event.Record
	for i, f := range m.Fields() {
		r.Put(f.Name(side), l.Fields[i][side].Now)
	}
	return r
}

// Reverted tells whether an edit of the side went back to what both sides
// agreed on, so that nothing calls for a write, although one may have been sent
// in between and forgotten in a crash.
func (l *Link) Reverted(side mapping.Side) bool {
	for i := range l.Fields {
		if c := &l.Fields[i][side]; len(c.recent) > 1 && !c.Edited() {
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
		out[i] = l.Fields[i][side].Now
	}
	return out
}

// Changed tells whether any of the side's values differs from before.
func (l *Link) Changed(side mapping.Side, before []event.Value) bool {
	for i := range l.Fields {
		if !l.Fields[i][side].Now.Equal(before[i]) {
			return true
		}
	}
	return false
}
