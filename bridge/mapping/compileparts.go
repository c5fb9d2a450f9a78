package mapping

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// compileGroup finds the ways between a field and its parts: an expression for
// each part, and one over the parts by their names.
func (c *compiler) compileGroup(path string, spec FieldSpec, f *Field) {
	many := *f.grouped()
	one := many.Other()
	toMany, toOne := fmt.Sprintf("%s.to_%s", path, many), fmt.Sprintf("%s.to_%s", path, one)
	names := strings.Join(f.names[many], ", ")
	given := len(spec.ToParts[many])
	switch {
	case len(spec.Values) > 0:
		c.add(path+".values", "a field of several parts has no table of values", "write expressions")
	case spec.expression(many) != "":
		c.add(toMany, fmt.Sprintf("one expression stands where each of %s needs one", names), fmt.Sprintf("write a list: to_%s: [\"…\", \"…\"]", many))
	case len(spec.ToParts[one]) > 0:
		c.add(toOne, fmt.Sprintf("a list of expressions stands where %s is one field", f.Name(one)), fmt.Sprintf("write one expression over %s", names))
	case f.writes[many] && given == 0:
		c.add(path, fmt.Sprintf("nothing says how %s becomes %s", f.Name(one), names), fmt.Sprintf("add to_%s with a list of an expression for each, such as [\"value.split(' ')[0]\", …], or write direction: %s", many, one))
	case f.writes[many] && given != len(f.names[many]):
		c.add(toMany, fmt.Sprintf("the number of expressions (%d) is not that of the fields (%d)", given, len(f.names[many])), "write one for each of "+names)
	case f.writes[one] && spec.expression(one) == "":
		c.add(path, fmt.Sprintf("nothing says how %s become %s", names, f.Name(one)), fmt.Sprintf("add to_%s with an expression over them, such as %q, or write direction: %s", one, strings.Join(wordsOf(f.names[many]), " + ' ' + "), many))
	default:
		if given > 0 {
			f.to[many] = c.compileToParts(toMany, spec.ToParts[many], f, many)
		}
		if text := spec.expression(one); text != "" {
			f.to[one] = c.compileFromParts(toOne, text, f, many)
		}
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
			shape := f.parts[many][i]
			text, err := way(s)
			switch {
			case errors.Is(err, errNull) || err == nil && text == "" && shape.Nullable:
				parts[i] = event.NullOf(shape.Kind) // a part that is empty is none, where there can be none
			case err != nil:
				return "", fmt.Errorf("does not give %s: it %w", shape.Name, err)
			default:
				parts[i] = event.Of(shape.Kind, text)
			}
		}
		v := join(parts)
		if v.IsNull() {
			return "", errNull
		}
		return v.Text, nil
	}
}

// compileFromParts checks the expression over the parts. A text that is null is
// the empty text there, so that names may be put together without asking; what
// is no text may be null.
func (c *compiler) compileFromParts(path, text string, f *Field, many Side) convert {
	words := wordsOf(f.names[many])
	if len(unique(words)) < len(words) {
		c.add(path, fmt.Sprintf("an expression cannot tell %s apart: it knows them as %s", strings.Join(f.names[many], " and "), strings.Join(words, " and ")), "map one of them in a line of its own")
		return nil
	}
	options := make([]cel.EnvOption, len(words))
	for i, shape := range f.parts[many] {
		options[i] = cel.Variable(words[i], partType(shape.Kind))
	}
	env, err := c.env.Extend(options...)
	if err != nil {
		c.add(path, "prepare expressions: "+short(err.Error()), "")
		return nil
	}
	to := f.shape[many.Other()]
	program := c.landing(env, path, text, to, vocabulary{says: "it sees " + strings.Join(words, ", "), words: words})
	if program == nil {
		return nil
	}
	return func(s string) (string, error) {
		vars := map[string]any{}
		for i, part := range f.split(many, event.Of(event.JSON, s)) {
			v, err := partValue(f.parts[many][i].Kind, part)
			if err != nil {
				return "", fmt.Errorf("cannot be read, for %s %w", f.names[many][i], err)
			}
			vars[words[i]] = v
		}
		return run(program, vars, to)
	}
}

func partType(k event.Kind) *cel.Type {
	if celType(k) == cel.StringType {
		return cel.StringType
	}
	return nullable(k)
}

func partValue(k event.Kind, v event.Value) (ref.Val, error) {
	switch {
	case v.IsSet():
		return celValue(k, v.Text, moment)
	case partType(k) == cel.StringType:
		return types.String(""), nil
	}
	return types.NullValue, nil
}

// wordsOf are the parts' names as an expression can spell them.
func wordsOf(names []string) []string {
	out := make([]string, len(names))
	for i, name := range names {
		word := []byte(name)
		for k, ch := range word {
			if ch != '_' && (ch < 'a' || ch > 'z') && (ch < 'A' || ch > 'Z') && (ch < '0' || ch > '9') {
				word[k] = '_'
			}
		}
		out[i] = string(word)
		if out[i][0] >= '0' && out[i][0] <= '9' || slices.Contains(reserved, out[i]) {
			out[i] = "_" + out[i]
		}
	}
	return out
}

// reserved are words that are none of a variable in CEL.
var reserved = []string{"as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in", "let", "loop", "namespace", "null",
	"package", "return", "true", "var", "void", "while", "bool", "bytes", "double", "int", "list", "map", "null_type", "string", "type", "uint"}
