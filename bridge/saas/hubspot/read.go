package hubspot

import (
	"context"
	"net/http"

	"golang.org/x/sync/errgroup"

	"github.com/lockstep-sync/lockstep/bridge/saas"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

// Read returns the records that exist among keys, with the named properties,
// and when and whether by us each of them was set: fifty in a call, which is
// all that HubSpot takes when it is asked for that. It is strongly consistent.
//
// A record that was merged away answers as its survivor: Key names that one,
// Asked the key that was read. Finding that out costs one call for each key
// that the batch does not know. Archived records are absent. An error is an
// *event.Fault.
func (c *Connector) Read(ctx context.Context, object string, keys []event.Key, fields []string) ([]event.Snapshot, error) {
	s, fault := c.shapes.of(ctx, object, fields)
	if fault != nil {
		return nil, fault
	}
	r := &reader{c: c, object: object, shape: s, fields: fields, history: true}
	ids := make([]string, 0, len(keys))
	asked := make(map[string]bool, len(keys))
	for _, key := range keys {
		id, ok := recordID(key)
		if ok && !asked[id] { // a key that is no number names no record: it is absent
			asked[id] = true
			ids = append(ids, id)
		}
	}
	var out []event.Snapshot
	for len(ids) > 0 {
		n := min(len(ids), maxHistories)
		found, fault := r.chunk(ctx, ids[:n])
		if fault != nil {
			return nil, fault
		}
		out, ids = append(out, found...), ids[n:]
	}
	return out, nil
}

// reader reads records of one object.
type reader struct {
	c      *Connector
	object string
	shape  *shape
	fields []string
	extra  []string // read besides, not part of snapshots
	// history reads since when, and by whom, each property has its value, too.
	// One call then takes maxHistories records.
	history bool
}

// chunk reads what fits in one call.
func (r *reader) chunk(ctx context.Context, ids []string) ([]event.Snapshot, *event.Fault) {
	found, fault := r.records(ctx, ids)
	if fault != nil {
		return nil, fault
	}
	var out []event.Snapshot
	for _, id := range ids {
		if rec := found[id]; rec != nil {
			out = append(out, r.snapshot(rec, event.KeyOf(id)))
		}
	}
	return out, nil
}

// records reads what fits in one call and returns what each id stands for now.
func (r *reader) records(ctx context.Context, ids []string) (map[string]*record, *event.Fault) {
	found, fault := r.batch(ctx, ids, "")
	if fault != nil {
		return nil, fault
	}
	byID := make(map[string]*record, len(found))
	for i := range found {
		byID[found[i].ID] = &found[i]
	}
	var missing []string
	for _, id := range ids {
		if byID[id] == nil {
			missing = append(missing, id)
		}
	}
	survivors, fault := r.survivors(ctx, missing)
	if fault != nil {
		return nil, fault
	}
	if fault := r.complete(ctx, survivors, byID); fault != nil {
		return nil, fault
	}
	out := make(map[string]*record, len(ids))
	for _, id := range ids {
		if out[id] = byID[id]; out[id] == nil {
			out[id] = byID[survivors[id]]
		}
	}
	return out, nil
}

// batch reads records by id, or by the value of a unique property, with their
// associations as far as those are asked for. Archived ones are left out,
// whatever the vendor does.
func (r *reader) batch(ctx context.Context, values []string, idProperty string) ([]record, *event.Fault) {
	properties, links := asked(r.object, r.fields)
	body := batchBody{Inputs: make([]input, len(values)), Properties: append(append([]string{keyField}, properties...), r.extra...), IDProperty: idProperty}
	for i, value := range values {
		body.Inputs[i].ID = value
	}
	if r.history {
		body.History = properties
	}
	var out batchAnswer
	_, fault := r.c.client.Do(ctx, saas.Request{Method: http.MethodPost, Path: objects(r.object, "/batch/read"), Body: body}, &out)
	if fault != nil {
		return nil, fault
	}
	for i := range out.Errors {
		// Records that are not there are no failure of the read; anything else
		// would pass for a deletion if it were passed over.
		if f := out.Errors[i].fault(); f.Class != event.Gone {
			return nil, f
		}
	}
	live := out.Results[:0]
	for _, rec := range out.Results {
		if rec.ID != "" && !rec.Archived {
			live = append(live, rec)
		}
	}
	return live, r.associate(ctx, live, links)
}

// associate reads the associations of records and notes what each field holds.
func (r *reader) associate(ctx context.Context, records []record, links []association) *event.Fault {
	if len(records) == 0 {
		return nil
	}
	ids := make([]string, len(records))
	for i := range records {
		ids[i] = records[i].ID
	}
	for _, a := range links {
		found, fault := r.c.links(ctx, r.object, a, ids)
		if fault != nil {
			return fault
		}
		for i := range records {
			rec := &records[i]
			if rec.links == nil {
				rec.links = make(map[string][]link, len(links))
			}
			rec.links[a.field] = found[rec.ID]
		}
	}
	return nil
}

// survivors asks for ids one by one that a batch does not know: a record that
// was merged away answers as another one.
func (r *reader) survivors(ctx context.Context, ids []string) (map[string]string, *event.Fault) {
	answers := make([]string, len(ids))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(concurrency)
	for i, id := range ids {
		group.Go(func() error {
			var rec record
			_, fault := r.c.client.Do(ctx, saas.Request{
				Method: http.MethodGet, Path: objects(r.object, "/"+id), Query: map[string][]string{"properties": {keyField}},
			}, &rec)
			if fault != nil && fault.Class != event.Gone {
				return fault
			}
			if fault == nil && !rec.Archived {
				answers[i] = rec.ID
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err.(*event.Fault) // the only error that the calls above return
	}
	out := make(map[string]string, len(ids))
	for i, id := range ids {
		if answers[i] != "" {
			out[id] = answers[i]
		}
	}
	return out, nil
}

// complete reads the survivors that are not there yet.
func (r *reader) complete(ctx context.Context, survivors map[string]string, byID map[string]*record) *event.Fault {
	var ids []string
	seen := make(map[string]bool)
	for _, id := range survivors {
		if byID[id] == nil && !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	found, fault := r.batch(ctx, ids, "")
	for i := range found {
		byID[found[i].ID] = &found[i]
	}
	return fault
}

// snapshot is a record in canonical form, with the fields asked for that HubSpot
// has. A property that is not described (any more) says nothing, whatever the
// answer holds: it must not pass for one that was cleared.
func (r *reader) snapshot(rec *record, key event.Key) event.Snapshot {
	s := event.Snapshot{Key: event.KeyOf(rec.ID), Asked: key, At: clock(rec.UpdatedAt)}
	for _, name := range r.fields {
		if a, is := associationOf(r.object, name); is {
			s.Record.Put(name, idValue(a.main(rec.links[name])))
			if at := r.c.heard.at(r.object, name, rec.ID); !at.IsZero() {
				note(&s.FieldAt, name, at)
			}
			continue
		}
		field, known := r.shape.fields[name]
		if value, told := rec.Properties[name]; told && known {
			s.Record.Put(name, canonical(field.Kind, value.pointer()))
			r.provenance(&s, name, value, rec.History[name])
		}
	}
	return s
}

// provenance notes since when a property has its value, and whether we wrote it.
func (r *reader) provenance(s *event.Snapshot, name string, value text, versions []version) {
	if len(versions) == 0 || versions[0].Value.value != value.value {
		return
	}
	if at := clock(versions[0].Timestamp); !at.IsZero() {
		note(&s.FieldAt, name, at)
	}
	if r.c.own(versions[0].SourceType, versions[0].SourceID) {
		note(&s.Own, name, true)
	}
}

// note puts an entry into a map that is made when it is needed.
func note[V any](m *map[string]V, name string, v V) {
	if *m == nil {
		*m = make(map[string]V)
	}
	(*m)[name] = v
}

// idValue is an id as a field's value; none is null.
func idValue(id string) event.Value {
	if id == "" {
		return event.NullOf(event.Text)
	}
	return event.String(id)
}
