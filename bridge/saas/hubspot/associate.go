package hubspot

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// idOf is a record in the bodies of associations.
type idOf struct {
	ID string `json:"id"`
}

// newLink is an association of a record that is created.
type newLink struct {
	To    idOf       `json:"to"`
	Types []linkType `json:"types"`
}

// wanted is the id that an association is to hold; "" for null.
func wanted(v event.Value) string {
	if !v.IsSet() {
		return ""
	}
	return v.Text
}

// sets tells whether a write sets properties, and which associations it sets.
func (b *batch) sets(i int) (properties bool, links []association) {
	w := &b.writes[i]
	for n, name := range w.Set.Names {
		if w.Set.Values[n].IsUnchanged() {
			continue
		}
		if a, is := associationOf(w.Object, name); is {
			links = append(links, a)
		} else {
			properties = true
		}
	}
	return properties, links
}

// badLink refuses a value that cannot be the id of an associated record.
func (b *batch) badLink(i int) *event.Fault {
	_, links := b.sets(i)
	for _, a := range links {
		id := wanted(b.writes[i].Set.Get(a.field))
		if strings.Trim(id, "0123456789") != "" {
			return &event.Fault{Class: event.Rejected, Field: a.field, Message: fmt.Sprintf("%q is not the id of a HubSpot record: want a decimal number", id)}
		}
	}
	return nil
}

// missingTarget says of a record that could not be created because what it was
// to be associated with is not there, that it is the association's fault.
func (b *batch) missingTarget(i int, f *event.Fault) {
	f.Class = event.Rejected
	_, links := b.sets(i)
	for _, a := range links {
		id := wanted(b.writes[i].Set.Get(a.field))
		if f.Field == "" && id != "" && (len(links) == 1 || strings.Contains(f.Message, id) || strings.Contains(strings.ToUpper(f.Message), singular[a.to])) {
			f.Field = a.field
			f.Message = fmt.Sprintf("there is no record %s among HubSpot's %s: %s", id, a.to, f.Message)
		}
	}
}

// singular names objects as HubSpot's messages do.
var singular = map[string]string{"companies": "COMPANY", "contacts": "CONTACT"}

// switchLinks carries out the associations of updates. A write whose properties
// were refused is left alone.
func (b *batch) switchLinks(run []int) {
	run = slices.DeleteFunc(run, func(i int) bool { return b.results[i].Err != nil })
	if len(run) == 0 {
		return
	}
	object := b.writes[run[0]].Object
	var fields, ids []string
	for _, i := range run {
		_, links := b.sets(i)
		for _, a := range links {
			if !slices.Contains(fields, a.field) {
				fields = append(fields, a.field)
			}
		}
		ids = append(ids, b.id(i))
	}
	r := &reader{c: b.c, object: object, shape: b.shape, fields: fields}
	found, fault := r.records(b.ctx, ids)
	records := make(map[int]*record, len(run))
	for n, i := range run {
		rec := found[ids[n]]
		switch {
		case fault != nil:
			own := *fault
			b.fail(i, &own)
		case rec == nil:
			b.fail(i, &event.Fault{Class: event.Gone, Code: "OBJECT_NOT_FOUND", Message: "HubSpot's " + object + " have no record " + ids[n] + " any more"})
		default:
			b.results[i].Key, records[i] = event.KeyOf(rec.ID), rec
		}
	}
	for _, field := range fields {
		a, _ := associationOf(object, field)
		b.switchLink(a, run, records)
	}
}

// id is the record's id, as its own update has just told it or as it was known.
func (b *batch) id(i int) string {
	if key := b.results[i].Key; !key.IsZero() {
		return key.ID()
	}
	return b.writes[i].Key.ID()
}

// switchLink carries out one kind of association.
func (b *batch) switchLink(a association, run []int, records map[int]*record) {
	l := &linker{c: b.c, ctx: b.ctx, object: b.writes[run[0]].Object, a: a}
	for _, i := range run {
		v := b.writes[i].Set.Get(a.field)
		if b.results[i].Err != nil || v.IsUnchanged() {
			continue
		}
		guard := b.writes[i].Guard.Get(a.field)
		m, fault := plan(a, records[i], wanted(v), wanted(guard))
		if now := a.main(records[i].links[a.field]); !guard.IsUnchanged() && now != wanted(guard) && now != wanted(v) {
			// The associations were read anyway, so nobody's is replaced blindly: an
			// association webhook carries no value that could be found again later.
			fault = &event.Fault{Class: event.GuardMissed, Field: a.field, Message: a.field + " holds another record than expected"}
		}
		if fault != nil {
			b.fail(i, fault)
			continue
		}
		m.write = i
		l.moves = append(l.moves, m)
	}
	l.run()
	for n := range l.moves {
		m := &l.moves[n]
		if m.fault != nil {
			b.fail(m.write, m.fault)
			continue
		}
		result := &b.results[m.write]
		if result.At.IsZero() {
			result.At = l.at
		}
		result.After.Put(a.field, idValue(m.next))
	}
}

// targets tells whether a record that is to be created is to be associated with
// one of the ids.
func (b *batch) targets(i int, ids []string) bool {
	if b.writes[i].Op != event.DoCreate {
		return false
	}
	_, links := b.sets(i)
	return slices.ContainsFunc(links, func(a association) bool {
		id := wanted(b.writes[i].Set.Get(a.field))
		return id != "" && holds(ids, id)
	})
}
