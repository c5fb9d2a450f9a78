package mapping

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// convert turns the canonical text of one field into that of another. The
// error says what is wrong with the value, as the end of a sentence that
// begins with it.
type convert func(text string) (string, error)

// direct returns the conversion of a field that has neither expression nor
// value table. P1: where values could lose something there is none, and why
// says so and which expression would do.
func direct(from, to event.Field) (c convert, why, remedy string) {
	fits := func(s string) (string, error) { return fit(to, s) }
	switch {
	case from.Kind == to.Kind && isMoment(to.Kind): // also years and infinities that Go cannot read
		return func(s string) (string, error) { return keep(to, s), nil }, "", ""
	case from.Kind == to.Kind:
		return fits, "", ""
	case spelled(to.Kind) && textual(from.Kind, to.Kind):
		return fits, "", ""
	case numeric(from.Kind) && numeric(to.Kind):
		return directNumber(from, to)
	}
	why = fmt.Sprintf("%s (%s) is no %s", from.Name, from.Kind, kindWords(to))
	return nil, why, suggestion(from.Kind, to.Kind)
}

// spelled tells whether the kind's values are texts of their own spelling, so
// that a text may turn out to be one.
func spelled(k event.Kind) bool {
	switch k {
	case event.Text, event.Other, event.Enum, event.Multi, event.UUID, event.JSON, event.Array, event.Time, event.Bytes:
		return true
	}
	return false
}

// textual tells whether values of a kind may be taken as the text of a spelled
// kind: everything has a text, and a text may be a UUID, JSON or a choice.
func textual(from, to event.Kind) bool {
	switch to {
	case event.Text, event.Other:
		return true
	case event.Enum:
		return from != event.Multi && from != event.JSON && from != event.Array && from != event.Bytes
	case event.Multi:
		return from == event.Text || from == event.Enum || from == event.Other
	default:
		return from == event.Text || from == event.Other
	}
}

func numeric(k event.Kind) bool { return k == event.Int || k == event.Decimal || k == event.Float }

func directNumber(from, to event.Field) (c convert, why, remedy string) {
	switch {
	case to.Kind == event.Int && from.Kind == event.Decimal && from.Scale <= 0:
		// A number without declared places, such as HubSpot's, fits as long as its
		// values are whole; one that is not is refused when it comes.
		return func(s string) (string, error) { return literal(to, s) }, "", ""
	case to.Kind == event.Int:
		return nil, fmt.Sprintf("%s (%s) may hold fractions, and %s takes whole numbers", from.Name, from.Kind, to.Name), "int(value)"
	case to.Kind == event.Decimal:
		return func(s string) (string, error) { return literal(to, s) }, "", ""
	}
	bits := 64
	if to.Native == "real" || to.Native == "float4" {
		bits = 32
	}
	return func(s string) (string, error) { return exactFloat(s, bits) }, "", ""
}

// exactFloat accepts a decimal that a float gives back digit by digit.
func exactFloat(s string, bits int) (string, error) {
	if special(s) {
		return s, nil
	}
	n, ok := parseNumber(s)
	f, err := strconv.ParseFloat(s, bits)
	if !ok || err != nil {
		return "", errors.New("is no number that a float can hold")
	}
	if !sameNumber(strconv.FormatFloat(f, 'e', -1, bits), s) {
		return "", errors.New("has more digits than a float keeps")
	}
	return n.text(0), nil
}

func kindWords(f event.Field) string {
	if f.Native != "" && f.Native != f.Kind.String() {
		return fmt.Sprintf("%s (%s, %s)", f.Kind, f.Name, f.Native)
	}
	return fmt.Sprintf("%s (%s)", f.Kind, f.Name)
}

// suggestion is an expression that converts between two kinds.
func suggestion(from, to event.Kind) string {
	text := spelled(from) && from != event.Bytes && from != event.JSON
	switch {
	case to == event.Int && (text || from == event.Bool):
		if from == event.Bool {
			return "value ? 1 : 0"
		}
		return "int(value)"
	case numeric(to) && text:
		return "double(value)"
	case to == event.Bool && text:
		return "value == 'yes'"
	case to == event.Bool && numeric(from):
		return "value != " + zero(from)
	case numeric(to) && from == event.Bool:
		return "value ? 1.0 : 0.0"
	case to == event.Instant && text, to == event.Local && text:
		return "timestamp(value)"
	case to == event.Date && text:
		return "timestamp(value + 'T00:00:00Z')"
	case isMoment(to) && isMoment(from):
		return "value" // expressions take times of day in UTC
	case (to == event.Enum || to == event.Multi) && from == event.Array:
		return "value.replace('{', '').replace('}', '').replace(',', ';')"
	case spelled(to) && from == event.Multi:
		return "value.split(';')[0]"
	}
	return ""
}

func zero(k event.Kind) string {
	if k == event.Int {
		return "0"
	}
	return "0.0"
}

func isMoment(k event.Kind) bool { return k == event.Date || k == event.Local || k == event.Instant }
