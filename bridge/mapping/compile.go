package mapping

import (
	"fmt"
	"slices"

	"cel.dev/cel-go/cel"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// compiler collects what is wrong with one mapping.
type compiler struct {
	ends     [2]End
	objects  [2]event.Object
	env      *cel.Env
	envs     map[event.Kind]*cel.Env // with a value of the kind
	fields   []*Field                // nil where the field is wrong
	problems []Problem
	warnings []Problem
}

// Compile checks a mapping against both sides as they describe themselves, and
// returns it ready to use, or everything that is wrong with it, in the order of
// the configuration. It returns a mapping exactly when there is no problem.
func Compile(spec Spec, left, right event.Object) (*Mapping, []Problem) {
	env, err := baseEnv()
	if err != nil {
		return nil, []Problem{{What: "prepare expressions: " + err.Error()}}
	}
	c := &compiler{ends: [2]End{spec.Left, spec.Right}, objects: [2]event.Object{left, right}, env: env, envs: map[event.Kind]*cel.Env{}}
	if spec.Guard == "" {
		spec.Guard = GuardNone
	}
	m := &Mapping{name: spec.Name, ends: c.ends, guard: spec.Guard, fuse: spec.Fuse, breaker: spec.Breaker, drift: spec.Drift}
	if spec.Name == "" {
		c.add("name", "the mapping has no name", "give it one: name: contacts")
	}
	if len(spec.Fields) == 0 {
		c.add("fields", "the mapping has no fields", "list at least the one that records are matched by")
	}
	for i, f := range spec.Fields {
		c.fields = append(c.fields, c.compileField(spec.path(i), f, spec.Conflict))
	}
	c.checkTargets(spec)
	m.match = c.compileMatch(spec)
	m.filters = [2]*rowFilter{c.compileFilter(Left, spec.FilterLeft), c.compileFilter(Right, spec.FilterRight)}
	m.deletes = [2]DeletePolicy{c.compileDelete("delete.to_left", Left, spec.DeleteToLeft), c.compileDelete("delete.to_right", Right, spec.DeleteToRight)}
	c.compileLeaves(m, spec)
	c.compileMerged(m, spec)
	m.initial = c.compileConstants(spec)
	c.compileConditions(spec)
	if spec.Guard != GuardNone && spec.Guard != GuardRead {
		c.add("guard", fmt.Sprintf("%q is no guard", string(spec.Guard)), "write none or read")
	}
	if len(c.problems) > 0 {
		return nil, c.problems
	}
	c.warnRequired(m)
	c.warnNulls(spec)
	m.fields, m.warnings = c.fields, c.warnings
	for _, side := range Sides {
		for _, f := range m.fields {
			m.columns[side] = append(m.columns[side], f.Names(side)...)
		}
		m.columns[side] = unique(append(m.columns[side], m.FilterColumns(side)...))
		m.keys[side] = keyOf(c.objects[side])
		m.filters[side].hush(m.fields, side)
		for _, f := range m.fields {
			f.when[side.Other()].hush(m.fields, side)
		}
	}
	return m, nil
}

func keyOf(o event.Object) []event.Field {
	out := make([]event.Field, len(o.Key))
	for i, name := range o.Key {
		out[i], _ = o.Field(name)
	}
	return out
}

func (c *compiler) add(path, what, remedy string) {
	c.problems = append(c.problems, Problem{Path: path, What: what, Remedy: remedy})
}

// valueEnv is the language of a field's expression.
func (c *compiler) valueEnv(k event.Kind) (*cel.Env, error) {
	if env := c.envs[k]; env != nil {
		return env, nil
	}
	env, err := c.env.Extend(cel.Variable("value", celType(k)))
	if err != nil {
		return nil, fmt.Errorf("prepare expressions: %w", err)
	}
	c.envs[k] = env
	return env, nil
}

// checkTargets finds fields that are written by two lines: each would undo the
// other for ever.
func (c *compiler) checkTargets(spec Spec) {
	first := map[[2]string]int{}
	for i := range spec.Fields {
		pair := [2]string{spec.Fields[i].Name(Left), spec.Fields[i].Name(Right)}
		if at, twice := first[pair]; twice {
			c.add(spec.path(i), fmt.Sprintf("%s and %s are mapped to each other already, by %s", pair[0], pair[1], spec.path(at)), "leave one of the lines")
			continue
		}
		first[pair] = i
		for j := range i {
			if spec.Fields[j].Name(Left) != pair[0] || spec.Fields[j].Name(Right) != pair[1] {
				c.checkPair(&spec, j, i)
			}
		}
	}
}

func (c *compiler) checkPair(spec *Spec, j, i int) {
	a, b := c.fields[j], c.fields[i]
	if a == nil || b == nil {
		return
	}
	for _, side := range Sides {
		if !a.writes[side] || !b.writes[side] {
			continue
		}
		for _, name := range b.names[side] {
			if slices.Contains(a.names[side], name) {
				c.add(spec.path(i)+"."+side.String(), fmt.Sprintf("%s is written by %s already", name, spec.path(j)),
					"let one of the two lines only read it: direction: "+side.Other().String())
			}
		}
	}
}

// warnRequired tells which columns a record created by this mapping would lack.
func (c *compiler) warnRequired(m *Mapping) {
	for _, side := range Sides {
		written := map[string]bool{}
		for _, f := range c.fields {
			if f.writes[side] {
				for _, name := range f.Names(side) {
					written[name] = true
				}
			}
		}
		for _, name := range m.initial[side].Names {
			written[name] = true
		}
		for _, f := range c.objects[side].Fields {
			if len(written) > 0 && f.Required && !f.Generated && !f.ReadOnly && !written[f.Name] {
				c.warnings = append(c.warnings, Problem{Path: "fields", What: fmt.Sprintf("%s requires %s, and nothing is mapped to it", c.ends[side], f.Name),
					Remedy: "map it, give it a default in the " + side.String() + " system, or expect records created there to be refused"})
			}
		}
	}
}

// warnNulls tells of fields that take no null where the other side may send one.
func (c *compiler) warnNulls(spec Spec) {
	for i, f := range c.fields {
		if spec.Fields[i].Name(Left) == spec.MatchLeft && spec.Fields[i].Name(Right) == spec.MatchRight {
			continue // a record without it is not matched at all
		}
		for _, to := range Sides {
			from, target := f.shape[to.Other()], f.shape[to]
			if f.grouped() != nil || !f.writes[to] || target.Nullable && !target.Required || !from.Nullable || f.defaults[to] != nil {
				continue
			}
			remedy := fmt.Sprintf("add default: {%s: …}, or expect such records to wait for a person", to)
			if f.mapping != "" {
				remedy = "expect such records to wait for a person"
			}
			c.warnings = append(c.warnings, Problem{Path: spec.path(i), What: fmt.Sprintf("%s of %s may be null, and %s of %s takes no null", from.Name, c.ends[to.Other()], target.Name, c.ends[to]), Remedy: remedy})
		}
	}
}

func unique(names []string) []string {
	var out []string
	for _, n := range names {
		if !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}
