package mapping

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

const (
	layoutInstant = "2006-01-02T15:04:05.999999Z"
	layoutLocal   = "2006-01-02T15:04:05.999999"
	layoutDate    = "2006-01-02"
)

// Ends of time: what infinity is where a row filter compares it.
var (
	endOfTime   = time.Date(300000, 1, 1, 0, 0, 0, 0, time.UTC)
	startOfTime = time.Date(-300000, 1, 1, 0, 0, 0, 0, time.UTC)
)

func layoutOf(k event.Kind) string {
	switch k {
	case event.Instant:
		return layoutInstant
	case event.Local:
		return layoutLocal
	default:
		return layoutDate
	}
}

// parseMoment reads the canonical text of a Date, Local or Instant. Infinity,
// years before 1 and after 9999 stay text.
func parseMoment(k event.Kind, s string) (time.Time, bool) {
	t, err := time.Parse(layoutOf(k), s)
	return t, err == nil && t.Year() >= 1
}

// rowMoment is a canonical text as a row filter compares it: infinity is later
// than every other time, as it is in SQL.
func rowMoment(k event.Kind, s string) (time.Time, error) {
	switch s {
	case "infinity":
		return endOfTime, nil
	case "-infinity":
		return startOfTime, nil
	}
	return moment(k, s)
}

// moment is a canonical text as a field's expression gets it.
func moment(k event.Kind, s string) (time.Time, error) {
	t, ok := parseMoment(k, s)
	if !ok {
		return t, errors.New("is no time within the years 0001 to 9999, which is what expressions know")
	}
	return t, nil
}

// momentText is the canonical text of a time that an expression gave.
func momentText(k event.Kind, t time.Time) (string, error) {
	t = t.UTC()
	if t.Year() < 1 || t.Year() > 9999 {
		return "", errors.New("gives a time outside the years 0001 to 9999")
	}
	return t.Truncate(time.Microsecond).Format(layoutOf(k)), nil
}

var (
	declaredPlaces = regexp.MustCompile(`(?i)time[a-z]*\s*\((\d)\)`)
	// clockTime is the canonical text of a Time.
	clockTime = regexp.MustCompile(`^([01]\d|2[0-4]):[0-5]\d:([0-5]\d|60)(\.\d{1,6})?(Z|[+-]\d\d(:\d\d){0,2})?$`)
)

// places is how many decimal places of a second the field keeps. HubSpot's
// datetime keeps milliseconds; SQL types say it in their name, and keep
// microseconds otherwise.
func places(f event.Field) int {
	if f.Kind == event.Instant && f.Native == "datetime" {
		return 3
	}
	if m := declaredPlaces.FindStringSubmatch(f.Native); m != nil {
		n, err := strconv.Atoi(m[1])
		if err == nil && n <= 6 {
			return n
		}
	}
	return 6
}

// keep drops what the field does not keep of a canonical time.
func keep(f event.Field, s string) string {
	if f.Kind == event.Date {
		return s
	}
	return cutPlaces(s, places(f))
}

// cutPlaces drops what a field with n decimal places does not keep of a
// canonical time. It cuts text, so that it works for every year.
func cutPlaces(s string, n int) string {
	at := strings.IndexByte(s, '.')
	if at < 1 || s[at-1] < '0' || s[at-1] > '9' {
		return s
	}
	end := at + 1
	for end < len(s) && s[end] >= '0' && s[end] <= '9' {
		end++
	}
	fraction := s[at+1 : end]
	if len(fraction) > n {
		fraction = fraction[:n]
	}
	fraction = strings.TrimRight(fraction, "0")
	if fraction == "" {
		return s[:at] + s[end:]
	}
	return s[:at+1] + fraction + s[end:]
}

// sameMoment tells whether two canonical times are the same as far as a field
// with n decimal places of a second can tell: cut, as HubSpot does, or
// rounded, as PostgreSQL does.
func sameMoment(k event.Kind, a, b string, n int) bool {
	if cutPlaces(a, n) == cutPlaces(b, n) {
		return true
	}
	x, ok1 := parseMoment(k, a)
	y, ok2 := parseMoment(k, b)
	if !ok1 || !ok2 {
		return false
	}
	unit := time.Second
	for range n {
		unit /= 10
	}
	return x.Round(unit).Equal(y.Round(unit))
}
