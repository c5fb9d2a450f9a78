package mapping

import (
	"fmt"
	"slices"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// match is the pair of fields that tells which records belong together.
type match struct {
	index  int
	to     [2]convert
	unique [2]bool
}

// MatchIndex is the index, in Fields, of the field that records are matched by.
func (m *Mapping) MatchIndex() int { return m.match.index }

// MatchUnique tells whether the side itself sees to it that no two records have
// the same match value.
func (m *Mapping) MatchUnique(side Side) bool { return m.match.unique[side] }

// MatchValue is what a record of either side is matched by, in one form that
// both sides have in common: the right side's, numbers without superfluous
// zeros, HubSpot's email trimmed and in lower case. It is false when the record
// has no such value, or one that the other side cannot hold.
func (m *Mapping) MatchValue(side Side, rec event.Record) (string, bool) {
	f := m.fields[m.match.index]
	v := rec.Get(f.Name(side))
	if !v.IsSet() || v.Text == "" {
		return "", false
	}
	text := v.Text
	converted, err := m.match.to[side.Other()](text)
	if err != nil {
		return "", false
	}
	if side == Left {
		text = converted
	}
	text = matchKey(f.shape[Right], text)
	return text, text != ""
}

// LookupValue is a match value in the form in which the side holds it, for
// looking it up there.
func (m *Mapping) LookupValue(side Side, value string) string {
	if side == Right {
		return value
	}
	text, err := m.match.to[Left](value)
	if err != nil {
		return value // never of a value that MatchValue gave
	}
	return text
}

func matchKey(f event.Field, s string) string {
	switch {
	case numeric(f.Kind):
		return tableKey(f.Kind, s)
	case folds(f) || f.Native == "citext":
		return fold(s)
	}
	return s
}

// compileMatch finds the match pair among the fields. Matching goes both ways,
// whatever direction the field has: each side's value has to have a counterpart.
func (c *compiler) compileMatch(spec Spec) match {
	at := slices.IndexFunc(spec.Fields, func(f FieldSpec) bool {
		return f.Left == spec.MatchLeft && f.Right == spec.MatchRight && len(f.Parts[Left])+len(f.Parts[Right]) == 0
	})
	if spec.MatchLeft == "" || spec.MatchRight == "" {
		c.add("match", "the mapping does not say which records belong together", "name a field of each side: match: {left: email, right: email}")
		return match{}
	}
	missing := false
	for side, name := range [2]string{spec.MatchLeft, spec.MatchRight} {
		if _, ok := c.objects[side].Field(name); !ok && at < 0 {
			missing = true
			c.add("match."+Side(side).String(), fmt.Sprintf("%s has no %s", c.ends[side], name), didYouMean(name, fieldNames(c.objects[side])))
		}
	}
	if missing {
		return match{}
	}
	for i := range spec.Fields {
		if f := &spec.Fields[i]; at < 0 && slices.Contains(f.Names(Left), spec.MatchLeft) && slices.Contains(f.Names(Right), spec.MatchRight) {
			c.add("match", fmt.Sprintf("%s and %s belong to a field of several parts, by which nothing can be looked up", spec.MatchLeft, spec.MatchRight), "match by a field that is one on each side")
			return match{}
		}
	}
	if at < 0 {
		c.add("match", fmt.Sprintf("%s and %s are not mapped to each other", spec.MatchLeft, spec.MatchRight),
			fmt.Sprintf("add {left: %s, right: %s} to fields", spec.MatchLeft, spec.MatchRight))
		return match{}
	}
	f := c.fields[at]
	if f == nil {
		return match{}
	}
	if f.mapping != "" {
		c.add("match", fmt.Sprintf("%s refers to other records and cannot tell which records belong together", f.Name(Left)), "match by an ordinary field")
		return match{}
	}
	out := match{index: at, to: f.to}
	for _, side := range Sides {
		shape := f.shape[side]
		out.unique[side] = shape.Unique || len(c.objects[side].Key) == 1 && c.objects[side].Key[0] == shape.Name
		if out.to[side] != nil {
			continue
		}
		if s := spec.Fields[at]; s.ToLeft != "" || s.ToRight != "" {
			c.add("match", fmt.Sprintf("records cannot be found on the %s side: %s has an expression one way and none back", side, f.Name(side)),
				"match by a field that goes both ways")
			return match{}
		}
		out.to[side] = func(s string) (string, error) { return literal(shape, s) }
	}
	return out
}
