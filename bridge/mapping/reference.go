package mapping

import (
	"fmt"
)

// Reference names the mapping whose links translate the field's values: each
// side's value is the key of a record that the other mapping keeps in step. ""
// for an ordinary field. Convert knows nothing of such values but null.
func (f *Field) Reference() string { return f.mapping }

// checkReference finds what is wrong with a reference as far as its own mapping
// shows.
func (c *compiler) checkReference(path string, spec FieldSpec, f *Field) {
	if len(spec.Values) > 0 || spec.given(Left) != "" || spec.given(Right) != "" {
		c.add(path, "a reference is translated by the other mapping's links, not by expressions or values", "remove them")
	}
	if f.grouped() != nil {
		c.add(path, "a reference is one field on each side", "name one field on each side")
	}
	if spec.DefaultLeft != nil || spec.DefaultRight != nil {
		c.add(path+".default", "a reference has no default", "remove it")
	}
}

// CheckReferences finds references that do not fit the mappings they name. all
// are the mappings that compiled; the problems of mapping i are in the i-th list.
func CheckReferences(all []*Mapping) [][]Problem {
	byName := map[string]*Mapping{}
	for _, m := range all {
		byName[m.name] = m
	}
	out := make([][]Problem, len(all))
	for i, m := range all {
		n := 0
		for _, f := range m.fields {
			if f.mapping == "" {
				continue
			}
			path := fmt.Sprintf("references[%d]", n)
			n++
			out[i] = append(out[i], m.checkParent(path, f, byName)...)
		}
	}
	return out
}

func (m *Mapping) checkParent(path string, f *Field, byName map[string]*Mapping) []Problem {
	parent := byName[f.mapping]
	if parent == nil {
		var names []string
		for name := range byName {
			names = append(names, name)
		}
		return []Problem{{Path: path + ".mapping", What: fmt.Sprintf("there is no mapping %s", f.mapping), Remedy: didYouMean(f.mapping, names)}}
	}
	var problems []Problem
	for _, side := range Sides {
		object, ok := parent.on(m.ends[side].Connection, side)
		switch target := f.shape[side].Reference; {
		case !ok:
			problems = append(problems, Problem{Path: path + ".mapping", What: fmt.Sprintf("mapping %s has no side on connection %s", f.mapping, m.ends[side].Connection),
				Remedy: "name a mapping between the same two connections"})
		case target != "" && target != object:
			problems = append(problems, Problem{Path: path + "." + side.String(), What: fmt.Sprintf("%s of %s refers to %s, and mapping %s joins %s", f.Name(side), m.ends[side], target, f.mapping, object),
				Remedy: "name the mapping of " + target})
		}
	}
	return problems
}

// on is the object that the mapping has on a connection; where both sides are on
// it, that of the given side.
func (m *Mapping) on(connection string, side Side) (string, bool) {
	for _, s := range [2]Side{side, side.Other()} {
		if m.ends[s].Connection == connection {
			return m.ends[s].Object, true
		}
	}
	return "", false
}
