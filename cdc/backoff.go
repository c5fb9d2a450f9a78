package cdc

import (
	"context"
	"time"
)

// Backoff is the pause before a next try: it doubles from Min to Max, and a
// random part of up to half of it is taken off, so that many pumps do not knock
// at a restarted server in step.
type Backoff struct{ Min, Max time.Duration }

// delay is the pause after the given number of failures, from 0; jitter is from
// 0 to 1.
func (b Backoff) delay(failures int, jitter float64) time.Duration {
	d := b.Min
	for range failures {
		if d *= 2; d >= b.Max {
			d = b.Max
			break
		}
	}
	return d - time.Duration(jitter*float64(d)/2)
}

// pause waits, or returns ctx's error.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
