package hubspot

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

func TestValuesAreCanonical(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind event.Kind
		in   string
		want string
	}{
		{event.Text, " as it is ", " as it is "},
		{event.Text, "1742077073905", "1742077073905"},
		{event.Decimal, "12.50", "12.50"},
		{event.Bool, "True", "true"},
		{event.Bool, "maybe", "maybe"},
		{event.Date, "2024-08-15", "2024-08-15"},
		{event.Date, "1723680000000", "2024-08-15"},
		{event.Date, "2024-08-15T00:00:00Z", "2024-08-15"},
		{event.Date, "-86400000", "1969-12-31"},
		{event.Instant, "2024-08-15T17:09:13.648Z", "2024-08-15T17:09:13.648Z"},
		{event.Instant, "2024-08-15T17:09:13.640Z", "2024-08-15T17:09:13.64Z"},
		{event.Instant, "2024-08-15T17:09:13.000Z", "2024-08-15T17:09:13Z"},
		{event.Instant, "2024-08-15T17:09:13Z", "2024-08-15T17:09:13Z"},
		{event.Instant, "1723741753648", "2024-08-15T17:09:13.648Z"},
		{event.Instant, "0", "1970-01-01T00:00:00Z"},
		{event.Instant, "99999999999999999", "99999999999999999"},
		{event.Instant, "yesterday", "yesterday"},
		{event.Multi, "b;a", "b;a"},
	} {
		if got := canonical(c.kind, &c.in); !got.Equal(event.Of(c.kind, c.want)) {
			t.Errorf("%s %q: got %s, want %q", c.kind, c.in, got.Display(), c.want)
		}
	}
	empty := ""
	if !canonical(event.Text, &empty).IsNull() || !canonical(event.Text, nil).IsNull() {
		t.Errorf("an empty or absent value is not NULL")
	}
}

func TestValuesAreSentInHubSpotsForm(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind event.Kind
		in   event.Value
		want string
	}{
		{event.Text, event.NullOf(event.Text), ""},
		{event.Text, event.String(" x "), " x "},
		{event.Instant, event.String("2024-08-15T17:09:13.648999Z"), "2024-08-15T17:09:13.648Z"},
		{event.Instant, event.String("2024-08-15T19:09:13+02:00"), "2024-08-15T17:09:13.000Z"},
		{event.Instant, event.String("infinity"), "infinity"},
		{event.Multi, event.String(";a;b"), "a;b"},
		{event.Date, event.String("2024-08-15"), "2024-08-15"},
	} {
		if got := native(c.kind, c.in); got != c.want {
			t.Errorf("%s %s: got %q, want %q", c.kind, c.in.Display(), got, c.want)
		}
	}
}

// What was canonical stays so, whichever way it came: else a value would seem
// edited by having been looked at twice.
func TestCanonicalFormsAreStable(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]event.Kind{event.Text, event.Bool, event.Date, event.Instant, event.Decimal}).Draw(t, "kind")
		s := rapid.OneOf(rapid.String(), rapid.StringMatching(`-?[0-9]{1,15}`), rapid.StringMatching(`20[0-9]{2}-0[1-9]-1[0-9]T1[0-9]:0[0-9]:0[0-9](\.[0-9]{1,9})?Z`)).Draw(t, "text")
		once := canonical(kind, &s)
		twice := canonical(kind, &once.Text)
		if !twice.Equal(once) {
			t.Fatalf("%q became %s, then %s", s, once.Display(), twice.Display())
		}
		sent := native(kind, once)
		if kind != event.Instant && once.IsSet() && sent != once.Text {
			t.Fatalf("%q is sent as %q", once.Text, sent)
		}
	})
}
