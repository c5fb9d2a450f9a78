package merge

import (
	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

// Applied takes in that the plan's write to the side stands. M4: the side's
// stored form becomes its shadow, and the value that was sent becomes the
// other side's, even if the other side has been edited again meanwhile.
func (l *Link) Applied(m *mapping.Mapping, side mapping.Side, p Plan, res event.Result, facts Facts) {
	for k := range p.steps {
		step := &p.steps[k]
		f, field := m.Fields()[step.field], &l.Fields[step.field]
		cell, other := &field.Cell[side], &field.Cell[side.Other()]
		stored := f.Take(side, res.After, step.value)
		if stored.IsUnchanged() {
			stored = step.value
		}
		switch step.why {
		case restoring:
			// Its own edit is back. It stays an edit until the other side has it.
			if cell.Now.Equal(step.source) {
				cell.Now, cell.Lost = stored, false
			}
		case settling:
			cell.Now, cell.Lost, cell.recent, other.recent = stored, false, nil, nil
			if s := field.Settled; s != nil && s.Values[side].Equal(step.value) {
				s.Values[side] = stored // the side's own form of it
			}
		default:
			if f.Rule().Kind == mapping.Merge {
				cell.Was, other.Was = cell.Shadow, other.Shadow
			}
			cell.Shadow, cell.Now = stored, stored
			other.Shadow = step.source
			cell.At = other.At
			other.recent = nil // older writes of ours have an older time than this one
			field.Turns.turn(side, facts.Now, m.Breaker())
		}
		cell.Floor = Later(cell.Floor, Floor(res)) // M2
		cell.Ours = true
	}
	if !res.Key.IsZero() {
		l.Keys[side] = res.Key
	}
}

// Floor is the position before which a side's feed speaks of the time before
// the write.
func Floor(res event.Result) event.Position {
	if !res.Floor.IsZero() {
		return res.Floor
	}
	return clock(res.At)
}
