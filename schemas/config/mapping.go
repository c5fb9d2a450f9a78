package config

import (
	"fmt"
	"slices"
	"strings"
)

func (d *decoder) mappings(o *object, connections map[string]Connection) []Mapping {
	n := o.need("mappings", "mappings: with a list of what is kept in step")
	if n == nil {
		return nil
	}
	if n.kind != nodeList {
		d.failAt(n, "mappings", nodeWords[n.kind]+" stands where a list is expected", "start each mapping with a dash: - name: contacts")
		return nil
	}
	if len(n.items) == 0 {
		d.failAt(n, "mappings", "there are no mappings", "add one: - name: contacts")
	}
	var out []Mapping
	first := map[string]int{}
	for i, item := range n.items {
		path := fmt.Sprintf("mappings[%d]", i)
		m := d.mapping(item, path, connections)
		if line, twice := first[m.Name]; twice && m.Name != "" {
			d.failAt(item, path+".name", fmt.Sprintf("the mapping of line %d is called %s too", line, m.Name), "give each mapping a name of its own")
		} else {
			first[m.Name] = item.line
		}
		out = append(out, m)
	}
	d.checkReferences(n, out)
	return out
}

func (d *decoder) mapping(n *node, path string, connections map[string]Connection) (m Mapping) {
	o, ok := d.object(n, path, "examples/contacts.yaml")
	if !ok {
		return m
	}
	o.need("name", "name: contacts")
	m.Name = d.matching(o, "name", validName, "is no name for a mapping", nameRemedy)
	m.Left = d.end(o, "left", "left: app/public.customers", connections)
	m.Right = d.end(o, "right", "right: crm/contacts", connections)
	if m.Left == m.Right && m.Left.Connection != "" {
		d.failAt(o.get("right"), o.at("right"), "both sides are the same object", "name another connection or object on one side")
	}
	if match := o.need("match", "match: {left: email, right: email}"); match != nil {
		m.Match = d.pair(match, o.at("match"), true)
	}
	ends := [2]string{m.Left.Connection, m.Right.Connection}
	types := [2]string{connections[m.Left.Connection].Type, connections[m.Right.Connection].Type}
	d.filter(o, &m, types)
	d.fields(o, &m, ends)
	d.references(o, &m, ends)
	if c := o.get("conflict"); c != nil {
		m.Conflict = d.conflict(c, o.at("conflict"), ends)
	}
	m.Delete = d.deletes(o, types[0], types[1])
	m.Guard = o.word("guard", "none", "guard", "none", "read")
	m.Fuse, m.Breaker = d.fuse(o), d.breaker(o)
	m.Drift = o.word("drift", "pause", "drift policy", "pause", "ignore")
	o.done()
	return m
}

// end reads connection/object.
func (d *decoder) end(o *object, key, example string, connections map[string]Connection) End {
	n := o.need(key, example)
	text := d.textOf(n, o.at(key))
	if text == "" {
		return End{}
	}
	e := End{}
	var cut bool
	e.Connection, e.Object, cut = strings.Cut(text, "/")
	if !cut || e.Connection == "" || e.Object == "" {
		d.failAt(n, o.at(key), quote(text)+" does not name a connection and an object", "write connection/object, such as "+strings.TrimPrefix(example, key+": "))
		return End{}
	}
	c, known := connections[e.Connection]
	if !known {
		names := make([]string, 0, len(connections))
		for name := range connections {
			names = append(names, name)
		}
		slices.Sort(names)
		d.failAt(n, o.at(key), "there is no connection "+quote(e.Connection), didYouMean(e.Connection, names))
		return End{}
	}
	if c.Type == TypePostgres && !strings.Contains(e.Object, ".") {
		d.failAt(n, o.at(key), quote(e.Object)+" does not say in which schema the table is", "write "+e.Connection+"/public."+e.Object)
	}
	return e
}

// pair reads {left: …, right: …}.
func (d *decoder) pair(n *node, path string, both bool) Pair {
	o, ok := d.object(n, path, "{left: …, right: …}")
	if !ok {
		return Pair{}
	}
	if both {
		o.need("left", "left: with the field's name there")
		o.need("right", "right: with the field's name there")
	}
	p := Pair{Left: o.text("left"), Right: o.text("right")}
	o.done()
	return p
}

// conflict reads newest, review, {prefer: connection} or {merge: expression}.
func (d *decoder) conflict(n *node, path string, ends [2]string) (c Conflict) {
	const known = "write newest, review, {prefer: connection} or {merge: expression}"
	switch {
	case n.kind == nodeText && n.text == "newest":
		return c
	case n.kind == nodeText && n.text == "review":
		return Conflict{Review: true}
	case n.kind == nodeText && n.text != "" && slices.Contains(ends[:], n.text):
		d.failAt(n, path, quote(n.text)+" is no conflict rule", "write {prefer: "+n.text+"}")
		return c
	case n.kind == nodeText:
		d.failAt(n, path, quote(n.text)+" is no conflict rule", known)
		return c
	case n.kind != nodeMap:
		d.failAt(n, path, nodeWords[n.kind]+" stands where a conflict rule is expected", known)
		return c
	}
	o := &object{d: d, n: n, path: path}
	prefer, merge := o.get("prefer"), o.get("merge")
	if strange := slices.ContainsFunc(n.entries, func(e entry) bool { return !slices.Contains(o.known, e.key) }); prefer == nil && merge == nil && !strange {
		d.failAt(n, path, "the rule names neither a connection nor an expression", known)
	}
	if merge != nil {
		d.refuse(o, "prefer", "a rule is either prefer or merge", "leave one of the two")
		c.Merge = o.text("merge")
	} else {
		c.Prefer = o.text("prefer")
		d.checkPrefer(o, c.Prefer, ends)
	}
	o.done()
	return c
}

func (d *decoder) checkPrefer(o *object, prefer string, ends [2]string) {
	switch {
	case prefer == "" || ends[0] == "" || ends[1] == "":
	case !slices.Contains(ends[:], prefer):
		d.failAt(o.get("prefer"), o.at("prefer"), quote(prefer)+" is no side of this mapping", "write "+either(ends[:]))
	case ends[0] == ends[1]:
		d.failAt(o.get("prefer"), o.at("prefer"), quote(prefer)+" is both sides of this mapping", "use newest, or two connections")
	}
}
