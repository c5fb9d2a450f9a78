package mapping

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
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
	return func(s string) (string, error) {
		v, err := celValue(from.Kind, s, moment)
		if err != nil {
			return "", err
		}
		out, _, err := program.Eval(map[string]any{"value": v})
		if err != nil {
			return "", errors.New("makes the expression fail: " + short(err.Error()))
		}
		if out.Type() == types.NullType {
			return "", errNull
		}
		s, err = canonicalOf(to.Kind, out)
		if err != nil {
			return "", err
		}
		return fit(to, s)
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

// celType is what an expression sees of a kind. Decimals are doubles inside an
// expression, and only there; JSON is what it holds; an array, a time of day and
// everything else are text.
func celType(k event.Kind) *cel.Type {
	switch k {
	case event.Int:
		return cel.IntType
	case event.Decimal, event.Float:
		return cel.DoubleType
	case event.Bool:
		return cel.BoolType
	case event.Date, event.Local, event.Instant:
		return cel.TimestampType
	case event.Bytes:
		return cel.BytesType
	case event.JSON:
		return cel.DynType
	default:
		return cel.StringType
	}
}

// celValue is a canonical text as an expression sees it.
func celValue(k event.Kind, s string, at func(event.Kind, string) (time.Time, error)) (ref.Val, error) {
	switch k {
	case event.Int:
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return nil, errors.New("is no whole number within 64 bits, which is what expressions know")
		}
		return types.Int(n), nil
	case event.Decimal, event.Float:
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return nil, errors.New("is no number within the range of a double, which is what expressions know")
		}
		return types.Double(f), nil
	case event.Bool:
		if s != "true" && s != "false" {
			return nil, errors.New("is neither true nor false")
		}
		return types.Bool(s == "true"), nil
	case event.Date, event.Local, event.Instant:
		t, err := at(k, s)
		return types.Timestamp{Time: t}, err
	case event.Bytes:
		return celBytes(s)
	case event.JSON:
		return celJSON(s)
	default:
		return types.String(s), nil
	}
}

// canonicalOf is the canonical text of what an expression gave.
func canonicalOf(k event.Kind, out ref.Val) (string, error) {
	if k == event.JSON {
		return jsonOf(out)
	}
	switch v := out.(type) {
	case types.String:
		if spelled(k) {
			return string(v), nil
		}
	case types.Bool:
		if k == event.Bool || spelled(k) {
			return strconv.FormatBool(bool(v)), nil
		}
	case types.Int:
		if k != event.Bool && !isMoment(k) {
			return strconv.FormatInt(int64(v), 10), nil
		}
	case types.Uint:
		if k != event.Bool && !isMoment(k) {
			return strconv.FormatUint(uint64(v), 10), nil
		}
	case types.Double:
		if k == event.Decimal || k == event.Float || spelled(k) {
			return doubleText(float64(v)), nil
		}
	case types.Timestamp:
		if isMoment(k) {
			return momentText(k, v.Time)
		}
		if spelled(k) {
			return momentText(event.Instant, v.Time)
		}
	case types.Bytes:
		if k == event.Bytes {
			return bytesText(v), nil
		}
	}
	return "", fmt.Errorf("makes the expression give a %s, which is no %s", out.Type().TypeName(), k)
}

func doubleText(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	n, _ := parseNumber(strconv.FormatFloat(f, 'e', -1, 64))
	return n.text(0)
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
