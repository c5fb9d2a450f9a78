package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

func TestOpenSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	plain, sealed := t.TempDir(), t.TempDir()
	for dir, key := range map[string]string{plain: "", sealed: "correct horse"} {
		j := open(t, Options{Dir: dir, Key: key, Lanes: 4})
		must(t, j.Store(t.Context(), Put{"a", []byte("1")}))
		closeNow(t, j)
	}
	for name, c := range map[string]struct {
		opts Options
		want string
	}{
		"a wrong key":             {Options{Dir: sealed, Key: "battery staple", Lanes: 4}, "not the one"},
		"a missing key":           {Options{Dir: sealed, Lanes: 4}, "is encrypted"},
		"an extra key":            {Options{Dir: plain, Key: "x", Lanes: 4}, "created without one"},
		"another number of lanes": {Options{Dir: plain, Lanes: 5}, "set lanes: 4"},
		"no lanes":                {Options{Dir: plain, Lanes: -1}, "from 1 to 1024"},
		"no directory":            {Options{}, "data directory"},
	} {
		j, err := Open(t.Context(), c.opts)
		if err == nil {
			closeNow(t, j)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "battery") {
			t.Errorf("%s: got %v, want words about %q", name, err, c.want)
		}
	}
	for dir, key := range map[string]string{plain: "", sealed: "correct horse"} {
		j := open(t, Options{Dir: dir, Key: key, Lanes: 4}) // nothing of the above did harm
		if data, _, err := j.Load(t.Context(), "a"); err != nil || string(data) != "1" {
			t.Errorf("load: got %q, %v", data, err)
		}
		if j.Lanes() != 4 {
			t.Errorf("lanes: got %d", j.Lanes())
		}
	}
}

func TestOpenRefusesADamagedDirectory(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		remove, want string
	}{
		"the seal is gone": {"journal.json", "no journal.json"},
		"a stream is gone": {"jetstream/$G/streams/STATE", "STATE is gone"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			closeNow(t, open(t, Options{Dir: dir}))
			must(t, os.RemoveAll(filepath.Join(dir, c.remove)))
			j, err := Open(t.Context(), Options{Dir: dir})
			if err == nil {
				closeNow(t, j)
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want words about %q", err, c.want)
			}
		})
	}
}

func TestASecondJournalOnTheDirectoryIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := open(t, Options{Dir: dir})
	_, err := Open(t.Context(), Options{Dir: dir})
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("process %d already runs", os.Getpid())) {
		t.Errorf("got %v", err)
	}
	must(t, j.Append(t.Context(), entries("app", 1, 1, 1)))
	closeNow(t, j)
	closeNow(t, open(t, Options{Dir: dir}))
}

// onDisk tells in which files below the folders the text stands.
func onDisk(t *testing.T, text string, folders ...string) (found []string) {
	t.Helper()
	for _, folder := range folders {
		err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			data, err := os.ReadFile(path)
			if bytes.Contains(data, []byte(text)) || strings.Contains(path, text) {
				found = append(found, path)
			}
			return err
		})
		must(t, err)
	}
	return found
}

func TestWithAKeyNothingStandsOnDiskInPlainText(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"", "correct horse"} {
		t.Run(fmt.Sprintf("key %q", key), func(t *testing.T) {
			dir := t.TempDir()
			j := open(t, Options{Dir: dir, Key: key})
			marks := []string{"MARKcon", "MARKmap", "MARKdata", "MARKorigin", "MARKkey", "MARKvalue", "MARKaudit", "MARKtext"}
			list := entries("MARKcon", 1, 200, 8) // as one batch, and alone
			for i := range list {
				list[i].Mapping, list[i].Data, list[i].Origin = "MARKmap", []byte("MARKdata"), event.Origin{Connection: "crm", Change: "MARKorigin"}
			}
			must(t, j.Append(t.Context(), list))
			must(t, j.Append(t.Context(), list[:1]))
			must(t, j.Store(t.Context(), Put{"link.MARKkey", []byte("MARKvalue")}))
			must(t, j.Audit(t.Context(), AuditEntry{Mapping: "MARKaudit", Kind: "x", Text: "MARKtext"}))
			look := func(when string) {
				t.Helper()
				for _, m := range marks {
					found := onDisk(t, m, dir)
					if key != "" && len(found) > 0 {
						t.Errorf("%s: %s stands in %v", when, m, found)
					}
					if key == "" && len(found) == 0 {
						t.Errorf("%s: %s is not found without a key, so this test cannot see", when, m)
					}
				}
			}
			look("running")
			scratch := j.scratch.root
			closeNow(t, j)
			look("closed")
			if _, err := os.Stat(scratch); scratch != "" && err == nil {
				t.Errorf("%s is left behind", scratch)
			}
		})
	}
}

func TestAFullDiskStopsChangesFirstAndStateLast(t *testing.T) {
	t.Parallel()
	var free atomic.Uint64
	free.Store(10 << 30)
	const minFree = 100 << 20
	j := open(t, Options{MinFree: minFree, Free: func(string) (uint64, error) { return free.Load(), nil }})
	changes := func() error { return j.Append(t.Context(), entries("app", 1, 1, 1)) }
	audit := func() error { return j.Audit(t.Context(), AuditEntry{Kind: "x"}) }
	state := func() error { return j.Store(t.Context(), Put{"a", []byte("1")}) }
	for _, c := range []struct {
		free                  uint64
		changes, audit, state bool
	}{
		{10 << 30, true, true, true},
		{minFree - 1, false, true, true},
		{minFree/2 - 1, false, false, true},
		{minFree/4 - 1, false, false, false},
		{minFree / 3, false, false, true},
		{10 << 30, true, true, true},
	} {
		free.Store(c.free)
		// The journal asks at most every 200 ms: wait until it has seen the change.
		deadline := time.Now().Add(5 * time.Second)
		for seen := uint64(0); seen != c.free; {
			stats, err := j.Stats(t.Context())
			must(t, err)
			if seen = stats.Free; stats.DiskFull != (seen < minFree) || time.Now().After(deadline) {
				t.Fatalf("stats: got %+v with %d free", stats, c.free)
			}
		}
		for _, w := range []struct {
			what string
			do   func() error
			want bool
		}{{"append", changes, c.changes}, {"audit", audit, c.audit}, {"store", state, c.state}} {
			err := w.do()
			var full *DiskFull
			if w.want && err != nil || !w.want && !(errors.Is(err, ErrDiskFull) && errors.As(err, &full) && full.Free == c.free && full.Need > full.Free) {
				t.Errorf("%s with %d free: got %v, want success: %v", w.what, c.free, err, w.want)
			}
		}
	}
	tail, err := j.Tail(t.Context(), "app", "contacts")
	must(t, err)
	if tail.IsZero() {
		t.Error("nothing was appended")
	}
}

func TestAFullDiskMakesPruneForgetRetention(t *testing.T) {
	t.Parallel()
	var free atomic.Uint64
	free.Store(10 << 30)
	j := open(t, Options{MinFree: 1 << 20, Free: func(string) (uint64, error) { return free.Load(), nil }})
	must(t, j.Append(t.Context(), entries("app", 1, 100, 1)))
	must(t, j.Prune(t.Context(), 80))
	first := func() uint64 {
		stats, err := j.Stats(t.Context())
		must(t, err)
		return stats.Changes.FirstSeq
	}
	if got := first(); got != 1 {
		t.Fatalf("first sequence with room: got %d", got)
	}
	free.Store(1)
	for full := false; !full; {
		stats, err := j.Stats(t.Context())
		must(t, err)
		full = stats.DiskFull
	}
	must(t, j.Prune(t.Context(), 80))
	if got := first(); got != 80 {
		t.Errorf("first sequence without room: got %d, want 80", got)
	}
}

func TestAHoleAtTheEndIsCutOff(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := open(t, Options{Dir: dir})
	must(t, j.Append(t.Context(), entries("app", 1, 20, 1)))
	s, err := j.js.Stream(t.Context(), streamChanges)
	must(t, err)
	must(t, s.DeleteMsg(t.Context(), 15)) // what a power cut between two block files leaves
	closeNow(t, j)

	j = open(t, Options{Dir: dir})
	tail, err := j.Tail(t.Context(), "app", "contacts")
	must(t, err)
	if tail.Major != 14 {
		t.Fatalf("tail: got %s, want the entry before the hole", tail)
	}
	must(t, j.Append(t.Context(), entries("app", 15, 6, 1)))
	for range 2 { // the second start must not take the old hole for a new one
		got := collect(t, j, 0, 0, 20)
		for i, d := range got {
			if d.Entry.Position.Major != uint64(i+1) {
				t.Fatalf("entry %d: got position %s", i, d.Entry.Position)
			}
		}
		closeNow(t, j)
		j = open(t, Options{Dir: dir})
	}
	stats, err := j.Stats(t.Context())
	must(t, err)
	if stats.Lost != 0 {
		t.Errorf("lost: got %d", stats.Lost)
	}
}

func TestAHoleFurtherBackIsReported(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := open(t, Options{Dir: dir})
	must(t, j.Append(t.Context(), entries("app", 1, 1500, 1)))
	s, err := j.js.Stream(t.Context(), streamChanges)
	must(t, err)
	must(t, s.DeleteMsg(t.Context(), 200))
	closeNow(t, j)
	j = open(t, Options{Dir: dir})
	stats, err := j.Stats(t.Context())
	must(t, err)
	if stats.Lost != 1 || stats.Changes.Messages != 1499 {
		t.Errorf("got %+v, want one entry lost and none removed", stats)
	}
}

func TestAnIdleFollowerHearsAtOnce(t *testing.T) {
	t.Parallel()
	j := open(t, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	got := make(chan uint64, 1)
	done := make(chan error, 1)
	go func() {
		done <- j.Follow(ctx, "contacts", 0, 0, func(_ context.Context, d []Delivery) error {
			for _, one := range d {
				got <- one.Seq
			}
			return nil
		})
	}()
	for i := range 50 {
		must(t, j.Append(t.Context(), entries("app", i+1, 1, 1)))
		if seq := <-got; seq != uint64(i+1) {
			t.Fatalf("got %d, want %d", seq, i+1)
		}
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("follow: %v", err)
	}
}
