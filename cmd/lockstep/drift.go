package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

// sighting is an object as its side describes it now.
type sighting struct {
	shape event.Object
	gone  string // why the side says that there is no such object, or none that can be kept in step
}

// verdict is what becomes of a mapping, given its configuration, the shapes that
// it stands on, and those of now. One without a mapping has problems.
type verdict struct {
	compiled
	spec        mapping.Spec
	fingerprint string // of spec
	stood       *standing
	now         [2]sighting
	shapes      [2]event.Object // that the mapping is compiled against

	paused   string   // why its lanes do not run
	without  []string // the lines that are left out, as left=right
	news     []string // all differences from what it stands on, in words
	breaking []string // those of them that it cannot pass over
	accept   bool     // the shapes of now are what it stands on from here
	changed  bool     // by a person: the configuration is another one
	rekeyed  bool     // links name records by a key that is not theirs any more: nobody can accept that
	grave    bool     // values or rows may be others than they were: only a person can accept that, in so many words
	problems []mapping.Problem

	// renames are the fields that go on under another name, old → new: what links
	// know of them stays known.
	renames [2]map[string]string
}

// unsettled tells whether a person has to do something about the shapes.
func (v *verdict) unsettled() bool {
	return v.mapping() != nil && (v.paused != "" || len(v.without) > 0)
}

func (v *verdict) mapping() *mapping.Mapping { return v.Mapping }

// judge decides. stood is nil where the mapping never ran: then whatever does not
// fit is a mistake of the configuration, and nothing is drift.
func judge(spec mapping.Spec, fingerprint string, stood *standing, now [2]sighting) verdict {
	v := verdict{spec: spec, fingerprint: fingerprint, stood: stood, now: now, shapes: [2]event.Object{now[0].shape, now[1].shape}}
	fits, problems := v.compile(spec)
	if stood == nil {
		return v.settle(fits, problems)
	}
	old, _ := mapping.Compile(spec, stood.Shapes[0], stood.Shapes[1])
	if old == nil { // it was written for shapes that came later
		v.changed = true
		v = v.settle(fits, problems)
		v.follow()
		return v
	}
	found := v.compare(old)
	v.changed = stood.Spec != fingerprint
	if fits == nil && len(v.breaking) == 0 {
		for _, p := range problems {
			v.breaking = append(v.breaking, p.What)
		}
	}
	switch {
	case fits != nil && (len(v.breaking) == 0 || v.changed && !v.grave):
		v = v.settle(fits, nil)
		v.accept = v.changed || len(v.news) > 0
	case old.Drift() == mapping.DriftIgnore && v.goOn(problems, found):
	default:
		v.pause(old, fits != nil, found)
	}
	return v
}

// compile is nil where an object is gone: its shape is nothing to compile against.
func (v *verdict) compile(spec mapping.Spec) (*mapping.Mapping, []mapping.Problem) {
	if v.now[0].gone != "" || v.now[1].gone != "" {
		return nil, nil
	}
	return mapping.Compile(spec, v.now[0].shape, v.now[1].shape)
}

// settle goes on with the shapes of now, or refuses the configuration.
func (v verdict) settle(m *mapping.Mapping, problems []mapping.Problem) verdict {
	v.Mapping, v.problems, v.accept = m, problems, m != nil
	return v
}

// follow finds the fields whose new names the configuration has taken up.
func (v *verdict) follow() {
	if v.Mapping == nil {
		return
	}
	for _, side := range mapping.Sides {
		uses := v.Columns(side)
		for _, d := range event.CompareObjects(v.stood.Shapes[side], v.shapes[side], v.stood.Used[side]) {
			// A name that is only guessed may hold something else: both sides of it are
			// looked at anew.
			if d.Kind == event.FieldRenamed && d.Sure && slices.Contains(v.stood.Used[side], d.Field) && slices.Contains(uses, d.Now) {
				if v.renames[side] == nil {
					v.renames[side] = map[string]string{}
				}
				v.renames[side][d.Field] = d.Now
			}
			if d.Kind == event.KeyChanged {
				v.problems = append(v.problems, mapping.Problem{Path: side.String(), What: d.String(), Remedy: "give the mapping another name, under which its records are linked anew"})
			}
			v.news = append(v.news, v.End(side).String()+": "+d.String())
		}
	}
	if len(v.problems) > 0 {
		v.Mapping, v.accept = nil, false
	}
}

// drifted is one difference, and what it means for the mapping.
type drifted struct {
	event.Difference
	side   mapping.Side
	breaks bool
}

// compare lists how the objects differ from those that the mapping stands on.
func (v *verdict) compare(old *mapping.Mapping) []drifted {
	var out []drifted
	for _, side := range mapping.Sides {
		end := old.End(side).String()
		if gone := v.now[side].gone; gone != "" {
			v.news, v.breaking = append(v.news, gone), append(v.breaking, gone)
			continue
		}
		used, written := old.Columns(side), writtenBy(old, side)
		for _, d := range event.CompareObjects(v.stood.Shapes[side], v.now[side].shape, used) {
			reads, writes := slices.Contains(used, d.Field), slices.Contains(written, d.Field)
			if !reads && !writes && !d.Notable() {
				continue
			}
			breaks := d.Breaks(reads, writes)
			out = append(out, drifted{d, side, breaks})
			v.rekeyed = v.rekeyed || d.Kind == event.KeyChanged
			v.grave = v.grave || breaks && (d.Hides() || d.Kind == event.KeyChanged || d.Kind == event.ObjectMadeNew)
			text := end + ": " + d.String()
			v.news = append(v.news, text)
			if breaks {
				v.breaking = append(v.breaking, text)
			}
		}
	}
	return out
}

// writtenBy names the fields of a side that the mapping may write.
func writtenBy(m *mapping.Mapping, side mapping.Side) []string {
	var out []string
	for _, f := range m.Fields() {
		if f.Writes(side) {
			out = append(out, f.Names(side)...)
		}
	}
	out = append(out, m.Initial(side).Names...)
	for _, p := range []mapping.DeletePolicy{m.Delete(side), m.Leave(side), m.Merged(side)} {
		out = append(out, p.Set.Names...)
	}
	return out
}

// pause compiles the mapping against what it stands on, so that its changes go
// on being routed; its lanes do not run. What the database need not offer
// meanwhile is read when it goes on.
func (v *verdict) pause(old *mapping.Mapping, fits bool, found []drifted) {
	v.Mapping, v.shapes, v.standing = old, v.stood.Shapes, true
	for _, side := range mapping.Sides {
		v.absent[side] = v.now[side].gone != ""
	}
	for _, f := range found {
		if f.breaks {
			v.hidden[f.side] = append(v.hidden[f.side], f.Field)
		}
	}
	way, accept := "set it right, or change the mapping in the configuration and restart", ", or accept it: lockstep resume "+v.spec.Name+" --by NAME"
	switch {
	case v.rekeyed:
		way = "set it right, or give the mapping another name, under which its records are linked anew"
	case fits && v.grave:
		way = "set it right" + accept
	case fits:
		way += accept
	}
	v.paused = fmt.Sprintf("paused, because %s; its changes wait on disk: %s", strings.Join(v.breaking, "; "), way)
}

// goOn leaves out the lines that do not fit any more; false where the mapping
// is nothing without them.
func (v *verdict) goOn(problems []mapping.Problem, found []drifted) bool {
	if v.rekeyed || v.now[0].gone != "" || v.now[1].gone != "" {
		return false
	}
	unfit := func(path string, names [2][]string) bool {
		for _, p := range problems {
			if p.Path == path || strings.HasPrefix(p.Path, path+".") {
				return true
			}
		}
		// A value that is gone, or never was the field's, would pass for an edit.
		return slices.ContainsFunc(found, func(f drifted) bool { return f.Hides() && slices.Contains(names[f.side], f.Field) })
	}
	rest := v.spec
	rest.Fields, rest.Constants = nil, nil
	for i, f := range v.spec.Fields {
		if names := lineNames(f); !unfit(linePath(f.Path, i), names) {
			rest.Fields = append(rest.Fields, f)
		} else {
			v.without = append(v.without, strings.Join(names[0], "+")+"="+strings.Join(names[1], "+"))
		}
	}
	for _, c := range v.spec.Constants {
		var names [2][]string
		names[c.Side] = []string{c.Field}
		if !unfit(c.Path, names) {
			rest.Constants = append(rest.Constants, c)
		} else {
			v.without = append(v.without, c.Field)
		}
	}
	m, _ := mapping.Compile(rest, v.now[0].shape, v.now[1].shape)
	if m == nil {
		v.without = nil
		return false
	}
	v.Mapping = m
	v.accept = len(v.without) == 0 // retyped, say, and it fits all the same
	return true
}

// linePath is where a field's problems are found.
func linePath(path string, i int) string {
	if path == "" {
		return fmt.Sprintf("fields[%d]", i)
	}
	return path
}

// lineNames are the fields that a line names, by side.
func lineNames(f mapping.FieldSpec) [2][]string {
	out := [2][]string{{f.Left}, {f.Right}}
	for side, parts := range f.Parts {
		if len(parts) > 0 {
			out[side] = parts
		}
	}
	return out
}

// attention is what status says of a mapping that goes on without some lines.
func (v *verdict) attention() string {
	if len(v.without) == 0 {
		return ""
	}
	return fmt.Sprintf("goes on without %s, because %s: set it right, or change the mapping in the configuration and restart", strings.Join(v.without, ", "), strings.Join(v.breaking, "; "))
}

// same tells whether two verdicts come to the same for whoever runs the mapping:
// nothing has to be put together anew.
func (v *verdict) same(o *verdict) bool {
	return v.paused == o.paused && slices.Equal(v.without, o.without) && v.wiring() == o.wiring()
}

// wiring is what of the shapes the running mapping was made from.
func (v *verdict) wiring() string {
	type used struct {
		Key    []string
		Fields []event.Field
		Hidden []string
		Absent bool
	}
	var out [2]used
	for _, side := range mapping.Sides {
		u := used{Key: v.shapes[side].Key, Hidden: v.hidden[side], Absent: v.absent[side]}
		for _, name := range v.Columns(side) {
			f, _ := v.shapes[side].Field(name)
			f.Label = ""
			u.Fields = append(u.Fields, f)
		}
		out[side] = u
	}
	data, err := json.Marshal(out)
	if err != nil {
		return err.Error() // never of such values
	}
	return string(data)
}
