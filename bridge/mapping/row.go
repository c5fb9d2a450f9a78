package mapping

import (
	"fmt"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

const rowType = "row"

// rowTypes tells the expression checker which columns a row has, and of which
// types. Every column may be null, whatever the schema promises today: a filter
// that tests for it stays valid.
type rowTypes struct {
	types.Provider
	columns map[string]event.Field
	names   []string
}

func newRowEnv(base *cel.Env, object event.Object) (*cel.Env, error) {
	p := rowTypes{Provider: base.CELTypeProvider(), columns: make(map[string]event.Field, len(object.Fields))}
	for _, f := range object.Fields {
		p.columns[f.Name] = f
		p.names = append(p.names, f.Name)
	}
	env, err := base.Extend(cel.CustomTypeProvider(p), cel.Variable("row", cel.ObjectType(rowType)))
	if err != nil {
		return nil, fmt.Errorf("prepare row filters: %w", err)
	}
	return env, nil
}

// FindStructType, FindStructFieldNames and FindStructFieldType are
// types.Provider's.
func (p rowTypes) FindStructType(name string) (*types.Type, bool) {
	if name == rowType {
		return types.NewTypeTypeWithParam(types.NewObjectType(rowType)), true
	}
	return p.Provider.FindStructType(name)
}

// FindStructFieldNames lists the columns.
func (p rowTypes) FindStructFieldNames(name string) ([]string, bool) {
	if name == rowType {
		return p.names, true
	}
	return p.Provider.FindStructFieldNames(name)
}

// FindStructFieldType tells a column's type, and how to get it from a record.
func (p rowTypes) FindStructFieldType(name, field string) (*types.FieldType, bool) {
	if name != rowType {
		return p.Provider.FindStructFieldType(name, field)
	}
	f, ok := p.columns[field]
	if !ok {
		return nil, false
	}
	get := func(row any) (any, error) {
		rec, ok := row.(event.Record)
		if !ok {
			return nil, fmt.Errorf("row is a %T", row)
		}
		return rowValue(f, rec.Get(f.Name))
	}
	isSet := func(row any) bool {
		rec, ok := row.(event.Record)
		return ok && rec.Get(f.Name).IsSet()
	}
	return &types.FieldType{Type: types.NewNullableType(celType(f.Kind)), IsSet: isSet, GetFrom: get}, true
}

// rowValue is a column as a filter sees it.
func rowValue(f event.Field, v event.Value) (any, error) {
	switch v.State {
	case event.Unchanged:
		return nil, fmt.Errorf("column %s is not known", f.Name)
	case event.Null:
		return types.NullValue, nil
	}
	if v.Text == "NaN" && (f.Kind == event.Decimal || f.Kind == event.Float) {
		// SQL and CEL order NaN differently: P3 holds only while it is unknown.
		return nil, fmt.Errorf("column %s holds NaN, which cannot be compared", f.Name)
	}
	out, err := celValue(f.Kind, v.Text, rowMoment)
	if err != nil {
		return nil, fmt.Errorf("column %s holds %s, which %w", f.Name, quote(v.Text), err)
	}
	return out, nil
}
