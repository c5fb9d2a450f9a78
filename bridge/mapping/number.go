package mapping

import (
	"strconv"
	"strings"
)

// number is an exact decimal number: digits × 10^exp, with no zero at either
// end of digits. Two numbers are equal exactly when their structs are. Zero
// has no digits and no sign.
type number struct {
	negative bool
	digits   string
	exp      int
}

// maxExponent bounds what a number's text may unfold to: PostgreSQL's numeric
// has 131,072 digits before the point, doubles go to 10^308.
const maxExponent = 140_000

// parseNumber reads a canonical integer, decimal or float. NaN and infinities
// are no numbers.
func parseNumber(s string) (n number, ok bool) {
	rest := s
	switch {
	case strings.HasPrefix(rest, "-"):
		n.negative, rest = true, rest[1:]
	case strings.HasPrefix(rest, "+"):
		rest = rest[1:]
	}
	mantissa, exponent, hasExp := cutExponent(rest)
	if hasExp {
		e, err := strconv.Atoi(exponent)
		if err != nil || e > maxExponent || e < -maxExponent {
			return number{}, false
		}
		n.exp = e
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	n.digits = whole + fraction
	if n.digits == "" || strings.Trim(n.digits, "0123456789") != "" {
		return number{}, false
	}
	n.exp -= len(fraction)
	short := strings.TrimRight(n.digits, "0")
	n.exp += len(n.digits) - len(short)
	n.digits = strings.TrimLeft(short, "0")
	if n.digits == "" {
		return number{}, true
	}
	return n, true
}

func cutExponent(s string) (mantissa, exponent string, found bool) {
	i := strings.IndexAny(s, "eE")
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

// integral tells whether the number is whole.
func (n number) integral() bool { return n.exp >= 0 }

// precise tells whether a double tells the number from every other one with as
// many digits.
func (n number) precise() bool { return len(n.digits) <= 15 }

// text writes the number without an exponent, and with at least scale decimal
// places.
func (n number) text(scale int) string {
	var b strings.Builder
	if n.negative {
		b.WriteByte('-')
	}
	whole := len(n.digits) + n.exp // digits before the point
	switch {
	case n.digits == "":
		b.WriteByte('0')
	case n.exp >= 0:
		b.WriteString(n.digits)
		b.WriteString(strings.Repeat("0", n.exp))
	case whole <= 0:
		b.WriteString("0.")
		b.WriteString(strings.Repeat("0", -whole))
		b.WriteString(n.digits)
	default:
		b.WriteString(n.digits[:whole])
		b.WriteByte('.')
		b.WriteString(n.digits[whole:])
	}
	places := max(0, -n.exp)
	if scale > places {
		if places == 0 {
			b.WriteByte('.')
		}
		b.WriteString(strings.Repeat("0", scale-places))
	}
	return b.String()
}

// special tells whether the text is one of the three values of a decimal or
// float that are no numbers.
func special(s string) bool { return s == "NaN" || s == "Infinity" || s == "-Infinity" }

// sameNumber tells whether two texts are the same number, whatever their form.
func sameNumber(a, b string) bool {
	x, ok1 := parseNumber(a)
	y, ok2 := parseNumber(b)
	if !ok1 || !ok2 {
		return a == b
	}
	return x == y
}
