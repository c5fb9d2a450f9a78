package hubspot

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// names splits list parameters, which may be repeated and hold commas.
func (c *call) names(parameter string) []string {
	var names []string
	for _, value := range c.query[parameter] {
		for name := range strings.SplitSeq(value, ",") {
			if name = strings.TrimSpace(name); name != "" {
				names = append(names, name)
			}
		}
	}
	return names
}

// queryView reads what a GET asks to see.
func (c *call) queryView() (*view, *fault) {
	v := &view{properties: c.names("properties"), history: c.names("propertiesWithHistory"), cutoff: never, blank: c.rules.ClearedReadsEmpty}
	if len(v.properties) == 0 && len(v.history) == 0 {
		v.properties = c.kind.defaults
	}
	for _, name := range v.history {
		if !slices.Contains(v.properties, name) {
			v.properties = append(v.properties, name)
		}
	}
	for _, name := range c.names("associations") {
		k := kindsByName[name]
		if k == nil {
			return nil, invalid("Unable to infer object type from: " + name)
		}
		v.links = append(v.links, k)
	}
	return v, nil
}

// writtenView shows what a write answers.
func (c *call) writtenView(t *table, rec *record, values []assignment) *view {
	v := &view{cutoff: never, blank: c.rules.ClearedReadsEmpty}
	if c.rules.PatchReturnsAllProperties {
		v.properties = rec.names(t.kind)
	} else {
		v.properties = []string{"createdate", "hs_object_id", t.kind.modified}
	}
	for _, value := range values {
		v.properties = append(v.properties, value.name)
	}
	return v
}

func readRecord(c *call) answer {
	v, bad := c.queryView()
	if bad != nil {
		return c.refuse(bad)
	}
	c.s.store.lock()
	defer c.s.store.unlock()
	rec, bad := c.table.lookup(c.id, c.query.Get("idProperty"), c.rules.MergedIDResolves)
	if bad != nil {
		return c.refuse(bad)
	}
	if rec == nil || rec.archived != (c.query.Get("archived") == "true") {
		return c.refuse(notFound())
	}
	return ok(v.append(nil, c.table, rec))
}

func listRecords(c *call) answer {
	v, bad := c.queryView()
	if bad != nil {
		return c.refuse(bad)
	}
	limit, after, bad := c.page(100)
	if bad != nil {
		return c.refuse(bad)
	}
	archived := c.query.Get("archived") == "true"
	c.s.store.lock()
	defer c.s.store.unlock()
	body, n, next := []byte(`{"results":[`), 0, int64(0)
	for _, rec := range c.table.after(after) {
		if rec.archived != archived || rec.survivor != nil {
			continue
		}
		if n == limit {
			body = append(body, `],"paging":{"next":{"after":"`...)
			body = strconv.AppendInt(body, next, 10)
			body = append(body, `","link":`...)
			body = appendString(body, c.nextLink(strconv.FormatInt(next, 10)))
			return ok(append(body, `}}}`...))
		}
		if n > 0 {
			body = append(body, ',')
		}
		body = v.append(body, c.table, rec)
		n, next = n+1, rec.id
	}
	return ok(append(body, `]}`...))
}

// page reads limit and after.
func (c *call) page(most int) (limit int, after int64, bad *fault) {
	limit = 10
	if text := c.query.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > most {
			return 0, 0, invalid("Invalid request: limit must be between 1 and " + strconv.Itoa(most))
		}
		limit = n
	}
	if text := c.query.Get("after"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return 0, 0, invalid("Invalid request: after is not a cursor of this API: " + text)
		}
		after = n
	}
	return limit, after, nil
}

func (c *call) nextLink(after string) string {
	query := c.r.URL.Query()
	query.Set("after", after)
	return c.s.URL() + c.r.URL.EscapedPath() + "?" + query.Encode()
}

// input is one record in the body of a write.
type input struct {
	ID           textID       `json:"id"`
	IDProperty   string       `json:"idProperty"`
	Properties   properties   `json:"properties"`
	Associations []inputLinks `json:"associations"`
	Trace        string       `json:"objectWriteTraceId"`
}

// inputLinks are associations of a record that is created.
type inputLinks struct {
	To struct {
		ID textID `json:"id"`
	} `json:"to"`
	Types []inputType `json:"types"`
}

type inputType struct {
	Category string `json:"associationCategory"`
	TypeID   int    `json:"associationTypeId"`
}

func createRecord(c *call) answer {
	var in input
	if bad := c.read(&in); bad != nil {
		return c.refuse(bad)
	}
	c.s.store.lock()
	defer c.s.store.unlock()
	links, bad := c.s.store.resolveLinks(c.table, in.Associations, c.rules)
	if bad != nil {
		return c.refuse(bad)
	}
	values, bad := c.table.prepare(nil, in.Properties, c.s.app, c.rules, nil)
	if bad != nil {
		return c.refuse(bad)
	}
	rec := c.s.store.add(c.table, values, c.s.app, c.rules)
	c.s.store.linkAll(c.table, rec, links, c.s.app, c.rules)
	v := c.writtenView(c.table, rec, values)
	v.trace = in.Trace
	return answer{status: http.StatusCreated, body: v.append(nil, c.table, rec), written: 1}
}

func updateRecord(c *call) answer {
	var in input
	if bad := c.read(&in); bad != nil {
		return c.refuse(bad)
	}
	c.s.store.lock()
	defer c.s.store.unlock()
	rec, bad := c.table.lookup(c.id, c.query.Get("idProperty"), c.rules.MergedIDResolves)
	if bad != nil {
		return c.refuse(bad)
	}
	if rec == nil || !rec.live() {
		return c.refuse(notFound())
	}
	values, bad := c.table.prepare(rec, in.Properties, c.s.app, c.rules, nil)
	if bad != nil {
		return c.refuse(bad)
	}
	c.s.store.change(c.table, rec, values, c.s.app, c.rules)
	v := c.writtenView(c.table, rec, values)
	v.trace = in.Trace
	return answer{status: http.StatusOK, body: v.append(nil, c.table, rec), written: 1}
}

// archiveRecord takes the record's own id only. One that was merged away is
// archived already as far as the caller can tell; its survivor is left alone.
func archiveRecord(c *call) answer {
	c.s.store.lock()
	defer c.s.store.unlock()
	rec := c.table.find(c.id)
	if rec == nil || !rec.live() && !c.rules.DeleteOfArchivedIs204 {
		return c.refuse(notFound())
	}
	written := 0
	if rec.live() {
		c.s.store.archive(c.table, rec, c.s.app, c.rules)
		written = 1
	}
	return answer{status: http.StatusNoContent, written: written}
}

func purgeRecord(c *call) answer {
	var in struct {
		ID         textID `json:"objectId"`
		IDProperty string `json:"idProperty"`
	}
	if bad := c.read(&in); bad != nil {
		return c.refuse(bad)
	}
	c.s.store.lock()
	defer c.s.store.unlock()
	rec, bad := c.table.lookup(string(in.ID), in.IDProperty, false)
	if bad != nil {
		return c.refuse(bad)
	}
	if rec == nil {
		return c.refuse(notFound())
	}
	c.s.store.purge(c.table, rec, c.s.app)
	return answer{status: http.StatusNoContent, written: 1}
}

func mergeRecords(c *call) answer {
	var in struct {
		Primary textID `json:"primaryObjectId"`
		Loser   textID `json:"objectIdToMerge"`
	}
	if bad := c.read(&in); bad != nil {
		return c.refuse(bad)
	}
	c.s.store.lock()
	defer c.s.store.unlock()
	survivor, bad := c.s.store.mergeByID(c.table, string(in.Primary), string(in.Loser), c.s.app, c.rules)
	if bad != nil {
		return c.refuse(bad)
	}
	v := c.writtenView(c.table, survivor, nil)
	v.properties = survivor.names(c.kind)
	return answer{status: http.StatusOK, body: v.append(nil, c.table, survivor), written: 2}
}
