package saas

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// maxMessage bounds what of a vendor's message a fault shows, in bytes.
const maxMessage = 1000

// failed says what a call means that got no whole answer.
func (c *Client) failed(outer, timed context.Context, r Request, sent bool, err error) *event.Fault {
	what := err.Error()
	class := event.Transient
	switch {
	case outer.Err() != nil:
		what = "given up"
	case timed.Err() != nil:
		what = fmt.Sprintf("no answer within %s", c.Timeout)
	case errors.Is(err, errTooLarge):
		// Asking again would only bring the same again.
		what, class = fmt.Sprintf("the answer is larger than %d bytes", c.MaxBody), event.Rejected
	}
	return c.broken(r, sent, class, what, err)
}

// broken is a call without a usable answer: in doubt when it may have been
// applied, that is when it changes something and left this process.
func (c *Client) broken(r Request, sent bool, class event.Class, what string, err error) *event.Fault {
	if r.Mutating && sent {
		class = event.InDoubt
	}
	return &event.Fault{Class: class, Message: clip(c.at(r) + ": " + what), Err: err}
}

// refused asks the vendor's hook what an answer means, and completes it.
func (c *Client) refused(a Answer, req *http.Request) *event.Fault {
	fault := c.vendor.Classify(a)
	if fault.Class == event.Transient && a.Request.Mutating && mayHaveApplied(a.Status) {
		fault.Class = event.InDoubt
	}
	if fault.Class == event.Throttled {
		fault.RetryAfter = c.limiter.Throttled(fault.RetryAfter)
	}
	fault.Message = clip(scrub(fault.Message, req.Header.Get("Authorization")))
	return fault
}

// mayHaveApplied tells answers that come from in front of the vendor's
// application, or from its middle, from those that say nothing was done.
func mayHaveApplied(status int) bool {
	switch status {
	case 500, 502, 504, 520, 522, 524:
		return true
	}
	return false
}

// FaultOf classifies an answer by its status alone, for hooks to refine.
// Statuses that say to wait carry Retry-After as the vendor sent it.
func FaultOf(a Answer, now time.Time) *event.Fault {
	f := &event.Fault{Class: event.Rejected, Code: strconv.Itoa(a.Status), RetryAfter: RetryAfter(a.Header, now)}
	f.Message = http.StatusText(a.Status)
	switch {
	case a.Status >= 300 && a.Status < 400:
		f.Message = "the API redirects elsewhere: check the connection's base URL"
	case a.Status == http.StatusUnauthorized:
		f.Class = event.Unauthorized
	case a.Status == http.StatusNotFound || a.Status == http.StatusGone:
		f.Class = event.Gone
	case a.Status == http.StatusConflict:
		f.Class = event.Duplicate
	case a.Status == http.StatusPreconditionFailed:
		f.Class = event.GuardMissed
	case a.Status == http.StatusTooManyRequests:
		f.Class = event.Throttled
	case a.Status == http.StatusRequestTimeout, a.Status == http.StatusLocked, a.Status == http.StatusTooEarly, a.Status >= 500:
		f.Class = event.Transient
	}
	if f.Message == "" {
		f.Message = "status " + f.Code
	}
	return f
}

// RetryAfter reads the header of that name: seconds, or a date. 0 = none.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	text := strings.TrimSpace(h.Get("Retry-After"))
	if seconds, err := strconv.ParseFloat(text, 64); err == nil && seconds > 0 && seconds < 1e7 {
		return time.Duration(seconds * float64(time.Second))
	}
	if at, err := http.ParseTime(text); err == nil && at.After(now) {
		return at.Sub(now)
	}
	return 0
}

// scrub blanks what an answer echoes of our credentials: the header's value
// and each of its words that is long enough to be a secret.
func scrub(message, authorization string) string {
	for _, word := range append(strings.Fields(authorization), authorization) {
		if len(word) >= 8 {
			message = strings.ReplaceAll(message, word, "[secret]")
		}
	}
	return message
}

// clip bounds a message, at a character's edge.
func clip(message string) string {
	if len(message) <= maxMessage {
		return message
	}
	return strings.ToValidUTF8(message[:maxMessage], "") + "…"
}
