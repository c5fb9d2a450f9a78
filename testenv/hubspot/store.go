package hubspot

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// firstID is above 2^32, so that an id cut to 32 bits shows at once.
const firstID = 20_000_000_001

// store is the account's data. One lock guards all of it: merges and
// associations cross object types, and no call holds it for long.
type store struct {
	mu     sync.Mutex
	tables map[*kind]*table
	lastID int64

	versions int // kept of each property

	clock  func() int64  // vendor time in milliseconds
	send   func([]event) // hands events to the webhooks
	events []event       // of the changes made since lock
}

func newStore(clock func() int64, send func([]event), versions int) (*store, error) {
	s := &store{versions: versions, tables: make(map[*kind]*table, len(kinds)), lastID: firstID - 1, clock: clock, send: send}
	for _, k := range kinds {
		t := newTable(k)
		for _, p := range standardProperties(k) {
			if _, bad := t.define(p, formatTime(clock())); bad != nil {
				return nil, fmt.Errorf("define standard property %s.%s: %w", k.plural, p.Name, bad)
			}
		}
		s.tables[k] = t
	}
	return s, nil
}

func (s *store) lock() { s.mu.Lock() }

// unlock hands the events of one call over together, still under the lock: so
// they stay in the order of the changes, and a batch fills whole POSTs.
func (s *store) unlock() {
	if len(s.events) > 0 {
		s.send(s.events)
		s.events = s.events[:0]
	}
	s.mu.Unlock()
}

func (s *store) emit(e event) { s.events = append(s.events, e) }

// add makes a record of prepared values. The caller holds the lock.
func (s *store) add(t *table, values []assignment, by *actor, rules *Assumptions) *record {
	s.lastID++
	now := s.clock()
	r := &record{
		id: s.lastID, text: strconv.FormatInt(s.lastID, 10), fields: make(map[string][]version, len(values)),
		createdBy: by, updatedBy: by, createdAt: now,
	}
	t.byID[r.id] = r
	t.order = append(t.order, r)
	t.touch(r, now)
	s.emit(event{name: t.kind.singular + ".creation", object: r.id, at: now, by: by, flag: "CREATED"})
	for _, v := range values {
		if v.value == "" {
			continue
		}
		r.set(v.name, v.value, now, by, s.versions)
		if rules.CreationSendsPropertyChanges {
			s.emit(s.propertyChange(t, r, v, now, by))
		}
	}
	t.index(r, true)
	return r
}

// change writes prepared values to a live record. Values that stand already
// change nothing. The caller holds the lock.
func (s *store) change(t *table, r *record, values []assignment, by *actor, rules *Assumptions) {
	now := s.clock()
	changed := rules.NoopTouchesModified
	for _, v := range values {
		old := r.current(v.name)
		if old == v.value {
			continue
		}
		changed = true
		if holders, unique := t.unique[v.name]; unique {
			if holders[old] == r {
				delete(holders, old)
			}
			if v.value != "" {
				holders[v.value] = r
			}
		}
		r.set(v.name, v.value, now, by, s.versions)
		s.emit(s.propertyChange(t, r, v, now, by))
	}
	if changed {
		r.updatedBy = by
		t.touch(r, now)
	}
}

func (s *store) propertyChange(t *table, r *record, v assignment, at int64, by *actor) event {
	return event{name: t.kind.singular + ".propertyChange", object: r.id, at: at, by: by, property: v.name, value: v.value}
}

// archive takes a record out of sight; its unique values are free again.
func (s *store) archive(t *table, r *record, by *actor, rules *Assumptions) {
	if !r.live() {
		return
	}
	now := s.clock()
	t.index(r, false)
	r.archived, r.archivedAt, r.updatedBy = true, now, by
	t.touch(r, now)
	s.emit(event{name: t.kind.singular + ".deletion", object: r.id, at: now, by: by, flag: "DELETED"})
	s.hideLinks(t, r, by, rules)
}

// restore brings an archived record back, unless another record has taken a
// unique value of it meanwhile.
func (s *store) restore(t *table, r *record, by *actor) *fault {
	if r.survivor != nil {
		return invalid("Record " + r.text + " was merged into " + r.survivor.text + " and cannot be restored")
	}
	if !r.archived {
		return nil
	}
	for name, values := range t.unique {
		if other := values[r.current(name)]; other != nil {
			return taken(t.kind, other.id)
		}
	}
	now := s.clock()
	r.archived, r.archivedAt, r.updatedBy = false, 0, by
	t.index(r, true)
	t.touch(r, now)
	s.emit(event{name: t.kind.singular + ".restore", object: r.id, at: now, by: by})
	s.settleLinks(t, r)
	return nil
}

// purge removes a record for good, as the GDPR delete does.
func (s *store) purge(t *table, r *record, by *actor) {
	t.index(r, false)
	t.unthread(r)
	delete(t.byID, r.id)
	rest := t.after(r.id - 1)
	copy(rest, rest[1:])
	t.order[len(t.order)-1] = nil
	t.order = t.order[:len(t.order)-1]
	for to, others := range r.links {
		for other := range others {
			other.links.remove(t.kind, r)
			delete(r.links[to], other)
		}
	}
	s.emit(event{name: t.kind.singular + ".privacyDeletion", object: r.id, at: s.clock(), by: by})
}

func splitList(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, ";")
}
