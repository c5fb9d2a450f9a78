package mapping

import (
	"fmt"
	"slices"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// compileDelete checks what a deletion does to the record of a side.
func (c *compiler) compileDelete(path string, side Side, spec DeleteSpec) DeletePolicy {
	p := DeletePolicy{Kind: spec.Kind}
	if int(spec.Kind) >= len(deleteWords) {
		c.add(path, "unknown delete policy", "write propagate, archive, unlink, ignore or confirm")
	}
	if len(spec.Set) > 0 && spec.Kind != DeleteArchive {
		c.add(path, fmt.Sprintf("%s sets no fields", spec.Kind), "write archive: {set: …}")
		return p
	}
	for _, a := range spec.Set {
		where := path + ".archive.set." + a.Field
		f, ok := c.objects[side].Field(a.Field)
		switch {
		case !ok:
			c.add(where, fmt.Sprintf("%s has no %s", c.ends[side], a.Field), didYouMean(a.Field, fieldNames(c.objects[side])))
			continue
		case f.ReadOnly:
			c.add(where, fmt.Sprintf("%s of %s is read-only", f.Name, c.ends[side]), "set another field")
			continue
		case slices.Contains(c.objects[side].Key, f.Name):
			c.add(where, f.Name+" is the record's key", "set another field")
			continue
		}
		if v, ok := c.assigned(where, f, a.Value); ok {
			p.Set.Put(f.Name, v)
		}
	}
	return p
}

func (c *compiler) assigned(path string, f event.Field, text *string) (event.Value, bool) {
	switch {
	case text == nil:
		return event.NullOf(f.Kind), true
	case *text == Now && isMoment(f.Kind):
		return event.Of(f.Kind, Now), true
	case *text == Now:
		c.add(path, fmt.Sprintf("%s is a %s and cannot hold a time", f.Name, f.Kind), "write a constant")
		return event.Value{}, false
	}
	out, ok := c.constant(path, f, *text)
	return event.Of(f.Kind, out), ok
}
