package main

import (
	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/schemas/config"
)

// specOf is a mapping of the configuration as package mapping takes it.
func specOf(m config.Mapping) mapping.Spec {
	spec := mapping.Spec{
		Name: m.Name, Left: mapping.End(m.Left), Right: mapping.End(m.Right),
		MatchLeft: m.Match.Left, MatchRight: m.Match.Right, FilterLeft: m.Filter.Left, FilterRight: m.Filter.Right,
		Conflict: ruleOf(m, m.Conflict), Guard: mapping.Guard(m.Guard),
		DeleteToRight: deleteOf(m.Delete.ToRight), DeleteToLeft: deleteOf(m.Delete.ToLeft),
	}
	for _, f := range m.Fields {
		field := mapping.FieldSpec{Left: f.Left, Right: f.Right, Direction: f.Direction, ToRight: f.ToRight, ToLeft: f.ToLeft,
			DefaultLeft: f.DefaultLeft, DefaultRight: f.DefaultRight}
		for _, v := range f.Values {
			field.Values = append(field.Values, mapping.Pair(v))
		}
		if f.Conflict != nil {
			rule := ruleOf(m, *f.Conflict)
			field.Conflict = &rule
		}
		spec.Fields = append(spec.Fields, field)
	}
	return spec
}

func ruleOf(m config.Mapping, c config.Conflict) mapping.Rule {
	switch c.Prefer {
	case "":
		return mapping.Rule{Kind: mapping.Newest}
	case m.Left.Connection:
		return mapping.Rule{Kind: mapping.Prefer, Side: mapping.Left}
	default:
		return mapping.Rule{Kind: mapping.Prefer, Side: mapping.Right}
	}
}

// deleteOf relies on config having checked the word.
func deleteOf(p config.DeletePolicy) mapping.DeleteSpec {
	kind, err := mapping.ParseDeleteKind(p.Policy)
	if err != nil {
		kind = mapping.DeleteConfirm // the careful one: nothing is deleted
	}
	spec := mapping.DeleteSpec{Kind: kind}
	for _, a := range p.Set {
		spec.Set = append(spec.Set, mapping.Assignment(a))
	}
	return spec
}
