package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/bridge"
	"github.com/lockstep-sync/lockstep/bridge/journal"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

const testToken = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// fakeDesk is an engine and its journal that only remember: what the API asks of
// them is in calls.
type fakeDesk struct {
	reviews []bridge.Review
	parked  []bridge.ParkedRecord
	records []bridge.RecordState
	entries []journal.AuditEntry
	changes []event.Change
	resumes error
	broken  error // of every read
	wait    chan struct{}

	mu       sync.Mutex
	calls    []string
	decided  map[string]string
	underWay func() int
	running  int
	most     int // orders at once
}

func (d *fakeDesk) note(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls = append(d.calls, fmt.Sprintf(format, args...))
}

// told returns what was asked since the last time.
func (d *fakeDesk) told() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	calls := d.calls
	d.calls = nil
	return calls
}

// order is one order: it notes itself and takes as long as it is made to wait.
func (d *fakeDesk) order(ctx context.Context, format string, args ...any) error {
	d.note(format, args...)
	d.mu.Lock()
	d.running++
	d.most = max(d.most, d.running)
	d.mu.Unlock()
	defer func() { d.mu.Lock(); defer d.mu.Unlock(); d.running-- }()
	if d.wait == nil {
		return nil
	}
	select {
	case <-d.wait:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func refText(ref bridge.RecordRef) string { return string(ref.Left) + "|" + string(ref.Right) }

func (d *fakeDesk) Reviews(_ context.Context, f bridge.ReviewFilter) ([]bridge.Review, error) {
	if f != (bridge.ReviewFilter{}) {
		d.note("reviews mapping=%s kind=%s field=%s record=%s limit=%d", f.Mapping, f.Kind, f.Field, refText(f.Ref), f.Limit)
	}
	return slices.DeleteFunc(slices.Clone(d.reviews), func(r bridge.Review) bool {
		return f.Mapping != "" && f.Mapping != r.Mapping || f.Kind != "" && f.Kind != r.Kind
	}), d.broken
}

func (d *fakeDesk) Choose(ctx context.Context, c bridge.Choice) (bridge.Outcome, error) {
	value := ""
	if c.Choice == "value" {
		value = " null"
		if c.Value != nil {
			value = fmt.Sprintf(" %q", *c.Value)
		}
	}
	if err := d.order(ctx, "choose %s %s%s by %s", c.ID, c.Choice, value, c.By); err != nil {
		return bridge.Outcome{}, err
	}
	out := bridge.Outcome{ID: c.ID, Mapping: "contacts", Done: "the " + c.Choice + " value goes to both sides", Records: 1}
	if !slices.ContainsFunc(d.reviews, func(r bridge.Review) bool { return r.ID == c.ID }) {
		return out, fmt.Errorf("review %s: %w", c.ID, bridge.ErrNotFound)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.decided == nil {
		d.decided = map[string]string{}
	}
	switch before := d.decided[c.ID]; before {
	case "":
		d.decided[c.ID] = c.Choice + value
		return out, nil
	case c.Choice + value:
		out.Done, out.Already = "ann chose "+before, true
		return out, nil
	default:
		return out, fmt.Errorf("ann chose %s: %w", before, bridge.ErrDecided)
	}
}

func (d *fakeDesk) Parked(_ context.Context, f bridge.ParkedFilter) ([]bridge.ParkedRecord, error) {
	if f != (bridge.ParkedFilter{}) {
		d.note("parked mapping=%s kind=%s record=%s limit=%d", f.Mapping, f.Kind, refText(f.Ref), f.Limit)
	}
	return slices.Clone(d.parked), d.broken
}

func (d *fakeDesk) parkedOrder(ctx context.Context, what, id, by string) (bridge.Outcome, error) {
	if err := d.order(ctx, "%s %s by %s", what, id, by); err != nil {
		return bridge.Outcome{}, err
	}
	for _, p := range d.parked {
		if p.ID == id && p.Kind == "waiting" {
			return bridge.Outcome{}, fmt.Errorf("mapping %s is paused: %w", p.Mapping, bridge.ErrInvalid)
		}
		if p.ID == id {
			return bridge.Outcome{ID: id, Mapping: p.Mapping, Left: p.Left, Done: what + " it is", Records: 1}, nil
		}
	}
	return bridge.Outcome{}, fmt.Errorf("parked record %s: %w", id, bridge.ErrNotFound)
}

func (d *fakeDesk) Retry(ctx context.Context, id, by string) (bridge.Outcome, error) {
	return d.parkedOrder(ctx, "retry", id, by)
}

func (d *fakeDesk) Drop(ctx context.Context, id, by string) (bridge.Outcome, error) {
	return d.parkedOrder(ctx, "drop", id, by)
}

func (d *fakeDesk) Replay(ctx context.Context, mapping string, ref bridge.RecordRef, by string) (bridge.Outcome, error) {
	if err := d.order(ctx, "replay %s %s by %s", mapping, refText(ref), by); err != nil {
		return bridge.Outcome{}, err
	}
	_, err := d.find(mapping, ref)
	return bridge.Outcome{Mapping: mapping, Left: string(ref.Left), Done: "both sides are read and merged", Records: 1}, err
}

func (d *fakeDesk) Record(_ context.Context, mapping string, ref bridge.RecordRef) (bridge.RecordState, error) {
	return d.find(mapping, ref)
}

func (d *fakeDesk) find(mapping string, ref bridge.RecordRef) (bridge.RecordState, error) {
	for _, r := range d.records {
		if r.Mapping == mapping && (r.Left == string(ref.Left) || r.Right == string(ref.Right)) {
			return r, nil
		}
	}
	return bridge.RecordState{}, fmt.Errorf("no record %s in mapping %s: %w", refText(ref), mapping, bridge.ErrNotFound)
}

func (d *fakeDesk) Status(context.Context) (bridge.Status, error) {
	n := 0
	if d.underWay != nil {
		n = d.underWay()
	}
	return bridge.Status{Mappings: []bridge.MappingStatus{{Name: "contacts", Left: "app/public.customers", Right: "crm/contacts", UnderWay: n}}}, d.broken
}

func (d *fakeDesk) ReadAudit(_ context.Context, f journal.AuditFilter, each func(journal.AuditEntry) error) error {
	for _, e := range d.entries {
		if f.Key != "" && f.Key != e.Key || f.Kind != "" && f.Kind != e.Kind {
			continue
		}
		if err := each(e); err != nil {
			return err
		}
	}
	return d.broken
}

func (d *fakeDesk) ChangesSince(_ context.Context, _ string, since time.Time, each func(*event.Change) error) error {
	for _, c := range d.changes {
		if c.At.Before(since) {
			continue
		}
		if err := each(&c); err != nil {
			return err
		}
	}
	return nil
}

func (d *fakeDesk) resume(_ context.Context, mapping, by string) error {
	d.note("resume %s by %s", mapping, by)
	return d.resumes
}

// serve answers the API with the desk until the test ends; end ends it as a
// server that stops does.
func (d *fakeDesk) serve(t *testing.T) (srv *httptest.Server, end context.CancelFunc) {
	t.Helper()
	ending, end := context.WithCancel(context.Background())
	a := &api{token: testToken, ending: ending, parts: func() (desk, archive, func(context.Context, string, string) error) { return d, d, d.resume }}
	srv = httptest.NewServer(a.mux())
	t.Cleanup(func() { end(); srv.Close() })
	return srv, end
}

// request makes one request with the token; headers come in pairs, and one of
// the same name wins.
func request(t *testing.T, srv *httptest.Server, method, path, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, srv.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+testToken)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(data)
}
