package mapping

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

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
