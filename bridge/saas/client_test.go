package saas

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

const secret = "s3cr3t-token-value"

// plainVendor authorises by a bearer token and classifies by status; the
// message is the body.
type plainVendor struct{ token func() string }

func (v plainVendor) Authorize(r *http.Request) error {
	r.Header.Set("Authorization", "Bearer "+v.token())
	return nil
}

func (v plainVendor) Budget(h http.Header) Budget { return Budget{} }

func (v plainVendor) Classify(a Answer) *event.Fault {
	f := FaultOf(a, time.Now())
	if len(a.Body) > 0 {
		f.Message = string(a.Body)
	}
	return f
}

func client(t *testing.T, handler http.HandlerFunc) (*Client, *httptest.Server) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	c, err := NewClient(server.URL+"/base", plainVendor{func() string { return secret }}, NewLimiter(4, Rate{}, nil))
	if err != nil {
		t.Fatal(err)
	}
	return c, server
}

var (
	get  = Request{Method: http.MethodGet, Path: "/things/a%2Fb", Query: url.Values{"token": {secret}}}
	post = Request{Method: http.MethodPost, Path: "/things", Body: map[string]string{"a": "<&>"}, Mutating: true}
)

// clean fails where a fault shows a secret.
func clean(t *testing.T, f *event.Fault) {
	t.Helper()
	for err := error(f); err != nil; err = errors.Unwrap(err) {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("the fault shows a secret: %v", err)
		}
	}
}

func TestACallIsMade(t *testing.T) {
	t.Parallel()
	c, _ := client(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Header.Get("Authorization") != "Bearer "+secret || r.Header.Get("User-Agent") != "lockstep" ||
			!strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			t.Errorf("got headers %v, %v", r.Header, err)
		}
		if r.Method == http.MethodPost && (r.URL.EscapedPath() != "/base/things" || strings.TrimSpace(string(body)) != `{"a":"<&>"}`) {
			t.Errorf("got %s %s", r.URL, body)
		}
		if r.Method == http.MethodGet && r.URL.EscapedPath() != "/base/things/a%2Fb" {
			t.Errorf("got path %s", r.URL.EscapedPath())
		}
		w.Header().Set("Content-Encoding", "gzip")
		packed := gzip.NewWriter(w)
		if _, err := packed.Write([]byte(`{"x":7}`)); err != nil || packed.Close() != nil {
			t.Error("cannot pack the answer")
		}
	})
	for _, r := range []Request{get, post} {
		var out struct{ X int }
		if _, fault := c.Do(context.Background(), r, &out); fault != nil || out.X != 7 {
			t.Errorf("%s: got %+v, %v", r.Method, out, fault)
		}
	}
}

func TestWhatAFailedCallMeans(t *testing.T) {
	t.Parallel()
	hangUp := func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
	status := func(code int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(code)
			if _, err := io.WriteString(w, body); err != nil {
				t.Error(err)
			}
		}
	}
	for _, c := range []struct {
		name       string
		serve      http.HandlerFunc
		read       event.Class // what it means of a call that reads
		write      event.Class // and of one that changes something
		successful bool
	}{
		{"the connection is cut", hangUp, event.Transient, event.InDoubt, false},
		{"no answer in time", func(_ http.ResponseWriter, r *http.Request) {
			if _, err := io.Copy(io.Discard, r.Body); err == nil { // only then does net/http notice the hanging up
				<-r.Context().Done()
			}
		}, event.Transient, event.InDoubt, false},
		{"the answer is cut", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			if _, err := io.WriteString(w, `{"x":`); err != nil {
				t.Error(err)
			}
		}, event.Transient, event.InDoubt, false},
		{"the answer is no JSON", status(200, "<html>"), event.Transient, event.InDoubt, false},
		{"the answer is too large", status(200, strings.Repeat(" ", 2000)), event.Rejected, event.InDoubt, false},
		{"500", status(500, ""), event.Transient, event.InDoubt, false},
		{"502", status(502, ""), event.Transient, event.InDoubt, false},
		{"503", status(503, ""), event.Transient, event.Transient, false},
		{"504", status(504, ""), event.Transient, event.InDoubt, false},
		{"423", status(423, ""), event.Transient, event.Transient, false},
		{"400", status(400, "bad "+secret), event.Rejected, event.Rejected, false},
		{"401", status(401, "no such token: "+secret), event.Unauthorized, event.Unauthorized, false},
		{"404", status(404, ""), event.Gone, event.Gone, false},
		{"409", status(409, ""), event.Duplicate, event.Duplicate, false},
		{"412", status(412, ""), event.GuardMissed, event.GuardMissed, false},
		{"a redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere?token="+secret, http.StatusFound)
		},
			event.Rejected, event.Rejected, false},
		{"429", status(429, ""), event.Throttled, event.Throttled, false}, // last: it pauses
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, r := range []Request{get, post} {
				client, _ := client(t, c.serve)
				client.Timeout, client.MaxBody = 200*time.Millisecond, 1000
				want := c.read
				if r.Mutating {
					want = c.write
				}
				var out struct{ X int }
				_, fault := client.Do(context.Background(), r, &out)
				if fault == nil || fault.Class != want || fault.Message == "" {
					t.Errorf("%s: got %v, want %s", r.Method, fault, want)
					continue
				}
				clean(t, fault)
				if want == event.Throttled && fault.RetryAfter != 10*time.Second {
					t.Errorf("got RetryAfter %s", fault.RetryAfter)
				}
			}
		})
	}
}

func TestWhatWasNeverSentIsNotInDoubt(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refused := "http://" + listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	c, err := NewClient(refused, plainVendor{func() string { return secret }}, NewLimiter(1, Rate{}, nil))
	if err != nil {
		t.Fatal(err)
	}
	_, fault := c.Do(context.Background(), post, nil)
	if fault == nil || fault.Class != event.Transient {
		t.Errorf("a refused connection: got %v, want transient", fault)
	}
	clean(t, fault)
	_, fault = c.Do(context.Background(), Request{Method: http.MethodPost, Path: "/x", Body: func() {}, Mutating: true}, nil)
	if fault == nil || fault.Class != event.Rejected {
		t.Errorf("a body that is no JSON: got %v, want rejected", fault)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, fault = c.Do(ctx, post, nil); fault == nil || fault.Class != event.Transient || !errors.Is(fault, context.Canceled) {
		t.Errorf("an ended context: got %v, want transient", fault)
	}
}

func TestCredentialsAreRefreshedOnce(t *testing.T) {
	t.Parallel()
	var token atomic.Value
	token.Store("stale-token-value")
	var calls, refreshes atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		if r.Header.Get("Authorization") != "Bearer fresh-token-value" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	t.Cleanup(server.Close)
	c, err := NewClient(server.URL, plainVendor{func() string { return token.Load().(string) }}, NewLimiter(1, Rate{}, nil))
	if err != nil {
		t.Fatal(err)
	}
	c.Refresh = func(context.Context) error {
		refreshes.Add(1)
		token.Store("fresh-token-value")
		return nil
	}
	if _, fault := c.Do(context.Background(), post, nil); fault != nil || calls.Load() != 2 || refreshes.Load() != 1 {
		t.Errorf("got %v after %d calls and %d refreshes", fault, calls.Load(), refreshes.Load())
	}
	c.Refresh = func(context.Context) error { token.Store("still-stale-token"); return nil }
	token.Store("stale-token-value")
	calls.Store(0)
	if _, fault := c.Do(context.Background(), post, nil); fault == nil || fault.Class != event.Unauthorized || calls.Load() != 2 {
		t.Errorf("a refresh that does not help: got %v after %d calls, want unauthorized after 2", fault, calls.Load())
	}
}

func TestABaseURLWithSecretsIsRefusedWithoutShowingThem(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"", "api.example.com", "ftp://x", "https://user:" + secret + "@x", "https://x?token=" + secret, "http://%zz" + secret} {
		_, err := NewClient(base, plainVendor{}, NewLimiter(1, Rate{}, nil))
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("base %q: got %v", base, err)
		}
	}
}

func TestMessagesAreBounded(t *testing.T) {
	t.Parallel()
	c, _ := client(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(400)
		if _, err := io.WriteString(w, strings.Repeat("é", 50_000)); err != nil {
			t.Error(err)
		}
	})
	if _, fault := c.Do(context.Background(), get, nil); fault == nil || len(fault.Message) > maxMessage+len("…") {
		t.Errorf("a message has %d bytes", len(fault.Message))
	}
}
