package mapping

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"

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
		if !part.Equal(stands[i]) || part.IsUnchanged() {
			out.Put(f.names[side][i], part)
		}
	}
	return out
}

// split returns the parts of a value.
func (f *Field) split(side Side, v event.Value) []event.Value {
	parts := make([]event.Value, len(f.names[side]))
	var texts []*string
	if v.IsSet() && json.Unmarshal([]byte(v.Text), &texts) != nil {
		return parts // never of a value that join made
	}
	for i := range parts {
		kind := f.parts[side][i].Kind
		switch {
		case v.IsUnchanged():
			parts[i] = event.Value{Kind: kind}
		case i < len(texts) && texts[i] != nil:
			parts[i] = event.Of(kind, *texts[i])
		default:
			parts[i] = event.NullOf(kind)
		}
	}
	return parts
}

// join makes one value of parts; Unchanged when one of them is not known.
func join(parts []event.Value) event.Value {
	texts := make([]*string, len(parts))
	null := true
	for i, p := range parts {
		switch p.State {
		case event.Unchanged:
			return event.Value{Kind: event.JSON}
		case event.Set:
			texts[i], null = &p.Text, false
		}
	}
	if null {
		return event.NullOf(event.JSON)
	}
	data, err := json.Marshal(texts)
	if err != nil { // texts marshal always
		return event.Value{Kind: event.JSON}
	}
	return event.Of(event.JSON, string(data))
}

// names are the field's names on a side as configured.
func (s *FieldSpec) names(side Side) []string {
	if len(s.Parts[side]) > 0 {
		return s.Parts[side]
	}
	return []string{[2]string{s.Left, s.Right}[side]}
}

// given is the expression towards a side, whatever its form.
func (s *FieldSpec) given(side Side) string {
	return [2]string{s.ToLeft, s.ToRight}[side] + strings.Join(s.ToParts[side], "")
}

// compileParts lets one shape stand for several.
func (c *compiler) compileParts(where string, spec FieldSpec, f *Field, side Side) {
	if len(spec.Parts[side]) == 0 {
		return
	}
	if len(spec.Parts[side]) == 1 {
		c.add(where, "a list of one name", fmt.Sprintf("write %s: %s", side, spec.Parts[side][0]))
		return
	}
	if len(spec.Parts[side.Other()]) > 0 {
		c.add(where, "both sides are lists", "let one side be a single field")
		return
	}
	if len(unique(spec.Parts[side])) < len(spec.Parts[side]) {
		c.add(where, "a name is listed twice", "name each part once")
		return
	}
	whole := event.Field{Name: strings.Join(spec.Parts[side], "+"), Kind: event.JSON, Nullable: true}
	for _, part := range f.parts[side] {
		if part.Kind != event.Text && part.Kind != event.Enum && part.Name != "" {
			c.add(where, fmt.Sprintf("%s (%s) is no text, and the parts of a field have to be texts", part.Name, part.Kind), "map it in a line of its own")
		}
		whole.Required = whole.Required || part.Required
		whole.ReadOnly = whole.ReadOnly || part.ReadOnly
	}
	f.shape[side] = whole
}

// compileGroup finds the ways between a field and its parts: an expression for
// each part, and one over the parts by their names.
func (c *compiler) compileGroup(path string, spec FieldSpec, f *Field) {
	many := *f.grouped()
	one := many.Other()
	toMany, toOne := fmt.Sprintf("%s.to_%s", path, many), fmt.Sprintf("%s.to_%s", path, one)
	if len(spec.Values) > 0 {
		c.add(path+".values", "a field of several parts has no table of values", "write expressions")
		return
	}
	if single := [2]string{spec.ToLeft, spec.ToRight}[many]; single != "" || f.writes[many] && len(spec.ToParts[many]) != len(f.names[many]) {
		c.add(toMany, fmt.Sprintf("%d expressions for %d parts", len(spec.ToParts[many]), len(f.names[many])),
			fmt.Sprintf("write a list of one for each of %s", strings.Join(f.names[many], ", ")))
		return
	}
	if len(spec.ToParts[one]) > 0 || f.writes[one] && [2]string{spec.ToLeft, spec.ToRight}[one] == "" {
		c.add(toOne, "one expression over the parts is needed", fmt.Sprintf("write to_%s: \"%s\"", one, strings.Join(f.names[many], " + ' ' + ")))
		return
	}
	if f.writes[many] {
		f.to[many] = c.compileToParts(toMany, spec.ToParts[many], f, many)
	}
	if f.writes[one] {
		f.to[one] = c.compileFromParts(toOne, [2]string{spec.ToLeft, spec.ToRight}[one], f, many)
	}
}

func (c *compiler) compileToParts(path string, expressions []string, f *Field, many Side) convert {
	ways := make([]convert, len(expressions))
	for i, text := range expressions {
		ways[i] = c.compileExpression(fmt.Sprintf("%s[%d]", path, i), text, f.shape[many.Other()], f.parts[many][i])
	}
	if slices.ContainsFunc(ways, func(w convert) bool { return w == nil }) {
		return nil
	}
	return func(s string) (string, error) {
		parts := make([]event.Value, len(ways))
		for i, way := range ways {
			text, err := way(s)
			switch {
			case errors.Is(err, errNull) || err == nil && text == "":
				parts[i].State = event.Null // a part that is empty is none
			case err != nil:
				return "", err
			default:
				parts[i] = event.Of(event.Text, text)
			}
		}
		v := join(parts)
		if v.IsNull() {
			return "", errNull
		}
		return v.Text, nil
	}
}

// compileFromParts checks the expression over the parts. A part that is null is
// the empty text there.
func (c *compiler) compileFromParts(path, text string, f *Field, many Side) convert {
	options := make([]cel.EnvOption, len(f.names[many]))
	for i, name := range f.names[many] {
		options[i] = cel.Variable(name, cel.StringType)
	}
	env, err := c.env.Extend(options...)
	if err != nil {
		c.add(path, err.Error(), "")
		return nil
	}
	to := f.shape[many.Other()]
	program := c.landing(env, path, text, to)
	if program == nil {
		return nil
	}
	return func(s string) (string, error) {
		vars := map[string]any{}
		for i, part := range f.split(many, event.Of(event.JSON, s)) {
			vars[f.names[many][i]] = part.Text
		}
		return run(program, vars, to)
	}
}

// landing compiles an expression whose result has to be what a field takes; nil
// when something is wrong.
func (c *compiler) landing(env *cel.Env, path, text string, to event.Field) cel.Program {
	ast, ok := c.check(env, path, text)
	if !ok {
		return nil
	}
	if why, remedy := lands(ast.OutputType(), to); why != "" {
		c.problems = append(c.problems, Problem{Path: path, Line: 1, Column: 1, What: why, Remedy: remedy})
		return nil
	}
	program, ok := c.program(env, path, ast)
	if !ok {
		return nil
	}
	return program
}

// run evaluates an expression and fits its result into a field.
func run(program cel.Program, vars map[string]any, to event.Field) (string, error) {
	out, _, err := program.Eval(vars)
	if err != nil {
		return "", errors.New("makes the expression fail: " + short(err.Error()))
	}
	if out.Type() == types.NullType {
		return "", errNull
	}
	s, err := canonicalOf(to.Kind, out)
	if err != nil {
		return "", err
	}
	return fit(to, s)
}
