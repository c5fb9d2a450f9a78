package hubspot

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// maxInputs bounds every batch.
const maxInputs = 100

// maxHistories bounds a batch read that asks for histories.
const maxHistories = 50

// inputs is the body of a batch.
type inputs struct {
	Inputs     []input  `json:"inputs"`
	Properties []string `json:"properties"`
	History    []string `json:"propertiesWithHistory"`
	IDProperty string   `json:"idProperty"`
}

// plan is one input of a batch, checked, and what became of it.
type plan struct {
	in     *input
	rec    *record // nil for one that is to be created
	values []assignment
	links  []resolvedLink
	bad    *fault
}

// readInputs decodes a batch and refuses what fails as a whole.
func (c *call) readInputs() (*inputs, *fault) {
	var in inputs
	if bad := c.read(&in); bad != nil {
		return nil, bad
	}
	if len(in.Inputs) == 0 || len(in.Inputs) > maxInputs {
		return nil, invalid("Invalid input: a batch takes 1 to " + strconv.Itoa(maxInputs) + " inputs, this one has " + strconv.Itoa(len(in.Inputs)))
	}
	return &in, nil
}

// traced tells whether every input has a trace id of its own.
func (in *inputs) traced() bool {
	seen := make(map[string]bool, len(in.Inputs))
	for i := range in.Inputs {
		trace := in.Inputs[i].Trace
		if trace == "" || seen[trace] {
			return false
		}
		seen[trace] = true
	}
	return true
}

// doubled refuses a batch that names one record twice.
func (in *inputs) doubled() *fault {
	seen := make(map[textID]bool, len(in.Inputs))
	var twice []string
	for i := range in.Inputs {
		id := in.Inputs[i].ID
		if seen[id] && !slices.Contains(twice, string(id)) {
			twice = append(twice, string(id))
		}
		seen[id] = true
	}
	if len(twice) == 0 {
		return nil
	}
	return invalid("Duplicate IDs found in batch input: [" + strings.Join(twice, ", ") + "]. IDs must be unique")
}

// partial tells whether a batch may fail for some of its inputs only.
func (c *call) partial(in *inputs) bool { return !c.rules.BatchNeedsTraceForPartial || in.traced() }

func batchCreate(c *call) answer {
	return c.write(http.StatusCreated, func(in *input, claims map[assignment]bool) plan {
		p := plan{in: in}
		if p.links, p.bad = c.s.store.resolveLinks(c.table, in.Associations, c.rules); p.bad == nil {
			p.values, p.bad = c.table.prepare(nil, in.Properties, c.s.app, c.rules, claims)
		}
		return p
	})
}

func batchUpdate(c *call) answer {
	return c.write(http.StatusOK, func(in *input, claims map[assignment]bool) plan {
		p := plan{in: in}
		p.rec, p.bad = c.table.lookup(string(in.ID), in.IDProperty, c.rules.MergedIDResolves)
		switch {
		case p.bad != nil:
		case p.rec == nil || !p.rec.live():
			p.bad = missing(c.kind, string(in.ID))
		default:
			p.values, p.bad = c.table.prepare(p.rec, in.Properties, c.s.app, c.rules, claims)
		}
		return p
	})
}

func batchUpsert(c *call) answer {
	return c.write(http.StatusOK, func(in *input, claims map[assignment]bool) plan {
		p := plan{in: in}
		if p.rec, p.bad = c.table.lookup(string(in.ID), in.IDProperty, c.rules.MergedIDResolves); p.bad != nil {
			return p
		}
		if p.rec != nil && !p.rec.live() {
			p.rec = nil
		}
		properties := in.Properties
		if p.rec == nil {
			if in.IDProperty == "" || in.IDProperty == "hs_object_id" {
				p.bad = missing(c.kind, string(in.ID))
				return p
			}
			if _, given := properties[in.IDProperty]; !given {
				properties = make(map[string]scalar, len(in.Properties)+1)
				for name, value := range in.Properties {
					properties[name] = value
				}
				properties[in.IDProperty] = scalar{text: string(in.ID)}
			}
		}
		p.values, p.bad = c.table.prepare(p.rec, properties, c.s.app, c.rules, claims)
		return p
	})
}

// write runs a batch: all inputs are checked before the first is applied, so a
// batch that fails as a whole leaves nothing behind.
func (c *call) write(success int, check func(*input, map[assignment]bool) plan) answer {
	in, bad := c.readInputs()
	if bad != nil {
		return c.refuse(bad)
	}
	create, upsert := success == http.StatusCreated, strings.HasSuffix(c.r.URL.Path, "/upsert")
	if !create {
		if bad := in.doubled(); bad != nil {
			return c.refuse(bad)
		}
	}
	partial := c.partial(in)
	if upsert && c.kind.singular == "contact" && !c.rules.EmailUpsertPartialAllowed {
		partial = partial && !slices.ContainsFunc(in.Inputs, func(i input) bool { return i.IDProperty == "email" })
	}
	started := c.s.clock()
	c.s.store.lock()
	defer c.s.store.unlock()
	claims := make(map[assignment]bool)
	plans := make([]plan, len(in.Inputs))
	for i := range in.Inputs {
		plans[i] = check(&in.Inputs[i], claims)
		if plans[i].bad != nil && !partial {
			return c.refuse(plans[i].bad)
		}
	}
	return c.apply(plans, success, upsert, started)
}

// apply carries out what is sound and answers 207 where something is not. The
// caller holds the lock.
func (c *call) apply(plans []plan, success int, upsert bool, started int64) answer {
	results := make([]byte, 0, 400*len(plans))
	var errs []batchError
	written := 0
	for i := range plans {
		p := &plans[i]
		if p.bad != nil {
			errs = append(errs, p.bad.inBatch(p.in.Trace))
			continue
		}
		isNew := p.rec == nil
		if isNew {
			p.rec = c.s.store.add(c.table, p.values, c.s.app, c.rules)
			c.s.store.linkAll(c.table, p.rec, p.links, c.s.app, c.rules)
		} else {
			c.s.store.change(c.table, p.rec, p.values, c.s.app, c.rules)
		}
		v := c.writtenView(c.table, p.rec, p.values)
		v.trace = p.in.Trace
		if upsert {
			v.isNew = &isNew
		}
		if written > 0 {
			results = append(results, ',')
		}
		results = v.append(results, c.table, p.rec)
		written++
	}
	out := c.batchAnswer(success, results, errs, started)
	out.written = written
	return out
}

// batchAnswer wraps rendered results.
func (c *call) batchAnswer(success int, results []byte, errs []batchError, started int64) answer {
	body := make([]byte, 0, len(results)+256)
	body = append(append(append(body, `{"status":"COMPLETE","results":[`...), results...), ']')
	if len(errs) > 0 {
		success = http.StatusMultiStatus
		list, _ := json.Marshal(errs) // strings only: cannot fail
		body = append(body, `,"numErrors":`...)
		body = strconv.AppendInt(body, int64(len(errs)), 10)
		body = append(append(body, `,"errors":`...), list...)
	}
	body = append(append(body, `,"startedAt":"`...), formatTime(started)...)
	body = append(append(body, `","completedAt":"`...), formatTime(c.s.clock())...)
	return answer{status: success, body: append(body, `"}`...)}
}

func batchRead(c *call) answer {
	in, bad := c.readInputs()
	if bad != nil {
		return c.refuse(bad)
	}
	if len(in.History) > 0 && len(in.Inputs) > maxHistories {
		return c.refuse(invalid("The maximum number of inputs supported in a batch request for property histories is " + strconv.Itoa(maxHistories) + ". Please reduce the number of items and try again"))
	}
	v := &view{properties: in.Properties, history: in.History, cutoff: never, blank: c.rules.ClearedReadsEmpty}
	if len(v.properties) == 0 && len(v.history) == 0 {
		v.properties = c.kind.defaults
	}
	for _, name := range v.history {
		if !slices.Contains(v.properties, name) {
			v.properties = append(v.properties, name)
		}
	}
	archived := c.query.Get("archived") == "true"
	started := c.s.clock()
	c.s.store.lock()
	defer c.s.store.unlock()
	var results []byte
	var gone []string
	shown := make(map[*record]bool, len(in.Inputs))
	for i := range in.Inputs {
		id := string(in.Inputs[i].ID)
		rec, bad := c.table.lookup(id, in.IDProperty, c.rules.MergedIDResolves)
		if bad != nil {
			return c.refuse(bad)
		}
		if rec == nil || rec.archived != archived {
			gone = append(gone, id)
			continue
		}
		if shown[rec] {
			continue // the vendor answers each record once
		}
		shown[rec] = true
		if len(results) > 0 {
			results = append(results, ',')
		}
		results = v.append(results, c.table, rec)
	}
	var errs []batchError
	if len(gone) > 0 {
		errs = []batchError{missing(c.kind, gone...).inBatch("")}
	}
	return c.batchAnswer(http.StatusOK, results, errs, started)
}

// batchArchive passes over ids that are not there, as the vendor does.
func batchArchive(c *call) answer {
	in, bad := c.readInputs()
	if bad != nil {
		return c.refuse(bad)
	}
	c.s.store.lock()
	defer c.s.store.unlock()
	written := 0
	for i := range in.Inputs {
		if rec := c.table.find(string(in.Inputs[i].ID)); rec != nil && rec.live() {
			c.s.store.archive(c.table, rec, c.s.app, c.rules)
			written++
		}
	}
	return answer{status: http.StatusNoContent, written: written}
}
