package hubspot

import (
	"cmp"
	"encoding/json"
	"slices"
)

// links are the associations of one record: other kind, other record, types.
// They outlive an archived record, so that restoring it brings them back.
type links map[*kind]map[*record][]linkType

// linkType is one association type between two records, seen from one of them.
type linkType struct {
	Category string `json:"category"`
	TypeID   int    `json:"typeId"`
	Label    string `json:"label"`
}

// link type ids that HubSpot defines: unlabelled, by "from_to".
var linkTypes = map[string]int{
	"contact_to_company": 279, "company_to_contact": 280, "contact_to_deal": 4, "deal_to_contact": 3,
	"company_to_deal": 342, "deal_to_company": 341, "contact_to_ticket": 15, "ticket_to_contact": 16,
	"company_to_ticket": 340, "ticket_to_company": 339, "deal_to_ticket": 27, "ticket_to_deal": 28,
	"contact_to_contact": 449, "company_to_company": 450, "deal_to_deal": 451, "ticket_to_ticket": 452,
}

// labelledTypes are the types that HubSpot defines beside the unlabelled ones,
// by what they are seen from the other end: primary companies, and 13 and 14,
// the parent's view of a child company and the child's of its parent.
var labelledTypes = map[int]int{1: 2, 2: 1, 5: 6, 6: 5, 25: 26, 26: 25, toChild: toParent, toParent: toChild}

const (
	toChild  = 13
	toParent = 14
)

// labels of these types.
var linkLabels = map[int]string{
	1: "Primary", 2: "Contact with Primary Company", 5: "Primary", 6: "Deal with Primary Company",
	26: "Primary", 25: "Ticket with Primary Company", toChild: "Child Company", toParent: "Parent Company",
}

func linkName(from, to *kind) string { return from.singular + "_to_" + to.singular }

func hubspotLink(id int) linkType {
	return linkType{Category: "HUBSPOT_DEFINED", TypeID: id, Label: linkLabels[id]}
}

func defaultLink(from, to *kind) linkType { return hubspotLink(linkTypes[linkName(from, to)]) }

// mainLink is the type from one record to its one primary company, or from a
// company to its one parent; false where there is no such thing.
func mainLink(from, to *kind) (linkType, bool) {
	id := map[string]int{"contact_to_company": 1, "deal_to_company": 5, "ticket_to_company": 26, "company_to_company": toParent}[linkName(from, to)]
	return hubspotLink(id), id != 0
}

// reverse is the same association from the other end.
func (l linkType) reverse(from, to *kind) linkType {
	if l.Category != "HUBSPOT_DEFINED" {
		return l
	}
	if other, labelled := labelledTypes[l.TypeID]; labelled {
		return hubspotLink(other)
	}
	return defaultLink(to, from)
}

func (l linkType) labelled() bool {
	return l.Category == "HUBSPOT_DEFINED" && labelledTypes[l.TypeID] != 0
}

// primary tells whether the type marks a primary company.
func (l linkType) primary() bool {
	return l.labelled() && l.TypeID != toChild && l.TypeID != toParent
}

// add adds a type to the link and tells whether anything changed.
func (l *links) add(to *kind, other *record, typ linkType) bool {
	if *l == nil {
		*l = make(links)
	}
	if (*l)[to] == nil {
		(*l)[to] = make(map[*record][]linkType)
	}
	if slices.Contains((*l)[to][other], typ) {
		return false
	}
	(*l)[to][other] = append((*l)[to][other], typ)
	return true
}

// drop takes one type off a link, and the link away when nothing is left of it.
func (l links) drop(to *kind, other *record, typ linkType) bool {
	types := l[to][other]
	i := slices.Index(types, typ)
	if i < 0 {
		return false
	}
	if types = slices.Delete(types, i, i+1); len(types) == 0 {
		delete(l[to], other)
	} else {
		l[to][other] = types
	}
	return true
}

// with returns the live record that a type leads to, nil for none.
func (l links) with(to *kind, typ linkType) *record {
	for _, other := range l.live(to) {
		if slices.Contains(l[to][other], typ) {
			return other
		}
	}
	return nil
}

// remove drops a link and returns the types it had.
func (l links) remove(to *kind, other *record) []linkType {
	types := l[to][other]
	delete(l[to], other)
	return types
}

// live lists the linked records that the API shows, by id.
func (l links) live(to *kind) []*record {
	list := make([]*record, 0, len(l[to]))
	for other := range l[to] {
		if other.live() {
			list = append(list, other)
		}
	}
	slices.SortFunc(list, func(a, b *record) int { return cmp.Compare(a.id, b.id) })
	return list
}

// appendLinks writes the v3 form of associations: results of id and type.
func appendLinks(b []byte, from *kind, r *record, to []*kind) []byte {
	b = append(b, `,"associations":{`...)
	first := true
	for _, k := range to {
		others := r.links.live(k)
		if len(others) == 0 {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(appendString(b, k.plural), `:{"results":[`...)
		for i, other := range others {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(b, `{"id":"`...)
			b = append(b, other.text...)
			b = append(b, `","type":"`...)
			b = append(b, linkName(from, k)...)
			b = append(b, `"}`...)
		}
		b = append(b, `]}`...)
	}
	return append(b, '}')
}

func sortLinks(types []linkType) []linkType {
	return slices.SortedFunc(slices.Values(types), func(a, b linkType) int { return cmp.Compare(a.TypeID, b.TypeID) })
}

// linkEnds are the far ends of an input: one object with an id, or, in
// batch/archive, an array of them.
type linkEnds []string

// UnmarshalJSON takes either form.
func (e *linkEnds) UnmarshalJSON(raw []byte) error {
	type end struct {
		ID textID `json:"id"`
	}
	var many []end
	if raw[0] == '[' {
		if err := json.Unmarshal(raw, &many); err != nil {
			return err
		}
	} else {
		var one end
		if err := json.Unmarshal(raw, &one); err != nil {
			return err
		}
		many = []end{one}
	}
	for _, one := range many {
		*e = append(*e, string(one.ID))
	}
	return nil
}
