package mapping

import (
	"errors"
	"fmt"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/ext"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// P4: what an expression may be and may cost. The cost of text operations grows
// with the text, so the limit bounds memory as well as time.
const (
	maxExpression = 4096
	maxCost       = 1_000_000
)

// baseEnv is the language of all expressions: CEL with its text and number
// extensions. It has no clock and no randomness, so every expression gives the
// same for the same value.
func baseEnv() (*cel.Env, error) {
	return cel.NewEnv(ext.Strings(), ext.Math(), cel.CrossTypeNumericComparisons(true), cel.EnableIdentifierEscapeSyntax(), cel.DefaultUTCTimeZone(true),
		cel.ParserExpressionSizeLimit(maxExpression), cel.ParserRecursionLimit(64))
}

// compileExpression checks a field's expression: it sees the source's value and
// must give what the target takes.
func (c *compiler) compileExpression(path, text string, from, to event.Field) convert {
	env, err := c.valueEnv(from.Kind)
	if err != nil {
		c.add(path, err.Error(), "")
		return nil
	}
	program := c.landing(env, path, text, to)
	if program == nil {
		return nil
	}
	return func(s string) (string, error) {
		v, err := celValue(from.Kind, s, moment)
		if err != nil {
			return "", err
		}
		return run(program, map[string]any{"value": v}, to)
	}
}

// errNull is how a convert says that the value's counterpart is null.
var errNull = errors.New("null")

// check parses and type-checks an expression.
func (c *compiler) check(env *cel.Env, path, text string) (*cel.Ast, bool) {
	if len(text) > maxExpression {
		c.add(path, fmt.Sprintf("the expression has %d bytes", len(text)), fmt.Sprintf("use at most %d", maxExpression))
		return nil, false
	}
	ast, issues := env.Compile(text)
	if issues.Err() == nil {
		return ast, true
	}
	for _, e := range issues.Errors() {
		what, remedy := explain(e.Message)
		c.problems = append(c.problems, Problem{Path: path, Line: e.Location.Line(), Column: e.Location.Column() + 1, What: what, Remedy: remedy})
	}
	return nil, false
}

func (c *compiler) program(env *cel.Env, path string, ast *cel.Ast) (cel.Program, bool) {
	p, err := env.Program(ast, cel.CostLimit(maxCost), cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		c.add(path, "the expression always fails: "+short(err.Error()), "")
		return nil, false
	}
	return p, true
}

// explain adds to the checker's words what a person who writes a mapping may
// have meant.
func explain(message string) (what, remedy string) {
	what = short(message)
	switch {
	case strings.HasPrefix(message, "Syntax error: "):
		what, _, _ = strings.Cut(strings.TrimPrefix(message, "Syntax error: "), " expecting ")
		what, remedy = "this is no expression: "+short(what), "look at its parentheses and quotes"
	case strings.HasPrefix(message, "undeclared reference to 'row'"):
		remedy = "a field's expression sees only value; row is for filters"
	case strings.HasPrefix(message, "undeclared reference to 'value'"):
		remedy = "a filter sees row: write row.column"
	case strings.HasPrefix(message, "undeclared reference"):
		remedy = "write texts in quotes; see docs/configuration.md for what expressions know"
	case strings.HasPrefix(message, "found no matching overload"):
		remedy = "convert one of the two: int(…), double(…), string(…) or timestamp(…)"
	}
	return what, remedy
}

// lands tells why a type of result is not for the target, "" when it is.
func lands(out *cel.Type, to event.Field) (why, remedy string) {
	var ok bool
	switch out.Kind() {
	case types.DynKind, types.NullTypeKind:
		ok = true // seen when it is there
	case types.StringKind:
		ok = spelled(to.Kind) && to.Kind != event.Bytes
	case types.IntKind, types.UintKind:
		ok = numeric(to.Kind) || to.Kind == event.Text || to.Kind == event.Enum
	case types.DoubleKind:
		ok = to.Kind == event.Decimal || to.Kind == event.Float || to.Kind == event.Text
	case types.BoolKind:
		ok = to.Kind == event.Bool || to.Kind == event.Text || to.Kind == event.Enum
	case types.TimestampKind:
		ok = isMoment(to.Kind) || to.Kind == event.Text
	case types.BytesKind:
		ok = to.Kind == event.Bytes
	}
	if ok || to.Kind == event.JSON {
		return "", ""
	}
	return fmt.Sprintf("gives a %s, which %s (%s) does not take", typeWord(out), to.Name, to.Kind), resultRemedy(out, to.Kind)
}

func typeWord(t *cel.Type) string {
	switch t.Kind() {
	case types.StringKind:
		return "text"
	case types.IntKind, types.UintKind:
		return "whole number"
	case types.DoubleKind:
		return "number"
	default:
		return t.String()
	}
}

func resultRemedy(out *cel.Type, to event.Kind) string {
	from := event.Other
	switch out.Kind() {
	case types.IntKind, types.UintKind:
		from = event.Int
	case types.DoubleKind:
		from = event.Decimal
	case types.BoolKind:
		from = event.Bool
	case types.ListKind:
		return "pick one of the list's items, such as …[0], or join them: ….join(';')"
	case types.TimestampKind, types.MapKind, types.BytesKind:
		return "give what the field takes"
	}
	wrap := map[event.Kind]string{event.Int: "int(…)", event.Decimal: "double(…)", event.Float: "double(…)",
		event.Instant: "timestamp(…)", event.Local: "timestamp(…)", event.Date: "timestamp(…)", event.Bool: "… == 'yes'"}[to]
	switch {
	case wrap == "" || from == event.Bool:
		return "convert it: string(…)"
	case to == event.Bool:
		return "compare it: " + wrap
	}
	return "convert it: " + wrap
}

// short bounds the words of the expression library, and keeps them on one line.
func short(s string) string {
	const most = 200
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
