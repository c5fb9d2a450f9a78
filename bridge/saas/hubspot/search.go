package hubspot

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/lockstep-sync/lockstep/bridge/saas"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

const (
	searchBytes = 3000 // of a search body
	searchPage  = 200
	searchMost  = 10_000 // records that one search can page through
	searchIn    = 100    // values in one filter
)

// searchBody finds records whose property holds one of some values.
type searchBody struct {
	Groups     []filterGroup `json:"filterGroups"`
	Sorts      []sorting     `json:"sorts"`
	Properties []string      `json:"properties"`
	Limit      int           `json:"limit"`
	After      string        `json:"after,omitempty"`
}

type filterGroup struct {
	Filters []filter `json:"filters"`
}

type filter struct {
	Property string   `json:"propertyName"`
	Operator string   `json:"operator"`
	Values   []string `json:"values"`
}

type sorting struct {
	Property  string `json:"propertyName"`
	Direction string `json:"direction"`
}

type searchAnswer struct {
	Total   int      `json:"total"`
	Results []record `json:"results"`
	Paging  struct {
		Next struct {
			After string `json:"after"`
		} `json:"next"`
	} `json:"paging"`
}

// search asks the search index, as many values at once as a body holds. The
// properties are read afterwards, by id: a list of properties longer than a
// body takes would not fit, and the record itself is newer than the index.
func (l *lookup) search(ctx context.Context) ([]event.Snapshot, error) {
	for rest := l.values; len(rest) > 0; {
		body, n := l.body(rest)
		if n == 0 {
			return nil, &event.Fault{Class: event.Rejected, Field: l.field,
				Message: fmt.Sprintf("a value of %s is longer than HubSpot's search takes (%d bytes with the query): match by a unique property", l.field, searchBytes)}
		}
		ids, fault := l.pages(ctx, body)
		if fault != nil {
			return nil, fault
		}
		for len(ids) > 0 {
			part := ids[:min(len(ids), maxBatch)]
			found, fault := l.batch(ctx, part, "")
			if fault != nil {
				return nil, fault
			}
			for i := range found {
				// The index ignores case and may be old: only what the record itself
				// says counts.
				l.take(&found[i], func(have, asked string) bool { return have == asked })
			}
			ids = ids[len(part):]
		}
		rest = rest[n:]
	}
	return l.out, nil
}

// body builds the query for as many values as fit, and tells how many.
func (l *lookup) body(values []string) (searchBody, int) {
	b := searchBody{
		Sorts:      []sorting{{keyField, "ASCENDING"}}, // pages of an order that nothing moves
		Properties: []string{keyField}, Limit: searchPage,
	}
	var in []string
	n := 0
	for n < len(values) && len(in)+2 <= searchIn {
		more := append(in[:len(in):len(in)], searched(l.kind, values[n]))
		// IN on text wants lower case; whether it takes other case too is not
		// documented, so both are asked for.
		if folded := strings.ToLower(values[n]); l.kind == event.Text && folded != values[n] {
			more = append(more, folded)
		}
		b.Groups = []filterGroup{{[]filter{{l.field, "IN", more}}}}
		text, err := json.Marshal(b)
		if err != nil || len(text) > searchBytes-len(`,"after":"10000"`) {
			break
		}
		in, n = more, n+1
	}
	b.Groups = []filterGroup{{[]filter{{l.field, "IN", in}}}}
	return b, n
}

// pages runs a query to its end and returns the ids.
func (l *lookup) pages(ctx context.Context, body searchBody) ([]string, *event.Fault) {
	var ids []string
	seen := make(map[string]bool) // pages are cut by number: a record may slip onto the next one
	for {
		var out searchAnswer
		_, fault := l.c.client.Do(ctx, saas.Request{
			Method: http.MethodPost, Path: objects(l.object, "/search"), Body: body, Class: classSearch,
		}, &out)
		if fault != nil {
			return nil, fault
		}
		if out.Total > searchMost {
			return nil, &event.Fault{Class: event.Rejected, Field: l.field,
				Message: fmt.Sprintf("%d records match by %s, more than HubSpot's search shows (%d): match by a property that tells records apart", out.Total, l.field, searchMost)}
		}
		for i := range out.Results {
			if id := out.Results[i].ID; !seen[id] {
				seen[id] = true
				ids = append(ids, id)
			}
		}
		next := out.Paging.Next.After
		if next == "" || next == body.After || len(ids) >= searchMost {
			return ids, nil
		}
		body.After = next
	}
}
