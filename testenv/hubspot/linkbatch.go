package hubspot

import "net/http"

// linkInput is one pair in a batch of associations.
type linkInput struct {
	From struct {
		ID textID `json:"id"`
	} `json:"from"`
	To    linkEnds    `json:"to"`
	Types []inputType `json:"types"`
	ID    textID      `json:"id"` // of batch/read
}

// linkBatchRoute serves …/associations/{from}/{to}/batch/… and …/labels.
func (c *call) linkBatchRoute(method, prefix string, seg []string) route {
	if !c.takeKind(seg[0]) || kindsByName[seg[1]] == nil {
		return route{template: prefix + "/{type}", serve: unknownType}
	}
	c.to = kindsByName[seg[1]]
	base := prefix + "/" + c.kind.plural + "/" + c.to.plural
	switch {
	case len(seg) == 3 && seg[2] == "labels" && method == http.MethodGet:
		return route{template: base + "/labels", serve: listLabels}
	case seg[2] != "batch" || method != http.MethodPost || len(seg) < 4:
		return unknownPath
	case len(seg) == 4 && seg[3] == "read":
		return route{template: base + "/batch/read", serve: batchReadLinks}
	case len(seg) == 4 && seg[3] == "create":
		return route{template: base + "/batch/create", serve: batchLink, write: true}
	case len(seg) == 5 && seg[3] == "associate" && seg[4] == "default":
		return route{template: base + "/batch/associate/default", serve: batchLinkDefault, write: true}
	case len(seg) == 4 && seg[3] == "archive":
		return route{template: base + "/batch/archive", serve: batchUnlink, write: true}
	}
	return unknownPath
}

func listLabels(c *call) answer {
	types := []linkType{defaultLink(c.kind, c.to)}
	for id, target := range primaryTargets[c.kind.singular] {
		if target == c.to.singular {
			types = append(types, linkType{Category: "HUBSPOT_DEFINED", TypeID: id, Label: "Primary"})
		}
	}
	return asJSON(http.StatusOK, map[string]any{"results": sortLinks(types)})
}

func batchLink(c *call) answer { return c.linkBatch(http.StatusCreated, false) }

func batchLinkDefault(c *call) answer { return c.linkBatch(http.StatusOK, true) }

// linkBatch associates pairs; those whose ends are missing go to errors[].
func (c *call) linkBatch(success int, plain bool) answer {
	var in struct {
		Inputs []linkInput `json:"inputs"`
	}
	if bad := c.read(&in); bad != nil {
		return c.refuse(bad)
	}
	c.s.store.lock()
	defer c.s.store.unlock()
	results, errs, written := []map[string]any{}, []batchError{}, 0
	for _, pair := range in.Inputs {
		for _, toID := range pair.To {
			c.id, c.toID = string(pair.From.ID), toID
			a, b, to, bad := c.ends()
			if bad != nil {
				errs = append(errs, bad.inBatch(""))
				continue
			}
			types := []linkType{defaultLink(c.kind, c.to)}
			if !plain && len(pair.Types) > 0 {
				types = types[:0]
				for _, typ := range pair.Types {
					types = append(types, linkType{Category: typ.Category, TypeID: typ.TypeID})
				}
			}
			for _, typ := range types {
				c.s.store.associate(c.table, a, to, b, typ, c.s.app)
			}
			written++
			if plain {
				results = append(results, c.bothWays(a, b, c.to)...)
			} else {
				results = append(results, map[string]any{
					"fromObjectTypeId": c.kind.typeID, "fromObjectId": a.id, "toObjectTypeId": c.to.typeID, "toObjectId": b.id, "labels": []string{},
				})
			}
		}
	}
	out := c.multiStatus(success, results, errs)
	out.written = written
	return out
}

// multiStatus answers results, and 207 with errors where there are some.
func (c *call) multiStatus(success int, results any, errs []batchError) answer {
	now := formatTime(c.s.clock())
	body := map[string]any{"status": "COMPLETE", "startedAt": now, "completedAt": now, "results": results}
	if len(errs) > 0 {
		success = http.StatusMultiStatus
		body["errors"], body["numErrors"] = errs, len(errs)
	}
	return asJSON(success, body)
}

func batchUnlink(c *call) answer {
	var in struct {
		Inputs []linkInput `json:"inputs"`
	}
	if bad := c.read(&in); bad != nil {
		return c.refuse(bad)
	}
	c.s.store.lock()
	defer c.s.store.unlock()
	written := 0
	for _, pair := range in.Inputs {
		for _, toID := range pair.To {
			c.id, c.toID = string(pair.From.ID), toID
			a, b, to, bad := c.ends()
			if bad == nil && len(a.links[c.to][b]) > 0 {
				c.s.store.dissociate(c.table, a, to, b, c.s.app)
				written++
			}
		}
	}
	return answer{status: http.StatusNoContent, written: written}
}

func batchReadLinks(c *call) answer {
	var in struct {
		Inputs []linkInput `json:"inputs"`
	}
	if bad := c.read(&in); bad != nil {
		return c.refuse(bad)
	}
	c.s.store.lock()
	defer c.s.store.unlock()
	results, errs := []map[string]any{}, []batchError{}
	for _, one := range in.Inputs {
		rec, _ := c.table.lookup(string(one.ID), "", c.rules.MergedIDResolves)
		if rec == nil || !rec.live() {
			errs = append(errs, missing(c.kind, string(one.ID)).inBatch(""))
			continue
		}
		if others := linked(rec, c.to); len(others) > 0 {
			results = append(results, map[string]any{"from": map[string]string{"id": rec.text}, "to": others})
		}
	}
	return c.multiStatus(http.StatusOK, results, errs)
}
