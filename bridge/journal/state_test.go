package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

func TestStateRemembersTheLastValue(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := open(t, Options{Dir: dir})
	must(t, j.Store(t.Context(), Put{"link.contacts.a", []byte("1")}, Put{"link.contacts.b", []byte("2")},
		Put{"link.contacts.a", []byte("3")}, Put{"link.contacts.empty", []byte{}}, Put{"cursor.contacts.0", []byte("17")}))
	must(t, j.Store(t.Context(), Put{"link.contacts.b", nil}, Put{"link.deals.never", nil}))
	check := func(j *Journal) {
		t.Helper()
		for key, want := range map[string]string{"link.contacts.a": "3", "link.contacts.empty": "", "cursor.contacts.0": "17",
			"link.contacts.b": "-", "link.deals.never": "-", "link.contacts": "-"} {
			data, found, err := j.Load(t.Context(), key)
			must(t, err)
			if found != (want != "-") || found && string(data) != want {
				t.Errorf("load %s: got %q, %v, want %q", key, data, found, want)
			}
		}
		got := map[string]string{}
		must(t, j.Scan(t.Context(), "link.contacts", func(k string, d []byte) error { got[k] = string(d); return nil }))
		if len(got) != 2 || got["link.contacts.a"] != "3" {
			t.Errorf("scan: got %v", got)
		}
	}
	check(j)
	closeNow(t, j)
	check(open(t, Options{Dir: dir}))
}

func TestScanSeesEveryKeyWhileTheyAreRewritten(t *testing.T) {
	t.Parallel()
	const n = 2000
	j := open(t, Options{})
	var puts []Put
	for i := range n {
		puts = append(puts, Put{fmt.Sprintf("link.contacts.%d", i), []byte("old")})
	}
	must(t, j.Store(t.Context(), puts...))
	seen := make(map[string]bool)
	i := 0
	must(t, j.Scan(t.Context(), "link.", func(k string, _ []byte) error {
		seen[k] = true
		if i += 250; i < n { // rewrites keys ahead of the scan and behind it
			return j.Store(t.Context(), Put{fmt.Sprintf("link.contacts.%d", i), []byte("new")})
		}
		return nil
	}))
	if len(seen) != n {
		t.Errorf("got %d keys, want %d", len(seen), n)
	}
	broken := errors.New("broken")
	if err := j.Scan(t.Context(), "link", func(string, []byte) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("got %v, want the caller's error", err)
	}
}

func TestConcurrentStoresShareFsyncsAndKeepOrder(t *testing.T) {
	t.Parallel()
	const callers, each = 16, 40
	j := open(t, Options{})
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			key := fmt.Sprintf("cursor.contacts.%d", c)
			for i := range each {
				want := fmt.Append(nil, i)
				if err := j.Store(t.Context(), Put{key, want}); err != nil {
					t.Errorf("store: %v", err)
					return
				}
				got, found, err := j.Load(t.Context(), key)
				if err != nil || !found || !bytes.Equal(got, want) {
					t.Errorf("load after store: got %q, %v, %v, want %q", got, found, err, want)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestStoreAsyncAnswersInOrder(t *testing.T) {
	t.Parallel()
	const n = 500
	j := open(t, Options{})
	order := make(chan int, n)
	for i := range n {
		j.StoreAsync([]Put{{"cursor.a", fmt.Append(nil, i)}}, func(err error) {
			if err != nil {
				t.Errorf("store %d: %v", i, err)
			}
			order <- i
		})
	}
	for want := range n {
		if got := <-order; got != want {
			t.Fatalf("answer %d came at place %d", got, want)
		}
	}
	got, _, err := j.Load(t.Context(), "cursor.a")
	must(t, err)
	if string(got) != fmt.Sprint(n-1) {
		t.Errorf("got %s, want the last put", got)
	}
}

func TestAsyncWritesAreBounded(t *testing.T) {
	t.Parallel()
	j := open(t, Options{})
	const n = 40
	results := make(chan error, n)
	data := make([]byte, 4<<20)
	for range n {
		j.StoreAsync([]Put{{"big", data}}, func(err error) { results <- err })
	}
	busy := 0
	for range n {
		if err := <-results; errors.Is(err, ErrBusy) {
			busy++
		} else if err != nil {
			t.Errorf("got %v", err)
		}
	}
	if busy == 0 {
		t.Errorf("none of %d stores of 4 MiB was told to wait", n)
	}
	must(t, j.Store(t.Context(), Put{"big", data}))
}

func TestAWithdrawnWriteIsNotStored(t *testing.T) {
	t.Parallel()
	j := open(t, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := j.Store(ctx, Put{"a", []byte("1")})
	_, found, loadErr := j.Load(t.Context(), "a")
	must(t, loadErr)
	if found != (err == nil) {
		t.Errorf("store said %v, found: %v", err, found)
	}
}

func TestDeleteMarkersGoAway(t *testing.T) {
	t.Parallel()
	j := open(t, Options{})
	j.state.pub.ttl = "1s"
	must(t, j.Store(t.Context(), Put{"link.a", []byte("1")}, Put{"link.a", nil}, Put{"link.b", []byte("2")}))
	deadline := time.Now().Add(20 * time.Second)
	for {
		stats, err := j.Stats(t.Context())
		must(t, err)
		if stats.State.Messages == 2 { // link.b and the number of lanes
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the marker is still there: %+v", stats.State)
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-t.Context().Done():
		}
	}
}

func TestAuditIsReadByMappingKeyKindAndTime(t *testing.T) {
	t.Parallel()
	j := open(t, Options{Log: zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.WarnLevel)})
	start := time.Now().UTC().Truncate(time.Second)
	for i := range 30 {
		e := AuditEntry{At: start.Add(time.Duration(i) * time.Second), Mapping: []string{"contacts", "deals"}[i%2],
			Key: fmt.Sprintf(`["%d"]`, i%5), Kind: []string{"conflict", "parked", "odd kind"}[i%3], Text: fmt.Sprint(i), Left: "a", Right: "b"}
		must(t, j.Audit(t.Context(), e))
	}
	for name, c := range map[string]struct {
		filter AuditFilter
		want   func(i int) bool
	}{
		"all":                                   {AuditFilter{}, func(int) bool { return true }},
		"mapping":                               {AuditFilter{Mapping: "deals"}, func(i int) bool { return i%2 == 1 }},
		"key":                                   {AuditFilter{Key: `["3"]`}, func(i int) bool { return i%5 == 3 }},
		"kind":                                  {AuditFilter{Kind: "parked"}, func(i int) bool { return i%3 == 1 }},
		"a kind that cannot stand in a subject": {AuditFilter{Kind: "odd kind"}, func(i int) bool { return i%3 == 2 }},
		"time":                                  {AuditFilter{Since: start.Add(10 * time.Second), Until: start.Add(20 * time.Second)}, func(i int) bool { return i >= 10 && i < 20 }},
		"the newest 4":                          {AuditFilter{Limit: 4}, func(i int) bool { return i >= 26 }},
		"everything at once": {AuditFilter{Mapping: "contacts", Key: `["0"]`, Kind: "conflict", Since: start, Until: start.Add(time.Hour), Limit: 10},
			func(i int) bool { return i == 0 }},
		"nothing": {AuditFilter{Mapping: "none"}, func(int) bool { return false }},
	} {
		t.Run(name, func(t *testing.T) {
			var got, want []string
			must(t, j.ReadAudit(t.Context(), c.filter, func(e AuditEntry) error { got = append(got, e.Text); return nil }))
			for i := range 30 {
				if c.want(i) {
					want = append(want, fmt.Sprint(i))
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}
