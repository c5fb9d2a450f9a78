package hubspot

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
)

// person is who acts through the control API: somebody in the vendor's UI.
var person = &actor{source: "CRM_UI", id: "userId:1", user: "1", person: true}

// Record is a record as the control API shows it, with every property that has
// a value.
type Record struct {
	ID         string            `json:"id"`
	Properties map[string]string `json:"properties"`
	Archived   bool              `json:"archived"`             // archived, or merged away
	ByPerson   bool              `json:"byPerson"`             // the last change of the record, its archiving included, was a person's
	MergedInto string            `json:"mergedInto,omitempty"` // the survivor's id, of a record merged away
	CreatedAt  string            `json:"createdAt"`
	UpdatedAt  string            `json:"updatedAt"`
}

// table finds an object type by any of its names.
func (s *Server) table(objectType string) (*table, error) {
	k := kindsByName[objectType]
	if k == nil {
		return nil, &fault{status: http.StatusNotFound, category: "OBJECT_NOT_FOUND", message: "unknown object type " + objectType}
	}
	return s.store.tables[k], nil
}

// Create makes a record as a person does in the UI and returns its id. Values
// are checked as for the API, but calculated properties may be set.
func (s *Server) Create(objectType string, values map[string]string) (string, error) {
	rec, err := s.personCreates(objectType, asProperties(values))
	return rec.ID, err
}

func (s *Server) personCreates(objectType string, in properties) (Record, error) {
	t, err := s.table(objectType)
	if err != nil {
		return Record{}, err
	}
	defer s.notify()
	s.store.lock()
	defer s.store.unlock()
	rules := s.rules.Load()
	prepared, bad := t.prepare(nil, in, person, rules, nil)
	if bad != nil {
		return Record{}, fmt.Errorf("create %s: %w", objectType, bad)
	}
	return s.store.add(t, prepared, person, rules).export(t.kind), nil
}

// Edit changes properties as a person does in the UI; "" clears one. Setting a
// calculated property stands for the vendor computing it.
func (s *Server) Edit(objectType, id string, values map[string]string) error {
	_, err := s.personEdits(objectType, id, asProperties(values))
	return err
}

func (s *Server) personEdits(objectType, id string, in properties) (Record, error) {
	return s.personActs("edit", objectType, id, func(t *table, rec *record) *fault {
		if !rec.live() {
			return notFound()
		}
		rules := s.rules.Load()
		prepared, bad := t.prepare(rec, in, person, rules, nil)
		if bad == nil {
			s.store.change(t, rec, prepared, person, rules)
		}
		return bad
	})
}

// Archive deletes a record as a person does: it can be restored.
func (s *Server) Archive(objectType, id string) error {
	_, err := s.personActs("archive", objectType, id, func(t *table, rec *record) *fault {
		s.store.archive(t, rec, person, s.rules.Load())
		return nil
	})
	return err
}

// Restore brings an archived record back. It fails where another record has
// taken its email meanwhile.
func (s *Server) Restore(objectType, id string) error {
	_, err := s.personActs("restore", objectType, id, func(t *table, rec *record) *fault { return s.store.restore(t, rec, person) })
	return err
}

// personActs does something to one record and returns it.
func (s *Server) personActs(verb, objectType, id string, act func(*table, *record) *fault) (Record, error) {
	t, err := s.table(objectType)
	if err != nil {
		return Record{}, err
	}
	defer s.notify()
	s.store.lock()
	defer s.store.unlock()
	rec := t.find(id)
	if rec == nil {
		return Record{}, fmt.Errorf("%s %s %s: %w", verb, objectType, id, notFound())
	}
	if bad := act(t, rec); bad != nil {
		return Record{}, fmt.Errorf("%s %s %s: %w", verb, objectType, id, bad)
	}
	return rec.export(t.kind), nil
}

// Merge merges the loser into the primary record and returns the survivor's id.
func (s *Server) Merge(objectType, primary, loser string) (string, error) {
	rec, err := s.personMerges(objectType, primary, loser)
	return rec.ID, err
}

func (s *Server) personMerges(objectType, primary, loser string) (Record, error) {
	t, err := s.table(objectType)
	if err != nil {
		return Record{}, err
	}
	defer s.notify()
	s.store.lock()
	defer s.store.unlock()
	survivor, bad := s.store.mergeByID(t, primary, loser, person, s.rules.Load())
	if bad != nil {
		return Record{}, fmt.Errorf("merge %s %s and %s: %w", objectType, primary, loser, bad)
	}
	return survivor.export(t.kind), nil
}

// Records returns every record of a type by id, archived and merged ones too;
// none for an unknown type.
func (s *Server) Records(objectType string) []Record {
	return s.recordsAfter(objectType, 0, -1)
}

// Record returns one record, archived or not; false when there is none.
func (s *Server) Record(objectType, id string) (Record, bool) {
	t, err := s.table(objectType)
	if err != nil {
		return Record{}, false
	}
	s.store.lock()
	defer s.store.unlock()
	rec := t.find(id)
	if rec == nil {
		return Record{}, false
	}
	return rec.export(t.kind), true
}

// recordsAfter pages through records by id; a negative limit means all.
func (s *Server) recordsAfter(objectType string, after int64, limit int) []Record {
	t, err := s.table(objectType)
	if err != nil {
		return nil
	}
	s.store.lock()
	defer s.store.unlock()
	rest := t.after(after)
	if limit >= 0 && len(rest) > limit {
		rest = rest[:limit]
	}
	out := make([]Record, 0, len(rest))
	for _, rec := range rest {
		out = append(out, rec.export(t.kind))
	}
	return out
}

// export copies a record. The caller holds the store's lock.
func (r *record) export(k *kind) Record {
	out := Record{
		ID: r.text, Properties: make(map[string]string, len(r.fields)+5), Archived: !r.live(), ByPerson: r.updatedBy.person,
		CreatedAt: formatTime(r.createdAt), UpdatedAt: formatTime(r.updatedAt),
	}
	for _, name := range r.names(k) {
		out.Properties[name], _ = r.value(k, name)
	}
	if r.survivor != nil {
		out.MergedInto = r.survivor.text
	}
	return out
}

// AddProperty defines a custom property. It can be archived by the API unless
// HubspotDefined is set.
func (s *Server) AddProperty(objectType string, p Property) error {
	t, err := s.table(objectType)
	if err != nil {
		return err
	}
	if !p.HubspotDefined {
		p = custom(p)
	}
	s.store.lock()
	defer s.store.unlock()
	if _, bad := t.define(p, formatTime(s.clock())); bad != nil {
		return fmt.Errorf("define property %s of %s: %w", p.Name, objectType, bad)
	}
	return nil
}

// Requests tells what the API was asked.
func (s *Server) Requests() Requests {
	out := s.ledger.snapshot()
	out.Held = s.gate.count()
	return out
}

// ResetRequests starts the counting of requests anew.
func (s *Server) ResetRequests() { s.ledger.reset() }

// Faults returns the faults in force.
func (s *Server) Faults() Faults { return *s.faults.Load() }

// SetFaults replaces all faults; the zero value ends them, and releases what was
// held.
func (s *Server) SetFaults(f Faults) error {
	if err := f.validate(); err != nil {
		return fmt.Errorf("set faults: %w", err)
	}
	s.faults.Store(&f)
	s.lift(&f)
	return nil
}

// Assumptions returns the assumptions in force.
func (s *Server) Assumptions() Assumptions { return *s.rules.Load() }

// SetAssumptions replaces all assumptions, for calls that come from now on.
func (s *Server) SetAssumptions(a Assumptions) { s.rules.Store(&a) }

// SetWebhook directs webhooks to a URL; "" ends them and drops what waits.
// Changes made while there was no URL are never sent.
func (s *Server) SetWebhook(url string) error {
	defer s.notify()
	return s.hooks.setURL(url)
}

// Webhooks returns the counters of the webhooks.
func (s *Server) Webhooks() WebhookStatus { return s.hooks.snapshot() }

// WaitDelivered waits until no webhook event is pending.
func (s *Server) WaitDelivered(ctx context.Context) error {
	if err := s.WaitFor(ctx, func() bool { return s.Webhooks().Pending == 0 }); err != nil {
		return fmt.Errorf("%w (%s events pending)", err, strconv.FormatInt(s.Webhooks().Pending, 10))
	}
	return nil
}
