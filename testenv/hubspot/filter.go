package hubspot

import (
	"path"
	"slices"
	"strconv"
	"strings"
)

// filter is one condition of a search.
type filter struct {
	Property string   `json:"propertyName"`
	Operator string   `json:"operator"`
	Value    scalar   `json:"value"`
	High     scalar   `json:"highValue"`
	Values   []scalar `json:"values"`
}

// test is a filter, checked against the definitions.
type test struct {
	property *Property
	operator string
	values   []operand
}

// operand is a value in the form that searches compare: numbers and times as
// numbers, text in lower case.
type operand struct {
	number float64
	text   string
	unset  bool
}

// operators by how many values they take; -1 for a list.
var operators = map[string]int{
	"EQ": 1, "NEQ": 1, "LT": 1, "LTE": 1, "GT": 1, "GTE": 1, "BETWEEN": 2, "IN": -1, "NOT_IN": -1,
	"HAS_PROPERTY": 0, "NOT_HAS_PROPERTY": 0, "CONTAINS_TOKEN": 1, "NOT_CONTAINS_TOKEN": 1,
}

// compile checks the filters of a search.
func (t *table) compile(q *query) ([][]test, *fault) {
	var groups [][]test
	for _, group := range q.Groups {
		tests := make([]test, 0, len(group.Filters))
		for i := range group.Filters {
			one, bad := t.test(&group.Filters[i])
			if bad != nil {
				return nil, bad
			}
			tests = append(tests, one)
		}
		groups = append(groups, tests)
	}
	return groups, nil
}

func (t *table) test(f *filter) (test, *fault) {
	p, known := t.properties[f.Property]
	if !known {
		return test{}, invalid("There was a problem with the request: unknown property " + f.Property)
	}
	count, known := operators[f.Operator]
	if !known {
		return test{}, invalid("There was a problem with the request: unknown operator " + f.Operator)
	}
	given := []scalar{f.Value, f.High}
	if count < 0 {
		if len(f.Values) == 0 {
			return test{}, invalid("There was a problem with the request: operator " + f.Operator + " on " + f.Property + " needs values")
		}
		given, count = f.Values, len(f.Values)
	}
	one := test{property: p, operator: f.Operator}
	for _, value := range given[:count] {
		want, ok := p.operand(value.text)
		if !ok || value.text == "" {
			return test{}, invalid("There was a problem with the request: operator " + f.Operator + " on " + f.Property + " cannot take the value '" + value.text + "'")
		}
		one.values = append(one.values, want)
	}
	return one, nil
}

// operand brings a value into comparable form.
func (p *Property) operand(value string) (operand, bool) {
	if value == "" {
		return operand{unset: true}, true
	}
	switch p.Type {
	case "number":
		number, err := strconv.ParseFloat(value, 64)
		return operand{number: number}, err == nil
	case "date", "datetime":
		at, ok := parseTime(value)
		return operand{number: float64(at.UnixMilli())}, ok
	}
	return operand{text: strings.ToLower(value)}, true
}

// operand is the record's value in comparable form.
func (t *table) operand(p *Property, r *record, cutoff int64) operand {
	switch p.Name { // spares the way through text
	case t.kind.modified:
		return operand{number: float64(r.updatedAtCutoff(cutoff))}
	case "hs_object_id":
		return operand{number: float64(r.id)}
	}
	value, _ := r.valueAt(t.kind, p.Name, cutoff)
	out, ok := p.operand(value)
	if !ok {
		return operand{unset: true}
	}
	return out
}

// passes tells whether the record meets the condition. A property without a
// value meets the negative operators only.
func (f *test) passes(t *table, r *record, cutoff int64) bool {
	have := t.operand(f.property, r, cutoff)
	negative := f.operator == "NEQ" || f.operator == "NOT_IN" || f.operator == "NOT_CONTAINS_TOKEN" || f.operator == "NOT_HAS_PROPERTY"
	if have.unset {
		return negative
	}
	switch f.operator {
	case "HAS_PROPERTY":
		return true
	case "NOT_HAS_PROPERTY":
		return false
	case "EQ", "IN", "NEQ", "NOT_IN":
		return f.among(have) != negative
	case "CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN":
		return hasToken(have.text, f.values[0].text) != negative
	case "LT":
		return have.compare(f.values[0]) < 0
	case "LTE":
		return have.compare(f.values[0]) <= 0
	case "GT":
		return have.compare(f.values[0]) > 0
	case "GTE":
		return have.compare(f.values[0]) >= 0
	}
	return have.compare(f.values[0]) >= 0 && have.compare(f.values[1]) <= 0 // BETWEEN
}

// among tells equality with one of the values; a multi-select equals each of
// its selected options.
func (f *test) among(have operand) bool {
	if f.property.multi() {
		return slices.ContainsFunc(strings.Split(have.text, ";"), func(one string) bool {
			return slices.ContainsFunc(f.values, func(v operand) bool { return v.text == one })
		})
	}
	return slices.Contains(f.values, have)
}

func (o operand) compare(other operand) int {
	switch {
	case o.number < other.number:
		return -1
	case o.number > other.number:
		return 1
	}
	return strings.Compare(o.text, other.text)
}

// hasToken looks for a word of the value; the pattern may hold "*".
func hasToken(value, pattern string) bool {
	if ok, err := path.Match(strings.NewReplacer("[", `\[`, "?", `\?`).Replace(pattern), value); err == nil && ok {
		return true
	}
	words := strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(" @.,;:-_/\t\n", r) })
	return slices.ContainsFunc(words, func(word string) bool {
		ok, err := path.Match(pattern, word)
		return err == nil && ok
	})
}
