package mapping

import (
	"fmt"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// table is a value table read in one direction. Numbers are found by what they
// are, everything else by its text.
type table map[string]string

func (t table) convert(from event.Field) convert {
	return func(s string) (string, error) {
		if out, ok := t[tableKey(from.Kind, s)]; ok {
			return out, nil
		}
		return "", fmt.Errorf("has no counterpart in values: add a line for it")
	}
}

func tableKey(k event.Kind, s string) string {
	if numeric(k) {
		if n, ok := parseNumber(s); ok {
			return n.text(0)
		}
	}
	return s
}

// compileValues reads a field's value table for the directions it is needed
// in. A value may stand on one side twice only where nothing has to find its
// way back from it.
func (c *compiler) compileValues(path string, spec FieldSpec, f *Field) (toLeft, toRight convert) {
	forward, back := table{}, table{}
	for _, p := range spec.Values {
		where := fmt.Sprintf("%s.values.%s", path, p.Left)
		left, ok1 := c.constant(where, f.shape[Left], p.Left)
		right, ok2 := c.constant(where, f.shape[Right], p.Right)
		if !ok1 || !ok2 {
			continue
		}
		lk, rk := tableKey(f.shape[Left].Kind, left), tableKey(f.shape[Right].Kind, right)
		if first, twice := back[rk]; twice && f.writes[Left] {
			c.add(where, fmt.Sprintf("%q stands for both %q and %q, so there is no way back from it", p.Right, first, left),
				"give each value a counterpart of its own, or write direction: right")
		}
		if _, twice := forward[lk]; twice {
			c.add(where, fmt.Sprintf("%q is listed twice", p.Left), "leave one of the lines")
		}
		forward[lk], back[rk] = right, left
	}
	return back.convert(f.shape[Right]), forward.convert(f.shape[Left])
}

// constant checks a configured value of a field and returns its canonical text.
func (c *compiler) constant(path string, f event.Field, s string) (string, bool) {
	out, err := literal(f, s)
	if err != nil {
		c.add(path, fmt.Sprintf("%s %v", quote(s), err), "write a value that "+f.Name+" can hold")
		return "", false
	}
	return out, true
}
