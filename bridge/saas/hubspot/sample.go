package hubspot

import (
	"context"
	"net/http"
	"strconv"

	"github.com/lockstep-sync/lockstep/bridge/saas"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

// mostSampled bounds one sample, in records.
const mostSampled = 1000

// Sample returns up to n live records with the named fields that exist: those
// that HubSpot lists first, the oldest as a rule. It makes one call for their ids
// and one for their values, for each hundred. An error is an *event.Fault.
func (c *Connector) Sample(ctx context.Context, object string, fields []string, n int) ([]event.Snapshot, error) {
	var out []event.Snapshot
	after := ""
	for n = min(n, mostSampled); len(out) < n; {
		keys, next, fault := c.list(ctx, object, min(n-len(out), maxBatch), after)
		if fault != nil {
			return nil, fault
		}
		found, err := c.Read(ctx, object, keys, fields)
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
		if next == "" || next == after {
			break
		}
		after = next
	}
	return out, nil
}

// list returns a page of the ids of live records, and where the next one starts.
func (c *Connector) list(ctx context.Context, object string, limit int, after string) (keys []event.Key, next string, fault *event.Fault) {
	query := map[string][]string{"limit": {strconv.Itoa(limit)}, "properties": {keyField}, "archived": {"false"}}
	if after != "" {
		query["after"] = []string{after}
	}
	var page struct {
		Results []record `json:"results"`
		Paging  struct {
			Next struct {
				After string `json:"after"`
			} `json:"next"`
		} `json:"paging"`
	}
	if _, fault = c.client.Do(ctx, saas.Request{Method: http.MethodGet, Path: objects(object, ""), Query: query}, &page); fault != nil {
		return nil, "", fault
	}
	for _, r := range page.Results {
		if !r.Archived {
			keys = append(keys, event.KeyOf(r.ID))
		}
	}
	return keys, page.Paging.Next.After, nil
}
