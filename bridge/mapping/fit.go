package mapping

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// fit makes text, which has the target's kind but came from elsewhere, the
// target's canonical text, or says why it is no value of the target. P1: what
// does not fit is refused here, with a reason, and not by cutting it.
func fit(to event.Field, s string) (string, error) {
	switch to.Kind {
	case event.Text, event.Other:
		if to.MaxLength > 0 && utf8.RuneCountInString(s) > to.MaxLength {
			return "", fmt.Errorf("has %d characters, and %s takes %d", utf8.RuneCountInString(s), to.Name, to.MaxLength)
		}
		return s, nil
	case event.Enum:
		return s, option(to, s)
	case event.Multi:
		for _, part := range choices(s) {
			if err := option(to, part); err != nil {
				return "", err
			}
		}
		return s, nil
	case event.UUID:
		return fitUUID(s)
	case event.JSON:
		if !json.Valid([]byte(s)) {
			return "", errors.New("is no JSON")
		}
		return s, nil
	case event.Array:
		if !isArray(s) {
			return "", errors.New("is no array: one is written like {a,\"b c\",NULL}")
		}
		return s, nil
	case event.Bytes:
		if _, err := base64.StdEncoding.DecodeString(s); err != nil {
			return "", errors.New("is no base64, which is how binary data is written")
		}
		return s, nil
	case event.Time:
		if !clockTime.MatchString(s) {
			return "", errors.New("is no time of day such as 15:04:05")
		}
		return keep(to, s), nil
	default:
		return literal(to, s)
	}
}

// literal checks and canonicalises a constant, or a value, of the kinds that
// have one exact form: numbers, booleans and times.
func literal(to event.Field, s string) (string, error) {
	switch to.Kind {
	case event.Int:
		n, ok := parseNumber(s)
		if !ok || !n.integral() {
			return "", errors.New("is no whole number")
		}
		return n.text(0), nil
	case event.Decimal, event.Float:
		n, ok := parseNumber(s)
		switch {
		case special(s):
			return s, nil
		case !ok:
			return "", errors.New("is no number")
		case to.Kind == event.Float:
			return n.text(0), nil
		case to.Scale < 0 && !strings.ContainsAny(s, "eE+"):
			if n.digits == "" {
				s = strings.TrimPrefix(s, "-") // only floats have a negative zero
			}
			return s, nil // numeric without a scale keeps the places it is given
		}
		return n.text(to.Scale), nil
	case event.Bool:
		if s != "true" && s != "false" {
			return "", errors.New("is neither true nor false")
		}
		return s, nil
	case event.Date, event.Local, event.Instant:
		if _, ok := parseMoment(to.Kind, s); !ok && !strings.HasSuffix(s, "infinity") && !strings.HasSuffix(s, " BC") {
			return "", fmt.Errorf("is no %s such as %s", to.Kind, momentExample(to.Kind))
		}
		return keep(to, s), nil
	default:
		return fit(to, s)
	}
}

func momentExample(k event.Kind) string {
	switch k {
	case event.Instant:
		return "2026-01-31T15:04:05Z"
	case event.Local:
		return "2026-01-31T15:04:05"
	default:
		return "2026-01-31"
	}
}

func option(to event.Field, s string) error {
	if len(to.Options) == 0 || slices.Contains(to.Options, s) {
		return nil
	}
	return fmt.Errorf("is no option of %s, which has %s", to.Name, some(to.Options))
}

// choices are the parts of a multiple choice. Their order means nothing.
func choices(s string) []string {
	parts := strings.Split(s, ";")
	return slices.DeleteFunc(parts, func(p string) bool { return p == "" })
}

func fitUUID(s string) (string, error) {
	hex := strings.ReplaceAll(strings.ToLower(s), "-", "")
	if len(hex) != 32 || strings.Trim(hex, "0123456789abcdef") != "" || len(s) != 32 && len(s) != 36 {
		return "", errors.New("is no UUID")
	}
	out := hex[:8] + "-" + hex[8:12] + "-" + hex[12:16] + "-" + hex[16:20] + "-" + hex[20:]
	if len(s) == 36 && out != strings.ToLower(s) {
		return "", errors.New("is no UUID")
	}
	return out, nil
}

// isArray tells whether the text has the outer form of a PostgreSQL array:
// balanced braces, closed quotes, nothing behind the last brace. What the
// elements are is the database's to judge.
func isArray(s string) bool {
	if i := strings.Index(s, "={"); i > 0 && s[0] == '[' { // [0:2]={…}: explicit bounds
		s = s[i+1:]
	}
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '{':
			depth++
		case '}':
			depth--
			if depth == 0 {
				return i == len(s)-1
			}
		case '\\':
			i++
		case '"':
			for i++; i < len(s) && s[i] != '"'; i++ {
				if s[i] == '\\' {
					i++
				}
			}
		}
		if depth <= 0 {
			return false
		}
	}
	return false
}

// some lists names for a message, bounded.
func some(names []string) string {
	const most = 12
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

// quote shows a value in a message, bounded: enough to find it again.
func quote(s string) string {
	const most = 60
	if utf8.RuneCountInString(s) > most {
		return fmt.Sprintf("%q…", string([]rune(s)[:most]))
	}
	return fmt.Sprintf("%q", s)
}
