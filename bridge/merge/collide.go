package merge

import (
	"errors"
	"fmt"
	"time"

	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

// collide settles two edits of one field: one wins, an expression makes one
// value of both, or both wait for a person. A loser's value stays what its side
// holds (and what a guard expects there), but is no edit any more. settled tells
// that a value for both sides was decided.
func (l *Link) collide(m *mapping.Mapping, i int, facts Facts) (e Entry, settled bool, err error) {
	f, field := m.Fields()[i], &l.Fields[i]
	cells := &field.Cell
	first := cells[mapping.Left].Shadow.IsUnchanged() && cells[mapping.Right].Shadow.IsUnchanged()
	why := "edited on both sides"
	if first {
		// First contact of two records that existed before: a side that holds
		// nothing has made no edit, so the other one's value stands.
		for _, side := range mapping.Sides {
			if ok, _ := l.writes(m, f, side); cells[side].Now.IsNull() && ok {
				cells[side].agree()
				return e, false, nil
			}
		}
		why = "the two records differed when they were linked"
	}
	if kind := f.Rule().Kind; kind == mapping.Review || kind == mapping.Merge {
		free := true
		for _, side := range mapping.Sides {
			ok, fault := l.writes(m, f, side)
			if fault != nil {
				return e, false, fault
			}
			free = free && ok
		}
		if free {
			e, settled = field.review(m, f, kind, why, facts)
			return e, settled, nil
		}
	}
	winner, rule, reason := l.decide(m, f, *cells, facts)
	e = conflict(f, *cells, winner, rule, why+"; "+reason)
	cells[winner.Other()].agree() // M3: the loser is in the audit from here on
	return e, false, nil
}

// review settles two edits where neither side simply wins.
func (field *Field) review(m *mapping.Mapping, f *mapping.Field, kind mapping.RuleKind, why string, facts Facts) (Entry, bool) {
	if kind == mapping.Merge {
		return field.merge(f, why, facts)
	}
	field.freeze(FrozenConflict, why, facts.Now)
	e := field.entry(f, "review")
	e.Rule, e.Text = "review", when(field.Cell, why)+": both values wait for a person"
	return e, false
}

// merge makes one value of both edits by the field's expression. One that fails
// leaves the choice to a person.
func (field *Field) merge(f *mapping.Field, why string, facts Facts) (Entry, bool) {
	left, right := field.Cell[mapping.Left], field.Cell[mapping.Right]
	base := left.Shadow
	if left.Lost || right.Lost { // our write came between the base and the edit that it replaced
		base = left.Was
	}
	if base.IsUnchanged() {
		base.State = event.Null
	}
	e := field.entry(f, "conflict")
	e.Rule, e.Winner = "merge", "both"
	theirs, err := facts.convert(f, mapping.Left, right.Now)
	var s Settled
	if err == nil {
		s.Values[mapping.Left], err = f.Merge(left.Now, theirs, base)
	}
	if err == nil {
		s.Values[mapping.Right], err = facts.convert(f, mapping.Right, s.Values[mapping.Left])
	}
	if err != nil {
		field.freeze(FrozenMerge, "the merge expression gives no value: "+words(err), facts.Now)
		e.Kind, e.Winner, e.Text = "review", "", field.Frozen.Message+": both values wait for a person"
		return e, false
	}
	s.Rule = "merge"
	field.Settled = &s
	e.Text = when(field.Cell, why)
	e.Merged = s.Values[mapping.Left]
	return e, true
}

// decide names the winner of a conflict, the rule in the configuration's words,
// and why. A field that only one side may be written has no choice.
func (l *Link) decide(m *mapping.Mapping, f *mapping.Field, cells [2]Cell, facts Facts) (winner mapping.Side, rule, reason string) {
	for _, side := range mapping.Sides {
		if !f.Writes(side) {
			return side, "the field is written to the " + side.Other().String() + " side only", when(cells, "there is no choice")
		}
		if ok, _ := l.writes(m, f, side); !ok {
			return side, "the field's condition lets it be written to the " + side.Other().String() + " side only", when(cells, "there is no choice")
		}
	}
	if r := f.Rule(); r.Kind == mapping.Prefer {
		return r.Side, "prefer " + r.Side.String(), when(cells, "the rule says so")
	}
	winner, reason = facts.newest(cells)
	return winner, "newest", when(cells, reason)
}

// breakerText says why the breaker froze a field.
func breakerText(t Turns, b mapping.Breaker) string {
	return fmt.Sprintf("it went back and forth %d times within %s: something on either side answers every write with another value; it is frozen until a person chooses", t.Count, b.Within)
}

func words(err error) string {
	var fault *event.Fault
	if errors.As(err, &fault) {
		return fault.Message
	}
	return err.Error()
}

// when adds both edits' times to a text.
func when(cells [2]Cell, text string) string {
	return fmt.Sprintf("%s (left at %s, right at %s)", text, stamp(cells[mapping.Left].At), stamp(cells[mapping.Right].At))
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return "an unknown time"
	}
	return t.UTC().Format("2006-01-02T15:04:05.000000Z")
}
