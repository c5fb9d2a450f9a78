package merge

import (
	"time"

	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

// Observe takes in a change of one side of the link's record. It reports
// unsure when the side's clock alone cannot tell whether our own write came
// before or after an edit (or which of two edits of one instant stands): the
// caller then reads the record and calls Look with the same change.
//
// Changes of an ordered log (Position.Minor is not 0) come in order; one that
// is not newer than the last is a repetition and is dropped whole. Changes of
// a clocked side may come repeated and in any order; each field has its own
// newest time, and what is not newer was superseded on its own side.
//
// The audit entries tell of edits that our own write had replaced by a rule
// before a crash made us forget both.
func (l *Link) Observe(m *mapping.Mapping, side mapping.Side, c *event.Change, facts Facts) (unsure bool, audit []Entry) {
	ordered := c.Position.Minor != 0
	if ordered {
		if !l.Seen[side].Before(c.Position) {
			return false, nil
		}
		l.Seen[side] = c.Position
	}
	for i, f := range m.Fields() {
		field := &l.Fields[i]
		cell := &field.Cell[side]
		v := f.Take(side, c.After, cell.Now)
		if v.IsUnchanged() {
			continue
		}
		before := cell.Now
		recalled, lost := l.recall(m, f, i, side, v, c, facts)
		audit = append(audit, lost...)
		switch {
		case recalled:
			continue
		case !ordered:
			unsure = cell.observeClocked(v, c, ours(m, side, c), len(f.Names(side)) > 1) || unsure
		case !c.Position.Before(cell.Floor):
			// M2: older entries are passed over. The write was guarded, so it saw
			// whatever they say.
			cell.take(v, c.At)
		}
		field.edited(before, cell.Now)
	}
	return unsure, audit
}

// edited drops a decided value when a side was edited before it came there (M5).
func (field *Field) edited(before, now event.Value) {
	if !before.Equal(now) {
		field.Settled = nil
	}
}

func (c *Cell) take(v event.Value, at time.Time) {
	if v.Equal(c.Now) {
		return
	}
	c.Now, c.At, c.Lost, c.Ours = v, at, false, false
	if len(c.recent) == maxRecent {
		c.recent = c.recent[1:]
	}
	c.recent = append(c.recent, v)
}

// maxRecent bounds the values kept to recognise our own forgotten writes.
const maxRecent = 16

// observeClocked takes in a value of a side with a clock per field. Of a field
// of several parts an event tells one, whose own clock is not kept: where the
// event is not plainly the newest, the record is read.
func (c *Cell) observeClocked(v event.Value, change *event.Change, own, parts bool) (unsure bool) {
	switch {
	case parts && !v.Equal(c.Now) && (own || !c.Seen.Before(change.Position) || !c.Floor.Before(change.Position)):
		return true
	case v.Equal(c.Now):
		// A repetition, or our own write coming back. The latter says nothing of
		// edits that came before it, which may still be on their way.
		if !own && c.Floor.Before(change.Position) && c.Seen.Before(change.Position) {
			c.Seen, c.Told = change.Position, v
		}
		return false
	case change.Position.Before(c.Seen), change.Position == c.Seen && v.Equal(c.Told):
		return false // superseded by a later edit of its own side, or settled before
	case !c.Floor.Before(change.Position):
		// M2: not newer than our last write. Our own earlier write was superseded
		// by it; anybody else's edit may have been overwritten, and is looked into.
		return !own
	case change.Position == c.Seen:
		return true // two edits in one instant: only the record itself tells which one stands
	}
	c.Seen, c.Told = change.Position, v
	c.take(v, change.At)
	return false
}

// recall takes in a write of our own that a crash made us forget, so that it is
// not taken for an edit of this side. It is one when it is the image of a value
// that the other side held a moment ago, or when either side has an edit pending:
// what caused the write came before it in the same lane and is known again.
//
// A pending edit of this side that the write replaced is written back if it wins.
// With nothing pending somebody acts under our name (a flow that our write
// fired), and that is an edit like any other.
func (l *Link) recall(m *mapping.Mapping, f *mapping.Field, i int, side mapping.Side, v event.Value, c *event.Change, facts Facts) (bool, []Entry) {
	field := &l.Fields[i]
	cell, other := &field.Cell[side], &field.Cell[side.Other()]
	if !ours(m, side, c) || v.Equal(cell.Now) || !cell.Floor.Before(c.Position) || c.Position.Before(cell.Seen) || len(f.Names(side)) > 1 && c.Position.Minor == 0 {
		return false, nil
	}
	source, known := other.source(f, side, v, facts)
	switch {
	case field.Settled != nil && v.Equal(field.Settled.Values[side]): // M5: the decision is on disk before it is sent
		cell.Now, cell.Lost, cell.Floor = v, false, c.Position
		return true, nil
	case cell.Edited() && c.Position.Minor == 0:
		cell.Lost, cell.Floor = true, c.Position
		return true, nil
	case known || other.Edited() || cell.Edited():
		var lost []Entry
		if cell.Edited() { // the write was guarded: it knew this edit, and a rule was applied
			lost = append(lost, conflict(f, field.Cell, side.Other(), "as decided before a restart", when(field.Cell, "edited on both sides")))
		}
		cell.Now, cell.Shadow, cell.Floor = v, v, c.Position
		if known {
			other.Shadow = source
		}
		return true, lost
	}
	return false, nil
}

// ours tells whether the change is a write that this mapping made. What another
// mapping wrote is an edit like any other here: the side is a hub.
func ours(m *mapping.Mapping, side mapping.Side, c *event.Change) bool {
	return c.Origin.Connection == event.OwnWrite || c.Origin.Connection != "" && c.Origin.Connection == m.End(side.Other()).Connection
}

// source finds, among the values that this cell held a moment ago, the one whose
// image on the other side is v.
func (c *Cell) source(f *mapping.Field, to mapping.Side, v event.Value, facts Facts) (event.Value, bool) {
	for _, held := range c.recent {
		if image, err := facts.convert(f, to, held); err == nil && image.Equal(v) {
			return held, true
		}
	}
	return event.Value{}, false
}

// Look takes in the record as a read of one side found it, and settles the
// changes that Observe was unsure of. An edit that our own write overwrote
// meets the value that overwrote it under the field's rule: it is either
// restored (Resolve then writes it to both sides) or audited as the loser.
func (l *Link) Look(m *mapping.Mapping, side mapping.Side, snap *event.Snapshot, unsure []event.Change, facts Facts) []Entry {
	var audit []Entry
	for i, f := range m.Fields() {
		field := &l.Fields[i]
		cell := &field.Cell[side]
		v := f.Take(side, snap.Record, cell.Now)
		if v.IsUnchanged() {
			continue
		}
		before := cell.Now
		at := snap.At
		for _, name := range f.Names(side) {
			if t, ok := snap.FieldAt[name]; ok && (at.Equal(snap.At) || t.After(at)) {
				at = t
			}
		}
		if s := field.Settled; s != nil && v.Equal(s.Values[side]) {
			cell.Now, cell.Lost, before = v, false, v // a decision that a crash made us forget to have carried
		} else if !v.Equal(cell.Now) && !cell.Edited() {
			audit = append(audit, l.recallRead(m, i, side, v, at, snap.Wrote(f.Names(side)), facts)...)
		}
		told := false // an event of the snapshot's own value told when it was made
		for j := range unsure {
			c := &unsure[j]
			edit := f.Take(side, c.After, v)
			if edit.IsUnchanged() || c.Position.Before(cell.Seen) {
				continue
			}
			switch {
			case edit.Equal(v): // it stands: it was later than our write after all
				at, told = c.At, true
			case cell.Lost: // another edit that the same write replaced: the later one counts
				if c.Position == cell.Seen {
					audit = append(audit, sameInstant(f, field.Cell, cell.Now))
				}
				cell.Now, cell.At = edit, c.At
			case v.Equal(cell.Now) && (cell.Ours || !cell.Told.Equal(cell.Now)) && !cell.Floor.Before(c.Position): // what stands is ours
				audit = append(audit, l.overwritten(m, f, i, side, edit, c, facts)...)
				before = cell.Now // what was decided knew it
			}
			cell.Seen, cell.Told = c.Position, edit
		}
		if cell.Lost && !told {
			field.edited(before, cell.Now)
			continue // the winner of the rule is not what the side holds: it will be
		}
		if !v.Equal(cell.Now) {
			cell.take(v, at)
			if !told {
				cell.Seen, cell.Told = Later(cell.Seen, clock(at)), v
			}
		}
		field.edited(before, cell.Now)
		if !snap.Floor.IsZero() {
			cell.Floor = snap.Floor // M2: what the log says before the read is in the read
		}
	}
	return audit
}

// recallRead is recall for a value that was read: a write of ours that a crash,
// or an answer that never came, made us forget. It is one when it is the image of
// a value that the other side held a moment ago, or when the side says that we
// wrote it and the other side holds what it has not got: a later value, as that
// side's changes come in order. What was forgotten is in the audit, as nothing
// else says whence it came.
func (l *Link) recallRead(m *mapping.Mapping, i int, side mapping.Side, v event.Value, at time.Time, wrote bool, facts Facts) []Entry {
	f, field := m.Fields()[i], &l.Fields[i]
	cell, other := &field.Cell[side], &field.Cell[side.Other()]
	source, known := other.source(f, side, v, facts)
	if !known && !(wrote && other.Edited()) {
		return nil
	}
	cell.Now, cell.Shadow, other.Shadow = v, v, source
	if !wrote {
		return nil
	}
	cell.At, cell.Floor, cell.Ours = at, Later(cell.Floor, clock(at)), true // M2
	if known || facts.same(f, field.Cell[mapping.Left].Now, field.Cell[mapping.Right].Now) {
		return nil
	}
	e := field.entry(f, "recalled")
	e.Text = "the " + side.String() + " side holds what was written there before a restart; the other side was edited since"
	return []Entry{e}
}

// overwritten applies the field's rule to an edit that our write replaced
// before we knew of it. M3: it wins and is restored, it is audited, or both
// values wait for a person.
func (l *Link) overwritten(m *mapping.Mapping, f *mapping.Field, i int, side mapping.Side, edit event.Value, c *event.Change, facts Facts) []Entry {
	field := &l.Fields[i]
	mine := &field.Cell[side]
	const why = "edited while our write was on its way; the write replaced it"
	cells := field.Cell
	cells[side] = Cell{Now: edit, At: c.At}
	if facts.same(f, cells[mapping.Left].Now, cells[mapping.Right].Now) {
		return nil // it said the same, in another form
	}
	if kind := f.Rule().Kind; (kind == mapping.Review || kind == mapping.Merge) && f.Writes(mapping.Left) && f.Writes(mapping.Right) || field.Frozen != nil {
		mine.Now, mine.At, mine.Lost = edit, c.At, true
		field.Settled = nil
		if field.Frozen != nil {
			return nil
		}
		e, _ := field.review(m, f, kind, why, facts)
		return []Entry{e}
	}
	winner, rule, reason := l.decide(m, f, cells, facts)
	if winner == side && f.Writes(side.Other()) {
		mine.Now, mine.At, mine.Lost = edit, c.At, true
	}
	return []Entry{conflict(f, cells, winner, rule, why+"; "+reason)}
}

// Outlived takes in an edit of a record that is deleted, which comes late or was
// made before its side heard of the deletion: it is in the audit, once.
func (l *Link) Outlived(m *mapping.Mapping, side mapping.Side, c *event.Change) []Entry {
	var audit []Entry
	for i, f := range m.Fields() {
		cell := &l.Fields[i].Cell[side]
		v := f.Take(side, c.After, cell.Now)
		if v.IsUnchanged() || v.Equal(cell.Now) || !cell.Seen.Before(c.Position) {
			continue
		}
		cell.take(v, c.At)
		cell.Seen, cell.Told = c.Position, v
		e := l.Fields[i].entry(f, "conflict")
		e.Rule, e.Winner, e.Loser = "a deletion wins over an edit", side.Other().String(), v
		e.Text = "the record is deleted; the edit was made " + stamp(c.At)
		audit = append(audit, e)
		cell.agree()
	}
	return audit
}

// sameInstant tells that of two edits that our write replaced, made in the same
// instant, this one gives way.
func sameInstant(f *mapping.Field, cells [2]Cell, loser event.Value) Entry {
	return Entry{Kind: "conflict", Field: nameOf(f), Left: cells[mapping.Left].Now, Right: cells[mapping.Right].Now,
		Loser: loser, Rule: "two edits of one instant", Text: "which of the two was later cannot be told"}
}

// clock is the position of an instant on a side whose positions are times.
func clock(t time.Time) event.Position {
	if t.IsZero() {
		return event.Position{}
	}
	return event.Position{Major: uint64(t.UnixMicro())}
}

// Later returns the later of two positions.
func Later(a, b event.Position) event.Position {
	if a.Before(b) {
		return b
	}
	return a
}
