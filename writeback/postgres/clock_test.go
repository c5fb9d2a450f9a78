package postgres

import (
	"testing"
	"time"
)

func TestTheBestRecentLookAtTheClockStands(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	type look struct{ at, took, offset time.Duration }
	ms := time.Millisecond
	for name, c := range map[string]struct {
		looks []look
		want  time.Duration
	}{
		"the surest of several":                   {[]look{{0, 4 * ms, 1 * ms}, {ms, 2 * ms, 2 * ms}, {2 * ms, 40 * ms, 9 * ms}}, 2 * ms},
		"a slow look does not replace a sure one": {[]look{{0, 2 * ms, 2 * ms}, {time.Second, 60 * ms, 20 * ms}}, 2 * ms},
		"an old look gives way to a fresh one":    {[]look{{0, 2 * ms, 2 * ms}, {20 * time.Second, 30 * ms, 5 * ms}}, 5 * ms},
		"a clock that was set is followed":        {[]look{{0, 2 * ms, 2 * ms}, {ms, 50 * ms, -3 * time.Second}}, -3 * time.Second},
		"a look across our own setting is none":   {[]look{{0, 2 * ms, 2 * ms}, {ms, -5 * time.Second, 7 * time.Second}}, 2 * ms},
	} {
		k := &clock{now: func() time.Time { return start }}
		for _, l := range c.looks {
			sent := start.Add(l.at)
			k.observe(sent, sent.Add(l.took), sent.Add(l.took/2).Add(l.offset))
		}
		if k.best.offset != c.want {
			t.Errorf("%s: got %s, want %s", name, k.best.offset, c.want)
		}
	}
}
