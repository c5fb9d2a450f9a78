package saas

import "time"

// Budget is what a vendor's response tells of its limits. Zero means that it
// does not tell.
type Budget struct {
	Max            int           // calls in Interval; 0 = not told
	Remaining      int           // of Max, while Max is told
	Interval       time.Duration // the window of Max
	Daily          int           // calls in a day; 0 = not told
	DailyRemaining int           // of Daily, while Daily is told
}

// Rate is a number of calls in a span of time. The zero Rate is no limit.
type Rate struct {
	Calls int
	Per   time.Duration
}

// IsZero tells whether there is no limit.
func (r Rate) IsZero() bool { return r.Calls <= 0 || r.Per <= 0 }

// Status is a connection's limits and traffic for people and metrics.
type Status struct {
	Budget         Budget    // as the vendor last told it
	Limit          Rate      // what calls are paced at: configured, else learned; zero = unpaced
	ThrottledUntil time.Time // no call starts before; zero or past = not throttled
	InFlight       int       // calls under way
	Calls          uint64    // calls made, repeated ones included
	Throttled      uint64    // calls that the vendor refused for their number
}
