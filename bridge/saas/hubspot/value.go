package hubspot

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

const (
	isoMillis = "2006-01-02T15:04:05.000Z"       // how HubSpot writes a point in time
	instant   = "2006-01-02T15:04:05.999999999Z" // canonical: no trailing zeros
	maxMillis = 253402300799999                  // the end of the year 9999
)

// canonical is a property value of HubSpot in the canonical text of its kind:
//
//	datetime  2024-08-15T17:09:13.648Z, also from milliseconds since 1970; no trailing zeros
//	date      2024-08-15, also from its midnight in either form
//	bool      true or false
//	others    the text as HubSpot holds it; of numbers too
//
// An empty or absent value is Null: HubSpot does not tell them apart. What does
// not read as its kind stays the text that it is.
func canonical(kind event.Kind, text *string) event.Value {
	if text == nil || *text == "" {
		return event.NullOf(kind)
	}
	s := *text
	switch kind {
	case event.Bool:
		if strings.EqualFold(s, "true") || strings.EqualFold(s, "false") {
			s = strings.ToLower(s)
		}
	case event.Date:
		if at, ok := parseTime(s); ok {
			s = at.Format(time.DateOnly)
		}
	case event.Instant:
		if at, ok := parseTime(s); ok {
			s = at.Format(instant)
		}
	}
	return event.Of(kind, s)
}

// native is a canonical value in the form that HubSpot takes. Null is "".
func native(kind event.Kind, v event.Value) string {
	if !v.IsSet() {
		return ""
	}
	switch kind {
	case event.Instant:
		if at, err := time.Parse(time.RFC3339Nano, v.Text); err == nil {
			return at.UTC().Format(isoMillis) // HubSpot keeps milliseconds
		}
	case event.Multi:
		return strings.TrimLeft(v.Text, ";") // a leading semicolon would add to the selection instead of setting it
	}
	return v.Text
}

// searched is a canonical value in the form that search filters take.
func searched(kind event.Kind, text string) string {
	if kind == event.Date || kind == event.Instant {
		if at, ok := parseTime(text); ok {
			return strconv.FormatInt(at.UnixMilli(), 10)
		}
	}
	return text
}

// parseTime reads milliseconds since 1970, a date, or an ISO time with a zone.
func parseTime(s string) (time.Time, bool) {
	if ms, err := strconv.ParseInt(s, 10, 64); err == nil {
		return time.UnixMilli(ms).UTC(), ms >= -maxMillis && ms <= maxMillis
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly, "2006-01-02T15:04:05.999999999Z0700"} {
		if at, err := time.Parse(layout, s); err == nil {
			return at.UTC(), true
		}
	}
	return time.Time{}, false
}

// text is a JSON value that HubSpot means as text: a string, or a number or
// boolean where it is not strict. Valid is false for null.
type text struct {
	value string
	valid bool
}

// UnmarshalJSON takes any scalar; numbers stay the text that they are.
func (t *text) UnmarshalJSON(raw []byte) error {
	*t = text{}
	switch {
	case string(raw) == "null":
		return nil
	case raw[0] == '"':
		t.valid = true
		return json.Unmarshal(raw, &t.value)
	case raw[0] == '{' || raw[0] == '[':
		return errors.New("want text, got an object or array")
	}
	t.value, t.valid = string(raw), true
	return nil
}

// pointer is nil for null.
func (t *text) pointer() *string {
	if t == nil || !t.valid {
		return nil
	}
	return &t.value
}
