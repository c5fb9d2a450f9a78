package mapping

import (
	"errors"
	"fmt"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// mergeRule makes one value of two edits of a field.
type mergeRule struct{ program cel.Program }

// compileMerge checks the expression of a field's rule, where it has one.
func (c *compiler) compileMerge(path string, spec FieldSpec, f *Field) {
	if f.rule.Kind != Merge {
		return
	}
	where := "conflict.merge"
	if spec.Conflict != nil {
		where = path + ".conflict.merge"
	}
	inherited := spec.Conflict == nil
	switch {
	case (!f.writes[Left] || !f.writes[Right]) && inherited:
		f.rule = Rule{} // a field of one way never conflicts
		return
	case !f.writes[Left] || !f.writes[Right]:
		c.add(where, "a field that goes one way has nothing to merge", "remove the rule, or write direction: both")
		return
	case f.mapping != "" || len(f.names[Left]) > 1:
		c.add(where, "a reference, or a field of several left parts, cannot be merged by an expression", "write newest, {prefer: …} or review for it")
		return
	}
	t := types.NewNullableType(celType(f.shape[Left].Kind))
	env, err := c.env.Extend(cel.Variable("left", t), cel.Variable("right", t), cel.Variable("base", t))
	if err != nil {
		c.add(where, err.Error(), "")
		return
	}
	if f.merge.program = c.landing(env, where, f.rule.Expression, f.shape[Left]); f.merge.program == nil {
		c.relate(where, f)
	}
}

// relate tells of which field a problem of a rule for several fields speaks.
func (c *compiler) relate(where string, f *Field) {
	p := &c.problems[len(c.problems)-1]
	if p.Path == where && !strings.Contains(p.What, f.Name(Left)) {
		p.What += fmt.Sprintf(" (of field %s)", f.Name(Left))
	}
}

// Merge makes one value of two edits by the field's expression: all three, and
// the result, are in the left side's form. The error is an *event.Fault.
func (f *Field) Merge(left, right, base event.Value) (event.Value, error) {
	shape := f.shape[Left]
	vars := map[string]any{}
	for name, v := range map[string]event.Value{"left": left, "right": right, "base": base} {
		value, err := f.operand(v)
		if err != nil {
			return event.Value{}, err
		}
		vars[name] = value
	}
	if f.merge.program == nil {
		return event.Value{}, &event.Fault{Class: event.Rejected, Field: shape.Name, Message: shape.Name + " has no merge expression"}
	}
	text, err := run(f.merge.program, vars, shape)
	switch {
	case errors.Is(err, errNull):
		return event.NullOf(shape.Kind), nil
	case err != nil:
		return event.Value{}, &event.Fault{Class: event.Rejected, Field: shape.Name, Message: fmt.Sprintf("%s: what both sides hold %v", shape.Name, f.hide(err, left, right, base))}
	}
	return event.Of(shape.Kind, text), nil
}

func (f *Field) operand(v event.Value) (any, error) {
	shape := f.shape[Left]
	if !v.IsSet() {
		return types.NullValue, nil
	}
	out, err := celValue(shape.Kind, v.Text, moment)
	if err != nil {
		return nil, &event.Fault{Class: event.Rejected, Field: shape.Name, Message: fmt.Sprintf("%s holds %s, which %v", shape.Name, f.quote(v.Text), f.hide(err, v))}
	}
	return out, nil
}

// Sensitive tells whether the field's values are masked wherever people read them.
func (f *Field) Sensitive() bool { return f.hidden }

// quote shows a value in a message, unless it is sensitive.
func (f *Field) quote(s string) string {
	if f.hidden {
		return "a value"
	}
	return quote(s)
}

// hide takes sensitive values out of an error's words.
func (f *Field) hide(err error, values ...event.Value) error {
	if !f.hidden {
		return err
	}
	text := err.Error()
	for _, v := range values {
		if v.IsSet() && v.Text != "" {
			text = strings.ReplaceAll(text, v.Text, "•••")
		}
	}
	return errors.New(text)
}
