package hubspot

import (
	"context"
	"net/http"
	"slices"

	"github.com/lockstep-sync/lockstep/bridge/saas"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

// linkInput names a record whose associations are asked for, and where to go on.
type linkInput struct {
	ID    string `json:"id"`
	After string `json:"after,omitempty"`
}

// linkAnswer is what HubSpot tells of associations. Ids come as numbers or as
// texts.
type linkAnswer struct {
	Results []struct {
		From struct {
			ID text `json:"id"`
		} `json:"from"`
		To []struct {
			ID    text `json:"toObjectId"`
			Types []struct {
				Category string `json:"category"`
				ID       int    `json:"typeId"`
			} `json:"associationTypes"`
		} `json:"to"`
		Paging struct {
			Next struct {
				After string `json:"after"`
			} `json:"next"`
		} `json:"paging"`
	} `json:"results"`
	Errors []problem `json:"errors"`
}

// links reads one kind of association of up to a hundred records, by id. A record
// without any is not in the answer.
func (c *Connector) links(ctx context.Context, object string, a association, ids []string) (map[string][]link, *event.Fault) {
	out := make(map[string][]link, len(ids))
	var inputs []linkInput
	for _, id := range ids {
		inputs = append(inputs, linkInput{ID: id})
	}
	for len(inputs) > 0 {
		var answer linkAnswer
		_, fault := c.client.Do(ctx, saas.Request{Method: http.MethodPost, Path: linkPath(object, a, "/batch/read"), Body: map[string]any{"inputs": inputs}}, &answer)
		if fault != nil {
			return nil, fault
		}
		for i := range answer.Errors {
			// HubSpot answers an error for each record without associations. Anything
			// else would pass for their removal if it were passed over.
			if f := answer.Errors[i].fault(); f.Class != event.Gone {
				return nil, f
			}
		}
		next := []linkInput{}
		for _, r := range answer.Results {
			from := r.From.ID.value
			for _, to := range r.To {
				l := link{id: to.ID.value}
				for _, t := range to.Types {
					ours := t.Category == hubspotDefined && (t.ID == a.label || t.ID == a.plain)
					l.main = l.main || a.label != 0 && t.Category == hubspotDefined && t.ID == a.label
					l.foreign = l.foreign || !ours
				}
				out[from] = append(out[from], l)
			}
			if after := r.Paging.Next.After; after != "" && !slices.Contains(inputs, linkInput{from, after}) {
				next = append(next, linkInput{from, after})
			}
		}
		inputs = next
	}
	return out, nil
}

// linkPath is the path of the associations of an object.
func linkPath(object string, a association, rest string) string {
	return "/crm/v4/associations/" + object + "/" + a.to + rest
}
