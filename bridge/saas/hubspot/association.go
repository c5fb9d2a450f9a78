package hubspot

import (
	"cmp"
	"slices"
	"strings"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// associationPrefix begins the names of the fields that associations are.
const associationPrefix = "associations."

// association is one field that holds the id of an associated record: of the
// main one, that is the one with the label, where HubSpot has such a label;
// else of the one with the lowest id, which was created first. HubSpot does not
// tell which association is the oldest.
type association struct {
	field string // associations.companies
	to    string // the object at the other end, as paths name it
	name  string // for people
	label int    // HubSpot's type that marks the main one; 0 = there is none
	plain int    // HubSpot's type of every association, labelled or not
	only  bool   // the label alone counts: a company is associated with others that are not its parent
}

// associations are the fields of each object.
var associations = map[string][]association{
	"contacts":  {{field: "associations.companies", to: "companies", name: "Primary company", label: 1, plain: 279}},
	"companies": {{field: "associations.parent_company", to: "companies", name: "Parent company", label: 14, plain: 450, only: true}},
	"deals": {
		{field: "associations.companies", to: "companies", name: "Primary company", label: 5, plain: 341},
		{field: "associations.contacts", to: "contacts", name: "Contact", plain: 3},
	},
	"tickets": {
		{field: "associations.companies", to: "companies", name: "Primary company", label: 26, plain: 339},
		{field: "associations.contacts", to: "contacts", name: "Contact", plain: 16},
	},
}

// associationOf finds the association that a field is.
func associationOf(object, field string) (association, bool) {
	if !strings.HasPrefix(field, associationPrefix) {
		return association{}, false
	}
	for _, a := range associations[object] {
		if a.field == field {
			return a, true
		}
	}
	return association{}, false
}

// describe is the association as a field.
func (a association) describe() event.Field {
	return event.Field{Name: a.field, Label: a.name, Kind: event.Text, Native: "association", Nullable: true, Reference: a.to}
}

// asked splits field names into properties and associations of the object.
func asked(object string, fields []string) (properties []string, links []association) {
	for _, name := range fields {
		if a, is := associationOf(object, name); is {
			links = append(links, a)
		} else {
			properties = append(properties, name)
		}
	}
	return properties, links
}

// linkType is one type of an association.
type linkType struct {
	Category string `json:"associationCategory"`
	ID       int    `json:"associationTypeId"`
}

const hubspotDefined = "HUBSPOT_DEFINED"

// types is what a new main association is made as. HubSpot adds the plain type
// to a labelled one.
func (a association) types() []linkType {
	if a.label != 0 {
		return []linkType{{hubspotDefined, a.label}}
	}
	return []linkType{{hubspotDefined, a.plain}}
}

// link is one associated record.
type link struct {
	id      string
	main    bool // it has the label
	foreign bool // it has labels of the account's own, or others that are not ours to remove
}

// main is the id that the field holds; "" for null.
func (a association) main(links []link) string {
	best := ""
	for _, l := range links {
		if l.main && (best == "" || older(l.id, best)) {
			best = l.id
		}
	}
	if best != "" || a.only {
		return best
	}
	for _, l := range links {
		if best == "" || older(l.id, best) {
			best = l.id
		}
	}
	return best
}

// older compares ids by number: HubSpot counts upwards.
func older(x, y string) bool {
	return cmp.Or(cmp.Compare(len(x), len(y)), strings.Compare(x, y)) < 0
}

// switched is what the links are after the switch from old to next, either of
// which may be "": the old one goes, or stays without our label when it has
// labels that are not ours.
func (a association) switched(links []link, old, next string) []link {
	out := make([]link, 0, len(links)+1)
	for _, l := range links {
		switch {
		case l.id == next:
			continue
		case l.id == old && !l.foreign:
			continue
		}
		if next != "" || l.id == old {
			l.main = false
		}
		out = append(out, l)
	}
	if next != "" {
		out = append(out, link{id: next, main: a.label != 0})
	}
	return out
}

// find returns the link to a record.
func find(links []link, id string) (link, bool) {
	i := slices.IndexFunc(links, func(l link) bool { return l.id == id })
	if i < 0 {
		return link{}, false
	}
	return links[i], true
}
