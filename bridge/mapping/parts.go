package mapping

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// Several fields of one side may make up one of the other: first and last name
// a full name. They are one unit of agreement and of conflict. Its value holds the
// parts' texts as a JSON array, null for a part that is null; when all are, the
// value is null.

// Names returns the field's names on a side: one, or the parts' in their order.
// The caller does not change the slice.
func (f *Field) Names(side Side) []string { return f.names[side] }

// grouped returns the side on which the field has several parts, nil where it
// has one on each.
func (f *Field) grouped() *Side {
	for _, side := range Sides {
		if len(f.names[side]) > 1 {
			return &side
		}
	}
	return nil
}

// Take returns what a record says of the field on a side; Unchanged when it says
// nothing. Parts that it does not tell are those of now, the value that is
// believed to stand; where that is not known either, nothing is said.
func (f *Field) Take(side Side, rec event.Record, now event.Value) event.Value {
	if len(f.names[side]) == 1 {
		return rec.Get(f.names[side][0])
	}
	parts, told := f.split(side, now), false
	for i, name := range f.names[side] {
		if v := rec.Get(name); !v.IsUnchanged() {
			parts[i], told = v, true
		}
	}
	if !told {
		return event.Value{Kind: event.JSON}
	}
	return join(parts)
}

// Spread returns what has to be written for the side to hold v: of several parts
// those that differ from now, and all of them when now is not known.
func (f *Field) Spread(side Side, v, now event.Value) event.Record {
	if len(f.names[side]) == 1 {
		return event.Record{Names: f.names[side], Values: []event.Value{v}}
	}
	var out event.Record
	stands := f.split(side, now)
	for i, part := range f.split(side, v) {
		if part.IsUnchanged() || !part.Equal(stands[i]) {
			out.Put(f.names[side][i], part)
		}
	}
	return out
}

// split returns the parts of a value; all are Unchanged when it is none that
// join made of as many.
func (f *Field) split(side Side, v event.Value) []event.Value {
	parts := make([]event.Value, len(f.names[side]))
	var texts []*string
	if v.IsSet() && (json.Unmarshal([]byte(v.Text), &texts) != nil || len(texts) != len(parts)) {
		return parts
	}
	for i := range parts {
		kind := f.parts[side][i].Kind
		switch {
		case v.IsUnchanged():
			parts[i] = event.Value{Kind: kind}
		case v.IsSet() && texts[i] != nil:
			parts[i] = event.Of(kind, *texts[i])
		default:
			parts[i] = event.NullOf(kind)
		}
	}
	return parts
}

// join makes one value of parts; Unchanged when one of them is not known.
func join(parts []event.Value) event.Value {
	text, null := []byte{'['}, true
	for i, p := range parts {
		if i > 0 {
			text = append(text, ',')
		}
		switch p.State {
		case event.Unchanged:
			return event.Value{Kind: event.JSON}
		case event.Null:
			text = append(text, "null"...)
		default:
			text, null = event.AppendString(text, p.Text), false
		}
	}
	if null {
		return event.NullOf(event.JSON)
	}
	return event.Of(event.JSON, string(append(text, ']')))
}

// compileParts lets one shape stand for several.
func (c *compiler) compileParts(where string, spec FieldSpec, f *Field, side Side) {
	if len(spec.Parts[side]) == 0 {
		return
	}
	if len(spec.Parts[side]) == 1 {
		c.add(where, "the list has one name", fmt.Sprintf("write %s: %s", side, spec.Parts[side][0]))
		return
	}
	if len(spec.Parts[side.Other()]) > 0 {
		if side == Left {
			return // said once, of the right side
		}
		c.add(where, "both sides are lists", "name one field on the left or on the right side; others get lines of their own")
		return
	}
	if len(unique(spec.Parts[side])) < len(spec.Parts[side]) {
		c.add(where, "a field is listed twice", "name each one once")
		return
	}
	whole := event.Field{Name: strings.Join(spec.Parts[side], "+"), Kind: event.JSON, Nullable: true}
	for _, part := range f.parts[side] {
		whole.Required = whole.Required || part.Required
		whole.ReadOnly = whole.ReadOnly || part.ReadOnly
		whole.Nullable = whole.Nullable && part.Nullable
	}
	f.shape[side] = whole
}
