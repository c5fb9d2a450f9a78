package mapping

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// Allows tells whether the field may be written to a side, given the other
// side's record as it is known. P3: a condition that computes something from a
// null is not true. The error is an *event.Fault: the record does not tell a
// field that the condition needs, or holds a value that makes it fail.
func (f *Field) Allows(to Side, source event.Record) (bool, error) {
	if f.when[to] == nil {
		return true, nil
	}
	ok, err := f.when[to].takes(source)
	if err != nil {
		name := f.Name(to.Other())
		return false, &event.Fault{Class: event.Rejected, Field: name, Message: fmt.Sprintf("the condition of %s (when.to_%s) fails: %s", name, to, err)}
	}
	return ok, nil
}

// compileConditions checks the fields' conditions. They see what a link knows of
// a record: its mapped fields.
func (c *compiler) compileConditions(spec Spec) {
	for i, f := range c.fields {
		for _, to := range Sides {
			text := spec.Fields[i].When[to]
			if f == nil || strings.TrimSpace(text) == "" {
				continue
			}
			path := fmt.Sprintf("%s.when.to_%s", spec.path(i), to)
			switch {
			case !f.writes[to]:
				c.add(path, fmt.Sprintf("the condition is never asked, for the field is not written to the %s side", to), "remove it, or write direction: both")
			case spec.Fields[i].Name(Left) == spec.MatchLeft && spec.Fields[i].Name(Right) == spec.MatchRight:
				c.add(path, "records are matched by this field: a record that was created without it could not be found again", "remove the condition")
			default:
				f.when[to] = c.compileCondition(spec, path, to.Other(), text)
			}
		}
	}
}

func (c *compiler) compileCondition(spec Spec, path string, from Side, text string) *rowFilter {
	seen := event.Object{Name: c.objects[from].Name}
	for i := range spec.Fields {
		for _, name := range spec.Fields[i].Names(from) {
			if f, ok := c.objects[from].Field(name); ok && !slices.Contains(fieldNames(seen), name) {
				seen.Fields = append(seen.Fields, f)
			}
		}
	}
	before := len(c.problems)
	out := c.compileRow(path, seen, text, "a condition")
	for i := before; i < len(c.problems); i++ {
		p := &c.problems[i]
		name, undefined := strings.CutPrefix(p.What, undefinedField)
		if !undefined {
			continue
		}
		name = strings.TrimSuffix(name, "'")
		if _, exists := c.objects[from].Field(name); exists {
			p.What = fmt.Sprintf("%s of %s is not mapped, and a condition sees mapped fields only", name, c.ends[from])
			p.Remedy = fmt.Sprintf("add a line for it to fields, such as {%s: %s, %s: …, direction: %s}", from, name, from.Other(), from.Other())
		} else {
			p.What, p.Remedy = fmt.Sprintf("%s has no %s", c.ends[from], name), didYouMean(name, fieldNames(seen))
		}
	}
	return out
}
