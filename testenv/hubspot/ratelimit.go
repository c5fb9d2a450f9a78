package hubspot

import (
	"sync"
	"time"
)

// slots divide a window; what the limiter forgets late by is one slot.
const slots = 100

// window counts calls over a rolling span of time. Calls it refuses do not count.
type window struct {
	span  time.Duration
	count [slots]int
	total int
	last  int64 // number of the slot that was counted in last
}

// take counts a call at a time, unless the limit is reached, and tells how many
// more the window takes.
func (w *window) take(now time.Time, limit int) (remaining int, ok bool) {
	slot := now.UnixNano() / (int64(w.span) / slots)
	if slot-w.last >= slots || slot < w.last {
		w.count, w.total = [slots]int{}, 0
	} else {
		for i := w.last + 1; i <= slot; i++ {
			w.total -= w.count[i%slots]
			w.count[i%slots] = 0
		}
	}
	w.last = slot
	if w.total >= limit {
		return 0, false
	}
	w.count[slot%slots]++
	w.total++
	return limit - w.total, true
}

// limits are an account's call limits.
type limits struct {
	perTenSeconds, perDay, searchPerSecond int

	mu     sync.Mutex
	burst  window
	search window
	day    int64 // days since 1970, UTC being the account's time zone
	today  int
}

// allowance is what the headers of a response tell.
type allowance struct {
	max, remaining        int
	daily, dailyRemaining int
	policy, reason        string // of the limit that is reached
}

// take counts a call. throttle, when set, stands in for the ten-second limit.
// Searches have a limit of their own and do not count against the ten seconds.
func (l *limits) take(now time.Time, search bool, throttle int) (a allowance, ok bool) {
	a.max, a.daily = l.perTenSeconds, l.perDay
	if throttle > 0 {
		a.max = throttle
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if day := now.Unix() / 86400; day != l.day {
		l.day, l.today = day, 0
	}
	a.dailyRemaining = max(0, a.daily-l.today)
	if a.dailyRemaining == 0 {
		a.policy, a.reason = "DAILY", "You have reached your daily limit."
		return a, false
	}
	if search {
		if _, ok := l.search.take(now, l.searchPerSecond); !ok {
			a.policy, a.reason = "SECONDLY", "You have reached your secondly limit."
			return a, false
		}
	}
	if !search || throttle > 0 {
		if a.remaining, ok = l.burst.take(now, a.max); !ok {
			a.policy, a.reason = "TEN_SECONDLY_ROLLING", "You have reached your ten_secondly_rolling limit."
			return a, false
		}
	}
	l.today++
	a.dailyRemaining--
	return a, true
}
