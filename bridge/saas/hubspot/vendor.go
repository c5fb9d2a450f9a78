package hubspot

import (
	"net/http"
	"strconv"
	"time"

	"github.com/lockstep-sync/lockstep/bridge/saas"
)

// vendor tells the client about HubSpot.
type vendor struct {
	token string
	now   func() time.Time
}

// Authorize sets the bearer token.
func (v vendor) Authorize(r *http.Request) error {
	r.Header.Set("Authorization", "Bearer "+v.token)
	return nil
}

// Budget reads X-HubSpot-RateLimit-*; the daily part is absent for OAuth apps,
// and searches have none of it.
func (v vendor) Budget(h http.Header) saas.Budget {
	number := func(name string) int {
		n, err := strconv.Atoi(h.Get("X-HubSpot-RateLimit-" + name))
		if err != nil || n < 0 {
			return 0 // absent or garbled: not told
		}
		return n
	}
	b := saas.Budget{
		Max: number("Max"), Remaining: number("Remaining"), Interval: time.Duration(number("Interval-Milliseconds")) * time.Millisecond,
		Daily: number("Daily"), DailyRemaining: number("Daily-Remaining"),
	}
	if b.Max > 0 && b.Interval == 0 {
		b.Interval = rateWindow
	}
	return b
}
