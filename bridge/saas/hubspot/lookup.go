package hubspot

import (
	"context"
	"math/big"
	"regexp"
	"strings"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// Lookup returns the records whose property holds one of the canonical values;
// Asked is the key made of that value. A record that answers to two of them is
// returned for each.
//
// By a unique property it is strongly consistent. By any other it is a search,
// which sees a write only seconds, at worst minutes, later, and which fails
// where a value is held by more than 10,000 records. An error is an
// *event.Fault.
func (c *Connector) Lookup(ctx context.Context, object, field string, values []string, fields []string) ([]event.Snapshot, error) {
	if field == keyField {
		keys := make([]event.Key, len(values))
		for i, v := range values {
			keys[i] = event.KeyOf(v) // Asked of a read is the key read: the same
		}
		return c.Read(ctx, object, keys, fields)
	}
	s, fault := c.shapes.of(ctx, object, append([]string{field}, fields...))
	if fault != nil {
		return nil, fault
	}
	if _, is := associationOf(object, field); is {
		return nil, &event.Fault{Class: event.Rejected, Field: field, Message: "HubSpot's " + object + " cannot be looked up by an association: match by a property"}
	}
	property, known := s.fields[field]
	if !known {
		return nil, &event.Fault{Class: event.Rejected, Field: field, Message: "HubSpot's " + object + " have no property " + field}
	}
	r := &reader{c: c, object: object, shape: s, fields: fields, extra: []string{field}}
	l := &lookup{reader: r, field: field, kind: property.Kind}
	if object == "contacts" && field == "email" {
		// A contact answers to each of its addresses, and none of them can be given
		// to another contact.
		l.also = "hs_additional_emails"
		r.extra = append(r.extra, l.also)
	}
	for _, v := range values {
		if possible(property.Kind, v) && !holds(l.values, v) {
			l.values = append(l.values, v)
		}
	}
	if property.Unique {
		return l.unique(ctx)
	}
	return l.search(ctx)
}

// possible tells whether a property of the kind can hold the value: HubSpot
// refuses a whole search for one that it cannot.
func possible(kind event.Kind, v string) bool {
	switch kind {
	case event.Decimal:
		_, ok := number(v)
		return ok
	case event.Date, event.Instant:
		_, ok := parseTime(v)
		return ok
	}
	return v != ""
}

// lookup finds records of one object by one property.
type lookup struct {
	*reader
	field  string
	kind   event.Kind
	also   string // property with further values, separated by semicolons
	values []string
	out    []event.Snapshot
}

// unique asks by the property as if it were the id.
func (l *lookup) unique(ctx context.Context) ([]event.Snapshot, error) {
	for rest := l.values; len(rest) > 0; {
		n := min(len(rest), maxBatch)
		found, fault := l.batch(ctx, distinct(rest[:n]), l.field)
		if fault != nil {
			return nil, fault
		}
		for i := range found {
			l.take(&found[i], strings.EqualFold) // HubSpot compares unique values in its own form: emails in lower case
		}
		rest = rest[n:]
	}
	return l.out, nil
}

// distinct drops values that differ in case only: HubSpot refuses a batch that
// names one record twice.
func distinct(values []string) []string {
	seen := make(map[string]bool, len(values))
	var out []string
	for _, v := range values {
		if folded := strings.ToLower(v); !seen[folded] {
			seen[folded] = true
			out = append(out, v)
		}
	}
	return out
}

// take keeps a record for each of the values that it holds.
func (l *lookup) take(rec *record, equal func(a, b string) bool) {
	var held []string
	if value, told := rec.Properties[l.field]; told && value.valid {
		held = append(held, canonical(l.kind, value.pointer()).Text)
	}
	if more := rec.Properties[l.also]; l.also != "" && more.valid {
		held = append(held, strings.Split(more.value, ";")...)
	}
	for _, asked := range l.values {
		for _, have := range held {
			if equal(have, asked) || l.kind == event.Decimal && sameNumber(have, asked) {
				l.out = append(l.out, l.snapshot(rec, event.KeyOf(asked)))
				break
			}
		}
	}
}

// sameNumber compares numbers by value: 12.5 is 12.50.
func sameNumber(a, b string) bool {
	x, okX := number(a)
	y, okY := number(b)
	return okX && okY && x.Cmp(y) == 0
}

// plain is a decimal number without an exponent, which could be of hostile size.
var plain = regexp.MustCompile(`^[+-]?[0-9]{1,400}(\.[0-9]{0,400})?$`)

func number(s string) (*big.Rat, bool) {
	if !plain.MatchString(s) {
		return nil, false
	}
	return new(big.Rat).SetString(s)
}
