package hubspot

import (
	"context"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

func TestDefinitionsAreReadAgainWhenAPropertyIsNew(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0)
	fetched, stale := 0, 0
	fields := []event.Field{{Name: "email"}}
	var fault *event.Fault
	s := newShapes(func(context.Context, string) (event.Object, *event.Fault) {
		fetched++
		return event.Object{Fields: fields}, fault
	}, func() time.Time { return now }, func(string, *event.Fault) { stale++ })
	ask := func(name string, wantFetched int, wantKind event.Kind) {
		t.Helper()
		got, f := s.of(context.Background(), "contacts", []string{name})
		if f != nil || fetched != wantFetched || got.kind(name) != wantKind {
			t.Errorf("%s: got %v, %v after %d fetches, want %d", name, got, f, fetched, wantFetched)
		}
	}
	ask("email", 1, event.Text)
	fields = append(fields, event.Field{Name: "signed_at", Kind: event.Instant})
	ask("signed_at", 1, event.Text) // too soon to ask again
	now = now.Add(2 * renewAfter)
	ask("email", 1, event.Text)
	ask("signed_at", 2, event.Instant)
	now = now.Add(2 * renewAfter)
	fault = &event.Fault{Class: event.Transient}
	ask("nobody_knows_it", 3, event.Text) // what was known still serves
	ask("signed_at", 3, event.Instant)
	if _, f := s.of(context.Background(), "deals", nil); f == nil || f.Class != event.Transient {
		t.Errorf("an object that cannot be described now: got %v", f)
	}
	fault = &event.Fault{Class: event.Rejected}
	for range 3 {
		if _, f := s.of(context.Background(), "nonsense", nil); f == nil || f.Class != event.Rejected {
			t.Errorf("an object that does not exist: got %v", f)
		}
	}
	if stale != 1 {
		t.Errorf("old definitions were reported %d times, want once", stale)
	}
	if fetched != 5 {
		t.Errorf("an object that does not exist was asked for %d times, want once", fetched-4)
	}
}
