package merge

import (
	"errors"

	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

// Decision is what a link calls for now.
type Decision struct {
	Plans [2]Plan // what has to be written to each side
	Audit []Entry
	Waits []Wait // references that hold a field back
	// Fault tells of a value that does not fit the other side; then nothing is to
	// be written, the record waits for a person or its next change.
	Fault *event.Fault
}

// Resolve decides what has to be written to each side so that both agree, and
// records agreement where nothing has to. It may be called at any time and as
// often as wanted: a conflict is decided, and reported, once.
func (l *Link) Resolve(m *mapping.Mapping, facts Facts) (d Decision) {
	for i := range m.Fields() {
		if err := l.resolveField(m, i, facts, &d); err != nil {
			d.Plans, d.Fault = [2]Plan{}, faultOf(m.Fields()[i], err)
			return d
		}
	}
	return d
}

func (l *Link) resolveField(m *mapping.Mapping, i int, facts Facts, d *Decision) error {
	f, field := m.Fields()[i], &l.Fields[i]
	left, right := &field.Cell[mapping.Left], &field.Cell[mapping.Right]
	if left.Now.IsUnchanged() || right.Now.IsUnchanged() {
		return nil
	}
	if field.Settled != nil {
		return asError(field.write(f, i, l, m, &d.Plans))
	}
	if !left.Edited() && !right.Edited() && field.Frozen == nil {
		return nil
	}
	if !right.Lost && !left.Lost && facts.same(f, left.Now, right.Now) {
		left.agree()
		right.agree()
		if field.Frozen != nil && field.Frozen.Kind != FrozenBreaker { // a storm passes this point often: only a person ends it
			field.Frozen = nil
			e := field.entry(f, "resumed")
			e.Text = "both sides hold the same again: nothing waits for a person any more"
			d.Audit = append(d.Audit, e)
		}
		return nil
	}
	if field.Frozen != nil { // M6: but what our write had replaced is put back, so that each side holds its own
		for _, side := range mapping.Sides {
			if cell := field.Cell[side]; cell.Lost && f.Writes(side) {
				d.Plans[side].put(f, side, i, cell.Now, event.Value{}, cell.Now, restoring)
			}
		}
		return nil
	}
	if left.Edited() && right.Edited() {
		e, settled, err := l.collide(m, i, facts)
		if e.Kind != "" {
			d.Audit = append(d.Audit, e)
		}
		if err != nil || field.Frozen != nil {
			return err
		}
		if settled {
			return asError(field.write(f, i, l, m, &d.Plans))
		}
	}
	for _, from := range mapping.Sides {
		if !field.Cell[from].Edited() {
			continue
		}
		if err := l.carry(m, i, from, facts, d); err != nil || field.Frozen != nil {
			return err
		}
	}
	return nil
}

// carry plans what one side's edit calls for: a write to the other side, and
// to its own where our write had replaced it.
func (l *Link) carry(m *mapping.Mapping, i int, from mapping.Side, facts Facts, d *Decision) error {
	to := from.Other()
	f, field := m.Fields()[i], &l.Fields[i]
	source, target := &field.Cell[from], &field.Cell[to]
	if !f.Writes(to) {
		// The field is one way: this side's edit stays its own, and the audit
		// says so. On first contact there was no edit.
		first := source.Shadow.IsUnchanged()
		source.agree()
		if !first {
			d.Audit = append(d.Audit, oneWay(f, field.Cell, from))
		}
		return nil
	}
	ok, fault := l.writes(m, f, to)
	if fault != nil {
		return fault
	}
	if !ok {
		return nil // its condition is not met: the edit stays, and is looked at again with the record's next change
	}
	v, err := facts.convert(f, to, source.Now)
	if errors.Is(err, errUnlinked) {
		d.Waits = append(d.Waits, Wait{i, to, source.Now})
		return nil
	}
	if err != nil {
		return err
	}
	if b := m.Breaker(); !v.Equal(target.Now) && field.Turns.tripped(to, facts.Now, b) {
		field.freeze(FrozenBreaker, breakerText(field.Turns, b), facts.Now)
		e := field.entry(f, "frozen")
		e.Text = field.Frozen.Message
		d.Audit = append(d.Audit, e)
		return nil
	}
	if source.Lost {
		d.Plans[from].put(f, from, i, source.Now, event.Value{}, source.Now, restoring)
	}
	switch {
	case !v.Equal(target.Now):
		d.Plans[to].put(f, to, i, v, target.Now, source.Now, carrying)
	case !source.Lost: // a transform that gives the same as before: nothing to write
		source.agree()
		target.agree()
	}
	return nil
}

// writes tells whether the field is written to the side for this record now.
func (l *Link) writes(m *mapping.Mapping, f *mapping.Field, to mapping.Side) (bool, *event.Fault) {
	if !f.Writes(to) {
		return false, nil
	}
	ok, err := f.Allows(to, l.Record(m, to.Other()))
	return ok, faultOf(f, err)
}

func (c *Cell) agree() { c.Shadow, c.Lost = c.Now, false }

// faultOf is an error as the fault it is, or as one of its field.
func faultOf(f *mapping.Field, err error) *event.Fault {
	if err == nil {
		return nil
	}
	var bad *event.Fault
	if errors.As(err, &bad) {
		return bad
	}
	return &event.Fault{Class: event.Rejected, Message: err.Error(), Field: nameOf(f), Err: err}
}

// asError keeps a nil fault a nil error.
func asError(f *event.Fault) error {
	if f == nil {
		return nil
	}
	return f
}
