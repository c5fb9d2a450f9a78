package mapping

import (
	"errors"
	"fmt"

	"cel.dev/cel-go/cel"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// Field is one mapped field: a name on each side, or several names on one of
// them, and how values get from one to the other. It never changes and is safe
// for concurrent use.
type Field struct {
	path     string           // where the configuration has it
	shape    [2]event.Field   // of a field of several parts, one that stands for all
	parts    [2][]event.Field // the shapes behind names
	names    [2][]string
	writes   [2]bool
	when     [2]*rowFilter // asked of the other side's record before this side is written
	merge    cel.Program   // of the rule Merge
	mapping  string        // of a reference: the mapping whose links translate it
	hidden   bool          // sensitive
	to       [2]convert    // to[Right] converts from left to right; nil where the mapping has no such way
	defaults [2]*string
	rule     Rule
}

// Name is the field's name on a side; the names of several parts are joined
// with +.
func (f *Field) Name(side Side) string { return f.shape[side].Name }

// Shape is the field as its side describes it. Several parts have one shape in
// common: JSON, required or read-only if one of them is.
func (f *Field) Shape(side Side) event.Field { return f.shape[side] }

// Rule settles conflicts of this field.
func (f *Field) Rule() Rule { return f.rule }

// Writes tells whether the field is written to the side.
func (f *Field) Writes(side Side) bool { return f.writes[side] }

// Convert turns a value of the other side into the canonical form of the side
// to. P2: unchanged stays unchanged; null becomes the default or null, and so
// does a value for which an expression gives null.
//
// The error is an *event.Fault of class Rejected that names the field of the
// value's own side and says what is wrong with the value, in bounded length.
func (f *Field) Convert(to Side, v event.Value) (event.Value, error) {
	target, source := f.shape[to], f.shape[to.Other()]
	switch v.State {
	case event.Unchanged:
		return event.Value{Kind: target.Kind}, nil
	case event.Null:
		return f.missing(to), nil
	}
	if f.to[to] == nil {
		return event.Value{}, &event.Fault{Class: event.Rejected, Field: source.Name,
			Message: fmt.Sprintf("%s is not mapped to the %s side", source.Name, to)}
	}
	text, err := f.to[to](v.Text)
	if errors.Is(err, errNull) {
		return f.missing(to), nil
	}
	if err != nil {
		return event.Value{}, &event.Fault{Class: event.Rejected, Field: source.Name,
			Message: fmt.Sprintf("%s holds %s, which %s", source.Name, f.Show(to.Other(), v), f.words(err))}
	}
	return event.Of(target.Kind, text), nil
}

func (f *Field) missing(to Side) event.Value {
	if d := f.defaults[to]; d != nil {
		return event.Of(f.shape[to].Kind, *d)
	}
	return event.NullOf(f.shape[to].Kind)
}

// Same tells whether the two sides' values say the same: the left one,
// converted, is the right one (of a field that goes left only, the other way
// round). Numbers are compared as numbers, times as far as both sides keep
// them, choices as sets, JSON as values, HubSpot's email without regard to
// case. A value that does not convert is the same as none; neither is one that
// is unchanged, that is, unknown.
func (f *Field) Same(left, right event.Value) bool {
	if left.IsUnchanged() || right.IsUnchanged() {
		return false
	}
	to, from, have := Right, left, right
	if f.to[Right] == nil || f.writes[Left] && !f.writes[Right] {
		to, from, have = Left, right, left
	}
	got, err := f.Convert(to, from)
	if err != nil || got.State != have.State {
		return false
	}
	return got.IsNull() || f.sameOn(to, got, have)
}

// RoundTrips tells whether a value of a side comes back from the other one as it
// went, as far as both sides can tell, and what came back. The error is the
// fault of the way that failed. A field that goes one way only, and a
// reference, has nothing to come back.
func (f *Field) RoundTrips(side Side, v event.Value) (ok bool, back event.Value, err error) {
	if !f.writes[Left] || !f.writes[Right] || v.IsUnchanged() || f.mapping != "" {
		return true, v, nil
	}
	there, err := f.Convert(side.Other(), v)
	if err != nil {
		return false, event.Value{}, err
	}
	if back, err = f.Convert(side, there); err != nil {
		return false, event.Value{}, err
	}
	if back.State != v.State {
		return false, back, nil
	}
	return v.IsNull() || f.sameOn(side, back, v), back, nil
}

// sameOn compares two set values of one side, part by part.
func (f *Field) sameOn(side Side, a, b event.Value) bool {
	if len(f.names[side]) == 1 {
		return same(f.shape[side], a.Text, b.Text, f.places())
	}
	x, y := f.split(side, a), f.split(side, b)
	for i, shape := range f.parts[side] {
		if x[i].State != y[i].State || x[i].IsSet() && !same(shape, x[i].Text, y[i].Text, places(shape)) {
			return false
		}
	}
	return true
}

// places is how many decimal places of a second both sides keep.
func (f *Field) places() int { return min(places(f.shape[Left]), places(f.shape[Right])) }
