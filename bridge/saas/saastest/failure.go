package saastest

import (
	"context"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

func isolates(t *testing.T, b *bench) {
	taken := b.must(t, b.create(0))[0]
	writes := make([]event.Write, 20)
	for i := range writes {
		writes[i] = b.create(i + 1)
	}
	writes[3] = b.create(4, b.h.Bad.Field, b.h.Bad.Value)
	writes[11] = b.create(0) // taken
	results := b.apply(t, writes...)
	want := map[int]event.Class{3: event.Rejected, 11: event.Duplicate}
	for i, r := range results {
		class, bad := want[i]
		switch {
		case !bad && r.Err != nil:
			t.Errorf("create %d: %v", i, r.Err)
		case !bad && b.held(t, r.Key, b.h.Unique) != b.h.Value(i+1):
			t.Errorf("create %d has another record's key", i)
		case bad && (r.Err == nil || r.Err.Class != class):
			t.Errorf("create %d: got %v, want %s", i, r.Err, class)
		}
	}
	if f := results[11].Err; f != nil && !f.Existing.IsZero() && f.Existing != taken.Key {
		t.Errorf("the duplicate names %s, want %s", f.Existing, taken.Key)
	}
	if got := b.account.Live(); got != 19 {
		t.Errorf("%d records were made, want 18 beside the first", got-1)
	}
	gone := b.must(t, b.create(50))[0]
	b.must(t, b.archive(gone.Key))
	results = b.apply(t, b.update(taken.Key, set(b.h.Text, "x")), b.update(gone.Key, set(b.h.Text, "x")),
		b.update(results[0].Key, set(b.h.Bad.Field, b.h.Bad.Value)), b.update(results[1].Key, set(b.h.Text, "x")))
	if results[0].Err != nil || results[3].Err != nil {
		t.Errorf("good updates beside bad ones: got %v, %v", results[0].Err, results[3].Err)
	}
	if results[1].Err == nil || results[1].Err.Class != event.Gone || results[2].Err == nil || results[2].Err.Class != event.Rejected {
		t.Errorf("bad updates: got %v, %v, want gone and rejected", results[1].Err, results[2].Err)
	}
}

func rejected(t *testing.T, b *bench) {
	f := b.fails(t, b.create(1, b.h.Bad.Field, b.h.Bad.Value), event.Rejected)
	if f.Field != b.h.Bad.Field {
		t.Errorf("the fault names field %q, want %q: %s", f.Field, b.h.Bad.Field, f.Message)
	}
	if f := b.fails(t, b.create(1, "no_such_field_here", "x"), event.Rejected); f.Field != "no_such_field_here" {
		t.Errorf("an unknown field: the fault names %q: %s", f.Field, f.Message)
	}
	if got := b.account.Live(); got != 0 {
		t.Errorf("%d records were made", got)
	}
}

func computed(t *testing.T, b *bench) {
	if f := b.fails(t, b.create(1, b.h.Computed, "1"), event.Rejected); f.Field != b.h.Computed {
		t.Errorf("the fault names field %q, want %q: %s", f.Field, b.h.Computed, f.Message)
	}
}

func duplicate(t *testing.T, b *bench) {
	made := b.must(t, b.create(1))[0]
	f := b.fails(t, b.create(1), event.Duplicate)
	if f.Existing != made.Key {
		t.Errorf("the fault names record %q, want %q: %s", f.Existing, made.Key, f.Message)
	}
	other := b.must(t, b.create(2))[0]
	b.fails(t, b.update(other.Key, set(b.h.Unique, b.h.Value(1))), event.Duplicate)
}

func gone(t *testing.T, b *bench) {
	made := b.must(t, b.create(1))[0]
	b.must(t, b.archive(made.Key))
	b.fails(t, b.update(made.Key, set(b.h.Text, "late")), event.Gone)
}

func down(t *testing.T, b *bench) {
	made := b.must(t, b.create(1))[0]
	b.account.Trouble(Down)
	before := b.account.Calls()
	f := b.apply(t, b.create(2))[0].Err
	if f == nil || f.Class != event.Transient && f.Class != event.InDoubt {
		t.Fatalf("got %v, want a transient fault", f)
	}
	if got := b.account.Calls() - before; got != 1 {
		t.Errorf("the connector made %d calls: when to try again is not its business", got)
	}
	_, err := b.c.Read(b.ctx, b.h.Object, []event.Key{made.Key}, []string{b.h.Text})
	if got := fault(t, err).Class; got != event.Transient {
		t.Errorf("a read: got %s, want transient", got)
	}
	b.account.Trouble(Healthy)
	if got := b.account.Live(); got != 1 {
		t.Errorf("%d records, want 1", got)
	}
	b.must(t, b.create(2))
}

func throttled(t *testing.T, b *bench) {
	b.must(t, b.create(1), b.create(2))
	b.account.Trouble(Throttling)
	f := b.fails(t, b.create(3), event.Throttled)
	if f.RetryAfter <= 0 || f.RetryAfter > 24*time.Hour {
		t.Errorf("got RetryAfter %s", f.RetryAfter)
	}
	// The vendor said no: whoever asks meanwhile hears it from us, and the vendor
	// hears nothing.
	before := b.account.Calls()
	short, cancel := context.WithTimeout(b.ctx, 100*time.Millisecond)
	defer cancel()
	r := b.c.Apply(short, []event.Write{b.create(4)})[0]
	if r.Err == nil || r.Err.Class != event.Throttled || r.Err.RetryAfter <= 0 {
		t.Errorf("during the pause: got %v, want throttled", r.Err)
	}
	if got := b.account.Calls() - before; got != 0 {
		t.Errorf("%d calls were made during the pause", got)
	}
	if got := b.account.Live(); got != 2 {
		t.Errorf("%d records, want 2", got)
	}
}

func unauthorized(t *testing.T, b *bench) {
	stranger := b.account.Stranger()
	if f := stranger.Apply(b.ctx, []event.Write{b.create(1)})[0].Err; f == nil || f.Class != event.Unauthorized {
		t.Errorf("a write: got %v, want unauthorized", f)
	}
	_, err := stranger.Describe(b.ctx, b.h.Object)
	if got := fault(t, err).Class; got != event.Unauthorized {
		t.Errorf("describe: got %s, want unauthorized", got)
	}
}

func inDoubt(t *testing.T, b *bench) {
	made := b.must(t, b.create(1))[0]
	b.account.Trouble(ApplyThenFail)
	// Twice: the answer may be lost as a status or as a cut connection.
	for n := 2; n < 8; n++ {
		b.fails(t, b.create(n), event.InDoubt)
	}
	if f := b.apply(t, b.update(made.Key, set(b.h.Text, "there")))[0].Err; f == nil || f.Class != event.InDoubt && f.Class != event.Transient {
		t.Errorf("an update: got %v, want in doubt", f)
	}
	b.account.Trouble(Healthy)
	if got := b.account.Live(); got != 7 {
		t.Fatalf("%d records, want 7: each create reaches the vendor once", got)
	}
	found, err := b.c.Lookup(b.ctx, b.h.Object, b.h.Unique, []string{b.h.Value(2), b.h.Value(7)}, []string{b.h.Unique})
	if err != nil || len(found) != 2 {
		t.Fatalf("lookup: got %v, %v, want both", found, err)
	}
	if got := b.held(t, made.Key, b.h.Text); got != "there" {
		t.Errorf("the update left %q", got)
	}
}

func cancelled(t *testing.T, b *bench) {
	ctx, cancel := context.WithCancel(b.ctx)
	cancel()
	results := b.c.Apply(ctx, []event.Write{b.create(1), b.create(2)})
	for _, r := range results {
		if r.Err == nil {
			t.Errorf("a write succeeded after its context ended")
		}
	}
	if _, err := b.c.Read(ctx, b.h.Object, []event.Key{event.KeyOf("1")}, []string{b.h.Text}); err == nil {
		t.Errorf("a read succeeded after its context ended")
	}
	if got := b.account.Live(); got != 0 {
		t.Errorf("%d records were made", got)
	}
}
