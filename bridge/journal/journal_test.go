package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

func open(t testing.TB, opts Options) *Journal {
	t.Helper()
	if opts.Dir == "" {
		opts.Dir = t.TempDir()
	}
	j, err := Open(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := j.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return j
}

func closeNow(t testing.TB, j *Journal) {
	t.Helper()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// entries makes n entries of mapping "contacts" at positions from 1, over the
// given number of lanes.
func entries(connection string, first, n, lanes int) []event.Entry {
	out := make([]event.Entry, n)
	for i := range out {
		p := event.Position{Major: uint64(first + i), Minor: 1}
		out[i] = event.Entry{Connection: connection, Mapping: "contacts", Lane: (first + i) % lanes, Position: p,
			Data: fmt.Appendf(nil, `{"n":%d}`, first+i)}
	}
	return out
}

// collect follows one lane until it has n deliveries.
func collect(t testing.TB, j *Journal, lane int, from uint64, n int) []Delivery {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var got []Delivery
	enough := errors.New("enough")
	err := j.Follow(ctx, "contacts", lane, from, func(_ context.Context, d []Delivery) error {
		if got = append(got, d...); len(got) >= n {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) {
		t.Fatalf("follow lane %d: got %d of %d entries, then %v", lane, len(got), n, err)
	}
	return got
}

func TestAppendKeepsOrderAndContent(t *testing.T) {
	t.Parallel()
	for _, scratch := range []string{"none", ""} {
		for _, n := range []int{1, 3, 12, 13, 250, 2500} {
			t.Run(fmt.Sprintf("%d entries, scratch %q", n, scratch), func(t *testing.T) {
				t.Parallel()
				j := open(t, Options{Scratch: scratch})
				want := entries("app", 1, n, 1)
				want[0].Origin = event.Origin{Connection: "crm", Change: "crm:1-0:x"}
				must(t, j.Append(t.Context(), want))
				got := collect(t, j, 0, 0, n)
				for i, d := range got {
					w := want[i]
					if d.Seq != uint64(i+1) || d.Entry.Position != w.Position || !bytes.Equal(d.Entry.Data, w.Data) || d.Entry.Origin != w.Origin ||
						d.Entry.Connection != "app" || d.Entry.Mapping != "contacts" || d.Entry.Lane != w.Lane {
						t.Fatalf("entry %d: got %+v, want %+v", i, d, w)
					}
				}
				tail, err := j.Tail(t.Context(), "app", "contacts")
				must(t, err)
				if want := want[n-1].Position; tail != want {
					t.Fatalf("tail: got %s, want %s", tail, want)
				}
			})
		}
	}
}

func TestFollowHasNoGapAndNoRepeat(t *testing.T) {
	t.Parallel()
	const lanes, perCaller = 3, 1500
	callers := []string{"app", "crm", "erp"}
	j := open(t, Options{Lanes: lanes})
	must(t, j.Append(t.Context(), entries("old", 1, 900, lanes)))
	total := 900 + len(callers)*perCaller

	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	var seen atomic.Int64
	got := make([][]Delivery, lanes)
	var followers, appenders sync.WaitGroup
	for lane := range lanes {
		followers.Go(func() {
			err := j.Follow(ctx, "contacts", lane, 0, func(ctx context.Context, d []Delivery) error {
				if len(d) > sliceMax {
					t.Errorf("slice of %d", len(d))
				}
				got[lane] = append(got[lane], d...)
				if seen.Add(int64(len(d))) == int64(total) {
					cancel()
				}
				if lane == 1 { // a slow lane falls behind and reads from the stream
					select {
					case <-time.After(2 * time.Millisecond):
					case <-ctx.Done():
					}
				}
				return nil
			})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("follow: %v", err)
			}
		})
	}
	for _, c := range callers {
		appenders.Go(func() {
			for at := 1; at <= perCaller; {
				n := min(1+rand.IntN(60), perCaller-at+1)
				if err := j.Append(t.Context(), entries(c, at, n, lanes)); err != nil {
					t.Errorf("append: %v", err)
					return
				}
				at += n
			}
		})
	}
	appenders.Wait()
	followers.Wait()
	for lane, list := range got {
		last, next := uint64(0), map[string]uint64{}
		for _, d := range list {
			if d.Seq <= last {
				t.Fatalf("lane %d: %d after %d", lane, d.Seq, last)
			}
			last = d.Seq
			e := d.Entry
			if p := next[e.Connection]; e.Position.Major <= p || p > 0 && e.Position.Major != p+lanes {
				t.Fatalf("lane %d, %s: position %d after %d", lane, e.Connection, e.Position.Major, p)
			}
			next[e.Connection] = e.Position.Major
		}
	}
	if n := seen.Load(); n != int64(total) {
		t.Fatalf("got %d entries, want %d", n, total)
	}
}

func TestASlowFollowerMissesNothing(t *testing.T) {
	t.Parallel()
	const n = 5 * sliceMax
	j := open(t, Options{})
	live, release := make(chan struct{}), make(chan struct{})
	enough := errors.New("enough")
	done := make(chan error, 1)
	var got []Delivery
	go func() {
		done <- j.Follow(t.Context(), "contacts", 0, 0, func(_ context.Context, d []Delivery) error {
			if len(got) == 0 {
				close(live)
				<-release // meanwhile more is appended than its queue holds
			}
			if got = append(got, d...); len(got) == n {
				return enough
			}
			return nil
		})
	}()
	must(t, j.Append(t.Context(), entries("app", 1, 1, 1)))
	<-live
	must(t, j.Append(t.Context(), entries("app", 2, n-1, 1)))
	close(release)
	if err := <-done; !errors.Is(err, enough) {
		t.Fatal(err)
	}
	for i, d := range got {
		if d.Seq != uint64(i+1) {
			t.Fatalf("delivery %d has sequence %d", i, d.Seq)
		}
	}
}

func TestFollowStartsWhereItIsTold(t *testing.T) {
	t.Parallel()
	j := open(t, Options{})
	must(t, j.Append(t.Context(), entries("app", 1, 20, 1)))
	if got := collect(t, j, 0, 15, 1); got[0].Seq != 15 {
		t.Fatalf("first: got %d, want 15", got[0].Seq)
	}
	for _, c := range []struct{ from, want uint64 }{{0, 20}, {1, 20}, {15, 6}, {20, 1}, {21, 0}} {
		n, err := j.Backlog(t.Context(), "contacts", 0, c.from)
		must(t, err)
		if n != c.want {
			t.Errorf("backlog from %d: got %d, want %d", c.from, n, c.want)
		}
	}
	if n, err := j.Backlog(t.Context(), "others", 0, 0); err != nil || n != 0 {
		t.Errorf("backlog of a mapping without entries: got %d, %v", n, err)
	}
}

func TestFollowHandsOverLargeEntries(t *testing.T) {
	t.Parallel()
	j := open(t, Options{})
	list := entries("app", 1, 5, 1)
	for i, size := range []int{10, sliceBytes + 1000, 10, 6 << 20, 10} {
		list[i].Data = bytes.Repeat([]byte{'x'}, size)
	}
	must(t, j.Append(t.Context(), list))
	for i, d := range collect(t, j, 0, 0, 5) {
		if len(d.Entry.Data) != len(list[i].Data) {
			t.Errorf("entry %d: got %d bytes, want %d", i, len(d.Entry.Data), len(list[i].Data))
		}
	}
	list[0].Data = make([]byte, maxPayload+1)
	if err := j.Append(t.Context(), list[:1]); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v, want ErrTooLarge", err)
	}
}

func TestFollowReturnsTheHandlersError(t *testing.T) {
	t.Parallel()
	j := open(t, Options{})
	must(t, j.Append(t.Context(), entries("app", 1, 3, 1)))
	broken := errors.New("broken")
	for _, from := range []uint64{0, 4} {
		done := make(chan error, 1)
		go func() {
			done <- j.Follow(t.Context(), "contacts", 0, from, func(context.Context, []Delivery) error { return broken })
		}()
		if from == 4 {
			must(t, j.Append(t.Context(), entries("app", 4, 1, 1)))
		}
		if err := <-done; !errors.Is(err, broken) {
			t.Errorf("from %d: got %v, want the handler's error", from, err)
		}
	}
}

func TestReadingSurvivesALostConsumer(t *testing.T) {
	t.Parallel()
	j := open(t, Options{})
	const n = 3000
	must(t, j.Append(t.Context(), entries("app", 1, n, 1)))
	next, slices := uint64(1), 0
	err := j.read(t.Context(), span{stream: streamChanges, filter: "changes.>"}, func(items []item) error {
		for _, it := range items {
			if it.seq != next {
				return fmt.Errorf("got message %d, want %d", it.seq, next)
			}
			next++
		}
		slices++
		s, err := j.js.Stream(t.Context(), streamChanges)
		if err != nil {
			return err
		}
		for name := range s.ConsumerNames(t.Context()).Name() {
			if err := j.js.DeleteConsumer(t.Context(), streamChanges, name); err != nil {
				return err
			}
		}
		return nil
	})
	must(t, err)
	if next != n+1 || slices < n/sliceMax {
		t.Errorf("got %d messages in %d slices, want %d", next-1, slices, n)
	}
}

func TestTailSurvivesPruningAndRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	// Everything is older than the shortest retention, so all that is handled goes.
	j := open(t, Options{Dir: dir, Retention: time.Nanosecond})
	must(t, j.Append(t.Context(), entries("app", 1, 100, 8)))
	must(t, j.Append(t.Context(), entries("crm", 1, 50, 8)))
	must(t, j.Prune(t.Context(), 60))
	stats, err := j.Stats(t.Context())
	must(t, err)
	if stats.Changes.FirstSeq != 60 {
		t.Fatalf("first sequence after pruning below 60: got %d", stats.Changes.FirstSeq)
	}
	must(t, j.Prune(t.Context(), 1<<60))
	closeNow(t, j)
	j = open(t, Options{Dir: dir})
	for connection, want := range map[string]uint64{"app": 100, "crm": 50, "none": 0} {
		tail, err := j.Tail(t.Context(), connection, "contacts")
		must(t, err)
		if tail.Major != want {
			t.Errorf("tail of %s: got %s, want %d", connection, tail, want)
		}
	}
	stats, err = j.Stats(t.Context())
	must(t, err)
	if stats.Changes.LastSeq != 150 || stats.Changes.FirstSeq != 150 {
		t.Errorf("after pruning everything: got %+v, want the last message to stay", stats.Changes)
	}
	must(t, j.Append(t.Context(), entries("app", 101, 1, 8)))
	if got := collect(t, j, 101%8, 0, 1); got[0].Seq != 151 {
		t.Errorf("sequence after pruning: got %d, want 151", got[0].Seq)
	}
}

func TestPruneKeepsWhatIsYoungAndFits(t *testing.T) {
	t.Parallel()
	j := open(t, Options{MaxBytes: 1})
	keep := open(t, Options{})
	for _, c := range []struct {
		j    *Journal
		want uint64
	}{{j, 100}, {keep, 1}} {
		must(t, c.j.Append(t.Context(), entries("app", 1, 200, 8)))
		must(t, c.j.Prune(t.Context(), 100))
		stats, err := c.j.Stats(t.Context())
		must(t, err)
		if stats.Changes.FirstSeq != c.want {
			t.Errorf("first sequence: got %d, want %d", stats.Changes.FirstSeq, c.want)
		}
	}
}

func TestNamesThatCannotStandInASubjectAreRefused(t *testing.T) {
	t.Parallel()
	j := open(t, Options{})
	for _, bad := range []string{"", "a.b", "a b", "*", ">", "ü"} {
		e := entries("app", 1, 1, 1)
		e[0].Mapping = bad
		if err := j.Append(t.Context(), e); err == nil || !strings.Contains(err.Error(), "subject") {
			t.Errorf("mapping %q: got %v", bad, err)
		}
		if err := j.Store(t.Context(), Put{Key: "link." + bad + ".x", Data: []byte("1")}); bad != "a.b" && err == nil {
			t.Errorf("key with %q was taken", bad)
		}
	}
	e := entries("app", 1, 1, 1)
	e[0].Lane = 8
	if err := j.Append(t.Context(), e); err == nil {
		t.Error("lane 8 of 8 was taken")
	}
}

func TestClosedJournalRefuses(t *testing.T) {
	t.Parallel()
	j := open(t, Options{})
	following := make(chan error, 1)
	go func() {
		following <- j.Follow(t.Context(), "contacts", 0, 0, func(context.Context, []Delivery) error { return nil })
	}()
	closeNow(t, j)
	if err := <-following; !errors.Is(err, ErrClosed) {
		t.Errorf("follow: got %v", err)
	}
	if err := j.Append(t.Context(), entries("app", 1, 1, 1)); !errors.Is(err, ErrClosed) {
		t.Errorf("append: got %v", err)
	}
	if _, _, err := j.Load(t.Context(), "a.b"); !errors.Is(err, ErrClosed) {
		t.Errorf("load: got %v", err)
	}
	done := make(chan error, 1)
	j.StoreAsync([]Put{{Key: "a", Data: []byte("b")}}, func(err error) { done <- err })
	if err := <-done; !errors.Is(err, ErrClosed) {
		t.Errorf("store: got %v", err)
	}
}
