package hubspot

import (
	"net/http"
	"strconv"
)

// resolvedLink is an association whose other end was found.
type resolvedLink struct {
	to    *table
	other *record
	typ   linkType
}

// resolveLinks finds the ends of associations in the body of a create. The
// type id tells the object type of the other end.
func (s *store) resolveLinks(from *table, in []inputLinks, rules *Assumptions) ([]resolvedLink, *fault) {
	var out []resolvedLink
	for _, link := range in {
		for _, typ := range link.Types {
			to := s.linkTarget(from, typ)
			if to == nil {
				return nil, invalid("invalid association type id " + strconv.Itoa(typ.TypeID) + " from " + from.kind.upper)
			}
			other, _ := to.lookup(string(link.To.ID), "", rules.MergedIDResolves)
			if other == nil || !other.live() {
				return nil, missing(to.kind, string(link.To.ID))
			}
			out = append(out, resolvedLink{to, other, typ.link()})
		}
	}
	return out, nil
}

// link is the type as it is kept.
func (t inputType) link() linkType {
	if t.Category == "HUBSPOT_DEFINED" {
		return hubspotLink(t.TypeID)
	}
	return linkType{Category: t.Category, TypeID: t.TypeID, Label: "Label " + strconv.Itoa(t.TypeID)}
}

// labelTargets are the labelled types by where they start.
var labelTargets = map[string]map[int]string{
	"contact": {1: "company"}, "company": {2: "contact", 6: "deal", 25: "ticket", toChild: "company", toParent: "company"},
	"deal": {5: "company"}, "ticket": {26: "company"},
}

// linkTarget is where a type of HubSpot's leads from one object type; nil where
// it does not start there.
func (s *store) linkTarget(from *table, typ inputType) *table {
	for _, k := range kinds {
		if typ.Category == "HUBSPOT_DEFINED" && (linkTypes[linkName(from.kind, k)] == typ.TypeID || labelTargets[from.kind.singular][typ.TypeID] == k.singular) {
			return s.tables[k]
		}
	}
	return nil
}

// checkTypes refuses types that do not lead from one object type to the other.
// The account's own labels are taken as they come.
func (s *store) checkTypes(from, to *table, in []inputType) ([]linkType, *fault) {
	out := make([]linkType, 0, len(in))
	for _, typ := range in {
		if typ.Category == "HUBSPOT_DEFINED" && s.linkTarget(from, typ) != to {
			return nil, invalid("invalid association type id " + strconv.Itoa(typ.TypeID) + " from " + from.kind.upper + " to " + to.kind.upper)
		}
		out = append(out, typ.link())
	}
	return out, nil
}

// linkAll makes the associations of a new record: nothing can stand in their way
// but another one of the same call.
func (s *store) linkAll(from *table, rec *record, list []resolvedLink, by *actor, rules *Assumptions) {
	for _, link := range list {
		_ = s.associate(from, rec, link.to, link.other, link.typ, by, rules) // a second parent in one call is passed over
	}
}

// linkRoute serves …/objects/{type}/{id}/associations and …/associations/default.
func (c *call) linkRoute(method, prefix string, seg []string) route {
	if !c.takeKind(seg[0]) {
		return route{template: prefix + "/{type}", serve: unknownType}
	}
	if seg[2] != "associations" {
		return unknownPath
	}
	c.id = seg[1]
	base := prefix + "/" + c.kind.plural + "/{id}/associations/"
	rest := seg[3:]
	plain := rest[0] == "default"
	if plain {
		base, rest = base+"default/", rest[1:]
	}
	if len(rest) == 0 || kindsByName[rest[0]] == nil {
		return route{template: base + "{type}", serve: unknownType}
	}
	c.to = kindsByName[rest[0]]
	base += c.to.plural
	if len(rest) >= 2 {
		c.toID = rest[1]
	}
	switch {
	case len(rest) == 1 && method == http.MethodGet && !plain:
		return route{template: base, serve: listLinks}
	case len(rest) == 2 && method == http.MethodPut && plain:
		return route{template: base + "/{id}", serve: putDefaultLink, write: true}
	case len(rest) == 2 && method == http.MethodPut:
		return route{template: base + "/{id}", serve: putLink, write: true}
	case len(rest) == 2 && method == http.MethodDelete && !plain:
		return route{template: base + "/{id}", serve: deleteLink, write: true}
	}
	return unknownPath
}

// ends finds the two records of the path. The caller holds the lock.
func (c *call) ends() (a, b *record, to *table, bad *fault) {
	to = c.s.store.tables[c.to]
	a, _ = c.table.lookup(c.id, "", c.rules.MergedIDResolves)
	b, _ = to.lookup(c.toID, "", c.rules.MergedIDResolves)
	if a == nil || !a.live() {
		return nil, nil, nil, missing(c.kind, c.id)
	}
	if b == nil || !b.live() {
		return nil, nil, nil, missing(c.to, c.toID)
	}
	return a, b, to, nil
}

func putDefaultLink(c *call) answer {
	return c.link([]linkType{defaultLink(c.kind, c.to)}, true)
}

func putLink(c *call) answer {
	var in []inputType
	if bad := c.read(&in); bad != nil {
		return c.refuse(bad)
	}
	types, bad := c.s.store.checkTypes(c.table, c.s.store.tables[c.to], in)
	if bad != nil {
		return c.refuse(bad)
	}
	return c.link(types, false)
}

// link associates the records of the path.
func (c *call) link(types []linkType, plain bool) answer {
	c.s.store.lock()
	defer c.s.store.unlock()
	a, b, to, bad := c.ends()
	if bad != nil {
		return c.refuse(bad)
	}
	for _, typ := range types {
		if bad := c.s.store.associate(c.table, a, to, b, typ, c.s.app, c.rules); bad != nil {
			return c.refuse(bad)
		}
	}
	if plain {
		now := formatTime(c.s.clock())
		out := asJSON(http.StatusOK, map[string]any{
			"status": "COMPLETE", "startedAt": now, "completedAt": now, "results": c.bothWays(a, b, c.to),
		})
		out.written = 1
		return out
	}
	out := asJSON(http.StatusCreated, map[string]any{
		"fromObjectTypeId": c.kind.typeID, "fromObjectId": a.id, "toObjectTypeId": c.to.typeID, "toObjectId": b.id, "labels": []string{},
	})
	out.written = 1
	return out
}

// bothWays lists the default association and its reverse, as v4 answers it.
func (c *call) bothWays(a, b *record, to *kind) []map[string]any {
	spec := func(from, to *kind) map[string]any {
		typ := defaultLink(from, to)
		return map[string]any{"associationCategory": typ.Category, "associationTypeId": typ.TypeID}
	}
	return []map[string]any{
		{"from": map[string]string{"id": a.text}, "to": map[string]string{"id": b.text}, "associationSpec": spec(c.kind, to)},
		{"from": map[string]string{"id": b.text}, "to": map[string]string{"id": a.text}, "associationSpec": spec(to, c.kind)},
	}
}

func deleteLink(c *call) answer {
	c.s.store.lock()
	defer c.s.store.unlock()
	a, b, to, bad := c.ends()
	if bad != nil {
		return noContent() // the vendor does not mind
	}
	written := 0
	if len(a.links[c.to][b]) > 0 {
		c.s.store.dissociate(c.table, a, to, b, c.s.app, c.rules)
		written = 1
	}
	return answer{status: http.StatusNoContent, written: written}
}

func listLinks(c *call) answer {
	c.s.store.lock()
	defer c.s.store.unlock()
	rec, _ := c.table.lookup(c.id, "", c.rules.MergedIDResolves)
	if rec == nil || !rec.live() {
		return c.refuse(notFound())
	}
	return asJSON(http.StatusOK, map[string]any{"results": linked(rec, c.to)})
}

// linkedBody is one record at the other end, in v4's form.
type linkedBody struct {
	ID    int64      `json:"toObjectId"`
	Types []linkType `json:"associationTypes"`
}

func linked(rec *record, to *kind) []linkedBody {
	list := []linkedBody{}
	for _, other := range rec.links.live(to) {
		list = append(list, linkedBody{other.id, sortLinks(rec.links[to][other])})
	}
	return list
}
