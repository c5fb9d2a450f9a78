package mapping

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// compileField checks one line of a mapping; nil when something is wrong.
func (c *compiler) compileField(path string, spec FieldSpec, inherited Rule) *Field {
	before := len(c.problems)
	f := &Field{path: path, rule: inherited, hidden: spec.Sensitive, mapping: spec.Reference}
	if spec.Conflict != nil {
		f.rule = *spec.Conflict
	}
	for _, side := range Sides {
		where := path + "." + side.String()
		f.names[side] = spec.Names(side)
		for _, name := range f.names[side] {
			shape, ok := c.objects[side].Field(name)
			if !ok {
				c.add(where, fmt.Sprintf("%s has no %s", c.ends[side], name), didYouMean(name, fieldNames(c.objects[side])))
			}
			f.shape[side] = shape
			f.parts[side] = append(f.parts[side], shape)
		}
		c.compileParts(where, spec, f, side)
	}
	f.writes = c.directions(path, spec)
	if len(c.problems) > before {
		return nil
	}
	c.checkWritable(path, f)
	switch {
	case f.mapping != "":
		c.checkReference(path, spec, f)
	case len(spec.ToParts[Left])+len(spec.ToParts[Right]) > 0 && f.grouped() == nil:
		c.addList(path, spec)
	case f.grouped() != nil:
		c.compileGroup(path, spec, f)
	default:
		c.compileWays(path, spec, f)
	}
	c.compileDefaults(path, spec, f)
	c.compileMerge(path, spec, f)
	if len(c.problems) > before {
		return nil
	}
	return f
}

// directions settles which sides the field is written to.
func (c *compiler) directions(path string, spec FieldSpec) (writes [2]bool) {
	word := spec.Direction
	if word == "" {
		switch toLeft, toRight := spec.expressed(Left), spec.expressed(Right); {
		case toRight && !toLeft:
			word = "right"
		case toLeft && !toRight:
			word = "left"
		default:
			word = "both"
		}
	}
	switch word {
	case "both":
		writes = [2]bool{true, true}
	case "left":
		writes[Left] = true
	case "right":
		writes[Right] = true
	default:
		c.add(path+".direction", fmt.Sprintf("%q is no direction", word), "write left, right or both")
		return writes
	}
	given := [2]bool{spec.expressed(Left), spec.expressed(Right)}
	if len(spec.Values) > 0 && (given[Left] || given[Right]) {
		c.add(path+".values", "a field has either values or expressions", "leave one of the two")
		return writes
	}
	for _, side := range Sides {
		key, inverse := "to_"+side.String(), "to_"+side.Other().String()
		switch {
		case given[side] && !writes[side]:
			c.add(path+"."+key, fmt.Sprintf("%s is never used, for the field is not written to the %s side", key, side), "remove it, or write direction: both")
		case given[side] && writes[side.Other()] && !given[side.Other()] && len(spec.Parts[Left])+len(spec.Parts[Right]) == 0:
			c.add(path+"."+key, "a two-way field with an expression needs its inverse",
				fmt.Sprintf("add %s (\"value\" where the value goes back as it is), or write direction: %s", inverse, side))
		}
	}
	return writes
}

// checkWritable finds targets that their side computes itself.
func (c *compiler) checkWritable(path string, f *Field) {
	for _, side := range Sides {
		if !f.writes[side] {
			continue
		}
		where := path + "." + side.String()
		for _, shape := range f.parts[side] {
			c.checkWritablePart(where, side, shape)
		}
	}
}

func (c *compiler) checkWritablePart(where string, side Side, shape event.Field) {
	remedy := "write direction: " + side.Other().String()
	if shape.ReadOnly {
		c.add(where, fmt.Sprintf("%s of %s is read-only", shape.Name, c.ends[side]), remedy)
	} else if shape.Generated && slices.Contains(c.objects[side].Key, shape.Name) {
		c.add(where, fmt.Sprintf("%s of %s is the key that the %s side gives its records", shape.Name, c.ends[side], side), remedy)
	}
}

// compileWays finds the conversion of each way that the field has. P1: a way
// that it needs and that cannot be exact is a problem, which says which way.
func (c *compiler) compileWays(path string, spec FieldSpec, f *Field) {
	if len(spec.Values) > 0 {
		toLeft, toRight := c.compileValues(path, spec, f)
		f.to = [2]convert{toLeft, toRight}
		return
	}
	given := [2]string{spec.ToLeft, spec.ToRight}
	for _, side := range Sides {
		key := path + ".to_" + side.String()
		from, to := f.shape[side.Other()], f.shape[side]
		if given[side] != "" {
			f.to[side] = c.compileExpression(key, given[side], from, to)
			continue
		}
		if given[side.Other()] != "" {
			continue // one way by expression
		}
		way, why, remedy := direct(from, to)
		f.to[side] = way
		if way == nil && f.writes[side] {
			c.add(key, fmt.Sprintf("%s → %s: %s", side.Other(), side, why), wayOut(f, side, remedy, from, to))
		}
	}
}

// wayOut is the remedy for a way that cannot be exact.
func wayOut(f *Field, side Side, expression string, from, to event.Field) string {
	one := "write direction: " + side.Other().String()
	if expression == "" {
		if f.writes[side.Other()] {
			return one
		}
		return "map it to a field of another type"
	}
	if !f.writes[side.Other()] {
		return fmt.Sprintf("add to_%s: %q", side, expression)
	}
	back := "value"
	if way, _, _ := direct(to, from); way == nil {
		back = suggestion(to.Kind, from.Kind)
	}
	if back == "" {
		return one
	}
	return fmt.Sprintf("%s, or add to_%s: %q and to_%s: %q", one, side, expression, side.Other(), back)
}

// addList reports a list of expressions for one field.
func (c *compiler) addList(path string, spec FieldSpec) {
	for _, side := range Sides {
		if len(spec.ToParts[side]) > 0 {
			c.add(path+".to_"+side.String(), fmt.Sprintf("a list of expressions stands where %s is one field", spec.Name(side)), "write one expression")
		}
	}
}

func (c *compiler) compileDefaults(path string, spec FieldSpec, f *Field) {
	for side, text := range [2]*string{spec.DefaultLeft, spec.DefaultRight} {
		if text == nil {
			continue
		}
		where := path + ".default." + Side(side).String()
		if len(f.names[side]) > 1 {
			c.add(where, fmt.Sprintf("%s are several fields, which have no common default", strings.Join(f.names[side], " and ")), "remove it")
			continue
		}
		if !f.writes[side] {
			c.add(where, fmt.Sprintf("the default is never used, for the field is not written to the %s side", Side(side)), "remove it")
			continue
		}
		if out, ok := c.constant(where, f.shape[side], *text); ok {
			f.defaults[side] = &out
		}
	}
}
