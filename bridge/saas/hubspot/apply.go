package hubspot

import (
	"context"
	"fmt"
	"net/http"
	"strconv"

	"github.com/lockstep-sync/lockstep/bridge/saas"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

var batchPath = map[event.WriteOp]string{
	event.DoCreate: "/batch/create", event.DoUpdate: "/batch/update", event.DoDelete: "/batch/archive",
}

// Apply carries out the writes, up to a hundred of one operation and object in
// a call, one call after another, and returns their results in the same order.
//
// After holds the written fields as HubSpot keeps them, At is HubSpot's
// updatedAt; Floor is not known. Write.Guard protects nothing. Updating to what
// stands already, and archiving what is archived, succeed. HubSpot cannot bring
// a record back under its id: the Key of a DoCreate is ignored, and a new record
// is made.
//
// A record is created together with its associations. An update writes
// properties first and associations after that, in calls of their own; one that
// fails between the two is reported as failed, and repeating it is safe.
func (c *Connector) Apply(ctx context.Context, writes []event.Write) []event.Result {
	results := make([]event.Result, len(writes))
	for _, run := range saas.Batches(writes, maxBatch) {
		c.applyRun(ctx, writes, run, results)
	}
	return results
}

// applyRun sends writes of one operation and object.
func (c *Connector) applyRun(ctx context.Context, writes []event.Write, run []int, results []event.Result) {
	first := &writes[run[0]]
	s, fault := c.shapes.of(ctx, first.Object, named(writes, run))
	b := &batch{c: c, ctx: ctx, shape: s, writes: writes, results: results}
	if path := batchPath[first.Op]; fault == nil && path == "" {
		fault = &event.Fault{Class: event.Rejected, Message: fmt.Sprintf("hubspot cannot carry out %q", first.Op)}
	}
	if fault != nil {
		for _, i := range run {
			own := *fault
			b.fail(i, &own)
		}
		return
	}
	var records, linked []int // what a call on the records writes, and what calls on their associations do
	for _, i := range run {
		if _, ok := recordID(writes[i].Key); !ok && first.Op != event.DoCreate {
			b.fail(i, noKey(writes[i].Key))
			continue
		}
		if bad := b.badLink(i); bad != nil {
			b.fail(i, bad)
			continue
		}
		properties, links := b.sets(i)
		if properties || len(links) == 0 || first.Op != event.DoUpdate {
			records = append(records, i)
		}
		if len(links) > 0 && first.Op == event.DoUpdate {
			linked = append(linked, i)
		}
	}
	if len(records) > 0 {
		saas.Isolate(records, b.send, b.fail)
	}
	if len(linked) > 0 {
		b.switchLinks(linked)
	}
}

// named lists the fields that the writes name.
func named(writes []event.Write, run []int) []string {
	var names []string
	seen := make(map[string]bool)
	for _, i := range run {
		for _, name := range writes[i].Set.Names {
			if !seen[name] {
				seen[name] = true
				names = append(names, name)
			}
		}
	}
	return names
}

// batch sends runs of one Apply.
type batch struct {
	c       *Connector
	ctx     context.Context
	shape   *shape
	writes  []event.Write
	results []event.Result
}

// input is one record of a batch. The trace id is what lets HubSpot fail some
// inputs and apply the others.
type input struct {
	ID           string            `json:"id,omitempty"`
	Properties   map[string]string `json:"properties,omitempty"`
	Associations []newLink         `json:"associations,omitempty"`
	Trace        string            `json:"objectWriteTraceId,omitempty"`
}

type batchBody struct {
	Inputs     []input  `json:"inputs"`
	Properties []string `json:"properties,omitempty"`
	History    []string `json:"propertiesWithHistory,omitempty"`
	IDProperty string   `json:"idProperty,omitempty"`
}

// record is one object in an answer.
type record struct {
	ID         string          `json:"id"`
	Properties map[string]text `json:"properties"`
	UpdatedAt  string          `json:"updatedAt"`
	Archived   bool            `json:"archived"`
	Trace      string          `json:"objectWriteTraceId"`
	// History is each property's versions, the newest first, where it was asked for.
	History map[string][]version `json:"propertiesWithHistory"`

	links map[string][]link // by field; of those that were read
}

// version is one value that a property had, and who made it.
type version struct {
	Value      text   `json:"value"`
	Timestamp  string `json:"timestamp"`
	SourceType string `json:"sourceType"`
	SourceID   text   `json:"sourceId"`
}

type batchAnswer struct {
	Results []record  `json:"results"`
	Errors  []problem `json:"errors"`
}

// key of the record that a write is to; zero for one that is to be made.
func (b *batch) key(i int) event.Key {
	if b.writes[i].Op == event.DoCreate {
		return ""
	}
	return b.writes[i].Key
}

// input renders a write.
func (b *batch) input(i int) input {
	w := &b.writes[i]
	in := input{}
	in.ID, _ = recordID(b.key(i)) // applyRun let only ids through
	if w.Op == event.DoDelete {
		return in // archiving takes ids and nothing else, and passes over what is not there
	}
	in.Trace = strconv.Itoa(i)
	in.Properties = make(map[string]string, len(w.Set.Names))
	for n, name := range w.Set.Names {
		v := w.Set.Values[n]
		a, is := associationOf(w.Object, name)
		switch {
		case v.IsUnchanged():
		case !is:
			in.Properties[name] = native(b.shape.kind(name), v)
		case w.Op == event.DoCreate && wanted(v) != "":
			in.Associations = append(in.Associations, newLink{To: idOf{v.Text}, Types: a.types()})
		}
	}
	return in
}

// send sends a batch; nil when every input's result is entered.
func (b *batch) send(run []int) *saas.Refusal {
	first := &b.writes[run[0]]
	body := batchBody{Inputs: make([]input, 0, len(run))}
	for _, i := range run {
		body.Inputs = append(body.Inputs, b.input(i))
	}
	var out batchAnswer
	answer, fault := b.c.client.Do(b.ctx, saas.Request{
		Method: http.MethodPost, Path: objects(first.Object, batchPath[first.Op]), Body: body, Mutating: true,
	}, &out)
	switch {
	case fault != nil:
		return b.refused(run, answer, fault)
	case first.Op == event.DoDelete:
		b.archived(run, out.Errors)
	default:
		b.enter(run, &out)
	}
	return nil
}

// fail enters a fault, unless it says that what was to be archived is not there
// any more: that is what was asked for.
func (b *batch) fail(i int, f *event.Fault) {
	w := &b.writes[i]
	switch {
	case w.Op == event.DoDelete && f.Class == event.Gone:
		f = nil
	case w.Op == event.DoCreate && f.Class == event.Gone:
		b.missingTarget(i, f)
	}
	b.results[i] = event.Result{Key: b.key(i), Err: f}
}
