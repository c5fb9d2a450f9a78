package config

import "slices"

func (d *decoder) deletes(o *object, leftType, rightType string) Delete {
	out := Delete{ToRight: DeletePolicy{Policy: "propagate"}, ToLeft: DeletePolicy{Policy: "propagate"}}
	n := o.get("delete")
	if n == nil {
		return out
	}
	in, ok := d.object(n, o.at("delete"), "{to_right: archive, to_left: confirm}")
	if !ok {
		return out
	}
	if p := in.get("to_right"); p != nil {
		out.ToRight = d.deletePolicy(p, in.at("to_right"), rightType, deleteWords)
	}
	if p := in.get("to_left"); p != nil {
		out.ToLeft = d.deletePolicy(p, in.at("to_left"), leftType, deleteWords)
	}
	if p := in.get("merged"); p != nil {
		d.merged(p, in.at("merged"), leftType, rightType, &out)
	}
	in.done()
	return out
}

// merged reads a policy for what is left over when two records are merged. Only a
// SaaS merges records, so it speaks of the table's rows; between two SaaS, of both
// sides' records, or of the left ones where it names fields.
func (d *decoder) merged(n *node, path, leftType, rightType string, out *Delete) {
	right := rightType == TypePostgres && leftType != TypePostgres
	kind := leftType
	if right {
		kind = rightType
	}
	p := d.deletePolicy(n, path, kind, mergedWords)
	if !right {
		out.MergedLeft = &p
	}
	if right || leftType != TypePostgres && len(p.Set) == 0 {
		out.MergedRight = &p
	}
}

var (
	deleteWords = []string{"propagate", "archive", "unlink", "ignore", "confirm"}
	mergedWords = []string{"keep", "archive", "delete", "confirm"}
)

// deletePolicy reads a word, or {archive: {set: {…}}}. A table has no archive of
// its own, so there archive says what to set.
func (d *decoder) deletePolicy(n *node, path, connectionType string, words []string) (p DeletePolicy) {
	const set = "write {archive: {set: {deleted_at: now()}}}"
	if n.kind == nodeText {
		p.Policy = n.text
		switch {
		case !slices.Contains(words, n.text):
			d.failAt(n, path, quote(n.text)+" is no delete policy", "write "+either(words))
		case n.text == "archive" && connectionType == TypePostgres:
			d.failAt(n, path, "a table has no archive of its own", set)
		}
		return p
	}
	o, ok := d.object(n, path, "{archive: {set: {deleted_at: now()}}}")
	if !ok {
		return p
	}
	p.Policy = "archive"
	if a := o.need("archive", "archive: {set: {deleted_at: now()}}"); a != nil {
		if in, ok := d.object(a, o.at("archive"), "{set: {deleted_at: now()}}"); ok {
			p.Set = d.assignments(in)
			in.done()
		}
	}
	o.done()
	return p
}

func (d *decoder) assignments(o *object) (out []Assignment) {
	n := o.need("set", "set: {deleted_at: now()}")
	if n == nil {
		return nil
	}
	in, ok := d.object(n, o.at("set"), "{deleted_at: now()}")
	if !ok {
		return nil
	}
	if len(n.entries) == 0 {
		d.failAt(n, in.path, "nothing is set", "name at least one field")
	}
	for _, e := range n.entries {
		in.known = append(in.known, e.key)
		if e.value.kind == nodeNull {
			out = append(out, Assignment{Field: e.key})
			continue
		}
		if text, ok := d.constant(e.value, in.at(e.key)); ok {
			out = append(out, Assignment{Field: e.key, Value: &text})
		}
	}
	in.done()
	return out
}
