package hubspot

import (
	"net/http"
	"slices"
)

// route is what a method and a path lead to.
type route struct {
	template string // the path with {id} for what varies without bound
	serve    func(*call) answer
	write    bool
	search   bool
}

var unknownPath = route{template: "{unknown}"}

// dated are the versions that stand for v3 in newer paths.
var dated = []string{"2025-09", "2026-03", "2026-09"}

// route finds the way of a call and fills in what its path names.
func (c *call) route(seg []string) route {
	method := c.r.Method
	switch {
	case len(seg) >= 4 && seg[0] == "crm" && seg[1] == "objects" && slices.Contains(dated, seg[2]):
		return c.objectRoute(method, "/crm/objects/"+seg[2], seg[3:])
	case len(seg) >= 4 && seg[0] == "crm" && seg[1] == "v3" && seg[2] == "objects":
		return c.objectRoute(method, "/crm/v3/objects", seg[3:])
	case len(seg) >= 4 && seg[0] == "crm" && seg[1] == "v3" && seg[2] == "properties":
		return c.propertyRoute(method, "/crm/v3/properties", seg[3:])
	case len(seg) >= 4 && seg[0] == "crm" && seg[1] == "properties" && slices.Contains(dated, seg[2]):
		return c.propertyRoute(method, "/crm/properties/"+seg[2], seg[3:])
	case len(seg) >= 3 && seg[0] == "crm" && seg[2] == "owners", len(seg) >= 3 && seg[0] == "crm" && seg[1] == "owners":
		return c.ownerRoute(method, seg[3:])
	case len(seg) >= 4 && seg[0] == "crm" && seg[1] == "v3" && seg[2] == "pipelines":
		return c.pipelineRoute(method, "/crm/v3/pipelines", seg[3:])
	case len(seg) >= 4 && seg[0] == "crm" && seg[1] == "pipelines" && slices.Contains(dated, seg[2]):
		return c.pipelineRoute(method, "/crm/pipelines/"+seg[2], seg[3:])
	case len(seg) >= 6 && seg[0] == "crm" && seg[1] == "v4" && seg[2] == "objects":
		return c.linkRoute(method, "/crm/v4/objects", seg[3:])
	case len(seg) >= 5 && seg[0] == "crm" && seg[1] == "v4" && seg[2] == "associations":
		return c.linkBatchRoute(method, "/crm/v4/associations", seg[3:])
	case len(seg) >= 5 && seg[0] == "crm" && seg[1] == "associations" && slices.Contains(dated, seg[2]):
		return c.linkBatchRoute(method, "/crm/associations/"+seg[2], seg[3:])
	case method == http.MethodGet && slices.Equal(seg, []string{"account-info", "v3", "details"}):
		return route{template: "/account-info/v3/details", serve: accountDetails}
	case method == http.MethodGet && slices.Equal(seg, []string{"crm-object-schemas", "v3", "schemas"}):
		return route{template: "/crm-object-schemas/v3/schemas", serve: noSchemas}
	}
	return unknownPath
}

// takeKind resolves an object type of the path.
func (c *call) takeKind(name string) bool {
	c.kind = kindsByName[name]
	if c.kind != nil {
		c.table = c.s.store.tables[c.kind]
	}
	return c.kind != nil
}

// objectRoute serves …/objects/{type} and below.
func (c *call) objectRoute(method, prefix string, seg []string) route {
	if !c.takeKind(seg[0]) {
		return route{template: prefix + "/{type}", serve: unknownType}
	}
	base := prefix + "/" + c.kind.plural
	switch {
	case len(seg) == 1 && method == http.MethodGet:
		return route{template: base, serve: listRecords}
	case len(seg) == 1 && method == http.MethodPost:
		return route{template: base, serve: createRecord, write: true}
	case len(seg) == 2 && method == http.MethodPost:
		return postRoute(base, seg[1])
	case len(seg) == 3 && seg[1] == "batch" && method == http.MethodPost:
		return batchRoute(base, seg[2])
	case len(seg) == 2:
		c.id = seg[1]
		return recordRoute(method, base)
	case len(seg) >= 4 && seg[2] == "associations":
		return c.linkRoute(method, prefix, seg)
	}
	return unknownPath
}

func postRoute(base, verb string) route {
	switch verb {
	case "search":
		return route{template: base + "/search", serve: searchRecords, search: true}
	case "merge":
		return route{template: base + "/merge", serve: mergeRecords, write: true}
	case "gdpr-delete":
		return route{template: base + "/gdpr-delete", serve: purgeRecord, write: true}
	}
	return unknownPath
}

func recordRoute(method, base string) route {
	way := route{template: base + "/{id}"}
	switch method {
	case http.MethodGet:
		way.serve = readRecord
	case http.MethodPatch:
		way.serve, way.write = updateRecord, true
	case http.MethodDelete:
		way.serve, way.write = archiveRecord, true
	default:
		return unknownPath
	}
	return way
}

func batchRoute(base, verb string) route {
	way := route{template: base + "/batch/" + verb, write: true}
	switch verb {
	case "read":
		way.serve, way.write = batchRead, false
	case "create":
		way.serve = batchCreate
	case "update":
		way.serve = batchUpdate
	case "upsert":
		way.serve = batchUpsert
	case "archive":
		way.serve = batchArchive
	default:
		return unknownPath
	}
	return way
}

// propertyRoute serves …/properties/{type} and below.
func (c *call) propertyRoute(method, prefix string, seg []string) route {
	if !c.takeKind(seg[0]) {
		return route{template: prefix + "/{type}", serve: unknownType}
	}
	base := prefix + "/" + c.kind.plural
	switch {
	case len(seg) == 1 && method == http.MethodGet:
		return route{template: base, serve: listProperties}
	case len(seg) == 1 && method == http.MethodPost:
		return route{template: base, serve: createProperty}
	case len(seg) == 2:
		c.name = seg[1]
		switch method {
		case http.MethodGet:
			return route{template: base + "/{name}", serve: readProperty}
		case http.MethodPatch:
			return route{template: base + "/{name}", serve: updateProperty}
		case http.MethodDelete:
			return route{template: base + "/{name}", serve: archiveProperty}
		}
	case len(seg) == 3 && seg[1] == "batch" && method == http.MethodPost:
		return propertyBatchRoute(base, seg[2])
	}
	return unknownPath
}

func propertyBatchRoute(base, verb string) route {
	switch verb {
	case "read":
		return route{template: base + "/batch/read", serve: batchReadProperties}
	case "create":
		return route{template: base + "/batch/create", serve: batchCreateProperties}
	}
	return unknownPath
}

func unknownType(c *call) answer {
	return c.refuse(invalid("Unable to infer object type from: " + c.r.URL.Path))
}

func accountDetails(c *call) answer {
	return asJSON(http.StatusOK, map[string]any{
		"portalId": c.s.portal, "accountType": "STANDARD", "timeZone": "UTC", "companyCurrency": "USD",
		"additionalCurrencies": []string{}, "utcOffset": "+00:00", "utcOffsetMilliseconds": 0,
		"uiDomain": "app.hubspot.com", "dataHostingLocation": "na1",
	})
}

func noSchemas(*call) answer { return asJSON(http.StatusOK, map[string]any{"results": []any{}}) }
