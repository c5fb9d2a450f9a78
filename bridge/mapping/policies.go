package mapping

import (
	"fmt"
	"slices"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// Leave is what happens to the record of a side when the other side's record no
// longer matches its filter; where nothing else is said, what a deletion does.
func (m *Mapping) Leave(side Side) DeletePolicy { return m.leaves[side] }

// Merged is what happens to the record of a side when its partner was merged
// into a record that has a partner of its own; where nothing else is said, it is
// kept (DeleteIgnore).
func (m *Mapping) Merged(side Side) DeletePolicy { return m.merged[side] }

// Initial is what a record of the side gets at its creation besides its mapped
// fields: the constants of fields that only this side has. The caller does not
// change it.
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

func (c *compiler) compileMerged(m *Mapping, spec Spec) {
	for side, merged := range [2]*DeleteSpec{spec.MergedLeft, spec.MergedRight} {
		m.merged[side] = DeletePolicy{Kind: DeleteIgnore}
		if merged == nil {
			continue
		}
		if merged.Kind == DeleteUnlink {
			c.add("delete.merged", "unlink is no policy for merged records", "write keep, archive, delete, confirm or {archive: {set: …}}")
			continue
		}
		m.merged[side] = c.compileDelete("delete.merged", Side(side), *merged)
	}
}

// compileConstants checks what is written at creation to fields that only one
// side has.
func (c *compiler) compileConstants(spec Spec) (out [2]event.Record) {
	for i, s := range spec.Constants {
		path := s.Path
		if path == "" {
			path = fmt.Sprintf("constants[%d]", i)
		}
		where := path + "." + s.Side.String()
		f, ok := c.objects[s.Side].Field(s.Field)
		switch {
		case !ok:
			c.add(where, fmt.Sprintf("%s has no %s", c.ends[s.Side], s.Field), didYouMean(s.Field, fieldNames(c.objects[s.Side])))
			continue
		case f.ReadOnly:
			c.add(where, fmt.Sprintf("%s of %s is read-only", f.Name, c.ends[s.Side]), "remove the line")
			continue
		case f.Generated && slices.Contains(c.objects[s.Side].Key, f.Name):
			c.add(where, fmt.Sprintf("%s of %s is the key that the %s side gives its records", f.Name, c.ends[s.Side], s.Side), "remove the line")
			continue
		case c.isWritten(s.Side, s.Field) || !out[s.Side].Get(s.Field).IsUnchanged():
			c.add(where, fmt.Sprintf("%s is written by another line already", s.Field), "remove one of the two; a mapped field takes its own default: {"+s.Side.String()+": …}")
			continue
		}
		if text, ok := c.constant(path+".default."+s.Side.String(), f, s.Value); ok {
			out[s.Side].Put(f.Name, event.Of(f.Kind, text))
		}
	}
	return out
}

func (c *compiler) isWritten(side Side, name string) bool {
	return slices.ContainsFunc(c.fields, func(f *Field) bool { return f != nil && f.writes[side] && slices.Contains(f.names[side], name) })
}
