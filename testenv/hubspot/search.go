package hubspot

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Limits of one search.
const (
	maxSearchBody    = 3000
	maxFilterGroups  = 5
	maxGroupFilters  = 10
	maxFilters       = 25
	maxSearchPage    = 200
	maxSearchResults = 10_000
)

// query is the body of a search.
type query struct {
	Groups []struct {
		Filters []filter `json:"filters"`
	} `json:"filterGroups"`
	Sorts      []sorting `json:"sorts"`
	Query      string    `json:"query"`
	Properties []string  `json:"properties"`
	Limit      int       `json:"limit"`
	After      textID    `json:"after"`
}

// sorting is one sort order, given as an object or as "name" or "-name".
type sorting struct {
	Property  string `json:"propertyName"`
	Direction string `json:"direction"`
}

// UnmarshalJSON takes both forms.
func (s *sorting) UnmarshalJSON(raw []byte) error {
	if raw[0] == '"' {
		var name string
		if err := json.Unmarshal(raw, &name); err != nil {
			return err
		}
		if s.Property = strings.TrimPrefix(name, "-"); s.Property != name {
			s.Direction = "DESCENDING"
		}
		return nil
	}
	type plain sorting
	return json.Unmarshal(raw, (*plain)(s))
}

func searchRecords(c *call) answer {
	q, offset, bad := c.readQuery()
	if bad != nil {
		return c.refuse(bad)
	}
	v := &view{properties: q.Properties, cutoff: never, blank: c.rules.ClearedReadsEmpty}
	if len(v.properties) == 0 {
		v.properties = c.kind.defaults
	}
	if c.rules.SearchLagMS > 0 {
		v.cutoff = c.s.clock() - c.rules.SearchLagMS
	}
	c.s.store.lock()
	defer c.s.store.unlock()
	groups, bad := c.table.compile(q)
	if bad != nil {
		return c.refuse(bad)
	}
	found := c.table.match(groups, strings.ToLower(q.Query), v.cutoff)
	if bad := c.table.sort(found, q.Sorts, v.cutoff); bad != nil {
		return c.refuse(bad)
	}
	body := strconv.AppendInt([]byte(`{"total":`), int64(len(found)), 10)
	body = append(body, `,"results":[`...)
	end := min(len(found), offset+q.Limit)
	for i := offset; i < end; i++ {
		if i > offset {
			body = append(body, ',')
		}
		body = v.append(body, c.table, found[i])
	}
	body = append(body, ']')
	if end < len(found) {
		body = append(body, fmt.Sprintf(`,"paging":{"next":{"after":"%d"}}`, end)...)
	}
	return ok(append(body, '}'))
}

// readQuery decodes a search and checks its size.
func (c *call) readQuery() (*query, int, *fault) {
	text, err := io.ReadAll(io.LimitReader(c.r.Body, maxSearchBody+1))
	if err != nil {
		return nil, 0, invalid("Unable to read the request: " + err.Error())
	}
	if len(text) > maxSearchBody {
		return nil, 0, invalid("Search request is too long: a request body may have 3000 characters")
	}
	q := &query{}
	if err := json.Unmarshal(text, q); err != nil {
		return nil, 0, invalid("Invalid input JSON: " + err.Error())
	}
	if q.Limit == 0 {
		q.Limit = 10
	}
	if q.Limit < 0 || q.Limit > maxSearchPage {
		return nil, 0, invalid("Invalid request: limit must be between 1 and 200")
	}
	total := 0
	for _, group := range q.Groups {
		total += len(group.Filters)
		if len(group.Filters) > maxGroupFilters {
			return nil, 0, invalid("Invalid request: a filter group takes 10 filters")
		}
	}
	if len(q.Groups) > maxFilterGroups || total > maxFilters {
		return nil, 0, invalid("Invalid request: a search takes 5 filter groups and 25 filters")
	}
	offset := 0
	if q.After != "" {
		if offset, err = strconv.Atoi(string(q.After)); err != nil || offset < 0 {
			return nil, 0, invalid("Invalid request: after is not a cursor of this search: " + string(q.After))
		}
	}
	if offset+q.Limit > maxSearchResults {
		return nil, 0, invalid("Invalid request: paging goes up to 10,000 results; narrow the filters")
	}
	return q, offset, nil
}

// match finds the records that one of the groups takes, oldest id first. A
// search for what was modified lately costs what was modified lately, not all.
func (t *table) match(groups [][]test, text string, cutoff int64) []*record {
	var found []*record
	take := func(r *record) {
		if r.searchable(cutoff) && t.matches(r, groups, cutoff) && (text == "" || t.contains(r, text, cutoff)) {
			found = append(found, r)
		}
	}
	since := t.modifiedSince(groups)
	if since == math.MinInt64 || t.disordered {
		for _, r := range t.order {
			take(r)
		}
		return found
	}
	for r := t.newest; r != nil && r.updatedAt >= since; r = r.older {
		take(r)
	}
	return found
}

// searchable tells whether the index of that time holds the record as live.
func (r *record) searchable(cutoff int64) bool {
	return r.createdAt <= cutoff && (r.live() || r.archived && r.archivedAt > cutoff)
}

func (t *table) matches(r *record, groups [][]test, cutoff int64) bool {
	if len(groups) == 0 {
		return true
	}
	return slices.ContainsFunc(groups, func(group []test) bool {
		for i := range group {
			if !group[i].passes(t, r, cutoff) {
				return false
			}
		}
		return true
	})
}

// contains is the free-text query: a word of a default property starts with it.
func (t *table) contains(r *record, text string, cutoff int64) bool {
	return slices.ContainsFunc(t.kind.search, func(name string) bool {
		value, _ := r.valueAt(t.kind, name, cutoff)
		return strings.Contains(strings.ToLower(value), text)
	})
}

// modifiedSince is the earliest modification date that any group takes.
func (t *table) modifiedSince(groups [][]test) int64 {
	since := int64(math.MaxInt64)
	for _, group := range groups {
		bound := int64(math.MinInt64)
		for _, one := range group {
			if one.property.Name == t.kind.modified && slices.Contains([]string{"GT", "GTE", "EQ", "BETWEEN"}, one.operator) {
				bound = max(bound, int64(one.values[0].number))
			}
		}
		since = min(since, bound)
	}
	if len(groups) == 0 {
		return math.MinInt64
	}
	return since
}

// sort orders what was found: by the first sort, then by id. Records without a
// value come last.
func (t *table) sort(found []*record, sorts []sorting, cutoff int64) *fault {
	slices.SortFunc(found, func(a, b *record) int { return cmp.Compare(a.id, b.id) })
	if len(sorts) == 0 {
		return nil
	}
	p, known := t.properties[sorts[0].Property]
	if !known {
		return invalid("There was a problem with the request: cannot sort by unknown property " + sorts[0].Property)
	}
	keys := make(map[*record]operand, len(found))
	for _, r := range found {
		keys[r] = t.operand(p, r, cutoff)
	}
	sign := 1
	if strings.EqualFold(sorts[0].Direction, "DESCENDING") {
		sign = -1
	}
	slices.SortStableFunc(found, func(a, b *record) int {
		x, y := keys[a], keys[b]
		if x.unset || y.unset {
			return cmp.Compare(order(x.unset), order(y.unset))
		}
		return sign * cmp.Or(cmp.Compare(x.number, y.number), cmp.Compare(x.text, y.text))
	})
	return nil
}

func order(last bool) int {
	if last {
		return 1
	}
	return 0
}
