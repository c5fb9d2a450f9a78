package event

import (
	"fmt"
	"strconv"
	"strings"
)

// Position orders the changes of one connection. For PostgreSQL, Major is the
// LSN at which the commit record starts and Minor numbers the row changes of
// the transaction from 1. For a SaaS, Major is the vendor's event time in
// microseconds since 1970 and Minor is 0. The zero Position means none and
// sorts before every other.
type Position struct{ Major, Minor uint64 }

// Compare returns -1, 0 or 1.
func (p Position) Compare(o Position) int {
	switch {
	case p.Major < o.Major || p.Major == o.Major && p.Minor < o.Minor:
		return -1
	case p == o:
		return 0
	default:
		return 1
	}
}

// Before tells whether p comes before o.
func (p Position) Before(o Position) bool { return p.Compare(o) < 0 }

// IsZero tells whether there is no position.
func (p Position) IsZero() bool { return p == Position{} }

// String is the form in headers: two hexadecimal numbers, "16B3748-3".
func (p Position) String() string {
	return strings.ToUpper(strconv.FormatUint(p.Major, 16)) + "-" + strings.ToUpper(strconv.FormatUint(p.Minor, 16))
}

// ParsePosition reads what String wrote.
func ParsePosition(s string) (Position, error) {
	a, b, ok := strings.Cut(s, "-")
	major, err1 := strconv.ParseUint(a, 16, 64)
	minor, err2 := strconv.ParseUint(b, 16, 64)
	if !ok || err1 != nil || err2 != nil {
		return Position{}, fmt.Errorf("read position %q: want two hexadecimal numbers such as 16B3748-3", s)
	}
	return Position{major, minor}, nil
}
