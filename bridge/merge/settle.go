package merge

import (
	"errors"
	"fmt"
	"time"

	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

// Settled is a value that was decided for both sides, by an expression or by a
// person, and is on its way to them. M5: it is written under guards, and an edit
// of either side that comes first drops it, so that nobody's edit is overwritten
// by a decision that did not know it.
type Settled struct {
	Values [2]event.Value // what each side is to hold, in its own form
	Rule   string
	By     string // the person
}

// Kinds of what is frozen.
const (
	FrozenConflict = "conflict" // the rule is review
	FrozenBreaker  = "breaker"  // it went back and forth too often
	FrozenMerge    = "merge"    // its expression failed
)

// Frozen is a field that waits for a person. M6: nothing is written to it on
// either side until then; both sides' values go on being followed.
type Frozen struct {
	Kind    string    `json:"kind"`
	Message string    `json:"message"`
	Since   time.Time `json:"since"`
}

// Turns counts how often the writes to a field changed their direction.
type Turns struct {
	Count int
	Since time.Time // when the count began
	Last  mapping.Side
	Known bool // Last is known
}

// Choices of a person.
const (
	ChooseLeft  = "left"
	ChooseRight = "right"
	ChooseValue = "value"
)

// ErrNotFrozen says that nothing waits for a choice there.
var ErrNotFrozen = errors.New("nothing waits for a decision here")

// Choose settles a frozen field: the value of one side, or one given in the
// left side's form, goes to both. What gives way is in the entry.
func (l *Link) Choose(m *mapping.Mapping, i int, choice string, v event.Value, by string, facts Facts) (Entry, error) {
	f, field := m.Fields()[i], &l.Fields[i]
	if field.Frozen == nil {
		return Entry{}, ErrNotFrozen
	}
	now := [2]event.Value{field.Cell[mapping.Left].Now, field.Cell[mapping.Right].Now}
	s := Settled{Rule: "chosen by a person", By: by}
	e := field.entry(f, "chosen")
	var err error
	switch choice {
	case ChooseLeft:
		s.Values[mapping.Left], e.Winner, e.Loser = now[mapping.Left], "left", now[mapping.Right]
		s.Values[mapping.Right], err = facts.convert(f, mapping.Right, now[mapping.Left])
	case ChooseRight:
		s.Values[mapping.Right], e.Winner, e.Loser = now[mapping.Right], "right", now[mapping.Left]
		s.Values[mapping.Left], err = facts.convert(f, mapping.Left, now[mapping.Right])
	case ChooseValue:
		s.Values[mapping.Left], e.Winner = v, "value"
		s.Values[mapping.Right], err = facts.convert(f, mapping.Right, v)
	default:
		return Entry{}, fmt.Errorf("%q is no choice: left, right or value", choice)
	}
	if err != nil {
		return Entry{}, err
	}
	e.Rule, e.By, e.Text = s.Rule, by, "was frozen: "+field.Frozen.Message
	if choice == ChooseValue {
		e.Merged = v
	}
	field.Frozen, field.Settled, field.Turns = nil, &s, Turns{}
	return e, nil
}

// Abandon gives up all that waits to be written: both sides stay as they are.
func (l *Link) Abandon(m *mapping.Mapping, by string) []Entry {
	var audit []Entry
	for i, f := range m.Fields() {
		field := &l.Fields[i]
		for _, side := range mapping.Sides {
			if field.Cell[side].Edited() || field.Settled != nil {
				e := field.entry(f, "conflict")
				e.Rule, e.By, e.Winner = "given up by a person", by, side.Other().String()
				e.Loser, e.Text = field.Cell[side].Now, "the "+side.String()+" side's edit is not carried over"
				audit = append(audit, e)
			}
			field.Cell[side].agree()
		}
		field.Frozen, field.Settled = nil, nil
	}
	return audit
}

// freeze lets the field wait for a person.
func (field *Field) freeze(kind, message string, now time.Time) {
	field.Frozen, field.Settled = &Frozen{Kind: kind, Message: message, Since: now}, nil
}

// write plans what is left of a decided value, and records agreement when both
// sides hold it.
func (field *Field) write(f *mapping.Field, i int, l *Link, m *mapping.Mapping, plans *[2]Plan) *event.Fault {
	stands := true
	for _, side := range mapping.Sides {
		cell := &field.Cell[side]
		if cell.Now.Equal(field.Settled.Values[side]) && !cell.Lost {
			continue
		}
		stands = false
		ok, fault := l.writes(m, f, side)
		if fault != nil {
			return fault
		}
		if !ok {
			continue
		}
		guard := cell.Now
		if cell.Lost {
			guard = event.Value{} // what the side holds is our own overwritten write
		}
		plans[side].put(f, side, i, field.Settled.Values[side], guard, event.Value{}, settling)
	}
	if stands {
		field.Cell[mapping.Left].agree()
		field.Cell[mapping.Right].agree()
		field.Settled = nil
	}
	return nil
}

// turn counts a write's direction, and tripped tells that one more change of
// direction is one too many: a trigger here and a flow there may not become a
// storm of calls.
func (t *Turns) turn(to mapping.Side, now time.Time, b mapping.Breaker) {
	if now.Sub(t.Since) >= b.Within {
		t.Count, t.Since = 0, now
	}
	if t.Known && t.Last != to {
		t.Count++
	}
	t.Last, t.Known = to, true
}

func (t *Turns) tripped(to mapping.Side, now time.Time, b mapping.Breaker) bool {
	return b.Flips > 0 && t.Known && t.Last != to && t.Count >= b.Flips && now.Sub(t.Since) < b.Within
}
