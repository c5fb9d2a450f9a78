package merge

import (
	"errors"
	"fmt"

	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

// Entry is what the audit keeps of a decision about one field.
type Entry struct {
	Kind   string // conflict, one-way
	Field  string // left=right
	Left   event.Value
	Right  event.Value
	Loser  event.Value // the value that stands on neither side in the end
	Rule   string      // the rule in the words of the configuration
	Winner string      // left, right
	Text   string
}

// Plan is what has to be written to one side: which fields, to what, what the
// side is believed to hold (the guard of a side that can check), and of which
// value of the other side each is the image.
type Plan struct {
	Set    event.Record
	Guard  event.Record
	fields []int
	source []event.Value
	lost   []bool
}

// IsZero tells whether there is nothing to write.
func (p Plan) IsZero() bool { return len(p.fields) == 0 }

// Resolve decides what has to be written to each side so that both agree, and
// records agreement where nothing has to. It may be called at any time and as
// often as wanted: a conflict is decided, and reported, once.
//
// The fault tells of a value that does not fit the other side; then nothing is
// to be written, the record waits for a person or its next change.
func (l *Link) Resolve(m *mapping.Mapping) (plans [2]Plan, audit []Entry, fault *event.Fault) {
	for i, f := range m.Fields() {
		cells := &l.Fields[i]
		left, right := &cells[mapping.Left], &cells[mapping.Right]
		if left.Now.IsUnchanged() || right.Now.IsUnchanged() || !left.Edited() && !right.Edited() {
			continue
		}
		if !right.Lost && !left.Lost && m.Same(f, left.Now, right.Now) {
			left.agree()
			right.agree()
			continue
		}
		if left.Edited() && right.Edited() {
			if e, ok := l.collide(f, cells); ok {
				audit = append(audit, e)
			}
		}
		for _, from := range mapping.Sides {
			if !cells[from].Edited() {
				continue
			}
			e, err := l.carry(f, i, from, &plans)
			if err != nil {
				return [2]Plan{}, audit, err
			}
			if e.Kind != "" {
				audit = append(audit, e)
			}
		}
	}
	return plans, audit, nil
}

// carry plans what one side's edit calls for: a write to the other side, and
// to its own where our write had replaced it.
func (l *Link) carry(f *mapping.Field, i int, from mapping.Side, plans *[2]Plan) (Entry, *event.Fault) {
	to := from.Other()
	source, target := &l.Fields[i][from], &l.Fields[i][to]
	if !f.Writes(to) {
		// The field is one way: this side's edit stays its own, and the audit
		// says so. On first contact there was no edit.
		first := source.Shadow.IsUnchanged()
		source.agree()
		if first {
			return Entry{}, nil
		}
		return oneWay(f, l.Fields[i], from), nil
	}
	v, err := f.Convert(to, source.Now)
	if err != nil {
		var bad *event.Fault
		if !errors.As(err, &bad) {
			bad = &event.Fault{Class: event.Rejected, Message: err.Error(), Field: f.Name(from), Err: err}
		}
		return Entry{}, bad
	}
	if source.Lost {
		plans[from].put(f.Name(from), i, source.Now, event.Value{}, source.Now, true)
	}
	switch {
	case !v.Equal(target.Now):
		plans[to].put(f.Name(to), i, v, target.Now, source.Now, false)
	case !source.Lost: // a transform that gives the same as before: nothing to write
		source.agree()
		target.agree()
	}
	return Entry{}, nil
}

func (c *Cell) agree() { c.Shadow, c.Lost = c.Now, false }

// collide lets one of two edits win. The loser's value stays what its side
// holds (and what a guard expects there), but is no edit any more.
func (l *Link) collide(f *mapping.Field, cells *Field) (Entry, bool) {
	first := cells[mapping.Left].Shadow.IsUnchanged() && cells[mapping.Right].Shadow.IsUnchanged()
	if first {
		// First contact of two records that existed before: a side that holds
		// nothing has made no edit, so the other one's value stands.
		for _, side := range mapping.Sides {
			if cells[side].Now.IsNull() && f.Writes(side) {
				cells[side].agree()
				return Entry{}, false
			}
		}
	}
	winner, rule := decide(f, *cells)
	why := "edited on both sides"
	if first {
		why = "the two records differed when they were linked"
	}
	e := conflict(f, *cells, winner, rule, why)
	cells[winner.Other()].agree() // M3: the loser is in the audit from here on
	return e, true
}

// decide names the winner of a conflict and the rule in words. A field that
// only one side may be written has no choice.
func decide(f *mapping.Field, cells Field) (mapping.Side, string) {
	for _, side := range mapping.Sides {
		if !f.Writes(side) {
			return side, "the field is written to the " + side.Other().String() + " side only"
		}
	}
	rule := f.Rule()
	if rule.Kind == mapping.Prefer {
		return rule.Side, "prefer " + rule.Side.String()
	}
	if cells[mapping.Right].At.After(cells[mapping.Left].At) {
		return mapping.Right, "newest"
	}
	return mapping.Left, "newest" // equal times: the left side, so that every run decides alike
}

func conflict(f *mapping.Field, cells Field, winner mapping.Side, rule, why string) Entry {
	return Entry{Kind: "conflict", Field: f.Name(mapping.Left) + "=" + f.Name(mapping.Right), Left: cells[mapping.Left].Now,
		Right: cells[mapping.Right].Now, Loser: cells[winner.Other()].Now, Rule: rule, Winner: winner.String(),
		Text: fmt.Sprintf("%s: left at %s, right at %s", why, stamp(cells[mapping.Left]), stamp(cells[mapping.Right]))}
}

func oneWay(f *mapping.Field, cells Field, from mapping.Side) Entry {
	return Entry{Kind: "one-way", Field: f.Name(mapping.Left) + "=" + f.Name(mapping.Right), Left: cells[mapping.Left].Now,
		Right: cells[mapping.Right].Now, Rule: "the field is not written to the " + from.Other().String() + " side",
		Winner: from.Other().String(), Text: "edited on the " + from.String() + " side, where the edit stays until the other side's next one"}
}

func stamp(c Cell) string {
	if c.At.IsZero() {
		return "an unknown time"
	}
	return c.At.UTC().Format("2006-01-02T15:04:05.000000Z")
}

func (p *Plan) put(name string, i int, v, guard, source event.Value, lost bool) {
	p.Set.Names, p.Set.Values = append(p.Set.Names, name), append(p.Set.Values, v)
	if !guard.IsUnchanged() {
		p.Guard.Put(name, guard)
	}
	p.fields, p.source, p.lost = append(p.fields, i), append(p.source, source), append(p.lost, lost)
}
