package hubspot

import (
	"encoding/json"
	"slices"
	"strconv"
)

// view is what of a record a response shows.
type view struct {
	properties []string // asked for; unknown names are left out
	history    []string // propertiesWithHistory
	links      []*kind  // associations
	cutoff     int64    // values as of then; never for now
	isNew      *bool    // batch upsert
	trace      string   // objectWriteTraceId
	blank      bool     // cleared properties read "" instead of null
}

// append writes the record as JSON. The caller holds the store's lock.
// Written by hand: this is the hot path of every response.
func (v *view) append(b []byte, t *table, r *record) []byte {
	b = append(b, `{"id":"`...)
	b = append(b, r.text...)
	b = append(b, `","properties":`...)
	b = v.appendProperties(b, t, r)
	if len(v.history) > 0 {
		b = v.appendHistory(b, t, r)
	}
	b = append(b, `,"createdAt":"`...)
	b = append(b, formatTime(r.createdAt)...)
	b = append(b, `","updatedAt":"`...)
	b = append(b, formatTime(r.updatedAtCutoff(v.cutoff))...)
	b = append(b, `","archived":`...)
	b = strconv.AppendBool(b, r.archived)
	if r.archived {
		b = append(b, `,"archivedAt":"`...)
		b = append(b, formatTime(r.archivedAt)...)
		b = append(b, '"')
	}
	if v.isNew != nil {
		b = append(b, `,"new":`...)
		b = strconv.AppendBool(b, *v.isNew)
	}
	if v.trace != "" {
		b = append(b, `,"objectWriteTraceId":`...)
		b = appendString(b, v.trace)
	}
	if len(v.links) > 0 {
		b = appendLinks(b, t.kind, r, v.links)
	}
	return append(b, '}')
}

func (v *view) appendProperties(b []byte, t *table, r *record) []byte {
	b = append(b, '{')
	first := true
	for i, name := range v.properties {
		if _, known := t.properties[name]; !known || slices.Contains(v.properties[:i], name) {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = appendString(b, name)
		b = append(b, ':')
		value, set := r.valueAt(t.kind, name, v.cutoff)
		if value == "" && !(set && v.blank) {
			b = append(b, "null"...)
			continue
		}
		b = appendString(b, value)
	}
	return append(b, '}')
}

// versionBody is one entry of propertiesWithHistory.
type versionBody struct {
	Value      string `json:"value"`
	Timestamp  string `json:"timestamp"`
	SourceType string `json:"sourceType"`
	SourceID   string `json:"sourceId,omitempty"`
	UserID     int    `json:"updatedByUserId,omitempty"`
}

// appendHistory writes the versions, newest first.
func (v *view) appendHistory(b []byte, t *table, r *record) []byte {
	histories := make(map[string][]versionBody, len(v.history))
	for _, name := range v.history {
		if _, known := t.properties[name]; !known {
			continue
		}
		list := []versionBody{}
		for _, one := range slices.Backward(r.fields[name]) {
			if len(list) == maxVersions {
				break
			}
			entry := versionBody{Value: one.value, Timestamp: formatTime(one.at), SourceType: one.by.source, SourceID: one.by.id}
			entry.UserID, _ = strconv.Atoi(one.by.user)
			list = append(list, entry)
		}
		histories[name] = list
	}
	text, _ := json.Marshal(histories) // strings and ints: cannot fail
	b = append(b, `,"propertiesWithHistory":`...)
	return append(b, text...)
}

// appendString writes a JSON string; what needs no escaping is copied.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' || c >= 0x7f {
			text, _ := json.Marshal(s) // a string: cannot fail
			return append(b, text...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}
