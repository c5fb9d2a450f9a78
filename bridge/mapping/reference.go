package mapping

import (
	"fmt"
	"slices"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// Reference names the mapping whose links translate the field's values: each
// side's value is the key of a record that the other mapping keeps in step, as
// the text of a key of one column (event.Key.ID). "" for an ordinary field.
// Convert knows nothing of such values but null.
func (f *Field) Reference() string { return f.mapping }

// checkReference finds what is wrong with a reference as far as its own mapping
// shows.
func (c *compiler) checkReference(path string, spec FieldSpec, f *Field) {
	switch {
	case len(spec.Values) > 0 || spec.expressed(Left) || spec.expressed(Right):
		c.add(path, "a reference is translated by the other mapping's links, not by expressions or values", "remove them")
	case f.grouped() != nil:
		c.add(path, "a reference is one field on each side", "name one field on each side")
	case spec.DefaultLeft != nil || spec.DefaultRight != nil:
		c.add(path+".default", "a reference has no default", "remove it")
	}
}

// CheckReferences holds mappings against those that their references name. all
// are the mappings that compiled, specs everything that is configured: a
// reference to a mapping that did not compile is looked at once it does. The
// problems of all[i] are in the i-th list.
func CheckReferences(all []*Mapping, specs []Spec) [][]Problem {
	byName, names := map[string]*Mapping{}, []string{}
	for _, m := range all {
		byName[m.name] = m
	}
	for i := range specs {
		names = append(names, specs[i].Name)
	}
	out := make([][]Problem, len(all))
	for i, m := range all {
		for _, f := range m.fields {
			if f.mapping == "" {
				continue
			}
			parent := byName[f.mapping]
			switch {
			case parent != nil:
				out[i] = append(out[i], m.checkParent(f, parent)...)
			case !slices.Contains(names, f.mapping):
				out[i] = append(out[i], Problem{Path: f.path + ".mapping", What: fmt.Sprintf("there is no mapping %s", f.mapping), Remedy: didYouMean(f.mapping, names)})
			}
		}
	}
	return out
}

func (m *Mapping) checkParent(f *Field, parent *Mapping) []Problem {
	var problems []Problem
	add := func(path, what, remedy string) {
		problems = append(problems, Problem{Path: f.path + "." + path, What: what, Remedy: remedy})
	}
	for _, side := range Sides {
		shape, end := f.shape[side], m.ends[side]
		at, ok := parent.on(end.Connection, side)
		if !ok {
			add("mapping", fmt.Sprintf("mapping %s joins %s and %s, and has no side on connection %s", parent.name, parent.ends[Left], parent.ends[Right], end.Connection),
				"name a mapping between the same two connections")
			continue
		}
		object, key := parent.ends[at].Object, parent.keys[at]
		switch {
		case shape.Reference != "" && shape.Reference != object:
			add(side.String(), fmt.Sprintf("%s of %s refers to %s, and mapping %s keeps %s in step", shape.Name, end, shape.Reference, parent.name, object),
				"name the mapping of "+shape.Reference)
		case len(key) != 1:
			add("mapping", fmt.Sprintf("records of %s have a key of %d columns, and a reference holds one", parent.ends[at], len(key)), "remove the line: such records cannot be referred to")
		case shape.Reference == "" && !holdsKey(shape.Kind, key[0].Kind):
			add(side.String(), fmt.Sprintf("%s of %s (%s) holds no key of %s (%s)", shape.Name, end, shape.Kind, object, key[0].Kind), "name the field that refers to "+object)
		}
	}
	return problems
}

// holdsKey tells whether a field without a declared reference can hold a key's
// text.
func holdsKey(field, key event.Kind) bool {
	return field == key || field == event.Text || field == event.Other || numeric(field) && numeric(key)
}

// on is the parent's side on a connection; where both are on it, the given one.
func (m *Mapping) on(connection string, side Side) (Side, bool) {
	for _, s := range [2]Side{side, side.Other()} {
		if m.ends[s].Connection == connection {
			return s, true
		}
	}
	return side, false
}
