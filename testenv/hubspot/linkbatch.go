package hubspot

import (
	"net/http"
	"slices"
	"strconv"
)

// linkInput is one pair in a batch of associations.
type linkInput struct {
	From struct {
		ID textID `json:"id"`
	} `json:"from"`
	To    linkEnds    `json:"to"`
	Types []inputType `json:"types"`
	ID    textID      `json:"id"` // of batch/read
	After string      `json:"after"`
}

// What one batch of associations takes, and how many of one record a page of
// batch/read shows.
const (
	maxLinkInputs = 2000
	maxLinkReads  = 1000
	linkPage      = 500
)

// readLinkInputs decodes a batch of associations.
func (c *call) readLinkInputs(most int) ([]linkInput, *fault) {
	var in struct {
		Inputs []linkInput `json:"inputs"`
	}
	if bad := c.read(&in); bad != nil {
		return nil, bad
	}
	if len(in.Inputs) == 0 || len(in.Inputs) > most {
		return nil, invalid("Invalid input: a batch of associations takes 1 to " + strconv.Itoa(most) + " inputs, this one has " + strconv.Itoa(len(in.Inputs)))
	}
	return in.Inputs, nil
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
	case len(seg) == 5 && seg[3] == "labels" && seg[4] == "archive":
		return route{template: base + "/batch/labels/archive", serve: batchUnlabel, write: true}
	}
	return unknownPath
}

func listLabels(c *call) answer {
	types := []linkType{defaultLink(c.kind, c.to)}
	for id, target := range labelTargets[c.kind.singular] {
		if target == c.to.singular {
			types = append(types, hubspotLink(id))
		}
	}
	return asJSON(http.StatusOK, map[string]any{"results": sortLinks(types)})
}

func batchLink(c *call) answer { return c.linkBatch(http.StatusCreated, false) }

func batchLinkDefault(c *call) answer { return c.linkBatch(http.StatusOK, true) }

// linkBatch associates pairs; those whose ends are missing, or that are refused,
// go to errors[].
func (c *call) linkBatch(success int, plain bool) answer {
	inputs, bad := c.readLinkInputs(maxLinkInputs)
	if bad != nil {
		return c.refuse(bad)
	}
	c.s.store.lock()
	defer c.s.store.unlock()
	results, errs, written := []map[string]any{}, []batchError{}, 0
	for _, pair := range inputs {
		types := []linkType{defaultLink(c.kind, c.to)}
		if !plain && len(pair.Types) > 0 {
			if types, bad = c.s.store.checkTypes(c.table, c.s.store.tables[c.to], pair.Types); bad != nil {
				return c.refuse(bad) // nothing tells whose fault it is: the whole call fails
			}
		}
		for _, toID := range pair.To {
			made, bad := c.linkPair(string(pair.From.ID), toID, types, plain)
			if bad != nil {
				errs = append(errs, bad.inBatch(""))
				continue
			}
			written++
			results = append(results, made...)
		}
	}
	out := c.multiStatus(success, results, errs)
	out.written = written
	return out
}

// linkPair associates one pair of a batch.
func (c *call) linkPair(from, toID string, types []linkType, plain bool) ([]map[string]any, *fault) {
	c.id, c.toID = from, toID
	a, b, to, bad := c.ends()
	if bad != nil {
		return nil, bad
	}
	for _, typ := range types {
		if bad := c.s.store.associate(c.table, a, to, b, typ, c.s.app, c.rules); bad != nil {
			bad.context = map[string][]string{"fromObjectId": {a.text}, "toObjectId": {b.text}}
			return nil, bad
		}
	}
	if plain {
		return c.bothWays(a, b, c.to), nil
	}
	return []map[string]any{{
		"fromObjectTypeId": c.kind.typeID, "fromObjectId": a.id, "toObjectTypeId": c.to.typeID, "toObjectId": b.id, "labels": []string{},
	}}, nil
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
	return c.unlinkBatch(func(a, b *record, _ []inputType) bool {
		if len(a.links[c.to][b]) == 0 {
			return false
		}
		c.s.store.dissociate(c.table, a, c.s.store.tables[c.to], b, c.s.app, c.rules)
		return true
	})
}

func batchUnlabel(c *call) answer {
	return c.unlinkBatch(func(a, b *record, in []inputType) bool {
		types := make([]linkType, len(in))
		for i, typ := range in {
			types[i] = typ.link()
		}
		return c.s.store.removeTypes(c.table, a, c.s.store.tables[c.to], b, types, c.s.app, c.rules)
	})
}

// unlinkBatch passes over what is not there, as the vendor does.
func (c *call) unlinkBatch(remove func(a, b *record, types []inputType) bool) answer {
	inputs, bad := c.readLinkInputs(maxLinkInputs)
	if bad != nil {
		return c.refuse(bad)
	}
	c.s.store.lock()
	defer c.s.store.unlock()
	written := 0
	for _, pair := range inputs {
		for _, toID := range pair.To {
			c.id, c.toID = string(pair.From.ID), toID
			if a, b, _, bad := c.ends(); bad == nil && remove(a, b, pair.Types) {
				written++
			}
		}
	}
	return answer{status: http.StatusNoContent, written: written}
}

func batchReadLinks(c *call) answer {
	inputs, bad := c.readLinkInputs(maxLinkReads)
	if bad != nil {
		return c.refuse(bad)
	}
	c.s.store.lock()
	defer c.s.store.unlock()
	results, errs := []map[string]any{}, []batchError{}
	for _, one := range inputs {
		rec, _ := c.table.lookup(string(one.ID), "", c.rules.MergedIDResolves)
		var others []linkedBody
		if rec != nil && rec.live() {
			others = linked(rec, c.to)
		}
		after, _ := strconv.ParseInt(one.After, 10, 64) // none, or none of ours: from the start
		others = slices.DeleteFunc(others, func(l linkedBody) bool { return l.ID <= after })
		if len(others) == 0 {
			if c.rules.NoAssociationsIsError {
				errs = append(errs, c.unlinked(string(one.ID)).inBatch(""))
			}
			continue
		}
		result := map[string]any{"from": map[string]string{"id": rec.text}}
		if len(others) > linkPage {
			others = others[:linkPage]
			result["paging"] = map[string]any{"next": map[string]string{"after": strconv.FormatInt(others[linkPage-1].ID, 10)}}
		}
		result["to"] = others
		results = append(results, result)
	}
	return c.multiStatus(http.StatusOK, results, errs)
}

// unlinked is what the vendor says of a record without associations, and of one
// that does not exist.
func (c *call) unlinked(id string) *fault {
	return &fault{
		status: http.StatusNotFound, category: "OBJECT_NOT_FOUND", subCategory: "crm.associations.NO_ASSOCIATIONS_FOUND",
		message: "No " + c.to.singular + " is associated with " + c.kind.singular + " " + id + ".",
		context: map[string][]string{"fromObjectId": {id}, "fromObjectType": {c.kind.singular}, "toObjectType": {c.to.singular}},
	}
}
