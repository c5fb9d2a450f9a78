package mapping

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// rowFilter decides which records of a side a mapping takes.
type rowFilter struct {
	program cel.Program
	columns []string
	quiet   bool // it reads a sensitive field: its failures do not quote values
}

// hush notes whether the filter reads a sensitive field of the side.
func (f *rowFilter) hush(fields []*Field, side Side) {
	if f == nil {
		return
	}
	for _, field := range fields {
		f.quiet = f.quiet || field.hidden && slices.ContainsFunc(field.names[side], func(n string) bool { return slices.Contains(f.columns, n) })
	}
}

// takes asks the filter. P3: one that computes something from a null is not
// true. what is wrong with a record for which it fails, is the error.
func (f *rowFilter) takes(rec event.Record) (bool, error) {
	out, _, err := f.program.Eval(map[string]any{"row": rec})
	switch {
	case err == nil:
		return out == types.True, nil
	case computedFromNull(err):
		return false, nil
	case f.quiet:
		return false, errors.New("a value does not do (a sensitive field is among those that it reads)")
	}
	return false, errors.New(short(err.Error()))
}

// Filtered tells whether the mapping takes only some of the side's records.
func (m *Mapping) Filtered(side Side) bool { return m.filters[side] != nil }

// FilterColumns names what Takes has to know of a record, in the order in which
// the filter names them.
func (m *Mapping) FilterColumns(side Side) []string {
	if m.filters[side] == nil {
		return nil
	}
	return slices.Clone(m.filters[side].columns)
}

// Takes tells whether the mapping takes a record of the side. P3: a filter that
// computes something from a null is not true. The error is an *event.Fault: the
// record does not tell a column that the filter needs, or holds a value that
// makes it fail.
func (m *Mapping) Takes(side Side, rec event.Record) (bool, error) {
	f := m.filters[side]
	if f == nil {
		return true, nil
	}
	ok, err := f.takes(rec)
	if err != nil {
		return false, &event.Fault{Class: event.Rejected, Message: fmt.Sprintf("the %s filter of mapping %s fails: %s", side, m.name, err)}
	}
	return ok, nil
}

// computedFromNull tells whether evaluation failed because an operand was null,
// or a member that JSON does not have:
// all types were checked at Compile, so nothing else has no overload.
func computedFromNull(err error) bool {
	return strings.Contains(err.Error(), "no such overload") || strings.Contains(err.Error(), "no such key")
}

// compileFilter checks a row filter.
func (c *compiler) compileFilter(side Side, text string) *rowFilter {
	if strings.TrimSpace(text) == "" {
		return nil
	}
	before := len(c.problems)
	f := c.compileRow("filter."+side.String(), c.objects[side], text, "a filter")
	c.explainColumns(before, side)
	return f
}

// compileRow checks an expression over an object's fields that has to be true or
// false.
func (c *compiler) compileRow(path string, object event.Object, text, what string) *rowFilter {
	env, err := newRowEnv(c.env, object)
	if err != nil {
		c.add(path, err.Error(), "")
		return nil
	}
	columns := fieldNames(object)
	checked, ok := c.check(env, path, text, vocabulary{says: what + " sees row: write row.column", words: []string{"row"}, columns: columns})
	if !ok {
		return nil
	}
	if !truth(checked.OutputType()) {
		c.problems = append(c.problems, Problem{Path: path, Line: 1, Column: 1,
			What: fmt.Sprintf("gives a %s, and %s has to be true or false", typeWord(checked.OutputType()), what), Remedy: "compare it: row.deleted_at == null"})
		return nil
	}
	program, ok := c.program(env, path, checked)
	if !ok {
		return nil
	}
	return &rowFilter{program: program, columns: columnsOf(checked)}
}

func truth(t *cel.Type) bool {
	return t.Kind() == types.BoolKind || t.IsAssignableType(cel.BoolType) && t.Kind() != types.DynKind
}

// undefinedField is how the checker's message of an unknown column begins.
const undefinedField = "undefined field '"

// explainColumns tells near names of columns that do not exist.
func (c *compiler) explainColumns(from int, side Side) {
	for i := from; i < len(c.problems); i++ {
		p := &c.problems[i]
		if name, ok := strings.CutPrefix(p.What, undefinedField); ok {
			name = strings.TrimSuffix(name, "'")
			p.What = fmt.Sprintf("%s has no %s", c.ends[side], name)
			p.Remedy = didYouMean(name, fieldNames(c.objects[side]))
		}
	}
}

// columnsOf names the columns that an expression reads, each once.
func columnsOf(checked *cel.Ast) []string {
	var names []string
	ast.PreOrderVisit(checked.NativeRep().Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if name, ok := columnOf(e); ok && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}))
	return names
}

// columnOf tells which column the expression is, if it is one.
func columnOf(e ast.Expr) (string, bool) {
	if e.Kind() != ast.SelectKind {
		return "", false
	}
	s := e.AsSelect()
	if s.Operand().Kind() != ast.IdentKind || s.Operand().AsIdent() != "row" {
		return "", false
	}
	return s.FieldName(), true
}
