package saastest

import (
	"testing"
	"time"
)

// skew sets the account's clock.
func (b *bench) skew(t *testing.T, d time.Duration) {
	t.Helper()
	c, is := b.account.(Clock)
	if !is {
		t.Fatal("the harness says that the clock can be set, and its account is no Clock")
	}
	c.Skew(d)
}

func (b *bench) clocked(t *testing.T) Clocked {
	t.Helper()
	c, is := b.c.(Clocked)
	if !is {
		t.Fatal("the connector does not measure the vendor's clock")
	}
	return c
}

// calls makes a few calls that measure.
func (b *bench) calls(t *testing.T) {
	t.Helper()
	for range 5 {
		if _, err := b.c.Describe(b.ctx, b.h.Object); err != nil {
			t.Fatal(err)
		}
	}
}

func measuresClock(t *testing.T, b *bench) {
	c := b.clocked(t)
	if _, _, known := c.ClockOffset(); known {
		t.Error("an offset is known before the first call")
	}
	for _, skew := range []time.Duration{0, time.Hour, -time.Hour, 30 * time.Second} {
		b.skew(t, skew)
		b.calls(t)
		offset, uncertainty, known := c.ClockOffset()
		if !known || (offset-skew).Abs() > uncertainty || uncertainty > 2*time.Second {
			t.Errorf("set by %v: got %v ± %v, known %v", skew, offset, uncertainty, known)
		}
	}
}

func verifiesBySkewedClock(t *testing.T, b *bench) {
	r := b.receive(t)
	for i, skew := range []time.Duration{time.Hour, -time.Hour} {
		b.skew(t, skew)
		if _, err := b.account.Create(map[string]string{b.h.Unique: b.h.Value(i)}); err != nil {
			t.Fatal(err)
		}
		if err := b.account.Delivered(b.ctx); err != nil {
			t.Fatal(err)
		}
		r.mu.Lock()
		d := r.got[len(r.got)-1]
		r.mu.Unlock()
		now := time.Now()
		stranger := b.account.Connector()
		if err := stranger.Verify(d.request, d.body, now); err == nil {
			t.Errorf("set by %v: accepted before the offset is known: our own clock is to count", skew)
		}
		b.calls(t)
		for late, good := range map[time.Duration]bool{0: true, 4 * time.Minute: true, -4 * time.Minute: true, 6 * time.Minute: false, -6 * time.Minute: false, -skew: false} {
			if err := b.c.Verify(d.request, d.body, now.Add(late)); (err == nil) != good {
				t.Errorf("set by %v: %v late: got %v, want accepted %v", skew, late, err, good)
			}
		}
	}
}
