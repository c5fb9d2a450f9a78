package saastest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// delivery is a webhook as it arrived.
type delivery struct {
	request *http.Request
	body    []byte
}

// receiver takes webhooks.
type receiver struct {
	mu  sync.Mutex
	got []delivery
}

// receive directs the account's webhooks to a receiver of the test's own.
func (b *bench) receive(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return // the vendor sends it again
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.got = append(r.got, delivery{req, body})
	}))
	t.Cleanup(server.Close)
	b.account.SendTo(server.URL + "/webhooks/" + b.h.Connection)
	return r
}

// changes waits for everything sent, verifies and parses it.
func (b *bench) changes(t *testing.T, r *receiver) []event.Change {
	t.Helper()
	if err := b.account.Delivered(b.ctx); err != nil {
		t.Fatal(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []event.Change
	for _, d := range r.got {
		if err := b.c.Verify(d.request, d.body, time.Now()); err != nil {
			t.Fatalf("verify: %v", err)
		}
		changes, err := b.c.Parse(d.body)
		if err != nil {
			t.Fatalf("parse: %v", err)
		}
		out = append(out, changes...)
	}
	r.got = nil
	return out
}

func verifies(t *testing.T, b *bench) {
	r := b.receive(t)
	if _, err := b.account.Create(map[string]string{b.h.Unique: b.h.Value(1)}); err != nil {
		t.Fatal(err)
	}
	if err := b.account.Delivered(b.ctx); err != nil {
		t.Fatal(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.got) == 0 {
		t.Fatal("no webhook arrived")
	}
	d, now := r.got[0], time.Now()
	with := func(change func(*http.Request)) *http.Request {
		other := d.request.Clone(b.ctx)
		change(other)
		return other
	}
	tampered := slices.Clone(d.body)
	tampered[len(tampered)/2] ^= 1
	for _, c := range []struct {
		name    string
		request *http.Request
		body    []byte
		now     time.Time
		good    bool
	}{
		{"as it came", d.request, d.body, now, true},
		{"four minutes late", d.request, d.body, now.Add(4 * time.Minute), true},
		{"six minutes late", d.request, d.body, now.Add(6 * time.Minute), false},
		{"six minutes early", d.request, d.body, now.Add(-6 * time.Minute), false},
		{"another body", d.request, tampered, now, false},
		{"an empty body", d.request, nil, now, false},
		{"another path", with(func(o *http.Request) { o.RequestURI += "x"; o.URL.Path += "x" }), d.body, now, false},
		{"another host", with(func(o *http.Request) { o.Host = "elsewhere.example" }), d.body, now, false},
		{"another method", with(func(o *http.Request) { o.Method = http.MethodPut }), d.body, now, false},
		{"no headers", with(func(o *http.Request) { o.Header = http.Header{} }), d.body, now, false},
	} {
		if err := b.c.Verify(c.request, c.body, c.now); (err == nil) != c.good {
			t.Errorf("%s: got %v, want accepted %v", c.name, err, c.good)
		}
	}
}

// find returns the changes of one kind of one record.
func find(changes []event.Change, op event.Op, id string) []event.Change {
	var out []event.Change
	for _, c := range changes {
		if c.Op == op && (c.Key == event.KeyOf(id) || c.OldKey == event.KeyOf(id)) {
			out = append(out, c)
		}
	}
	return out
}

func parses(t *testing.T, b *bench) {
	if _, err := b.c.Describe(b.ctx, b.h.Object); err != nil {
		t.Fatal(err)
	}
	r := b.receive(t)
	start := time.Now().Add(-time.Second)
	id, err := b.account.Create(map[string]string{b.h.Unique: b.h.Value(1), b.h.Text: "by a person"})
	if err != nil {
		t.Fatal(err)
	}
	changes := b.changes(t, r)
	if got := find(changes, event.Insert, id); len(got) != 1 {
		t.Fatalf("a creation: got %v", changes)
	}
	stands := make(map[string]string)
	for _, form := range b.h.Forms {
		if stands[form.Field] == form.Stored {
			continue // nothing changes: the vendor need not say anything
		}
		stands[form.Field] = form.Stored
		if err := b.account.Edit(id, map[string]string{form.Field: form.Sent}); err != nil {
			t.Fatal(err)
		}
		updates := find(b.changes(t, r), event.Update, id)
		i := slices.IndexFunc(updates, func(c event.Change) bool { return !c.After.Get(form.Field).IsUnchanged() })
		if i < 0 || updates[i].After.Get(form.Field).Text != form.Stored {
			t.Errorf("%s set to %s: got %v, want %s", form.Field, form.Sent, updates, form.Stored)
		}
	}
	if err := b.account.Edit(id, map[string]string{b.h.Text: ""}); err != nil {
		t.Fatal(err)
	}
	changes = b.changes(t, r)
	if got := find(changes, event.Update, id); len(got) != 1 || !got[0].After.Get(b.h.Text).IsNull() {
		t.Errorf("clearing: got %v", changes)
	}
	c := changes[0]
	if c.Connection != b.h.Connection || c.Object != b.h.Object || c.Connector == "" || c.At.Before(start) || c.At.After(time.Now().Add(time.Second)) ||
		c.Position != (event.Position{Major: uint64(c.At.UnixMicro())}) || !c.Origin.IsZero() || c.Seen.IsZero() {
		t.Errorf("got change %+v", c)
	}
	loser, err := b.account.Create(map[string]string{b.h.Unique: b.h.Value(2)})
	if err != nil {
		t.Fatal(err)
	}
	survivor, err := b.account.Merge(id, loser)
	if err != nil {
		t.Fatal(err)
	}
	merges := find(b.changes(t, r), event.Merged, loser)
	if len(merges) != 1 || merges[0].Key != event.KeyOf(survivor) || merges[0].OldKey != event.KeyOf(loser) {
		t.Errorf("a merge: got %v", merges)
	}
	if err := b.account.Archive(survivor); err != nil {
		t.Fatal(err)
	}
	if changes = b.changes(t, r); len(find(changes, event.Delete, survivor)) != 1 {
		t.Errorf("archiving: got %v", changes)
	}
}

func parsesOwn(t *testing.T, b *bench) {
	r := b.receive(t)
	made := b.must(t, b.create(1))[0]
	b.must(t, b.update(made.Key, set(b.h.Text, "ours")))
	changes := b.changes(t, r)
	own := find(changes, event.Update, made.Key.ID())
	if len(own) == 0 {
		t.Fatalf("our update sent no webhook: %v", changes)
	}
	for _, c := range changes {
		if c.Origin.Connection != event.OwnWrite {
			t.Errorf("our own write came back as somebody's: %+v", c)
		}
	}
	if err := b.account.Edit(made.Key.ID(), map[string]string{b.h.Text: "theirs"}); err != nil {
		t.Fatal(err)
	}
	for _, c := range b.changes(t, r) {
		if !c.Origin.IsZero() {
			t.Errorf("a person's edit came back as ours: %+v", c)
		}
	}
}

func parsesNonsense(t *testing.T, b *bench) {
	for _, body := range []string{"", "null", "7", `"text"`, "[", "[1]", "[{}]", `[{"a":1},2]`, "\xff\xfe", "<html>"} {
		if changes, err := b.c.Parse([]byte(body)); err == nil {
			t.Errorf("body %q: got %d changes, want an error", body, len(changes))
		}
	}
	if changes, err := b.c.Parse([]byte("[]")); err != nil || len(changes) != 0 {
		t.Errorf("an empty body: got %v, %v", changes, err)
	}
}
