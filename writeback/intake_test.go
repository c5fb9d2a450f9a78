package writeback

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// source signs with a header and reads an array of record ids.
type source struct{}

func (source) Verify(r *http.Request, body []byte, _ time.Time) error {
	if r.Header.Get("Signature") != strconv.Itoa(len(body)) {
		return errors.New("the signature does not match")
	}
	return nil
}

func (source) Parse(body []byte) ([]event.Change, error) {
	if bytes.Contains(body, []byte("later")) {
		return nil, fmt.Errorf("describe: %w", &event.Fault{Class: event.Transient, Message: "down"})
	}
	if bytes.Contains(body, []byte("never")) {
		return nil, &event.Fault{Class: event.Rejected, Message: "no"}
	}
	var ids []uint64
	if err := json.Unmarshal(body, &ids); err != nil {
		return nil, errors.New("element 0 is no number")
	}
	changes := make([]event.Change, len(ids))
	for i, id := range ids {
		changes[i] = event.Change{Connection: "claimed by the body", Connector: "test", Object: "contacts", Op: event.Update,
			Key: event.KeyOf(strconv.FormatUint(id, 10)), Position: event.Position{Major: id}, Origin: event.Origin{Connection: event.OwnWrite}}
	}
	return changes, nil
}

// journal keeps what it is given, or fails.
type journal struct {
	mu      sync.Mutex
	appends [][]event.Entry
	fail    error
	hold    chan struct{} // closed to let Append go on; nil = at once
	entered chan struct{} // told of each Append, unless nil
}

func (j *journal) Append(ctx context.Context, entries []event.Entry) error {
	if j.entered != nil {
		j.entered <- struct{}{}
	}
	if j.hold != nil {
		select {
		case <-j.hold:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.fail != nil {
		return j.fail
	}
	j.appends = append(j.appends, entries)
	return nil
}

func (j *journal) stored() []event.Entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	var out []event.Entry
	for _, entries := range j.appends {
		out = append(out, entries...)
	}
	return out
}

// toTwo routes every record to two mappings, except 404, which nobody takes,
// and 500, which cannot be routed.
func toTwo(_ context.Context, c *event.Change, dst []event.Route) ([]event.Route, error) {
	switch c.Key {
	case event.KeyOf("404"):
		return dst, nil
	case event.KeyOf("500"):
		return dst, errors.New("state is not there")
	}
	return append(dst, event.Route{Mapping: "contacts", Lane: 3}, event.Route{Mapping: "leads", Lane: 5}), nil
}

func intake(j *journal) *Intake {
	return NewIntake(map[string]Source{"crm": source{}, "desk": source{}}, toTwo, j)
}

func post(path, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Signature", strconv.Itoa(len(body)))
	return r
}

func TestEveryAnswerOfTheIntake(t *testing.T) {
	t.Parallel()
	unsigned := post("/webhooks/crm", "[1]")
	unsigned.Header.Del("Signature")
	unknownLength := post("/webhooks/crm", "["+strings.Repeat(" ", 2000)+"]")
	unknownLength.ContentLength = -1
	lying := post("/webhooks/crm", "["+strings.Repeat(" ", 2000)+"]")
	lying.ContentLength = 3
	cut := post("/webhooks/crm", "[1]")
	cut.Body = io.NopCloser(io.MultiReader(strings.NewReader("[1"), failing{io.ErrUnexpectedEOF}))
	for _, c := range []struct {
		name    string
		request *http.Request
		status  int
		reason  Reason
		entries int
		fail    error
	}{
		{"changes for two mappings", post("/webhooks/crm", "[1,2,3]"), 200, "", 6, nil},
		{"no change at all", post("/webhooks/crm", "[]"), 200, "", 0, nil},
		{"a change that nobody takes", post("/webhooks/crm", "[404]"), 200, "", 0, nil},
		{"a change that nobody takes, the disk being full", post("/webhooks/crm", "[404]"), 200, "", 0, errors.New("full")},
		{"GET", httptest.NewRequest(http.MethodGet, "/webhooks/crm", nil), 405, WrongMethod, 0, nil},
		{"an unknown connection", post("/webhooks/nobody", "[1]"), 404, UnknownConnection, 0, nil},
		{"no connection", post("/webhooks/", "[1]"), 404, UnknownConnection, 0, nil},
		{"a path below a connection", post("/webhooks/crm/x", "[1]"), 404, UnknownConnection, 0, nil},
		{"another path", post("/crm", "[1]"), 404, UnknownConnection, 0, nil},
		{"a connection's bare name", post("/x/../crm", "[1]"), 404, UnknownConnection, 0, nil},
		{"a body that says it is too large", post("/webhooks/crm", "["+strings.Repeat(" ", 2000)+"]"), 413, TooLarge, 0, nil},
		{"a large body that says nothing", unknownLength, 413, TooLarge, 0, nil},
		{"a large body that says it is small", lying, 413, TooLarge, 0, nil},
		{"a body at the limit", post("/webhooks/crm", "["+strings.Repeat(" ", 998)+"]"), 200, "", 0, nil},
		{"a body cut off", cut, 400, CutOff, 0, nil},
		{"no signature", unsigned, 401, BadSignature, 0, nil},
		{"a malformed body", post("/webhooks/crm", `["ann@example.com"]`), 400, Malformed, 0, nil},
		{"a body that never makes sense", post("/webhooks/crm", `never`), 400, Malformed, 0, nil},
		{"a body that will make sense later", post("/webhooks/crm", `later`), 503, NotReady, 0, nil},
		{"one change that cannot be routed", post("/webhooks/crm", "[1,500,2]"), 503, NotRouted, 0, nil},
		{"a journal that fails", post("/webhooks/crm", "[1]"), 503, NotStored, 0, errors.New("disk full at /secret/path")},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			j := &journal{fail: c.fail}
			in := intake(j)
			in.MaxBody = 1000
			w := httptest.NewRecorder()
			in.ServeHTTP(w, c.request)
			if w.Code != c.status {
				t.Errorf("got status %d, want %d: %s", w.Code, c.status, w.Body)
			}
			if got := len(j.stored()); got != c.entries || len(j.appends) > 1 {
				t.Errorf("got %d entries in %d appends, want %d in one", got, len(j.appends), c.entries)
			}
			if text := w.Body.String(); strings.Contains(text, "ann@") || strings.Contains(text, "secret") || c.reason == "" && text != "" {
				t.Errorf("the answer says too much: %q", text)
			}
			if (w.Header().Get("Retry-After") != "") != (c.status == 503) {
				t.Errorf("got Retry-After %q with %d", w.Header().Get("Retry-After"), c.status)
			}
			stats := in.Stats()
			var refused, accepted uint64
			for name, s := range stats.Connections {
				refused += s.Refused[c.reason]
				accepted += s.Accepted
				if name != "" && name != "crm" {
					t.Errorf("a stranger's name made a counter: %q", name)
				}
			}
			if c.reason != "" && (refused != 1 || accepted != 0) || c.reason == "" && accepted != 1 || stats.InFlight != 0 {
				t.Errorf("got stats %+v", stats)
			}
		})
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// endless is a body that never ends.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	e.read += len(p)
	return len(p), nil
}

func TestAnEndlessBodyIsReadToTheLimitOnly(t *testing.T) {
	t.Parallel()
	in := intake(&journal{})
	in.MaxBody = 10_000
	body := &endless{}
	r := post("/webhooks/crm", "")
	r.Body, r.ContentLength = io.NopCloser(io.LimitReader(body, 10<<20)), -1
	w := httptest.NewRecorder()
	in.ServeHTTP(w, r)
	if w.Code != http.StatusRequestEntityTooLarge || body.read > 2*int(in.MaxBody) {
		t.Errorf("got status %d after %d bytes", w.Code, body.read)
	}
}

func TestEntriesCarryTheirChange(t *testing.T) {
	t.Parallel()
	j := &journal{}
	in := intake(j)
	now := time.Unix(1_700_000_000, 0).UTC()
	in.Now = func() time.Time { return now }
	in.ServeHTTP(httptest.NewRecorder(), post("/webhooks/desk", "[7]"))
	entries := j.stored()
	if len(entries) != 2 {
		t.Fatalf("got %d entries", len(entries))
	}
	for i, want := range []event.Route{{Mapping: "contacts", Lane: 3}, {Mapping: "leads", Lane: 5}} {
		e := entries[i]
		if e.Connection != "desk" || e.Mapping != want.Mapping || e.Lane != want.Lane || e.Position.Major != 7 || e.Origin.Connection != event.OwnWrite {
			t.Errorf("got entry %+v", e)
		}
		c, err := event.ParseChange(e.Data)
		if err != nil || c.Connection != "desk" || c.Key != event.KeyOf("7") || !c.Seen.Equal(now) {
			t.Errorf("got change %+v, %v", c, err)
		}
	}
	if s := in.Stats().Connections["desk"]; s.Events != 1 || s.Entries != 2 || !s.Last.Equal(now) {
		t.Errorf("got stats %+v", s)
	}
}

// Telling repeats and disorder from news is the engine's business: what was
// answered 200 is there, as often as it came.
func TestRepeatedAndShuffledDeliveriesAreStoredInFull(t *testing.T) {
	t.Parallel()
	j := &journal{}
	server := httptest.NewServer(intake(j))
	t.Cleanup(server.Close)
	const deliveries, each = 40, 25
	var order []int
	for i := range deliveries {
		order = append(order, i, i)
	}
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(order), func(i, k int) { order[i], order[k] = order[k], order[i] })
	var wg sync.WaitGroup
	next := make(chan int)
	for range 8 {
		wg.Go(func() {
			for i := range next {
				ids := make([]string, each)
				for k := range ids {
					ids[k] = strconv.Itoa(1000 + i*each + k)
				}
				body := "[" + strings.Join(ids, ",") + "]"
				if status := send(t, server.URL+"/webhooks/crm", body); status != http.StatusOK {
					t.Errorf("delivery %d: got status %d", i, status)
				}
			}
		})
	}
	for _, i := range order {
		next <- i
	}
	close(next)
	wg.Wait()
	times := make(map[uint64]int)
	for _, e := range j.stored() {
		times[e.Position.Major]++
	}
	if len(times) != deliveries*each {
		t.Errorf("%d changes are stored, want %d", len(times), deliveries*each)
	}
	for id, n := range times {
		if n != 4 { // twice, for two mappings
			t.Fatalf("change %d is stored %d times, want 4", id, n)
		}
	}
}

func send(t *testing.T, url, body string) int {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return 0
	}
	req.Header.Set("Signature", strconv.Itoa(len(body)))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Error(err)
		return 0
	}
	if err := resp.Body.Close(); err != nil {
		t.Error(err)
	}
	return resp.StatusCode
}

func TestTooManyRequestsAtOnceAreRefused(t *testing.T) {
	t.Parallel()
	j := &journal{hold: make(chan struct{}), entered: make(chan struct{}, 3)}
	in := intake(j)
	in.Concurrency = 2
	server := httptest.NewServer(in)
	t.Cleanup(server.Close)
	statuses := make(chan int, 2)
	for range 2 {
		go func() { statuses <- send(t, server.URL+"/webhooks/crm", "[1]") }()
	}
	<-j.entered
	<-j.entered
	if got := send(t, server.URL+"/webhooks/crm", "[2]"); got != http.StatusServiceUnavailable {
		t.Errorf("the third request at once: got status %d, want 503", got)
	}
	if got := in.Stats(); got.InFlight != 2 || got.Connections["crm"].Refused[Busy] != 1 {
		t.Errorf("got stats %+v", got)
	}
	close(j.hold)
	for range 2 {
		if got := <-statuses; got != http.StatusOK {
			t.Errorf("a held request: got status %d, want 200", got)
		}
	}
	if got := send(t, server.URL+"/webhooks/crm", "[2]"); got != http.StatusOK {
		t.Errorf("afterwards: got status %d, want 200", got)
	}
}

func TestABodyThatDoesNotArriveIsGivenUp(t *testing.T) {
	t.Parallel()
	j := &journal{}
	in := intake(j)
	in.ReadTimeout = 50 * time.Millisecond
	server := httptest.NewServer(in)
	t.Cleanup(server.Close)
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, "POST /webhooks/crm HTTP/1.1\r\nHost: x\r\nSignature: 3\r\nContent-Length: 3\r\n\r\n[1"); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil || !bytes.HasPrefix(answer, []byte("HTTP/1.1 408 ")) {
		t.Errorf("got %q, %v, want 408", answer, err)
	}
	if got := in.Stats(); got.Connections["crm"].Refused[TooSlow] != 1 || len(j.stored()) != 0 {
		t.Errorf("got stats %+v, %d entries", got, len(j.stored()))
	}
}

func TestStoringMayTakeLongerThanReading(t *testing.T) {
	t.Parallel()
	j := &journal{hold: make(chan struct{}), entered: make(chan struct{}, 1)}
	in := intake(j)
	in.ReadTimeout = 50 * time.Millisecond
	server := httptest.NewServer(in)
	t.Cleanup(server.Close)
	status := make(chan int)
	go func() { status <- send(t, server.URL+"/webhooks/crm", "[1]") }()
	<-j.entered
	select {
	case got := <-status:
		t.Errorf("the request ended with %d while its changes were being stored", got)
		return
	case <-time.After(4 * in.ReadTimeout):
	}
	close(j.hold)
	if got := <-status; got != http.StatusOK {
		t.Errorf("got status %d, want 200", got)
	}
}

func TestAJournalThatHangsIsGivenUp(t *testing.T) {
	t.Parallel()
	j := &journal{hold: make(chan struct{})}
	in := intake(j)
	in.Timeout = 20 * time.Millisecond
	w := httptest.NewRecorder()
	in.ServeHTTP(w, post("/webhooks/crm", "[1]"))
	if w.Code != http.StatusServiceUnavailable || len(j.stored()) != 0 {
		t.Errorf("got status %d, want 503", w.Code)
	}
}
