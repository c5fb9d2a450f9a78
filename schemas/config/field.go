package config

import "fmt"

func (d *decoder) fields(o *object, ends [2]string) []Field {
	n := o.need("fields", "fields: with a list of what is mapped: - {left: email, right: email}")
	if n == nil {
		return nil
	}
	path := o.at("fields")
	if n.kind != nodeList {
		d.failAt(n, path, nodeWords[n.kind]+" stands where a list is expected", "start each field with a dash: - {left: email, right: email}")
		return nil
	}
	if len(n.items) == 0 {
		d.failAt(n, path, "there are no fields", "add one: - {left: email, right: email}")
	}
	var out []Field
	for i, item := range n.items {
		out = append(out, d.field(item, fmt.Sprintf("%s[%d]", path, i), ends))
	}
	return out
}

func (d *decoder) field(n *node, path string, ends [2]string) (f Field) {
	o, ok := d.object(n, path, "{left: email, right: email}")
	if !ok {
		return f
	}
	o.need("left", "left: with the field's name there")
	o.need("right", "right: with the field's name there")
	f.Left, f.Right = o.text("left"), o.text("right")
	f.Direction = o.word("direction", "", "direction", "left", "right", "both")
	f.ToRight, f.ToLeft = o.text("to_right"), o.text("to_left")
	if v := o.get("values"); v != nil {
		f.Values = d.values(v, o.at("values"))
	}
	if v := o.get("default"); v != nil {
		f.DefaultLeft, f.DefaultRight = d.defaults(v, o.at("default"))
	}
	if c := o.get("conflict"); c != nil {
		rule := d.conflict(c, o.at("conflict"), ends)
		f.Conflict = &rule
	}
	o.done()
	d.checkField(o, f)
	return f
}

// checkField finds what needs no schema to be wrong.
func (d *decoder) checkField(o *object, f Field) {
	switch {
	case len(f.Values) > 0 && f.ToRight+f.ToLeft != "":
		d.failAt(o.get("values"), o.at("values"), "a field has either values or expressions", "leave one of the two")
	case f.Direction == "right" && f.ToLeft != "":
		d.failAt(o.get("to_left"), o.at("to_left"), "to_left is never used: the field goes right only", "remove it, or write direction: both")
	case f.Direction == "left" && f.ToRight != "":
		d.failAt(o.get("to_right"), o.at("to_right"), "to_right is never used: the field goes left only", "remove it, or write direction: both")
	case f.Direction == "both" && f.ToRight != "" && f.ToLeft == "":
		d.failAt(o.get("to_right"), o.at("to_right"), "a two-way field with an expression needs its inverse", `add to_left ("value" where it goes back as it is), or write direction: right`)
	case f.Direction == "both" && f.ToLeft != "" && f.ToRight == "":
		d.failAt(o.get("to_left"), o.at("to_left"), "a two-way field with an expression needs its inverse", `add to_right ("value" where it goes there as it is), or write direction: left`)
	}
}

// values reads {left: right, …}. Both are taken as they are written, so that
// true, 1 and F need no quotes.
func (d *decoder) values(n *node, path string) (out []Pair) {
	o, ok := d.object(n, path, "{free: F, pro: P}")
	if !ok {
		return nil
	}
	if len(n.entries) == 0 {
		d.failAt(n, path, "there are no values", "add one: {free: F}")
	}
	for _, e := range n.entries {
		o.known = append(o.known, e.key)
		if text, ok := d.constant(e.value, o.at(e.key)); ok {
			out = append(out, Pair{Left: e.key, Right: text})
		}
	}
	o.done()
	return out
}

func (d *decoder) defaults(n *node, path string) (left, right *string) {
	o, ok := d.object(n, path, "{left: …, right: …}")
	if !ok {
		return nil, nil
	}
	left, right = o.optional("left"), o.optional("right")
	o.done()
	return left, right
}

// optional reads a constant; nil when it is absent.
func (o *object) optional(key string) *string {
	n := o.get(key)
	if n == nil {
		return nil
	}
	if text, ok := o.d.constant(n, o.at(key)); ok {
		return &text
	}
	return nil
}
