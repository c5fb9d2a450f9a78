package bridge

import (
	"sync"
	"sync/atomic"
	"testing"
)

func TestMatchLocks(t *testing.T) {
	t.Parallel()
	t.Run("one record at a time holds a value's lock, in the order of asking", func(t *testing.T) {
		t.Parallel()
		var l matchLocks
		a, b, c := &record{}, &record{}, &record{}
		name := lockName("people", "ada@example.com")
		for range 2 {
			if !l.acquire(name, a) {
				t.Fatal("the first record does not get the lock, or loses it by asking twice")
			}
		}
		if l.acquire(name, b) || l.acquire(name, c) {
			t.Fatal("a second record got a lock that is held")
		}
		if got := l.release(name, b); got != nil {
			t.Error("one that waits could give back a lock it does not hold")
		}
		if got := l.release(name, a); got != b {
			t.Error("the lock does not go to the record that asked first")
		}
		if got := l.release(name, b); got != c {
			t.Error("the lock does not go to the next in line")
		}
		if got := l.release(name, c); got != nil {
			t.Error("the last release names somebody to wake")
		}
		if len(l.holders) != 0 {
			t.Errorf("%d locks are kept that nobody holds", len(l.holders))
		}
	})
	t.Run("other values and other mappings are free", func(t *testing.T) {
		t.Parallel()
		var l matchLocks
		for _, name := range []string{lockName("people", "a"), lockName("people", "b"), lockName("firms", "a")} {
			if !l.acquire(name, &record{}) {
				t.Errorf("%q is not free", name)
			}
		}
	})
	t.Run("never two holders, and nobody is forgotten", func(t *testing.T) {
		t.Parallel()
		var l matchLocks
		var inside atomic.Int32
		var all sync.WaitGroup
		turns := map[*record]chan struct{}{}
		records := make([]*record, 50)
		for i := range records {
			records[i] = &record{}
			turns[records[i]] = make(chan struct{}, 1)
		}
		for _, r := range records {
			all.Go(func() {
				if !l.acquire("x", r) {
					<-turns[r]
				}
				if inside.Add(1) != 1 {
					t.Error("two records hold the lock")
				}
				inside.Add(-1)
				if next := l.release("x", r); next != nil {
					turns[next] <- struct{}{}
				}
			})
		}
		all.Wait()
	})
}
