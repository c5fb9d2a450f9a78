package config

import (
	"fmt"
	"strings"
)

// checkParts finds what is wrong with a field that has several names on one
// side: each of them needs an expression, and one over all of them leads back.
func (d *decoder) checkParts(o *object, f Field) {
	if len(f.LeftParts) > 0 && len(f.RightParts) > 0 {
		d.failAt(o.get("right"), o.at("right"), "both sides are lists", "name one field on one side; others get lines of their own")
		return
	}
	many, one, parts, single := "right", "left", f.RightParts, f.Left
	toMany, toOne, lists := f.ToRightParts, f.ToLeft, [2]string{f.ToRight, strings.Join(f.ToLeftParts, "")}
	if len(f.LeftParts) > 0 {
		many, one, parts, single = "left", "right", f.LeftParts, f.Right
		toMany, toOne, lists = f.ToLeftParts, f.ToRight, [2]string{f.ToLeft, strings.Join(f.ToRightParts, "")}
	}
	if len(parts) < 2 {
		d.failAt(o.get(many), o.at(many), "the list has one name", fmt.Sprintf("write %s: %s", many, parts[0]))
		return
	}
	names := strings.Join(parts, ", ")
	d.checkRepeated(o, many, parts)
	d.refuse(o, "values", "a field of several parts has no table of values", "write expressions: to_left and to_right")
	if n := o.get("default"); n != nil && n.kind == nodeMap {
		in := &object{d: d, n: n, path: o.at("default")}
		d.refuse(in, many, names+" have no common default", "remove it, or let the expressions give one")
	}
	switch {
	case lists[0] != "":
		d.failAt(o.get("to_"+many), o.at("to_"+many), "one expression stands where each of "+names+" needs one", fmt.Sprintf("write a list: to_%s: [\"…\", \"…\"]", many))
	case lists[1] != "":
		d.failAt(o.get("to_"+one), o.at("to_"+one), "a list of expressions stands where "+single+" is one field", "write one expression over "+names)
	case len(toMany) > 0 && len(toMany) != len(parts):
		d.failAt(o.get("to_"+many), o.at("to_"+many), fmt.Sprintf("the number of expressions (%d) is not that of the fields (%d)", len(toMany), len(parts)), "write one for each of "+names)
	case len(toMany) == 0 && toOne == "":
		d.failAt(o.n, o.path, fmt.Sprintf("nothing says how %s and %s become each other", single, names),
			fmt.Sprintf("add to_%s with a list of an expression over value for each of them, and to_%s with one over their names", many, one))
	case f.Direction == "both" && toOne == "":
		d.failAt(o.get("to_"+many), o.at("to_"+many), fmt.Sprintf("nothing says how %s become %s again", names, single), fmt.Sprintf("add to_%s with an expression over them, or write direction: %s", one, many))
	case f.Direction == "both" && len(toMany) == 0:
		d.failAt(o.get("to_"+one), o.at("to_"+one), fmt.Sprintf("nothing says how %s becomes %s again", single, names), fmt.Sprintf("add to_%s with a list of an expression over value for each of them, or write direction: %s", many, one))
	default:
		d.checkDirection(o, f.Direction, len(f.ToRightParts) > 0 || f.ToRight != "", len(f.ToLeftParts) > 0 || f.ToLeft != "")
	}
}

func (d *decoder) checkRepeated(o *object, key string, names []string) {
	first := map[string]bool{}
	for i, name := range names {
		if first[name] && name != "" {
			d.failAt(o.get(key).items[i], fmt.Sprintf("%s[%d]", o.at(key), i), name+" is listed twice", "name each field once")
		}
		first[name] = true
	}
}

// refuse reports a key that has no meaning here.
func (d *decoder) refuse(o *object, key, what, remedy string) {
	if n := o.get(key); n != nil {
		d.failAt(n, o.at(key), what, remedy)
	}
}
