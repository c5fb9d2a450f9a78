package hubspot

import (
	"encoding/json"
	"errors"
	"math/big"
	"net/mail"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// maxText is the longest value of a text property, in characters.
const maxText = 65536

// isoMillis is how the vendor writes a point in time.
const isoMillis = "2006-01-02T15:04:05.000Z"

func formatTime(ms int64) string { return time.UnixMilli(ms).UTC().Format(isoMillis) }

// scalar is a property value as a caller sends it: a string, or a number or
// bool that the vendor turns into one. Null is told apart and ignored.
type scalar struct {
	text string
	null bool
}

// UnmarshalJSON takes any JSON value but objects and arrays.
func (s *scalar) UnmarshalJSON(raw []byte) error {
	*s = scalar{}
	switch raw[0] {
	case '"':
		return json.Unmarshal(raw, &s.text)
	case 'n':
		s.null = true
	case 't', 'f':
		s.text = string(raw)
	case '{', '[':
		return errors.New("cannot deserialize value of type `java.lang.String` from an object or array")
	default:
		s.text = plainNumber(string(raw))
	}
	return nil
}

// textID is an id that callers send as a string or as a number.
type textID string

// UnmarshalJSON takes a string or a number.
func (t *textID) UnmarshalJSON(raw []byte) error {
	var s scalar
	if err := s.UnmarshalJSON(raw); err != nil {
		return err
	}
	*t = textID(s.text)
	return nil
}

// plainNumber writes a JSON number without an exponent.
func plainNumber(literal string) string {
	if !strings.ContainsAny(literal, "eE") {
		return literal
	}
	if number, err := strconv.ParseFloat(literal, 64); err == nil {
		return strconv.FormatFloat(number, 'f', -1, 64)
	}
	return literal
}

// properties are the property values of one input.
type properties map[string]scalar

func asProperties(values map[string]string) properties {
	in := make(properties, len(values))
	for name, value := range values {
		in[name] = scalar{text: value}
	}
	return in
}

// stored turns a value into the form the vendor stores, or says what is wrong
// with it. It is not called for the empty value, which clears any property.
func (p *Property) stored(value string, rules *Assumptions) (string, *issue) {
	switch p.Type {
	case "number":
		return p.storedNumber(strings.TrimSpace(value), rules)
	case "bool":
		if value != "true" && value != "false" {
			return "", badValue(p.Name, "INVALID_OPTION", value+" was not one of the allowed options: [true, false]")
		}
		return value, nil
	case "enumeration":
		return p.storedOption(value)
	case "date":
		return p.storedDate(strings.TrimSpace(value))
	case "datetime":
		return p.storedDatetime(strings.TrimSpace(value), rules)
	}
	return p.storedText(value, rules)
}

func (p *Property) storedText(value string, rules *Assumptions) (string, *issue) {
	if p.Name == "email" {
		value = strings.ToLower(strings.TrimSpace(value))
		if !validEmail(value) {
			return "", badValue(p.Name, "INVALID_EMAIL", "Email address "+value+" is invalid")
		}
	}
	if rules.TrimsText {
		value = strings.TrimSpace(value)
	}
	if len(value) > maxText && utf8.RuneCountInString(value) > maxText {
		return "", badValue(p.Name, "INVALID_LENGTH", "Property values must be at most "+strconv.Itoa(maxText)+" characters long")
	}
	return value, nil
}

func validEmail(address string) bool {
	parsed, err := mail.ParseAddress(address)
	if err != nil || parsed.Address != address {
		return false
	}
	domain := address[strings.LastIndexByte(address, '@')+1:]
	dot := strings.LastIndexByte(domain, '.')
	return dot > 0 && len(domain)-dot > 2
}

func (p *Property) storedNumber(value string, rules *Assumptions) (string, *issue) {
	number, err := strconv.ParseFloat(value, 64)
	if err != nil || number-number != 0 || strings.ContainsAny(value, "xXpP_") { // NaN and Inf minus themselves are no 0
		return "", badValue(p.Name, "INVALID_INTEGER", value+" was not a valid number.")
	}
	value = plainNumber(value)
	if rules.NormalizesNumbers {
		value = shortestNumber(value)
	}
	return value, nil
}

// shortestNumber drops what does not change a decimal number, and keeps every
// digit that does.
func shortestNumber(value string) string {
	exact, ok := new(big.Rat).SetString(value)
	if !ok {
		return value
	}
	text := exact.FloatString(len(value))
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	if text == "-0" {
		return "0"
	}
	return text
}

func (p *Property) storedOption(value string) (string, *issue) {
	if !p.multi() {
		if !p.allows(value) {
			return "", p.notAllowed(value)
		}
		return value, nil
	}
	var chosen []string
	for _, one := range strings.Split(value, ";") {
		switch {
		case one == "" || slices.Contains(chosen, one):
		case !p.allows(one):
			return "", p.notAllowed(one)
		default:
			chosen = append(chosen, one)
		}
	}
	return strings.Join(chosen, ";"), nil
}

func (p *Property) allows(value string) bool {
	if p.ReferencedObjectType == "OWNER" {
		return slices.ContainsFunc(owners, func(o owner) bool { return o.ID == value })
	}
	return slices.ContainsFunc(p.Options, func(o Option) bool { return o.Value == value })
}

func (p *Property) notAllowed(value string) *issue {
	values := make([]string, len(p.Options))
	for i, option := range p.Options {
		values[i] = option.Value
	}
	return badValue(p.Name, "INVALID_OPTION", value+" was not one of the allowed options: ["+strings.Join(values, ", ")+"]")
}

func (p *Property) storedDate(value string) (string, *issue) {
	at, ok := parseTime(value)
	if !ok {
		return "", badValue(p.Name, "INVALID_DATE", value+" was not a valid date.")
	}
	if !at.Equal(at.Truncate(24 * time.Hour)) {
		return "", badValue(p.Name, "INVALID_DATE", value+" is at "+at.Format("15:04:05.000")+" UTC, not midnight!")
	}
	return at.Format(time.DateOnly), nil
}

func (p *Property) storedDatetime(value string, rules *Assumptions) (string, *issue) {
	at, ok := parseTime(value)
	if !ok {
		return "", badValue(p.Name, "INVALID_DATE", value+" was not a valid timestamp.")
	}
	if rules.OmitsZeroMillis && at.UnixMilli()%1000 == 0 {
		return at.Format("2006-01-02T15:04:05Z"), nil
	}
	return at.Format(isoMillis), nil // cuts to milliseconds
}

// parseTime reads milliseconds since 1970, an ISO date or an ISO time with a zone.
func parseTime(value string) (time.Time, bool) {
	if ms, err := strconv.ParseInt(value, 10, 64); err == nil {
		const year9999 = 253402300799999
		return time.UnixMilli(ms).UTC(), ms >= -year9999 && ms <= year9999
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly, "2006-01-02T15:04:05.999999999Z0700"} {
		if at, err := time.Parse(layout, value); err == nil {
			return at.UTC(), true
		}
	}
	return time.Time{}, false
}
