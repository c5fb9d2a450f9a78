package mapping

import (
	"errors"
	"fmt"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// compileMerge checks the expression of a field's rule, where it has one.
func (c *compiler) compileMerge(path string, spec FieldSpec, f *Field) {
	if f.rule.Kind != Merge {
		return
	}
	where, inherited := path+".conflict.merge", spec.Conflict == nil
	oneWay := !f.writes[Left] || !f.writes[Right]
	switch {
	case inherited && oneWay:
		f.rule = Rule{} // a field of one way has no choice to make
		return
	case inherited:
		where = "conflict.merge"
	case oneWay:
		c.add(where, "a field that goes one way has nothing to merge", "remove the rule, or write direction: both")
		return
	}
	switch {
	case f.mapping != "":
		c.add(where, fmt.Sprintf("%s refers to a record, and two references cannot be merged", f.Name(Left)), "give the line a rule of its own: conflict: newest, review or {prefer: …}")
		return
	case len(f.names[Left]) > 1:
		c.add(where, fmt.Sprintf("%s are several fields of the left side, and an expression merges one value", strings.Join(f.names[Left], " and ")),
			"give the line a rule of its own: conflict: newest, review or {prefer: …}")
		return
	}
	env, err := c.mergeEnv(f.shape[Left].Kind)
	if err != nil {
		c.add(where, err.Error(), "")
		return
	}
	before := len(c.problems)
	f.merge = c.landing(env, where, f.rule.Expression, f.shape[Left], vocabulary{says: "a merge expression sees left, right and base", words: []string{"left", "right", "base"}})
	for i := before; inherited && i < len(c.problems); i++ { // one rule for many fields: which of them?
		c.problems[i].What = fmt.Sprintf("for %s: %s", f.Name(Left), c.problems[i].What)
	}
}

// mergeEnv is the language of merge expressions: three values that may be null.
func (c *compiler) mergeEnv(k event.Kind) (*cel.Env, error) {
	t := nullable(k)
	env, err := c.env.Extend(cel.Variable("left", t), cel.Variable("right", t), cel.Variable("base", t))
	if err != nil {
		return nil, fmt.Errorf("prepare merge expressions: %w", err)
	}
	return env, nil
}

// nullable is what an expression sees of a kind that may be null.
func nullable(k event.Kind) *cel.Type {
	if t := celType(k); t != cel.DynType {
		return types.NewNullableType(t)
	}
	return cel.DynType
}

// Merge makes one value of two edits by the field's expression: all three, and
// the result, are in the left side's form; base is what both sides held before,
// null where they never agreed. The error is an *event.Fault of class Rejected.
func (f *Field) Merge(left, right, base event.Value) (event.Value, error) {
	shape := f.shape[Left]
	if f.merge == nil {
		return event.Value{}, f.unmergeable("no expression merges its values")
	}
	vars := map[string]any{}
	names := [3]string{"left", "right", "base"}
	for i, v := range [3]event.Value{left, right, base} {
		name := names[i]
		if !v.IsSet() {
			vars[name] = types.NullValue
			continue
		}
		value, err := celValue(shape.Kind, v.Text, moment)
		if err != nil {
			return event.Value{}, f.unmergeable(fmt.Sprintf("the %s value %s %s", name, f.Show(Left, v), f.words(err)))
		}
		vars[name] = value
	}
	text, err := run(f.merge, vars, shape)
	switch {
	case errors.Is(err, errNull):
		return event.NullOf(shape.Kind), nil
	case err != nil:
		return event.Value{}, f.unmergeable("what both sides hold " + f.words(err))
	}
	return event.Of(shape.Kind, text), nil
}

func (f *Field) unmergeable(what string) error {
	return &event.Fault{Class: event.Rejected, Field: f.Name(Left), Message: f.Name(Left) + ": " + what}
}
