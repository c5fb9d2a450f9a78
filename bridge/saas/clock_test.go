package saas

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// vendorClock answers calls at given times.
type vendorClock struct {
	c   clock
	now time.Time
}

// call makes an exchange that takes rtt, with a vendor whose clock is ahead by
// offset and looks at it after part of that.
func (v *vendorClock) call(after, rtt time.Duration, part float64, offset time.Duration) {
	sent := v.now.Add(after)
	looked := sent.Add(time.Duration(float64(rtt) * part))
	v.now = sent.Add(rtt)
	v.c.observe(sent, v.now, http.Header{"Date": {looked.Add(offset).UTC().Truncate(time.Second).Format(http.TimeFormat)}})
}

func (v *vendorClock) holds(t interface{ Fatalf(string, ...any) }, offset time.Duration) {
	got, uncertainty, known := v.c.offset()
	if !known || (got-offset).Abs() > uncertainty {
		t.Fatalf("got %v ± %v, known %v, want %v within it", got, uncertainty, known, offset)
	}
}

func TestTheClockOffsetLiesWhereItIsSaidToBe(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		offset := time.Duration(rapid.Int64Range(int64(-2*time.Hour), int64(2*time.Hour)).Draw(t, "offset"))
		v := vendorClock{now: time.Unix(1_700_000_000, rapid.Int64Range(0, 999_999_999).Draw(t, "start"))}
		for range rapid.IntRange(1, 100).Draw(t, "calls") {
			v.call(time.Duration(rapid.Int64Range(0, int64(5*time.Second)).Draw(t, "pause")), time.Duration(rapid.Int64Range(1, int64(time.Second)).Draw(t, "rtt")),
				rapid.Float64Range(0, 1).Draw(t, "part"), offset)
			v.holds(t, offset)
		}
	})
}

func TestManyAnswersTellMoreThanASecond(t *testing.T) {
	t.Parallel()
	v := vendorClock{now: time.Unix(1_700_000_000, 0)}
	if _, _, known := v.c.offset(); known {
		t.Error("an offset is known before the first answer")
	}
	v.call(0, 40*time.Millisecond, 0.5, 300*time.Millisecond)
	if _, uncertainty, _ := v.c.offset(); uncertainty < 500*time.Millisecond {
		t.Errorf("one answer is said to be exact to %v", uncertainty)
	}
	for range 40 {
		v.call(917*time.Millisecond, 40*time.Millisecond, 0.5, 300*time.Millisecond)
	}
	if got, uncertainty, _ := v.c.offset(); uncertainty > 60*time.Millisecond || (got-300*time.Millisecond).Abs() > uncertainty {
		t.Errorf("got %v ± %v after forty answers, want 300 ms within 60", got, uncertainty)
	}
}

func TestAClockThatIsSetIsFollowed(t *testing.T) {
	t.Parallel()
	for _, jump := range []time.Duration{time.Hour, -time.Hour, 5 * time.Second, 1200 * time.Millisecond, 300 * time.Millisecond, -90 * time.Millisecond} {
		v := vendorClock{now: time.Unix(1_700_000_000, 0)}
		for range 60 {
			v.call(930*time.Millisecond, 40*time.Millisecond, 0.5, 0)
		}
		calls := 0
		for start := v.now; v.now.Sub(start) < clockWindow; calls++ {
			v.call(930*time.Millisecond, 40*time.Millisecond, 0.5, jump)
			if calls+1 == clockTurn && jump.Abs() > 2*time.Second {
				v.holds(t, jump) // plain enough to be followed at once
			}
		}
		v.holds(t, jump)
	}
}

func TestFewCallsFollowAClockTooWithinAMinute(t *testing.T) {
	t.Parallel()
	for _, jump := range []time.Duration{time.Hour, 300 * time.Millisecond, -90 * time.Millisecond} {
		v := vendorClock{now: time.Unix(1_700_000_000, 0)}
		for range 60 {
			v.call(4733*time.Millisecond, 40*time.Millisecond, 0.5, 0)
		}
		for start := v.now; v.now.Sub(start) <= clockWindow; {
			v.call(4733*time.Millisecond, 40*time.Millisecond, 0.5, jump)
		}
		v.holds(t, jump)
	}
}

func TestASingleWrongAnswerIsOutvoted(t *testing.T) {
	t.Parallel()
	v := vendorClock{now: time.Unix(1_700_000_000, 0)}
	for i := range 50 {
		offset := 2 * time.Second
		if i%5 == 4 {
			offset = -time.Hour // a cache, or one server among many
		}
		v.call(930*time.Millisecond, 40*time.Millisecond, 0.5, offset)
		if i > 5 {
			v.holds(t, 2*time.Second)
		}
	}
}

func TestAnswersWithoutADateTellNothing(t *testing.T) {
	t.Parallel()
	var c clock
	now := time.Unix(1_700_000_000, 0)
	c.observe(now, now, http.Header{})
	c.observe(now, now, http.Header{"Date": {"yesterday"}})
	c.observe(now, now.Add(-time.Second), http.Header{"Date": {now.UTC().Format(http.TimeFormat)}}) // our clock was set meanwhile
	if _, _, known := c.offset(); known {
		t.Error("an offset is known")
	}
}

func TestTheClientLearnsTheOffsetFromAnyAnswer(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
		w.WriteHeader(http.StatusNotFound)
	}))
	defer server.Close()
	c, err := NewClient(server.URL, plainVendor{func() string { return secret }}, NewLimiter(1, Rate{}, nil))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, known := c.ClockOffset(); known {
		t.Error("an offset is known before the first call")
	}
	if _, fault := c.Do(t.Context(), Request{Method: http.MethodGet, Path: "/"}, nil); fault == nil {
		t.Fatal("the call succeeded")
	}
	offset, uncertainty, known := c.ClockOffset()
	if !known || (offset+time.Hour).Abs() > uncertainty || uncertainty > 10*time.Second {
		t.Errorf("got %v ± %v, known %v, want an hour behind", offset, uncertainty, known)
	}
}

func TestOfTwoAnswersThatDisagreeTheLatestCounts(t *testing.T) {
	t.Parallel()
	v := vendorClock{now: time.Unix(1_700_000_000, 0)}
	v.call(0, 40*time.Millisecond, 0.5, 0)
	v.call(time.Second, 40*time.Millisecond, 0.5, time.Hour)
	v.holds(t, time.Hour)
}
