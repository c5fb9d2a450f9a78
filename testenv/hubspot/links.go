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

// primary link types, and what they are seen from the other end.
var primaryTypes = map[int]int{1: 2, 2: 1, 5: 6, 6: 5, 25: 26, 26: 25}

func linkName(from, to *kind) string { return from.singular + "_to_" + to.singular }

func defaultLink(from, to *kind) linkType {
	return linkType{Category: "HUBSPOT_DEFINED", TypeID: linkTypes[linkName(from, to)]}
}

// reverse is the same association from the other end.
func (l linkType) reverse(from, to *kind) linkType {
	if l.Category != "HUBSPOT_DEFINED" {
		return l
	}
	if other, primary := primaryTypes[l.TypeID]; primary {
		return linkType{Category: l.Category, TypeID: other, Label: l.Label}
	}
	return defaultLink(to, from)
}

func (l linkType) primary() bool {
	return l.Category == "HUBSPOT_DEFINED" && primaryTypes[l.TypeID] != 0
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

// associate links two records both ways, and sends events for what is new. The
// caller holds the lock.
func (s *store) associate(from *table, a *record, to *table, b *record, typ linkType, by *actor) {
	types := []linkType{typ}
	if plain := defaultLink(from.kind, to.kind); typ.primary() {
		types = append(types, plain) // the vendor adds the unlabelled type to a primary one
	}
	for _, one := range types {
		if !a.links.add(to.kind, b, one) {
			continue
		}
		back := one.reverse(from.kind, to.kind)
		b.links.add(from.kind, a, back)
		s.linkEvents(from, a, to, b, one, false, by)
	}
}

// dissociate removes every link between two records.
func (s *store) dissociate(from *table, a *record, to *table, b *record, by *actor) {
	types := a.links.remove(to.kind, b)
	b.links.remove(from.kind, a)
	for _, typ := range types {
		s.linkEvents(from, a, to, b, typ, true, by)
	}
}

func (s *store) linkEvents(from *table, a *record, to *table, b *record, typ linkType, removed bool, by *actor) {
	at := s.clock()
	s.emit(event{
		name: from.kind.singular + ".associationChange", object: a.id, at: at, by: by,
		link: &linkEvent{kindOf(from.kind, to.kind), a.id, b.id, removed, typ.primary()},
	})
	s.emit(event{
		name: to.kind.singular + ".associationChange", object: b.id, at: at, by: by,
		link: &linkEvent{kindOf(to.kind, from.kind), b.id, a.id, removed, typ.primary()},
	})
}

func kindOf(from, to *kind) string { return from.upper + "_TO_" + to.upper }

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
