package bridge

import (
	"testing"

	"pgregory.net/rapid"
)

// TestWindowLow: B2, in small.
func TestWindowLow(t *testing.T) {
	t.Parallel()
	var w window
	w.next = 5
	if got := w.low(); got != 5 {
		t.Errorf("low of an empty window = %d, want the place where it starts, 5", got)
	}
	w.add(7) // 5 and 6 belong to other lanes
	w.add(9)
	w.add(12)
	w.finish([]uint64{9, 12})
	if got := w.low(); got != 7 {
		t.Errorf("low = %d while 7 is under way, want 7", got)
	}
	w.finish([]uint64{7})
	if got := w.low(); got != 13 {
		t.Errorf("low = %d when everything is done, want one past the newest, 13", got)
	}
}

// TestWindowProperty compares the window with an oracle that looks at
// everything that was ever taken in.
func TestWindowProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		start := rapid.Uint64Range(0, 50).Draw(t, "start")
		w := window{next: start}
		var seqs []uint64
		done, last := map[uint64]bool{}, start
		check := func() {
			want, open := start, 0
			if len(seqs) > 0 {
				want = last + 1
			}
			for i := len(seqs) - 1; i >= 0; i-- {
				if !done[seqs[i]] {
					want = seqs[i]
					open++
				}
			}
			if got := w.low(); got != want {
				t.Fatalf("low = %d, want %d", got, want)
			}
			if w.open != open {
				t.Fatalf("open = %d, want %d", w.open, open)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				last += uint64(rapid.IntRange(1, 3).Draw(t, "gap"))
				w.add(last)
				seqs = append(seqs, last)
			},
			"finish some, in any order and repeatedly": func(t *rapid.T) {
				if len(seqs) == 0 {
					return
				}
				some := rapid.SliceOf(rapid.SampledFrom(seqs)).Draw(t, "done")
				w.finish(some)
				for _, s := range some {
					done[s] = true
				}
			},
			"finish what was never taken in": func(t *rapid.T) { w.finish([]uint64{last + 1}) },
			"":                               func(*rapid.T) { check() },
		})
	})
}

// TestWindowGivesMemoryBack: a lane that never comes to rest does not grow.
func TestWindowGivesMemoryBack(t *testing.T) {
	t.Parallel()
	var w window
	w.add(1)
	for seq := uint64(2); seq < 100_000; seq++ {
		w.add(seq)
		w.finish([]uint64{seq - 1})
	}
	if got := cap(w.seqs); got > 20_000 {
		t.Errorf("the window holds room for %d entries with one under way, want it given back", got)
	}
	if got := w.low(); got != 99_999 {
		t.Errorf("low = %d, want 99999", got)
	}
}
