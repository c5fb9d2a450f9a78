package merge

import (
	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

// Applied takes in that the plan's write to the side stands. M4: the side's
// stored form becomes its shadow, and the value that was sent becomes the
// other side's, even if the other side has been edited again meanwhile.
func (l *Link) Applied(side mapping.Side, p Plan, res event.Result) {
	for k, i := range p.fields {
		cell, other := &l.Fields[i][side], &l.Fields[i][side.Other()]
		stored := res.After.Get(p.Set.Names[k])
		if stored.IsUnchanged() {
			stored = p.Set.Values[k]
		}
		if p.lost[k] {
			// Its own edit is back. It stays an edit until the other side has it.
			if cell.Now.Equal(p.source[k]) {
				cell.Now, cell.Lost = stored, false
				cell.Told = event.Value{} // what stands is ours: a later edit that was replaced too still counts
			}
		} else {
			cell.Shadow, cell.Now = stored, stored
			other.Shadow = p.source[k]
			cell.At = other.At
			other.recent = nil // older writes of ours have an older time than this one
		}
		cell.Floor = Later(cell.Floor, Floor(res)) // M2
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
