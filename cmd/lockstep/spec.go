package main

import (
	"time"

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
		LeaveToRight: leaveOf(m.Leave.ToRight), LeaveToLeft: leaveOf(m.Leave.ToLeft), MergedLeft: leaveOf(m.Delete.MergedLeft), MergedRight: leaveOf(m.Delete.MergedRight),
		Fuse: mapping.Fuse(m.Fuse), Breaker: mapping.Breaker(m.Breaker), Drift: driftOf(m.Drift),
	}
	for _, c := range m.Constants {
		side := mapping.Right
		if c.Left {
			side = mapping.Left
		}
		spec.Constants = append(spec.Constants, mapping.ConstantSpec{Path: c.Path, Side: side, Field: c.Field, Value: c.Value})
	}
	for _, f := range m.Fields {
		field := mapping.FieldSpec{Path: f.Path, Left: f.Left, Right: f.Right, Parts: [2][]string{f.LeftParts, f.RightParts}, Direction: f.Direction,
			ToRight: f.ToRight, ToLeft: f.ToLeft, ToParts: [2][]string{f.ToLeftParts, f.ToRightParts}, When: [2]string{f.WhenToLeft, f.WhenToRight},
			Sensitive: f.Sensitive, Reference: f.Mapping, DefaultLeft: f.DefaultLeft, DefaultRight: f.DefaultRight}
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
	switch {
	case c.Review:
		return mapping.Rule{Kind: mapping.Review}
	case c.Merge != "":
		return mapping.Rule{Kind: mapping.Merge, Expression: c.Merge}
	case c.Prefer == "":
		return mapping.Rule{Kind: mapping.Newest}
	case c.Prefer == m.Left.Connection:
		return mapping.Rule{Kind: mapping.Prefer, Side: mapping.Left}
	default:
		return mapping.Rule{Kind: mapping.Prefer, Side: mapping.Right}
	}
}

func driftOf(word string) mapping.DriftPolicy {
	if word == "ignore" {
		return mapping.DriftIgnore
	}
	return mapping.DriftPause
}

func leaveOf(p *config.DeletePolicy) *mapping.DeleteSpec {
	if p == nil {
		return nil
	}
	spec := deleteOf(*p)
	return &spec
}

// deleteOf relies on config having checked the word.
func deleteOf(p config.DeletePolicy) mapping.DeleteSpec {
	word := p.Policy
	switch word { // of a record whose partner was merged into another one's
	case "keep":
		word = "ignore"
	case "delete":
		word = "propagate"
	}
	kind, err := mapping.ParseDeleteKind(word)
	if err != nil {
		kind = mapping.DeleteConfirm // the careful one: nothing is deleted
	}
	spec := mapping.DeleteSpec{Kind: kind}
	for _, a := range p.Set {
		spec.Set = append(spec.Set, mapping.Assignment(a))
	}
	return spec
}

// precisions is how exact each connection's times are.
func precisions(cfg *config.Config) map[string]time.Duration {
	out := map[string]time.Duration{}
	for name, c := range cfg.Connections {
		out[name] = c.Precision
	}
	return out
}
