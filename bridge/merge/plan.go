package merge

import (
	"slices"

	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

// Plan is what has to be written to one side: which fields, to what, and what
// the side is believed to hold (the guard of a side that can check).
type Plan struct {
	Set   event.Record
	Guard event.Record
	steps []step
}

// step is one field of a plan.
type step struct {
	field  int
	value  event.Value // what is sent
	source event.Value // the other side's value, of which it is the image
	why    why
}

type why uint8

const (
	carrying  why = iota // the other side's edit
	restoring            // the side's own edit, which our write had replaced
	settling             // a value decided for both sides
)

// IsZero tells whether there is nothing to write.
func (p Plan) IsZero() bool { return len(p.steps) == 0 }

// Holds tells whether any field of the plan is one of those.
func (p Plan) Holds(is func(field int) bool) bool {
	return slices.ContainsFunc(p.steps, func(s step) bool { return is(s.field) })
}

// Carried is one field of a write that stands: both sides' values, for the audit.
type Carried struct {
	Field       int
	Left, Right event.Value
}

// Carried tells what the plan carried to the side.
func (p Plan) Carried(l *Link) []Carried {
	out := make([]Carried, len(p.steps))
	for i := range p.steps {
		n := p.steps[i].field
		out[i] = Carried{n, l.Fields[n].Cell[mapping.Left].Now, l.Fields[n].Cell[mapping.Right].Now}
	}
	return out
}

// put adds a field: v is to stand there, guard is what stands there now
// (Unchanged: not known, so not guarded).
func (p *Plan) put(f *mapping.Field, side mapping.Side, i int, v, guard, source event.Value, why why) {
	set := f.Spread(side, v, guard)
	p.Set.Names, p.Set.Values = append(p.Set.Names, set.Names...), append(p.Set.Values, set.Values...)
	if !guard.IsUnchanged() {
		held := f.Spread(side, guard, event.Value{})
		for _, name := range set.Names {
			p.Guard.Put(name, held.Get(name))
		}
	}
	p.steps = append(p.steps, step{i, v, source, why})
}
