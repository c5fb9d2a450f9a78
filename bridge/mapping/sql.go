package mapping

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

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

// in of CEL is false for a null where SQL's is null: the test makes it false.
func (t translator) in(a, list ast.Expr) (string, bool) {
	f, ok := t.column(a)
	if !ok || list.Kind() != ast.ListKind || list.AsList().Size() == 0 || len(list.AsList().OptionalIndices()) > 0 {
		return "", false
	}
	values := make([]string, list.AsList().Size())
	for i, e := range list.AsList().Elements() {
		if values[i], ok = sqlConstant(f, e, true); !ok {
			return "", false
		}
	}
	return quoteName(f.Name) + " IS NOT NULL AND " + operand(f) + " IN (" + strings.Join(values, ", ") + ")", true
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

// Types whose comparisons are the same in SQL and CEL. Not among them: char(n),
// which ignores blanks; citext, which ignores case; enums and domains, which a
// publication's filter may not name; floats, which SQL compares in their own
// width.
var (
	sqlInts    = []string{"smallint", "integer", "bigint", "int2", "int4", "int8"}
	sqlTexts   = []string{"text", "character varying", "varchar"}
	sqlBool    = []string{"boolean", "bool"}
	sqlMoments = map[event.Kind][]string{event.Date: {"date"},
		event.Local:   {"timestamp without time zone", "timestamp"},
		event.Instant: {"timestamp with time zone", "timestamptz"}}
	modifier     = regexp.MustCompile(`\s*\([\d, ]*\)`)
	fixedDecimal = regexp.MustCompile(`^(?:numeric|decimal)\((\d+)(?:,\s*\d+)?\)$`)
)

func baseType(f event.Field) string { return modifier.ReplaceAllString(strings.ToLower(f.Native), "") }

// operand is the column as comparisons name it: texts byte by byte, as CEL
// compares them, whatever the column's collation.
func operand(f event.Field) string {
	if f.Kind == event.Text {
		return quoteName(f.Name) + ` COLLATE "C"`
	}
	return quoteName(f.Name)
}

// sqlConstant writes a constant that the column is compared with. Texts are
// compared for equality only: their order depends on the server's encoding.
func sqlConstant(f event.Field, e ast.Expr, equality bool) (string, bool) {
	if f.Kind == event.Date || f.Kind == event.Local || f.Kind == event.Instant {
		return sqlMoment(f, e)
	}
	if e.Kind() != ast.LiteralKind {
		return "", false
	}
	switch v := e.AsLiteral().(type) {
	case types.Int:
		text := strconv.FormatInt(int64(v), 10)
		if f.Kind == event.Decimal {
			n, ok := parseNumber(text)
			return sqlNumber(text), ok && !equality && n.precise() && narrow(f)
		}
		return sqlNumber(text), f.Kind == event.Int && slices.Contains(sqlInts, baseType(f))
	case types.Double:
		text := doubleText(float64(v))
		n, ok := parseNumber(text)
		return sqlNumber(text), ok && n.precise() && f.Kind == event.Decimal && narrow(f)
	case types.String:
		return quoteText(string(v)), equality && f.Kind == event.Text && slices.Contains(sqlTexts, baseType(f)) && !strings.ContainsRune(string(v), 0)
	case types.Bool:
		return strings.ToUpper(strconv.FormatBool(bool(v))), equality && f.Kind == event.Bool && slices.Contains(sqlBool, baseType(f))
	}
	return "", false
}

// narrow tells whether a double tells all values of a decimal column apart.
func narrow(f event.Field) bool {
	m := fixedDecimal.FindStringSubmatch(strings.ToLower(f.Native))
	if m == nil {
		return false
	}
	n, err := strconv.Atoi(m[1])
	return err == nil && n <= 15
}

// sqlNumber keeps a sign from joining what stands before it.
func sqlNumber(s string) string {
	if strings.HasPrefix(s, "-") {
		return "(" + s + ")"
	}
	return s
}

// sqlMoment writes timestamp('…') as a constant of the column's type. It names
// its zone, so that it means the same in every session.
func sqlMoment(f event.Field, e ast.Expr) (string, bool) {
	if !slices.Contains(sqlMoments[f.Kind], baseType(f)) {
		return "", false
	}
	at, ok := constantTime(e)
	if !ok || at.Year() < 1 || at.Year() > 9999 || !at.Equal(at.Truncate(time.Microsecond)) {
		return "", false
	}
	switch f.Kind {
	case event.Date:
		return "DATE '" + at.Format(layoutDate) + "'", at.Equal(at.Truncate(24 * time.Hour))
	case event.Local:
		return "TIMESTAMP '" + at.Format("2006-01-02 15:04:05.999999") + "'", true
	default:
		return "TIMESTAMPTZ '" + at.Format("2006-01-02 15:04:05.999999+00") + "'", true
	}
}

func constantTime(e ast.Expr) (time.Time, bool) {
	if e.Kind() != ast.CallKind || e.AsCall().FunctionName() != "timestamp" || e.AsCall().IsMemberFunction() || len(e.AsCall().Args()) != 1 {
		return time.Time{}, false
	}
	arg := e.AsCall().Args()[0]
	if arg.Kind() != ast.LiteralKind {
		return time.Time{}, false
	}
	s, ok := arg.AsLiteral().(types.String)
	if !ok {
		return time.Time{}, false
	}
	v, ok := s.ConvertToType(types.TimestampType).(types.Timestamp) // as the expression itself reads it
	return v.UTC(), ok
}

func quoteName(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

// quoteText writes a text constant that means the same with and without
// standard_conforming_strings.
func quoteText(s string) string {
	quoted := "'" + strings.ReplaceAll(s, "'", "''") + "'"
	if strings.Contains(s, `\`) {
		return "E" + strings.ReplaceAll(quoted, `\`, `\\`)
	}
	return quoted
}
