package journal

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// childDir names the data directory in the environment of the child process
// that TestKillLosesNothingAcknowledged kills.
const childDir = "JOURNAL_TEST_CHILD_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := child(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// child appends and stores until it is killed, saying what was acknowledged.
func child(dir string) error {
	ctx := context.Background()
	j, err := Open(ctx, Options{Dir: dir, Key: "k"})
	if err != nil {
		return err
	}
	var mu sync.Mutex
	say := func(what string, n int) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Println(what, n)
	}
	failed := make(chan error, 4)
	for _, connection := range []string{"app", "crm"} {
		go func() { failed <- childAppends(ctx, j, connection, say) }()
	}
	for _, key := range []string{"k0", "k1"} {
		go func() { failed <- childStores(ctx, j, key, say) }()
	}
	return <-failed
}

func childAppends(ctx context.Context, j *Journal, connection string, say func(string, int)) error {
	tail, err := j.Tail(ctx, connection, "contacts")
	if err != nil {
		return err
	}
	for at := int(tail.Major) + 1; ; {
		n := []int{1, 2, 40, 300}[rand.IntN(4)]
		if err := j.Append(ctx, entries(connection, at, n, 8)); err != nil {
			return err
		}
		at += n
		say(connection, at-1)
	}
}

// childStores counts up a key, and deletes another one in every second round.
func childStores(ctx context.Context, j *Journal, key string, say func(string, int)) error {
	data, _, err := j.Load(ctx, key)
	if err != nil {
		return err
	}
	n, _ := strconv.Atoi(string(data)) // 0 at the first start
	for {
		n++
		flip := Put{Key: key + ".flip"}
		if n%2 == 0 {
			flip.Data = []byte{}
		}
		if err := j.Store(ctx, flip, Put{key, strconv.AppendInt(nil, int64(n), 10)}); err != nil {
			return err
		}
		say(key, n)
	}
}

func TestKillLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	acked := map[string]int{}
	for round := range 10 {
		runAndKill(t, dir, time.Duration(20+rand.IntN(150))*time.Millisecond, acked)
		start := time.Now()
		j := open(t, Options{Dir: dir, Key: "k"})
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("round %d: opening took %s", round, took)
		}
		checkAcked(t, j, acked)
		closeNow(t, j)
	}
	t.Logf("acknowledged: %v", acked)
}

// runAndKill starts a child, waits until it works, kills it some time later and
// notes the last of every acknowledgement.
func runAndKill(t *testing.T, dir string, after time.Duration, acked map[string]int) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	var timer *time.Timer
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if timer == nil {
			timer = time.AfterFunc(after, func() {
				if err := cmd.Process.Kill(); err != nil {
					t.Errorf("kill: %v", err)
				}
			})
		}
		what, n, _ := strings.Cut(lines.Text(), " ")
		if acked[what], err = strconv.Atoi(n); err != nil {
			t.Fatalf("child says %q", lines.Text())
		}
	}
	if err := cmd.Wait(); timer == nil || cmd.ProcessState.Exited() {
		t.Fatalf("the child ended by itself: %v", err)
	}
}

func checkAcked(t *testing.T, j *Journal, acked map[string]int) {
	t.Helper()
	stats, err := j.Stats(t.Context())
	must(t, err)
	if stats.Lost != 0 || stats.Changes.Messages != stats.Changes.LastSeq {
		t.Errorf("CHANGES has holes: %+v", stats)
	}
	next := map[string]uint64{}
	err = j.read(t.Context(), span{stream: streamChanges, filter: "changes.>"}, func(items []item) error {
		for _, it := range items {
			e, err := readEntry(it.msg, it.msg.Subject)
			if err != nil {
				return err
			}
			next[e.Connection]++
			if want := (event.Position{Major: next[e.Connection], Minor: 1}); e.Position != want {
				return fmt.Errorf("entry %d of %s: got position %s, want %s", it.seq, e.Connection, e.Position, want)
			}
		}
		return nil
	})
	must(t, err)
	for _, connection := range []string{"app", "crm"} {
		tail, err := j.Tail(t.Context(), connection, "contacts")
		must(t, err)
		if int(tail.Major) < acked[connection] || tail.Major != next[connection] {
			t.Errorf("%s: tail %s, %d entries, %d acknowledged", connection, tail, next[connection], acked[connection])
		}
	}
	for _, key := range []string{"k0", "k1"} {
		data, found, err := j.Load(t.Context(), key)
		must(t, err)
		n := 0
		if found {
			n, err = strconv.Atoi(string(data))
			must(t, err)
		}
		if n < acked[key] || n > acked[key]+1 {
			t.Errorf("%s: got %d, %d acknowledged", key, n, acked[key])
		}
		told := acked[key]
		acked[key] = n // the next child counts on from here
		_, flip, err := j.Load(t.Context(), key+".flip")
		must(t, err)
		if want := n%2 == 0; flip != want {
			// The flip of the round that was killed may be there already, its count not.
			if n != told {
				t.Errorf("%s.flip: got %v after %d", key, flip, n)
			}
		}
	}
}
