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

// baseEnv is the language of all expressions: CEL with its text, number and list
// extensions. It has no clock and no randomness, so every expression gives the
// same for the same value.
func baseEnv() (*cel.Env, error) {
	options := []cel.EnvOption{ext.Strings(), ext.Math(), ext.Lists(ext.ListsVersion(0)), cel.CrossTypeNumericComparisons(true), cel.EnableIdentifierEscapeSyntax(),
		cel.DefaultUTCTimeZone(true), cel.ParserExpressionSizeLimit(maxExpression), cel.ParserRecursionLimit(64)}
	return cel.NewEnv(append(options, listFunctions()...)...)
}

// compileExpression checks a field's expression: it sees the source's value and
// must give what the target takes.
func (c *compiler) compileExpression(path, text string, from, to event.Field) convert {
	env, err := c.valueEnv(from.Kind)
	if err != nil {
		c.add(path, err.Error(), "")
		return nil
	}
	program := c.landing(env, path, text, to, vocabulary{says: "a field's expression sees only value; row is for filters and conditions", words: []string{"value"}})
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

// landing compiles an expression whose result has to be what a field takes; nil
// when something is wrong.
func (c *compiler) landing(env *cel.Env, path, text string, to event.Field, v vocabulary) cel.Program {
	if strings.TrimSpace(text) == "" {
		c.add(path, "the expression is empty", "write one; "+v.says)
		return nil
	}
	ast, ok := c.check(env, path, text, v)
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
		if computedFromNull(err) {
			return "", &detailed{"makes the expression compute with what is not there: ask first, such as x == null ? '' : x", short(err.Error())}
		}
		return "", &detailed{"makes the expression fail", short(err.Error())}
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

// errNull is how a convert says that the value's counterpart is null.
var errNull = errors.New("null")

// check parses and type-checks an expression.
func (c *compiler) check(env *cel.Env, path, text string, v vocabulary) (*cel.Ast, bool) {
	if len(text) > maxExpression {
		c.add(path, fmt.Sprintf("the expression has %d bytes", len(text)), fmt.Sprintf("use at most %d", maxExpression))
		return nil, false
	}
	ast, issues := env.Compile(text)
	if issues.Err() == nil {
		return ast, true
	}
	for _, e := range issues.Errors() {
		what, remedy := v.explain(e.Message, text)
		p := Problem{Path: path, Line: e.Location.Line(), Column: e.Location.Column() + 1, What: what, Remedy: remedy}
		if p.Line < 1 || p.Column < 1 { // the parser gave up as a whole
			p.Line, p.Column = 0, 0
		}
		c.problems = append(c.problems, p)
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

// short bounds the words of the expression library, and keeps them on one line.
func short(s string) string {
	const most = 200
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
