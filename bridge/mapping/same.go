package mapping

import (
	"bytes"
	"encoding/json"
	"io"
	"reflect"
	"slices"
	"strings"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// same compares two canonical texts of one field.
func same(f event.Field, a, b string, keeps int) bool {
	if a == b {
		return true
	}
	switch f.Kind {
	case event.Int, event.Decimal, event.Float:
		return sameNumber(a, b)
	case event.Instant, event.Local:
		return sameMoment(f.Kind, a, b, keeps)
	case event.Time:
		return cutPlaces(a, keeps) == cutPlaces(b, keeps)
	case event.Multi:
		return sameChoices(a, b)
	case event.JSON:
		return sameJSON(a, b)
	case event.UUID:
		return strings.EqualFold(a, b)
	}
	return folds(f) && fold(a) == fold(b)
}

// folds tells whether the field is HubSpot's email, which is stored trimmed and
// in lower case: as it is written decides nothing.
func folds(f event.Field) bool {
	return f.Kind == event.Text && f.Name == "email" && f.Native == "string" && f.Unique
}

func fold(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// sameChoices compares multiple choices as the sets that they are.
func sameChoices(a, b string) bool {
	x, y := choices(a), choices(b)
	slices.Sort(x)
	slices.Sort(y)
	return slices.Equal(slices.Compact(x), slices.Compact(y))
}

// sameJSON compares JSON as values: neither white space nor the order of
// members counts. Numbers are compared digit by digit, never as floats.
func sameJSON(a, b string) bool {
	x, ok1 := readJSON(a)
	y, ok2 := readJSON(b)
	return ok1 && ok2 && reflect.DeepEqual(x, y)
}

func readJSON(s string) (v any, ok bool) {
	d := json.NewDecoder(bytes.NewReader([]byte(s)))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil, false
	}
	_, err := d.Token()
	return v, err == io.EOF
}
