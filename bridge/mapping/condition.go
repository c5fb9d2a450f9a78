package mapping

import (
	"fmt"
	"strings"

	"cel.dev/cel-go/common/types"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// Allows tells whether the field may be written to a side, given the other
// side's record as it is known. P3: a condition that computes something from a
// null is not true. The error is an *event.Fault.
func (f *Field) Allows(to Side, source event.Record) (bool, error) {
	cond := f.when[to]
	if cond == nil {
		return true, nil
	}
	out, _, err := cond.program.Eval(map[string]any{"row": source})
	if err != nil {
		if computedFromNull(err) {
			return false, nil
		}
		return false, &event.Fault{Class: event.Rejected, Field: f.Name(to.Other()), Message: fmt.Sprintf("the condition of %s fails: %s", f.Name(to.Other()), short(err.Error()))}
	}
	return out == types.True, nil
}

// compileConditions checks the fields' conditions. They see what a link knows of
// a record: its mapped fields.
func (c *compiler) compileConditions(spec Spec) {
	for i, f := range c.fields {
		if f == nil {
			continue
		}
		for _, to := range Sides {
			text := spec.Fields[i].When[to]
			if strings.TrimSpace(text) == "" {
				continue
			}
			path := fmt.Sprintf("fields[%d].when.to_%s", i, to)
			if !f.writes[to] {
				c.add(path, fmt.Sprintf("the field is not written to the %s side", to), "remove the condition")
				continue
			}
			f.when[to] = c.compileCondition(path, to.Other(), text)
		}
	}
}

func (c *compiler) compileCondition(path string, from Side, text string) *rowFilter {
	seen := event.Object{Name: c.objects[from].Name}
	for _, f := range c.fields {
		if f != nil {
			seen.Fields = append(seen.Fields, f.parts[from]...)
		}
	}
	before := len(c.problems)
	out := c.compileRow(path, seen, text)
	for i := before; i < len(c.problems); i++ {
		p := &c.problems[i]
		name, undefined := strings.CutPrefix(p.What, undefinedField)
		if !undefined {
			continue
		}
		name = strings.TrimSuffix(name, "'")
		if _, exists := c.objects[from].Field(name); exists {
			p.What, p.Remedy = fmt.Sprintf("%s is not mapped, and a condition sees mapped fields only", name), fmt.Sprintf("add a line for %s to fields", name)
		} else {
			p.What, p.Remedy = fmt.Sprintf("%s has no %s", c.ends[from], name), didYouMean(name, fieldNames(seen))
		}
	}
	return out
}
