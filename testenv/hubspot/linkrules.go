package hubspot

import (
	"cmp"
	"slices"
)

// associate links two records both ways and sends events for what is new. A
// record has one primary company and a company one parent: a new one takes the
// place of the old, which stays linked without the label. The caller holds the
// lock.
func (s *store) associate(from *table, a *record, to *table, b *record, typ linkType, by *actor, rules *Assumptions) *fault {
	if a == b {
		return invalid("A record cannot be associated with itself: " + a.text)
	}
	types := []linkType{typ}
	if plain := defaultLink(from.kind, to.kind); typ != plain {
		types = append(types, plain) // every association is an unlabelled one too
	}
	if first, has := s.firstCompany(from, a, to, b, rules); has && !typ.labelled() {
		types = append(types, first)
	}
	for _, one := range types {
		if one.labelled() {
			if bad := s.makeRoom(from, a, to, b, one, by, rules); bad != nil {
				return bad
			}
		}
		if a.links.add(to.kind, b, one) {
			b.links.add(from.kind, a, one.reverse(from.kind, to.kind))
			s.linkEvents(from, a, to, b, one, false, by)
		}
	}
	return nil
}

// firstCompany is the primary type for the first company of a contact, deal or
// ticket, seen from a.
func (s *store) firstCompany(from *table, a *record, to *table, b *record, rules *Assumptions) (linkType, bool) {
	if !rules.FirstCompanyIsPrimary || from.kind == to.kind {
		return linkType{}, false
	}
	if main, has := mainLink(from.kind, to.kind); has {
		return main, len(a.links.live(to.kind)) == 0
	}
	main, has := mainLink(to.kind, from.kind)
	return main.reverse(to.kind, from.kind), has && len(b.links.live(from.kind)) == 0
}

// makeRoom takes a label away from the record that has it now: of contacts,
// deals and tickets the primary company, of a child company the parent.
func (s *store) makeRoom(from *table, a *record, to *table, b *record, typ linkType, by *actor, rules *Assumptions) *fault {
	if main, has := mainLink(from.kind, to.kind); !has || main != typ { // seen from the company, or the parent
		from, a, to, b = to, b, from, a
		typ = typ.reverse(to.kind, from.kind)
	}
	old := a.links.with(to.kind, typ)
	if old == nil || old == b {
		return nil
	}
	if typ.TypeID == toParent && !rules.NewParentReplaces {
		return invalid("Company " + a.text + " already has a parent company: " + old.text)
	}
	s.unlabel(from, a, to, old, typ, by)
	return nil
}

// unlabel takes one type off the link between two records.
func (s *store) unlabel(from *table, a *record, to *table, b *record, typ linkType, by *actor) bool {
	if !a.links.drop(to.kind, b, typ) {
		return false
	}
	b.links.drop(from.kind, a, typ.reverse(from.kind, to.kind))
	s.linkEvents(from, a, to, b, typ, true, by)
	return true
}

// dissociate removes every link between two records.
func (s *store) dissociate(from *table, a *record, to *table, b *record, by *actor, rules *Assumptions) {
	types := a.links.remove(to.kind, b)
	b.links.remove(from.kind, a)
	for _, typ := range types {
		s.linkEvents(from, a, to, b, typ, true, by)
	}
	s.passOn(from, a, to, types, by, rules)
	s.passOn(to, b, from, reversed(types, from.kind, to.kind), by, rules)
}

func reversed(types []linkType, from, to *kind) []linkType {
	out := make([]linkType, len(types))
	for i, typ := range types {
		out[i] = typ.reverse(from, to)
	}
	return out
}

// passOn makes the oldest company left the primary one, where the account does
// that when the primary one is removed.
func (s *store) passOn(from *table, a *record, to *table, removed []linkType, by *actor, rules *Assumptions) {
	main, has := mainLink(from.kind, to.kind)
	if !rules.RemovedPrimaryPassesOn || !has || !main.primary() || !slices.Contains(removed, main) {
		return
	}
	if rest := a.links.live(to.kind); len(rest) > 0 {
		next := slices.MinFunc(rest, func(x, y *record) int { return cmp.Compare(x.id, y.id) })
		a.links.add(to.kind, next, main)
		next.links.add(from.kind, a, main.reverse(from.kind, to.kind))
		s.linkEvents(from, a, to, next, main, false, by)
	}
}

// removeTypes takes single types off a link; with the unlabelled one goes all of
// it.
func (s *store) removeTypes(from *table, a *record, to *table, b *record, types []linkType, by *actor, rules *Assumptions) bool {
	if slices.Contains(types, defaultLink(from.kind, to.kind)) {
		had := len(a.links[to.kind][b]) > 0
		s.dissociate(from, a, to, b, by, rules)
		return had
	}
	var removed []linkType
	for _, typ := range types {
		if s.unlabel(from, a, to, b, typ, by) {
			removed = append(removed, typ)
		}
	}
	s.passOn(from, a, to, removed, by, rules)
	return len(removed) > 0
}

// linkEvents tells both ends, as the vendor does.
func (s *store) linkEvents(from *table, a *record, to *table, b *record, typ linkType, removed bool, by *actor) {
	at := s.clock()
	s.emit(event{
		name: from.kind.singular + ".associationChange", at: at, by: by,
		link: &linkEvent{typ.eventKind(from.kind, to.kind), a.id, b.id, removed, typ.primary()},
	})
	s.emit(event{
		name: to.kind.singular + ".associationChange", at: at, by: by,
		link: &linkEvent{typ.reverse(from.kind, to.kind).eventKind(to.kind, from.kind), b.id, a.id, removed, typ.primary()},
	})
}

// eventKind is the associationType of an event.
func (l linkType) eventKind(from, to *kind) string {
	switch {
	case !l.labelled() || l.primary():
		return from.upper + "_TO_" + to.upper
	case l.TypeID == toParent:
		return "CHILD_COMPANY_TO_PARENT_COMPANY"
	}
	return "PARENT_COMPANY_TO_CHILD_COMPANY"
}

// moveLinks hands the links of a record that was merged away to its survivor.
// Where both have a primary company, or a parent, the survivor's stays.
func (s *store) moveLinks(t *table, lost, survivor *record, by *actor, rules *Assumptions) {
	for to, others := range lost.links {
		for other := range others {
			types := lost.links.remove(to, other)
			other.links.remove(t.kind, lost)
			if other == survivor {
				continue // a link of the two with each other
			}
			for _, typ := range types {
				if typ.labelled() && s.taken(t, survivor, to, other, typ) {
					continue
				}
				if survivor.links.add(to, other, typ) {
					other.links.add(t.kind, survivor, typ.reverse(t.kind, to))
				}
			}
			if rules.MergeSendsAssociationChanges {
				s.linkEvents(t, lost, s.tables[to], other, types[0], true, by)
				s.linkEvents(t, survivor, s.tables[to], other, types[0], false, by)
			}
		}
	}
}

// taken tells whether the end that may have one such label only has another one.
func (s *store) taken(t *table, survivor *record, to *kind, other *record, typ linkType) bool {
	if main, has := mainLink(t.kind, to); has && main == typ {
		held := survivor.links.with(to, typ)
		return held != nil && held != other
	}
	back := typ.reverse(t.kind, to)
	held := other.links.with(t.kind, back)
	return held != nil && held != survivor
}

// hideLinks is what archiving a record does to its links: they are out of sight
// with it, or gone for good.
func (s *store) hideLinks(t *table, r *record, by *actor, rules *Assumptions) {
	for to, others := range r.links {
		for other, types := range others {
			if rules.ArchiveSendsAssociationChanges && other.live() {
				s.linkEvents(t, r, s.tables[to], other, types[0], true, by)
			}
			if !rules.RestoreBringsAssociations {
				r.links.remove(to, other)
				other.links.remove(t.kind, r)
			}
		}
	}
}

// settleLinks drops the labels that others have taken while a record was
// archived.
func (s *store) settleLinks(t *table, r *record) {
	for to, others := range r.links {
		for other, types := range others {
			for _, typ := range slices.Clone(types) {
				if typ.labelled() && other.live() && s.conflicts(t, r, to, other, typ) {
					r.links.drop(to, other, typ)
					other.links.drop(t.kind, r, typ.reverse(t.kind, to))
				}
			}
		}
	}
}

// conflicts tells whether other, which may have one such label only, has it with
// another record too.
func (s *store) conflicts(t *table, r *record, to *kind, other *record, typ linkType) bool {
	back := typ.reverse(t.kind, to)
	if main, has := mainLink(to, t.kind); !has || main != back {
		return false
	}
	for _, third := range other.links.live(t.kind) {
		if third != r && slices.Contains(other.links[t.kind][third], back) {
			return true
		}
	}
	return false
}
