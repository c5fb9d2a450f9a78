package merge

import (
	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

// Entry is what the audit keeps of a decision about one field.
type Entry struct {
	Kind   string // conflict, one-way, review, frozen, chosen, resumed, recalled
	Field  string // left=right
	Left   event.Value
	Right  event.Value
	Loser  event.Value // the value that stands on neither side in the end
	Merged event.Value // what an expression made of both, in the left side's form
	Rule   string      // the rule in the words of the configuration
	Winner string      // left, right, both, value
	By     string      // the person who decided
	Text   string
}

// nameOf is a field's name in the audit.
func nameOf(f *mapping.Field) string { return f.Name(mapping.Left) + "=" + f.Name(mapping.Right) }

func (field *Field) entry(f *mapping.Field, kind string) Entry {
	return Entry{Kind: kind, Field: nameOf(f), Left: field.Cell[mapping.Left].Now, Right: field.Cell[mapping.Right].Now}
}

func conflict(f *mapping.Field, cells [2]Cell, winner mapping.Side, rule, text string) Entry {
	return Entry{Kind: "conflict", Field: nameOf(f), Left: cells[mapping.Left].Now, Right: cells[mapping.Right].Now,
		Loser: cells[winner.Other()].Now, Rule: rule, Winner: winner.String(), Text: text}
}

func oneWay(f *mapping.Field, cells [2]Cell, from mapping.Side) Entry {
	return Entry{Kind: "one-way", Field: nameOf(f), Left: cells[mapping.Left].Now, Right: cells[mapping.Right].Now,
		Rule: "the field is not written to the " + from.Other().String() + " side", Winner: from.Other().String(),
		Text: "edited on the " + from.String() + " side, where the edit stays until the other side's next one"}
}
