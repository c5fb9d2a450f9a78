package mapping

import (
	"slices"
	"strconv"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// FilterSQL translates a row filter to SQL for PostgreSQL, for the WHERE of a
// publication: comparisons of columns with constants, null tests, lists, &&, ||
// and !. columns are the table's as its side describes them; names are those
// that the filter reads, in its order. Anything that is not exactly the same in
// SQL gives ok = false, and the filter is applied by Takes alone.
//
// The SQL is true for every row that Takes takes, whatever it holds (P3), so
// publishing by it loses nothing. It uses immutable built-in operators and
// constants only. PostgreSQL refuses updates and deletes on a table whose
// publication filters by columns outside the replica identity: the caller
// installs the filter only where names are part of it.
func FilterSQL(filter string, columns []event.Field) (sql string, names []string, ok bool) {
	base, err := baseEnv()
	if err != nil || strings.TrimSpace(filter) == "" || len(filter) > maxExpression {
		return "", nil, false
	}
	env, err := newRowEnv(base, event.Object{Fields: columns})
	if err != nil {
		return "", nil, false
	}
	checked, issues := env.Compile(filter)
	if issues.Err() != nil || !truth(checked.OutputType()) {
		return "", nil, false
	}
	t := translator{columns: make(map[string]event.Field, len(columns))}
	for _, f := range columns {
		t.columns[f.Name] = f
	}
	sql, ok = t.truth(checked.NativeRep().Expr())
	if !ok {
		return "", nil, false
	}
	return sql, columnsOf(checked), true
}

// translator writes one filter as SQL. Every method is false for what it does
// not know; there is no default translation.
type translator struct{ columns map[string]event.Field }

// truth writes an expression that is true, false or, where CEL fails because of
// a null, null: the two kinds of unknown combine alike under AND, OR and NOT.
func (t translator) truth(e ast.Expr) (string, bool) {
	if e.Kind() == ast.LiteralKind {
		if b, ok := e.AsLiteral().(types.Bool); ok {
			return strings.ToUpper(strconv.FormatBool(bool(b))), true
		}
		return "", false
	}
	if f, ok := t.column(e); ok {
		return quoteName(f.Name), f.Kind == event.Bool && slices.Contains(sqlBool, baseType(f))
	}
	if e.Kind() != ast.CallKind || e.AsCall().IsMemberFunction() {
		return "", false
	}
	args := e.AsCall().Args()
	switch fn := e.AsCall().FunctionName(); fn {
	case operators.LogicalNot:
		inner, ok := t.truth(args[0])
		return "NOT (" + inner + ")", ok
	case operators.LogicalAnd:
		return t.join(args, " AND ")
	case operators.LogicalOr:
		return t.join(args, " OR ")
	case operators.Equals, operators.NotEquals:
		return t.equality(args[0], args[1], fn == operators.NotEquals)
	case operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals:
		return t.order(fn, args[0], args[1])
	case operators.In, operators.OldIn:
		return t.in(args[0], args[1])
	}
	return "", false
}

func (t translator) join(args []ast.Expr, word string) (string, bool) {
	parts := make([]string, len(args))
	for i, a := range args {
		s, ok := t.truth(a)
		if !ok {
			return "", false
		}
		parts[i] = "(" + s + ")"
	}
	return strings.Join(parts, word), true
}

// equality of CEL is never unknown: a null equals null and nothing else.
func (t translator) equality(a, b ast.Expr, not bool) (string, bool) {
	f, ok := t.column(a)
	if !ok {
		if f, ok = t.column(b); !ok {
			return "", false
		}
		b = a
	}
	if isNull(b) {
		if not {
			return quoteName(f.Name) + " IS NOT NULL", true
		}
		return quoteName(f.Name) + " IS NULL", true
	}
	value, ok := sqlConstant(f, b, true)
	if not {
		return operand(f) + " IS DISTINCT FROM " + value, ok
	}
	return operand(f) + " IS NOT DISTINCT FROM " + value, ok
}

var (
	sqlOrder = map[string]string{operators.Less: "<", operators.LessEquals: "<=", operators.Greater: ">", operators.GreaterEquals: ">="}
	mirrored = map[string]string{"<": ">", "<=": ">=", ">": "<", ">=": "<="}
)

// order of CEL fails on a null where SQL's is null.
func (t translator) order(fn string, a, b ast.Expr) (string, bool) {
	op := sqlOrder[fn]
	f, ok := t.column(a)
	if !ok {
		if f, ok = t.column(b); !ok {
			return "", false
		}
		b, op = a, mirrored[op]
	}
	value, ok := sqlConstant(f, b, false)
	return operand(f) + " " + op + " " + value, ok
}

// in of CEL is false for a null where SQL's is null: the test makes it false. A
// publication refuses IN lists of some types, so the list is spelled out.
func (t translator) in(a, list ast.Expr) (string, bool) {
	f, ok := t.column(a)
	if !ok || list.Kind() != ast.ListKind || list.AsList().Size() == 0 || len(list.AsList().OptionalIndices()) > 0 {
		return "", false
	}
	values := make([]string, list.AsList().Size())
	for i, e := range list.AsList().Elements() {
		value, ok := sqlConstant(f, e, true)
		if !ok {
			return "", false
		}
		values[i] = operand(f) + " = " + value
	}
	return quoteName(f.Name) + " IS NOT NULL AND (" + strings.Join(values, " OR ") + ")", true
}

func (t translator) column(e ast.Expr) (event.Field, bool) {
	name, ok := columnOf(e)
	if !ok || e.AsSelect().IsTestOnly() || strings.ContainsRune(name, 0) {
		return event.Field{}, false
	}
	f, ok := t.columns[name]
	return f, ok
}

func isNull(e ast.Expr) bool {
	return e.Kind() == ast.LiteralKind && e.AsLiteral() == types.NullValue
}
