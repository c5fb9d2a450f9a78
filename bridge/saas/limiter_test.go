package saas

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// run makes n calls of a class one after another and returns when each began.
func run(t *testing.T, l *Limiter, class string, n int) []time.Duration {
	t.Helper()
	start := time.Now()
	var began []time.Duration
	for range n {
		release, fault := l.Acquire(context.Background(), class)
		if fault != nil {
			t.Fatal(fault)
		}
		began = append(began, time.Since(start))
		release()
	}
	return began
}

// busiest is the largest number of calls in any window of a length.
func busiest(began []time.Duration, window time.Duration) int {
	most := 0
	for i := range began {
		n := 0
		for _, at := range began[i:] {
			if at < began[i]+window {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

func TestCallsAreNotSlowedBeforeALimitIsKnown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := run(t, NewLimiter(4, Rate{}, nil), "", 1000)
		if last := began[len(began)-1]; last != 0 {
			t.Errorf("1,000 calls took %s", last)
		}
	})
}

func TestAHugeBudgetSlowsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(4, Rate{}, nil)
		l.Learn(Budget{Max: 1_000_000_000, Remaining: 999_999_999, Interval: 10 * time.Second})
		if last := run(t, l, "", 10_000)[9_999]; last != 0 {
			t.Errorf("10,000 calls took %s", last)
		}
	})
}

func TestNoWindowHoldsMoreThanTheVendorsLimit(t *testing.T) {
	t.Parallel()
	for _, limit := range []Rate{{100, 10 * time.Second}, {190, 10 * time.Second}, {5, time.Second}, {1, time.Second}, {2, time.Second}, {10, time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			l := NewLimiter(4, Rate{}, nil)
			l.Learn(Budget{Max: limit.Calls, Remaining: limit.Calls, Interval: limit.Per})
			began := run(t, l, "", 5*limit.Calls)
			if got := busiest(began, limit.Per); got > limit.Calls {
				t.Errorf("limit %d in %s: a window holds %d calls", limit.Calls, limit.Per, got)
			}
			// And the vendor's limit is used, not wasted.
			if took, most := began[len(began)-1], 6*limit.Per; took > most {
				t.Errorf("limit %d in %s: five windows' calls took %s, want at most %s", limit.Calls, limit.Per, took, most)
			}
			if began[0] != 0 {
				t.Errorf("limit %d in %s: a lone call waits %s", limit.Calls, limit.Per, began[0])
			}
		})
	}
}

func TestAConfiguredLimitOverridesTheVendors(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(4, Rate{20, 10 * time.Second}, nil)
		l.Learn(Budget{Max: 190, Remaining: 190, Interval: 10 * time.Second})
		if got := busiest(run(t, l, "", 60), 10*time.Second); got > 20 {
			t.Errorf("a window holds %d calls, want 20", got)
		}
		if got := l.Status(); got.Limit.Calls != 20 || got.Budget.Max != 190 || got.Calls != 60 {
			t.Errorf("got status %+v", got)
		}
	})
}

func TestAClassHasALimitOfItsOwn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(1, Rate{}, map[string]Rate{"search": {5, time.Second}})
		var wg sync.WaitGroup
		wg.Go(func() {
			if got := busiest(run(t, l, "search", 30), time.Second); got > 5 {
				t.Errorf("a second holds %d searches, want 5", got)
			}
		})
		wg.Go(func() {
			if last := run(t, l, "", 100)[99]; last != 0 {
				t.Errorf("other calls wait %s for searches", last)
			}
		})
		wg.Wait()
	})
}

func TestARemainderThatOthersUsedUpIsNotBurstOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(4, Rate{}, nil)
		l.Learn(Budget{Max: 100, Remaining: 0, Interval: 10 * time.Second})
		if began := run(t, l, "", 3); began[0] == 0 {
			t.Errorf("a call went out at once though nothing remains")
		}
	})
}

func TestAThrottledConnectionRests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(4, Rate{}, nil)
		if got := l.Throttled(0); got != 10*time.Second {
			t.Errorf("an unnamed pause lasts %s", got)
		}
		if began := run(t, l, "", 1); began[0] != 10*time.Second {
			t.Errorf("the next call began after %s, want 10s", began[0])
		}
		l.Throttled(time.Hour)
		_, fault := l.Acquire(context.Background(), "")
		if fault == nil || fault.Class != event.Throttled || fault.RetryAfter != time.Hour {
			t.Errorf("a long pause: got %v after %v, want it back at once", fault, fault.RetryAfter)
		}
		l.Throttled(time.Second) // does not shorten what was said before
		if got := time.Until(l.Status().ThrottledUntil); got != time.Hour {
			t.Errorf("the pause lasts %s", got)
		}
	})
}

func TestAPauseHoldsAlsoForCallsThatWaitForTheirPlace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(1, Rate{}, nil)
		release, fault := l.Acquire(context.Background(), "")
		if fault != nil {
			t.Fatal(fault)
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			if began := run(t, l, "", 1); began[0] != 5*time.Second {
				t.Errorf("a call began %s into the pause", began[0])
			}
		})
		synctest.Wait() // the call waits for its place
		l.Throttled(5 * time.Second)
		release()
		wg.Wait()
	})
}

func TestAWaitThatTheContextWillNotOutlastIsRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(4, Rate{}, nil)
		l.Throttled(5 * time.Second)
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		start := time.Now()
		_, fault := l.Acquire(ctx, "")
		if fault == nil || fault.Class != event.Throttled || fault.RetryAfter != 5*time.Second || time.Since(start) != 0 {
			t.Errorf("got %v after %s", fault, time.Since(start))
		}
	})
}

func TestATurnThatNobodyWaitsForIsGivenBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(4, Rate{1, time.Second}, nil)
		run(t, l, "", 1)
		for range 5 {
			ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
			if _, fault := l.Acquire(ctx, ""); fault == nil || fault.Class != event.Throttled {
				t.Errorf("got %v, want throttled", fault)
			}
			cancel()
		}
		if began := run(t, l, "", 1); began[0] > 2*time.Second {
			t.Errorf("the next call began after %s", began[0])
		}
	})
}

func TestNoMoreCallsRunAtOnceThanAllowed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(3, Rate{}, nil)
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				release, fault := l.Acquire(context.Background(), "")
				if fault != nil {
					t.Error(fault)
					return
				}
				if got := l.Status().InFlight; got > 3 {
					t.Errorf("%d calls under way", got)
				}
				<-time.After(time.Second) // the call, on the clock of the bubble
				release()
			})
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		synctest.Wait()
		if _, fault := l.Acquire(ctx, ""); fault == nil || fault.Class != event.Transient {
			t.Errorf("no place within the context's time: got %v", fault)
		}
		wg.Wait()
	})
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "5": 5 * time.Second, "0.5": 500 * time.Millisecond, "-3": 0, "soon": 0, "1e99": 0, "NaN": 0,
		"Fri, 02 Jan 2026 03:05:05 GMT": time.Minute, "Fri, 02 Jan 2026 03:00:05 GMT": 0,
	} {
		if got := RetryAfter(http.Header{"Retry-After": {text}}, now); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}
