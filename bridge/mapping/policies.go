package mapping

import (
	"fmt"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// Leave is what happens to the record of a side when the other side's record no
// longer matches its filter.
func (m *Mapping) Leave(side Side) DeletePolicy { return m.leaves[side] }

// Merged is what happens to the record of a side when its partner was merged
// into a record that has a partner of its own.
func (m *Mapping) Merged(side Side) DeletePolicy { return m.merged[side] }

// Initial is what a record of the side gets at its creation besides its mapped
// fields: the constants of fields that only this side has.
func (m *Mapping) Initial(side Side) event.Record { return m.initial[side] }

func (c *compiler) compileLeaves(m *Mapping, spec Spec) {
	filters := [2]string{spec.FilterLeft, spec.FilterRight}
	for side, leave := range [2]*DeleteSpec{spec.LeaveToLeft, spec.LeaveToRight} {
		if leave == nil {
			m.leaves[side] = m.deletes[side]
			continue
		}
		path := "filter.leave.to_" + Side(side).String()
		if other := Side(side).Other(); filters[other] == "" {
			c.add(path, fmt.Sprintf("the %s side has no filter that a record could leave", other), fmt.Sprintf("add filter.%s, or remove this line", other))
			continue
		}
		m.leaves[side] = c.compileDelete(path, Side(side), *leave)
	}
}

// compileConstants checks what is written at creation to fields that only one
// side has.
func (c *compiler) compileConstants(spec Spec) (out [2]event.Record) {
	for i, s := range spec.Constants {
		path := fmt.Sprintf("constants[%d]", i)
		f, ok := c.objects[s.Side].Field(s.Field)
		switch {
		case !ok:
			c.add(path, fmt.Sprintf("%s has no %s", c.ends[s.Side], s.Field), didYouMean(s.Field, fieldNames(c.objects[s.Side])))
			continue
		case f.ReadOnly:
			c.add(path, fmt.Sprintf("%s of %s is read-only", f.Name, c.ends[s.Side]), "remove the line")
			continue
		case c.isWritten(s.Side, s.Field) || !out[s.Side].Get(s.Field).IsUnchanged():
			c.add(path, fmt.Sprintf("%s is written by another line already", s.Field), "give that line a default instead: default: {"+s.Side.String()+": …}")
			continue
		}
		text, err := fit(f, s.Value)
		if err != nil {
			c.add(path, fmt.Sprintf("%s %v", quote(s.Value), err), "write a value that "+f.Name+" can hold")
			continue
		}
		out[s.Side].Put(f.Name, event.Of(f.Kind, text))
	}
	return out
}

func (c *compiler) isWritten(side Side, name string) bool {
	for _, f := range c.fields {
		if f == nil || !f.writes[side] {
			continue
		}
		for _, n := range f.names[side] {
			if n == name {
				return true
			}
		}
	}
	return false
}
