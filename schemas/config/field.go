package config

import "fmt"

func (d *decoder) fields(o *object, m *Mapping, ends [2]string) {
	n := o.need("fields", "fields: with a list of what is mapped: - {left: email, right: email}")
	if n == nil {
		return
	}
	path := o.at("fields")
	items, ok := d.list(n, path, "start each field with a dash: - {left: email, right: email}")
	if ok && len(items) == 0 {
		d.failAt(n, path, "there are no fields", "add one: - {left: email, right: email}")
	}
	for i, item := range items {
		in, ok := d.object(item, fmt.Sprintf("%s[%d]", path, i), "{left: email, right: email}")
		if !ok {
			continue
		}
		here := fmt.Sprintf("fields[%d]", i)
		if (in.get("left") == nil) != (in.get("right") == nil) && in.get("default") != nil {
			if c, ok := d.constantField(in); ok {
				c.Path = here
				m.Constants = append(m.Constants, c)
			}
			continue
		}
		f := d.field(in, ends)
		f.Path = here
		m.Fields = append(m.Fields, f)
	}
}

func (d *decoder) list(n *node, path, remedy string) ([]*node, bool) {
	if n.kind != nodeList {
		d.failAt(n, path, nodeWords[n.kind]+" stands where a list is expected", remedy)
		return nil, false
	}
	return n.items, true
}

func (d *decoder) when(o *object, f *Field) {
	n := o.get("when")
	if n == nil {
		return
	}
	in, ok := d.object(n, o.at("when"), `{to_right: "row.consent == true"}`)
	if !ok {
		return
	}
	f.WhenToRight, f.WhenToLeft = in.text("to_right"), in.text("to_left")
	in.done()
}

// texts reads one text, or a list of several.
func (o *object) texts(key string) (one string, several []string) {
	n := o.get(key)
	if n == nil || n.kind != nodeList {
		return o.text(key), nil
	}
	if len(n.items) == 0 {
		o.d.failAt(n, o.at(key), "the list has nothing in it", "write "+key+": without a list, or name at least two")
	}
	for i, item := range n.items {
		text := o.d.textOf(item, fmt.Sprintf("%s[%d]", o.at(key), i))
		several = append(several, text)
	}
	return "", several
}

func (d *decoder) field(o *object, ends [2]string) (f Field) {
	o.need("left", "left: with the field's name there, or default: {right: …}, which new records get")
	o.need("right", "right: with the field's name there, or default: {left: …}, which new records get")
	f.Left, f.LeftParts = o.texts("left")
	f.Right, f.RightParts = o.texts("right")
	f.Direction = o.word("direction", "", "direction", "left", "right", "both")
	f.ToRight, f.ToRightParts = o.texts("to_right")
	f.ToLeft, f.ToLeftParts = o.texts("to_left")
	d.when(o, &f)
	f.Sensitive = o.flag("sensitive")
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
	if len(f.LeftParts)+len(f.RightParts) > 0 {
		d.checkParts(o, f)
		return
	}
	for _, key := range []string{"to_right", "to_left"} {
		if n := o.get(key); n != nil && n.kind == nodeList {
			side := key[len("to_"):]
			d.failAt(n, o.at(key), "a list of expressions stands where "+side+" names one field", "write one expression, or list the fields: "+side+": […, …]")
		}
	}
	if len(f.Values) > 0 && f.ToRight+f.ToLeft != "" {
		d.failAt(o.get("values"), o.at("values"), "a field has either values or expressions", "leave one of the two")
		return
	}
	d.checkDirection(o, f.Direction, f.ToRight != "", f.ToLeft != "")
}

// checkDirection finds expressions that are never used, and those that lack
// their inverse.
func (d *decoder) checkDirection(o *object, direction string, toRight, toLeft bool) {
	switch {
	case direction == "right" && toLeft:
		d.failAt(o.get("to_left"), o.at("to_left"), "to_left is never used: the field goes right only", "remove it, or write direction: both")
	case direction == "left" && toRight:
		d.failAt(o.get("to_right"), o.at("to_right"), "to_right is never used: the field goes left only", "remove it, or write direction: both")
	case direction == "both" && toRight && !toLeft:
		d.failAt(o.get("to_right"), o.at("to_right"), "a two-way field with an expression needs its inverse", `add to_left ("value" where it goes back as it is), or write direction: right`)
	case direction == "both" && toLeft && !toRight:
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
