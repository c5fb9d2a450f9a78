package hubspot

import (
	"errors"
	"strings"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// associated makes a change of each record at the ends of an association that
// has a field for it: it says no more than that the record is to be looked at.
// HubSpot tells each end by an event of its own, but only of the objects that
// the app has subscribed to.
func (p *hookParser) associated(h *hook, object string) error {
	from, to := ends(h, object)
	fields, back := fieldsTo(from, to), fieldsTo(to, from)
	if h.From > 0 && to == "" && h.AssociationType == "" && h.ToType == "" { // it does not say what with: any of them
		fields = associations[from]
	}
	if len(fields)+len(back) == 0 {
		p.associations++
		return nil
	}
	if h.From <= 0 || h.To <= 0 && len(back) > 0 {
		return errors.New("fromObjectId or toObjectId is missing or not positive")
	}
	if err := h.timed(); err != nil {
		return err
	}
	p.look(h, from, h.From, fields)
	p.look(h, to, h.To, back)
	return nil
}

// fieldsTo lists the fields of an object that hold records of another one.
func fieldsTo(object, other string) []association {
	var out []association
	for _, a := range associations[object] {
		if a.to == other {
			out = append(out, a)
		}
	}
	return out
}

// ends are the objects at both ends of an association: "" for what is none of
// HubSpot's standard ones.
func ends(h *hook, object string) (from, to string) {
	from, to = kindOfObject[h.FromType], kindOfObject[h.ToType]
	a, b, _ := strings.Cut(h.AssociationType, "_TO_")
	if from == "" {
		from = kindOfEnd(a)
	}
	if to == "" {
		to = kindOfEnd(b)
	}
	if from == "" {
		from = object
	}
	return from, to
}

// kindOfEnd reads one half of an association's type: CONTACT, CHILD_COMPANY.
func kindOfEnd(word string) string {
	word = strings.ToLower(word)
	word = strings.TrimPrefix(strings.TrimPrefix(word, "child_"), "parent_")
	return kindOfObject[word]
}

// look adds a change of one end, if that has fields for the other one. The events
// of both ends, and of both types of a primary association, come together as a
// rule: one look at a record is enough.
func (p *hookParser) look(h *hook, object string, id int64, fields []association) {
	if len(fields) == 0 {
		return
	}
	change := p.change(h, object)
	change.Key, change.Op = keyOf(id), event.Update
	for _, a := range fields {
		p.c.heard.note(object, a.field, change.Key.ID(), change.At)
	}
	once := "look\x00" + object + "\x00" + change.ID() + "\x00" + change.Origin.Connection
	if _, told := p.updates[once]; !told {
		p.updates[once] = len(p.out)
		p.out = append(p.out, change)
	}
}
