package saas

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

func TestBatchesKeepOrderAndNeverMix(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		writes := make([]event.Write, rapid.IntRange(0, 60).Draw(t, "n"))
		for i := range writes {
			writes[i].Op = rapid.SampledFrom([]event.WriteOp{event.DoCreate, event.DoUpdate}).Draw(t, "op")
			writes[i].Object = rapid.SampledFrom([]string{"a", "b"}).Draw(t, "object")
			if writes[i].Op != event.DoCreate {
				writes[i].Key = event.KeyOf(rapid.SampledFrom([]string{"1", "2", "3"}).Draw(t, "key"))
			}
		}
		limit := rapid.IntRange(1, 10).Draw(t, "limit")
		var all []int
		for _, run := range Batches(writes, limit) {
			if len(run) == 0 || len(run) > limit {
				t.Fatalf("a run of %d, limit %d", len(run), limit)
			}
			keys := make(map[event.Key]bool)
			for _, i := range run {
				w, first := writes[i], writes[run[0]]
				if w.Op != first.Op || w.Object != first.Object || keys[w.Key] {
					t.Fatalf("run %v mixes or repeats", run)
				}
				keys[w.Key] = !w.Key.IsZero()
			}
			all = append(all, run...)
		}
		if len(all) != len(writes) || !slices.IsSorted(all) {
			t.Fatalf("got order %v", all)
		}
	})
}

func TestBadInputsAreIsolated(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 100).Draw(t, "n")
		bad := make(map[int]bool)
		for range rapid.IntRange(0, 20).Draw(t, "bad") {
			bad[rapid.IntRange(0, n-1).Draw(t, "i")] = true
		}
		names := rapid.Bool().Draw(t, "the vendor names them")
		batch := make([]int, n)
		for i := range batch {
			batch[i] = i
		}
		sent, failed, calls := make(map[int]int), make(map[int]int), 0
		Isolate(batch, func(part []int) *Refusal {
			calls++
			r := &Refusal{Fault: &event.Fault{Class: event.Rejected}, Named: map[int]*event.Fault{}}
			culprits := 0
			for _, i := range part {
				if bad[i] {
					culprits++
					if names {
						r.Named[i] = &event.Fault{Class: event.Rejected}
					}
				}
			}
			if culprits > 0 {
				return r
			}
			for _, i := range part {
				sent[i]++
			}
			return nil
		}, func(i int, _ *event.Fault) { failed[i]++ })
		for i := range n {
			if bad[i] && (failed[i] != 1 || sent[i] != 0) || !bad[i] && (sent[i] != 1 || failed[i] != 0) {
				t.Fatalf("input %d (bad: %v) was sent %d times and failed %d times", i, bad[i], sent[i], failed[i])
			}
		}
		if calls > 2*n-1 || names && calls > 2 {
			t.Fatalf("%d calls for %d inputs", calls, n)
		}
	})
}

func TestAFaultOfTheWholeBatchIsNotDivided(t *testing.T) {
	t.Parallel()
	calls, failed := 0, 0
	Isolate([]int{0, 1, 2, 3}, func([]int) *Refusal {
		calls++
		return &Refusal{Fault: &event.Fault{Class: event.Transient}, Shared: true}
	}, func(int, *event.Fault) { failed++ })
	if calls != 1 || failed != 4 {
		t.Errorf("%d calls, %d failed, want 1 and 4", calls, failed)
	}
}
