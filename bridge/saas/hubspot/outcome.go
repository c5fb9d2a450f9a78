package hubspot

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/lockstep-sync/lockstep/bridge/saas"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

// enter maps the answer of a batch back to its writes: by trace id, else by
// record id. What the answer does not mention is in doubt.
func (b *batch) enter(run []int, out *batchAnswer) {
	open := make(map[int]bool, len(run))
	for _, i := range run {
		open[i] = true
	}
	var unnamed []*problem
	for n := range out.Errors {
		p := &out.Errors[n]
		hit := b.culprits(run, p.Context)
		for _, i := range hit {
			if open[i] {
				delete(open, i)
				b.fail(i, p.fault())
			}
		}
		if len(hit) == 0 {
			unnamed = append(unnamed, p)
		}
	}
	for n := range out.Results {
		r := &out.Results[n]
		if i, ok := b.match(run, open, r, len(out.Results)); ok {
			delete(open, i)
			b.results[i] = b.result(i, r)
		}
	}
	for i := range open {
		if len(open) == 1 && len(unnamed) == 1 { // one input failed and one fault is left: they are a pair
			b.fail(i, unnamed[0].fault())
			continue
		}
		b.fail(i, &event.Fault{Class: event.InDoubt, Message: "HubSpot's answer to the batch does not say what became of this record"})
	}
}

// match finds the write that a result is of.
func (b *batch) match(run []int, open map[int]bool, r *record, results int) (int, bool) {
	if r.Trace != "" {
		i, err := strconv.Atoi(r.Trace)
		return i, err == nil && open[i]
	}
	for _, i := range run {
		if open[i] && b.key(i).ID() == r.ID {
			return i, true
		}
	}
	if len(run) == 1 && results == 1 { // there is nothing else it could be of
		return run[0], open[run[0]]
	}
	return 0, false
}

// result is what became of a write that stands. The key is the record's as
// HubSpot names it now: another than the write's when it was merged away.
func (b *batch) result(i int, r *record) event.Result {
	w := &b.writes[i]
	out := event.Result{Key: event.KeyOf(r.ID), At: clock(r.UpdatedAt)}
	for n, name := range w.Set.Names {
		sent := w.Set.Values[n]
		if sent.IsUnchanged() {
			continue
		}
		if _, is := associationOf(w.Object, name); is {
			if w.Op == event.DoCreate { // made together with the record
				out.After.Put(name, idValue(wanted(sent)))
			}
			continue
		}
		kind := b.shape.kind(name)
		value, told := r.Properties[name]
		switch {
		case told:
			out.After.Put(name, canonical(kind, value.pointer()))
		case native(kind, sent) == "":
			out.After.Put(name, event.NullOf(kind)) // an answer leaves out what has no value
		}
	}
	return out
}

// clock reads HubSpot's time; zero when it is none.
func clock(s string) time.Time {
	at, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return time.Time{}
	}
	return at.UTC()
}

// archived enters an archive, which answers nothing about what it did.
func (b *batch) archived(run []int, errs []problem) {
	for _, i := range run {
		b.results[i] = event.Result{Key: b.writes[i].Key}
	}
	for n := range errs {
		hit := b.culprits(run, errs[n].Context)
		if len(hit) == 0 { // it may be about any of them
			hit = run
		}
		for _, i := range hit {
			b.fail(i, errs[n].fault())
		}
	}
}

// culprits finds the inputs that an error's context names.
func (b *batch) culprits(run []int, context map[string][]string) []int {
	var hit []int
	for _, i := range run {
		id, trace := b.key(i).ID(), strconv.Itoa(i)
		if holds(context["objectWriteTraceId"], trace) || id != "" && (holds(context["ids"], id) || holds(context["id"], id)) || b.targets(i, context["ids"]) {
			hit = append(hit, i)
		}
	}
	return hit
}

func holds(list []string, s string) bool {
	for _, one := range list {
		if one == s {
			return true
		}
	}
	return false
}

// refused says what a batch means that failed as a whole: HubSpot checks every
// input before it applies the first, so nothing was applied.
func (b *batch) refused(run []int, a saas.Answer, fault *event.Fault) *saas.Refusal {
	r := &saas.Refusal{Fault: fault, Shared: true}
	var p problem
	known := json.Unmarshal(a.Body, &p) == nil && p.code("") != ""
	switch {
	case a.Status == http.StatusRequestEntityTooLarge:
		r.Shared = false
	case !known:
	case a.Status == http.StatusBadRequest, a.Status == http.StatusNotFound, a.Status == http.StatusConflict:
		r.Shared = false
		r.Named = make(map[int]*event.Fault)
		for _, i := range b.culprits(run, p.Context) {
			f := *fault
			r.Named[i] = &f
		}
	}
	return r
}
