package saas

import (
	"net/http"
	"slices"
	"sync"
	"time"
)

const (
	clockWindow = time.Minute // answers older than that say nothing any more
	clockMost   = 64          // answers that are kept
	clockTurn   = 3           // answers in a row that agree against the others: a clock was set
)

// clock estimates a vendor's clock minus ours from the Date of its answers. Date
// is in whole seconds, cut off, and was written at some moment between the
// request and the answer: each answer is an interval in which the offset lies,
// no shorter than a second. Answers come at all parts of a second, so what many
// intervals share is narrow.
//
// The estimate is the stretch that most intervals share, so that single answers
// that are wrong (a cache, a server among many with a clock of its own) do not
// count. Answers are forgotten after a minute, and at once when the latest few
// agree against the others: a clock that is set is followed.
type clock struct {
	mu      sync.Mutex
	samples []sample // oldest first
	low     time.Duration
	high    time.Duration // the offset lies between low and high
	known   bool
}

// sample is one answer.
type sample struct {
	at        time.Time // by our clock
	low, high time.Duration
}

// observe takes in an answer to a request that was sent and answered at these
// times by our clock.
func (c *clock) observe(sent, answered time.Time, h http.Header) {
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil || answered.Before(sent) {
		return // no date, or our own clock was set meanwhile
	}
	// Without the monotonic reading: the offset is one of wall clocks.
	fresh := sample{at: answered, low: date.Sub(answered.Round(0)), high: date.Add(time.Second).Sub(sent.Round(0))}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.samples = append(c.samples, fresh)
	c.samples = slices.DeleteFunc(c.samples, func(s sample) bool { return answered.Sub(s.at) > clockWindow })
	if len(c.samples) > clockMost {
		c.samples = slices.Delete(c.samples, 0, len(c.samples)-clockMost)
	}
	low, high := shared(c.samples)
	if n := len(c.samples) - clockTurn; n > 0 {
		late := c.samples[n:]
		if l, h := shared(late); agree(late, l, h) && (h < low || l > high) {
			c.samples = slices.Clone(late)
			low, high = l, h
		}
	}
	c.low, c.high, c.known = low, high, true
}

// shared is the stretch that most of the intervals share; of several such
// stretches, the one that the latest interval is part of, else the first.
func shared(samples []sample) (low, high time.Duration) {
	most, last := 0, samples[len(samples)-1]
	for _, s := range samples { // the best stretch begins where some interval does
		n, end := 0, s.high
		for _, o := range samples {
			if o.low <= s.low && s.low <= o.high {
				n++
				end = min(end, o.high)
			}
		}
		latest := last.low <= s.low && s.low <= last.high
		if n > most || n == most && latest {
			most, low, high = n, s.low, end
		}
	}
	return low, high
}

// agree tells whether all of the intervals hold the stretch.
func agree(samples []sample, low, high time.Duration) bool {
	return !slices.ContainsFunc(samples, func(s sample) bool { return s.low > low || s.high < high })
}

// offset is the middle of where the offset lies, and half its width.
func (c *clock) offset() (offset, uncertainty time.Duration, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.known {
		return 0, 0, false
	}
	half := (c.high - c.low) / 2
	return c.low + half, half, true
}
