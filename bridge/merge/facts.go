package merge

import (
	"errors"
	"fmt"
	"time"

	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

// Facts is what a decision rests on besides the link and the change. The same
// facts give the same decision.
type Facts struct {
	Now       time.Time
	Offset    [2]time.Duration // each side's clock minus ours, as measured
	Precision time.Duration    // two edits closer than this count as simultaneous: the coarser clock's precision
	// Translate gives the key of a referenced record's other half; false while
	// that record is not linked. nil translates nothing.
	Translate func(f *mapping.Field, to mapping.Side, key event.Value) (event.Value, bool)
}

// Wait tells that a field's reference points to a record that has no other
// half yet: what is on its way to To waits for it.
type Wait struct {
	Field int // index in the mapping's order
	To    mapping.Side
	Key   event.Value // the referenced record, as the other side of To names it
}

// errUnlinked is how convert says that a reference cannot be translated yet.
var errUnlinked = errors.New("the referenced record is not linked yet")

// convert gives a value's image on the other side.
func (f Facts) convert(field *mapping.Field, to mapping.Side, v event.Value) (event.Value, error) {
	if field.Reference() == "" || !v.IsSet() {
		return field.Convert(to, v)
	}
	if f.Translate == nil {
		return event.Value{}, errUnlinked
	}
	out, ok := f.Translate(field, to, v)
	if !ok {
		return event.Value{}, errUnlinked
	}
	return out, nil
}

// same tells whether both sides' values say the same.
func (f Facts) same(field *mapping.Field, left, right event.Value) bool {
	if field.Reference() == "" {
		return field.Same(left, right)
	}
	if left.State != right.State || left.IsUnchanged() {
		return false
	}
	for _, to := range mapping.Sides {
		values := [2]event.Value{left, right}
		if image, err := f.convert(field, to, values[to.Other()]); err == nil {
			return image.Equal(values[to])
		}
	}
	return false
}

// at is when the cell's edit was made, by our clock.
func (f Facts) at(side mapping.Side, c Cell) time.Time {
	if c.At.IsZero() {
		return c.At
	}
	return c.At.Add(-f.Offset[side])
}

// newest names the side whose edit is later, by both clocks as corrected, and
// why. Edits that neither clock can tell apart go to the left side, so that
// every run, and every restart, decides alike.
func (f Facts) newest(cells [2]Cell) (mapping.Side, string) {
	left, right := f.at(mapping.Left, cells[mapping.Left]), f.at(mapping.Right, cells[mapping.Right])
	if left.IsZero() && right.IsZero() {
		return mapping.Left, "neither edit's time is known: the left side"
	}
	d := right.Sub(left)
	switch {
	case !left.IsZero() && !right.IsZero() && d.Abs() < f.Precision, d == 0:
		return mapping.Left, fmt.Sprintf("simultaneous as far as both clocks tell (%s): the left side", f.Precision)
	case d > 0:
		return mapping.Right, "the right side's edit is later" + f.corrected()
	default:
		return mapping.Left, "the left side's edit is later" + f.corrected()
	}
}

func (f Facts) corrected() string {
	text := ""
	for _, side := range mapping.Sides {
		if f.Offset[side] != 0 {
			text += fmt.Sprintf(", %s clock corrected by %s", side, -f.Offset[side].Round(time.Millisecond))
		}
	}
	return text
}
