package config

import "fmt"

// constantField reads a field that only one side has: what it gets at creation.
func (d *decoder) constantField(o *object) (c Constant, ok bool) {
	side, other := "right", "left"
	if c.Left = o.get("left") != nil; c.Left {
		side, other = other, side
	}
	c.Field = o.text(side)
	for _, key := range []string{"direction", "to_right", "to_left", "values", "when", "conflict", "sensitive"} {
		d.refuse(o, key, fmt.Sprintf("a field that only the %s side has takes nothing but a default", side), fmt.Sprintf("remove %s, or add %s: with the field's name there", key, other))
	}
	defaults, ok := d.object(o.get("default"), o.at("default"), "{"+side+": …}")
	if !ok {
		return c, false
	}
	d.refuse(defaults, other, fmt.Sprintf("the field has no %s side", other), fmt.Sprintf("remove it, or add %s: with the field's name there", other))
	n := defaults.need(side, side+": with the value that a new record gets")
	if n != nil {
		c.Value, ok = d.constant(n, defaults.at(side))
	}
	defaults.done()
	o.done()
	return c, ok && n != nil
}

// references reads fields whose values are keys of another mapping's records.
func (d *decoder) references(o *object, m *Mapping, ends [2]string) {
	n := o.get("references")
	if n == nil {
		return
	}
	const example = "{left: company_id, right: associations.companies, mapping: companies}"
	items, _ := d.list(n, o.at("references"), "start each reference with a dash: - "+example)
	for i, item := range items {
		if in, ok := d.object(item, fmt.Sprintf("%s[%d]", o.at("references"), i), example); ok {
			f := d.reference(in, ends)
			f.Path = fmt.Sprintf("references[%d]", i)
			m.Fields = append(m.Fields, f)
		}
	}
}

func (d *decoder) reference(o *object, ends [2]string) (f Field) {
	o.need("left", "left: with the field's name there")
	o.need("right", "right: with the field's name there")
	o.need("mapping", "mapping: with the name of the mapping that keeps those records in step")
	for _, key := range []string{"left", "right"} {
		if n := o.get(key); n != nil && n.kind == nodeList {
			d.failAt(n, o.at(key), "a reference is one field on each side", "name one field")
			return f
		}
	}
	f = Field{Left: o.text("left"), Right: o.text("right"), Mapping: o.text("mapping"), Sensitive: o.flag("sensitive")}
	f.Direction = o.word("direction", "", "direction", "left", "right", "both")
	for _, key := range []string{"to_right", "to_left", "values", "default"} {
		d.refuse(o, key, "a reference is translated by the other mapping's links, and by nothing else", "remove "+key)
	}
	d.when(o, &f)
	if c := o.get("conflict"); c != nil {
		rule := d.conflict(c, o.at("conflict"), ends)
		if rule.Merge != "" {
			d.failAt(c, o.at("conflict"), "two references cannot be merged", "write newest, review or {prefer: …}")
		}
		f.Conflict = &rule
	}
	o.done()
	return f
}

// checkReferences finds references to mappings that do not exist.
func (d *decoder) checkReferences(n *node, all []Mapping) {
	known := map[string]bool{}
	var names []string
	for _, m := range all {
		if m.Name != "" {
			known[m.Name] = true
			names = append(names, m.Name)
		}
	}
	for i, m := range all {
		for _, f := range m.Fields {
			if f.Mapping == "" || known[f.Mapping] || i >= len(n.items) {
				continue
			}
			path := fmt.Sprintf("mappings[%d].%s.mapping", i, f.Path)
			if at, _ := d.places.find(path); at != nil {
				d.failAt(at, path, "there is no mapping "+quote(f.Mapping), didYouMean(f.Mapping, names))
			}
		}
	}
}
