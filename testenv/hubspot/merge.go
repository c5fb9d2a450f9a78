package hubspot

import (
	"maps"
	"slices"
	"strings"
)

// merge joins two live records. Where both have a value the primary's stays;
// what it lacks comes from the loser. The loser is live no more and points to
// the survivor, which is returned. The caller holds the lock.
func (s *store) merge(t *table, primary, loser *record, by *actor, rules *Assumptions) *record {
	now := s.clock()
	t.index(primary, false)
	t.index(loser, false)
	losers := []*record{loser}
	survivor := primary
	if rules.MergeReturnsNewID {
		s.lastID++
		survivor = &record{id: s.lastID, fields: map[string][]version{}, createdBy: by, createdAt: primary.createdAt}
		survivor.text = joinIDs([]int64{survivor.id})
		t.byID[survivor.id] = survivor
		t.order = append(t.order, survivor)
		losers = []*record{primary, loser}
	}
	moved := 0
	for _, lost := range losers {
		for _, name := range slices.Sorted(maps.Keys(lost.fields)) {
			value := lost.current(name)
			if value == "" || survivor.current(name) != "" {
				continue
			}
			survivor.set(name, value, now, by, s.versions)
			if lost == loser {
				moved++
				s.emit(s.propertyChange(t, survivor, assignment{name, value}, now, by))
			}
		}
	}
	mergeEmails(survivor, losers, now, by, s.versions)
	for _, lost := range losers {
		s.retireLoser(t, lost, survivor, now, by, rules)
	}
	survivor.updatedBy = by
	t.index(survivor, true)
	t.touch(survivor, now)
	s.emit(event{
		name: t.kind.singular + ".merge", object: survivor.id, at: now, by: by,
		merge: &mergeEvent{primary.id, []int64{loser.id}, survivor.id, moved},
	})
	return survivor
}

// retireLoser takes a record out of sight for good and hands on its links.
func (s *store) retireLoser(t *table, lost, survivor *record, now int64, by *actor, rules *Assumptions) {
	lost.survivor, lost.updatedBy = survivor, by
	survivor.swallowed = append(append(survivor.swallowed, lost.swallowed...), lost.id)
	t.touch(lost, now)
	s.moveLinks(t, lost, survivor, by, rules)
}

// mergeEmails keeps the losers' addresses as additional ones of the survivor:
// they still find it, and still cannot be used for another contact.
func mergeEmails(survivor *record, losers []*record, now int64, by *actor, keep int) {
	extra := splitList(survivor.current("hs_additional_emails"))
	for _, lost := range losers {
		for _, address := range append(splitList(lost.current("hs_additional_emails")), lost.current("email")) {
			if address != "" && address != survivor.current("email") && !slices.Contains(extra, address) {
				extra = append(extra, address)
			}
		}
	}
	if all := strings.Join(extra, ";"); all != survivor.current("hs_additional_emails") {
		survivor.set("hs_additional_emails", all, now, by, keep)
	}
}

// mergeByID merges what two ids stand for, or says why it cannot be.
func (s *store) mergeByID(t *table, primary, loser string, by *actor, rules *Assumptions) (*record, *fault) {
	a, _ := t.lookup(primary, "", rules.MergedIDResolves)
	b, _ := t.lookup(loser, "", rules.MergedIDResolves)
	if a == nil || b == nil || !a.live() || !b.live() {
		return nil, missing(t.kind, primary, loser)
	}
	if a == b {
		return nil, invalid("Cannot merge record " + a.text + " with itself")
	}
	return s.merge(t, a, b, by, rules), nil
}
