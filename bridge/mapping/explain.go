package mapping

import (
	"regexp"
	"slices"
	"strings"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// vocabulary is what an expression knows, for messages.
type vocabulary struct {
	says    string   // the remedy for an unknown word
	words   []string // its variables
	columns []string // of row
}

// explain adds to the checker's words what a person who writes a mapping may
// have meant.
func (v vocabulary) explain(message, text string) (what, remedy string) {
	what = strings.TrimSuffix(short(message), " (in container '')")
	const undeclared = "undeclared reference to '"
	switch {
	case strings.HasPrefix(message, "Syntax error: "):
		what, _, _ = strings.Cut(strings.TrimPrefix(message, "Syntax error: "), " expecting ")
		what, remedy = "this is no expression: "+short(what), "look at its parentheses and quotes"
	case strings.Contains(message, "limit exceeded") || strings.Contains(message, "recursion"):
		what, remedy = "this is no expression that can be read: "+what, "make it shorter, or look at its parentheses and quotes"
	case strings.HasPrefix(message, undeclared):
		name, _, _ := strings.Cut(strings.TrimPrefix(message, undeclared), "'")
		what, remedy = "the expression knows no "+name, v.meant(name, strings.Contains(text, name+"("))
	case mismatch.MatchString(message):
		what, remedy = mismatched(message)
	case !strings.HasPrefix(message, undefinedField):
		remedy = "see docs/configuration.md for what expressions know"
	}
	return what, remedy
}

// others are words of other places in a configuration.
var others = []string{"row", "value", "left", "right", "base"}

// meant is the remedy for an unknown word.
func (v vocabulary) meant(name string, called bool) string {
	if slices.Contains(v.columns, name) {
		return "write row." + name
	}
	if slices.Contains(others, name) {
		return v.says
	}
	if n := event.Nearest(name, v.words); n != "" {
		return "did you mean " + n + "?"
	}
	if n := event.Nearest(name, v.columns); n != "" {
		return "did you mean row." + n + "?"
	}
	if n := event.Nearest(name, functions); called && n != "" {
		return "did you mean " + n + "?"
	}
	return v.says + "; a text stands in quotes: '" + name + "'"
}

// mismatch is the checker's message of an operator or function that does not
// take what it is given.
var mismatch = regexp.MustCompile(`^found no matching overload for '(.+)' applied to '(.*?)\((.*)\)'$`)

// mismatched says it in words.
func mismatched(message string) (what, remedy string) {
	m := mismatch.FindStringSubmatch(message)
	name, args := strings.Trim(strings.ReplaceAll(m[1], "_?_:_", "? :"), "_@"), m[3]
	if m[2] != "" {
		args = strings.TrimSuffix(strings.TrimSuffix(m[2], ".")+", "+args, ", ")
	}
	var kinds []string
	for _, t := range strings.Split(args, ", ") {
		kinds = append(kinds, kindWord(strings.TrimSuffix(strings.TrimPrefix(t, "wrapper("), ")")))
	}
	what = name + " does not take " + strings.Join(kinds, " and ")
	switch {
	case name == "? :":
		return kinds[0] + " stands before ?, which asks for true or false", "compare it: value == 'yes' ? … : …"
	case name == "&&" || name == "||" || name == "!":
		return what, "compare it: value == 'yes' is true or false"
	case len(kinds) == 1 || name[0] >= 'a' && name[0] <= 'z':
		return what, "convert it: int(…), double(…), string(…) or timestamp(…)"
	}
	return what, "convert one of the two: int(…), double(…), string(…) or timestamp(…)"
}

func kindWord(t string) string {
	words := map[string]string{"string": "a text", "int": "a whole number", "uint": "a whole number", "double": "a number", "bool": "true or false",
		"google.protobuf.Timestamp": "a time", "timestamp": "a time", "bytes": "bytes", "null": "null"}
	if w := words[t]; w != "" {
		return w
	}
	return t
}

// functions are those that people use, for near names.
var functions = []string{"split", "trim", "lowerAscii", "upperAscii", "replace", "substring", "startsWith", "endsWith", "contains", "matches", "join", "format",
	"indexOf", "charAt", "size", "int", "double", "string", "timestamp", "duration", "bool", "has", "exists", "filter", "map", "getFullYear", "getMonth", "getDate"}
