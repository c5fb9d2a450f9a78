package journal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// intrude stores a message past the committer, as nobody should: the next
// publish of the stream's committer does not follow what it names.
func intrude(t *testing.T, j *Journal, subject string) {
	t.Helper()
	answer, err := j.reads.Request(subject, []byte("x"), 5*time.Second)
	must(t, err)
	if strings.Contains(string(answer.Data), "error") {
		t.Fatalf("%s", answer.Data)
	}
}

func TestARefusedWriteStoresNothingAndTheNextOneWorks(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 3, 200} {
		t.Run(fmt.Sprintf("%d entries", n), func(t *testing.T) {
			j := open(t, Options{})
			must(t, j.Append(t.Context(), entries("app", 1, 5, 1)))
			intrude(t, j, "changes.other.other.7")
			if err := j.Append(t.Context(), entries("app", 6, n, 1)); err == nil || !strings.Contains(err.Error(), "last sequence") {
				t.Fatalf("got %v", err)
			}
			tail, err := j.Tail(t.Context(), "app", "contacts")
			must(t, err)
			if tail.Major != 5 {
				t.Fatalf("tail after a refused append: got %s", tail)
			}
			must(t, j.Append(t.Context(), entries("app", 6, n, 1)))
			for i, d := range collect(t, j, 0, 0, 5+n) {
				if d.Entry.Position.Major != uint64(i+1) {
					t.Fatalf("entry %d: got %s", i, d.Entry.Position)
				}
			}
		})
	}
}

func TestABatchThatCannotBeStagedIsStoredOneByOne(t *testing.T) {
	t.Parallel()
	j := open(t, Options{Scratch: t.TempDir()})
	if !j.scratch.staged(streamChanges) {
		t.Fatal("batches are not staged in the scratch folder")
	}
	must(t, j.Append(t.Context(), entries("app", 1, 100, 1)))
	target := filepath.Join(j.scratch.root, streamChanges)
	must(t, os.RemoveAll(target))
	must(t, os.WriteFile(target, []byte("in the way"), 0o600))
	must(t, j.Append(t.Context(), entries("app", 101, 100, 1)))
	if j.scratch.staged(streamChanges) {
		t.Error("the broken scratch folder is still in use")
	}
	must(t, j.Append(t.Context(), entries("app", 201, 100, 1)))
	for i, d := range collect(t, j, 0, 0, 300) {
		if d.Entry.Position.Major != uint64(i+1) {
			t.Fatalf("entry %d: got %s", i, d.Entry.Position)
		}
	}
}

func TestWhatIsQueuedWhileAWriteFailsFailsWithIt(t *testing.T) {
	t.Parallel()
	var armed atomic.Bool
	asked, answer := make(chan struct{}), make(chan struct{})
	j := open(t, Options{Free: func(string) (uint64, error) {
		if !armed.CompareAndSwap(true, false) {
			return 10 << 30, nil
		}
		asked <- struct{}{}
		<-answer
		return 0, nil
	}})
	armed.Store(true)
	results := make(chan error)
	for waiting := true; waiting; { // until one store asks for free space: they are asked for every 200 ms
		j.StoreAsync([]Put{{"link.b", []byte("1")}}, func(err error) { results <- err })
		select {
		case err := <-results:
			must(t, err)
		case <-asked:
			waiting = false
		}
	}
	j.StoreAsync([]Put{{"cursor.c", []byte("1")}}, func(err error) { results <- err })
	close(answer)
	if err := <-results; !errors.Is(err, ErrDiskFull) || strings.Contains(err.Error(), "not tried") {
		t.Errorf("link: got %v", err)
	}
	if err := <-results; !errors.Is(err, ErrDiskFull) || !strings.Contains(err.Error(), "not tried") {
		t.Errorf("cursor: got %v", err)
	}
}

func TestWhatIsQueuedBehindAFailureFailsWithIt(t *testing.T) {
	t.Parallel()
	j := open(t, Options{})
	held, release := make(chan struct{}), make(chan struct{})
	j.StoreAsync([]Put{{"a", []byte("1")}}, func(err error) {
		if err != nil {
			t.Errorf("a: %v", err)
		}
		close(held)
		<-release // keeps the committer busy, so that the next two wait together
	})
	<-held
	intrude(t, j, "state.intruder")
	results := make(chan error, 2)
	j.StoreAsync([]Put{{"link.b", []byte("1")}}, func(err error) { results <- err })
	j.StoreAsync([]Put{{"cursor.c", []byte("1")}}, func(err error) { results <- err })
	close(release)
	if err := <-results; err == nil || strings.Contains(err.Error(), "not tried") {
		t.Errorf("link: got %v", err)
	}
	if err := <-results; err == nil || !strings.Contains(err.Error(), "not tried") {
		t.Errorf("cursor: got %v", err)
	}
	for _, key := range []string{"link.b", "cursor.c"} {
		if _, found, err := j.Load(t.Context(), key); err != nil || found {
			t.Errorf("%s: found %v, %v", key, found, err)
		}
	}
	must(t, j.Store(t.Context(), Put{"link.b", []byte("1")}, Put{"cursor.c", []byte("1")}))
}

// TestLostConnectionsLoseAndRepeatNothing cuts the committer's connection again
// and again while a pump appends as it should: after an error from Tail on.
func TestLostConnectionsLoseAndRepeatNothing(t *testing.T) {
	t.Parallel()
	const n = 3000
	j := open(t, Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	var got []Delivery
	enough := errors.New("enough")
	var wg sync.WaitGroup
	wg.Go(func() {
		err := j.Follow(ctx, "contacts", 0, 0, func(_ context.Context, d []Delivery) error {
			if got = append(got, d...); len(got) >= n {
				return enough
			}
			return nil
		})
		if !errors.Is(err, enough) {
			t.Errorf("follow: %v", err)
		}
	})
	failed := appendWhileCut(ctx, t, j, n)
	wg.Wait()
	t.Logf("%d appends failed", failed)
	if len(got) != n {
		t.Fatalf("got %d entries, want %d", len(got), n)
	}
	for i, d := range got {
		if d.Entry.Position.Major != uint64(i+1) {
			t.Fatalf("entry %d: got position %s", i, d.Entry.Position)
		}
	}
}

func appendWhileCut(ctx context.Context, t *testing.T, j *Journal, n int) (failed int) {
	t.Helper()
	progress := make(chan struct{}, 1)
	var cutter sync.WaitGroup
	cutter.Go(func() {
		ticker := time.NewTicker(15 * time.Millisecond)
		defer ticker.Stop()
		for range progress {
			<-ticker.C
			if err := j.changes.pub.nc.ForceReconnect(); err != nil {
				t.Errorf("reconnect: %v", err)
			}
		}
	})
	defer cutter.Wait()
	defer close(progress)
	for at := 1; at <= n; {
		size := min([]int{1, 7, 60}[at%3], n-at+1)
		if err := j.Append(ctx, entries("app", at, size, 1)); err == nil {
			at += size
			select {
			case progress <- struct{}{}:
			default:
			}
			continue
		}
		if failed++; ctx.Err() != nil {
			t.Fatal("the journal did not come back")
		}
		tail, err := j.Tail(ctx, "app", "contacts")
		must(t, err)
		at = int(tail.Major) + 1
	}
	return failed
}

func TestEntriesOfOneChangeStayInOneBatch(t *testing.T) {
	t.Parallel()
	var msgs []*message
	add := func(n, size int) { // one change taken by n mappings
		for i := range n {
			msgs = append(msgs, &message{data: make([]byte, size), joined: i > 0})
		}
	}
	for range 400 {
		add(3, 10)
	}
	for _, c := range []struct{ limit, want int }{{1000, 999}, {1200, 1200}, {1300, 1200}, {4, 3}, {2, 2}} {
		if got := len(cut(msgs, c.limit)); got != c.want {
			t.Errorf("batch of at most %d: got %d, want %d", c.limit, got, c.want)
		}
	}
	msgs = nil
	add(1, 100)
	add(2, batchBytes)
	if got := len(cut(msgs, 1000)); got != 1 {
		t.Errorf("before a large change: got %d, want 1", got)
	}
	if got := len(cut(msgs[1:], 1000)); got != 1 {
		t.Errorf("a change larger than a batch: got %d, want 1", got)
	}
}

func TestAnOriginCannotForgeHeaders(t *testing.T) {
	t.Parallel()
	j := open(t, Options{})
	e := entries("app", 1, 1, 1)
	e[0].Origin = event.Origin{Connection: "crm\r\nLockstep-Position: FF-1", Change: "x\r\n\r\nbody"}
	must(t, j.Append(t.Context(), e))
	got := collect(t, j, 0, 0, 1)[0].Entry
	if got.Position != e[0].Position || string(got.Data) != string(e[0].Data) {
		t.Errorf("got %+v", got)
	}
}
