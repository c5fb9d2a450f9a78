package event_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

func sample() event.Change {
	return event.Change{
		Connection: "app", Connector: "postgresql", Object: "public.customers", Op: event.Update,
		Key: event.KeyOf("42"), OldKey: event.KeyOf("41"),
		Before: event.Record{Names: []string{"id"}, Values: []event.Value{event.Of(event.Int, "41")}},
		After: event.Record{Names: []string{"id", "name", "ltv", "ok", "gone", "bio", "f"}, Values: []event.Value{
			event.Of(event.Int, "42"), event.String("Ann \"A\"\n\u2028 🚀\x00\x1f\xff"), event.Of(event.Decimal, "12.50"), event.Of(event.Bool, "true"),
			event.NullOf(event.Text), {}, event.Of(event.Float, "1e-07")}},
		Position: event.Position{Major: 0x16B3748, Minor: 3}, Tx: 771,
		At: time.UnixMicro(1763800000123456).UTC(), Seen: time.UnixMilli(1763800000130).UTC(),
		Origin: event.Origin{Connection: "crm", Change: "crm:1-0"},
	}
}

func TestAChangeSurvivesTheEnvelope(t *testing.T) {
	t.Parallel()
	want := sample()
	got, err := event.ParseChange(event.AppendChange(nil, &want))
	if err != nil {
		t.Fatal(err)
	}
	equalValues := cmp.Comparer(func(a, b event.Value) bool { return a.Equal(b) })
	if diff := cmp.Diff(want, got, equalValues); diff != "" {
		t.Errorf("change differs (-want +got):\n%s", diff)
	}
}

func TestTheEnvelopeIsDebezium(t *testing.T) {
	t.Parallel()
	c := sample()
	c.After.Values[1] = event.String("Ann")
	var got struct {
		Before, After map[string]any
		Source        map[string]any
		Op            string
		TsMs          int64 `json:"ts_ms"`
	}
	if err := json.Unmarshal(event.AppendChange(nil, &c), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"id": 42.0, "name": "Ann", "ltv": "12.50", "ok": true, "gone": nil, "bio": event.Unavailable, "f": 1e-7}
	if diff := cmp.Diff(want, got.After); diff != "" {
		t.Errorf("after differs (-want +got):\n%s", diff)
	}
	if got.Op != "u" || got.TsMs != 1763800000130 || got.Source["ts_ms"] != 1763800000123.0 || got.Source["name"] != "app" {
		t.Errorf("got op %q, ts_ms %d, source %v", got.Op, got.TsMs, got.Source)
	}
}

func TestATextThatLooksLikeThePlaceholderStaysAText(t *testing.T) {
	t.Parallel()
	c := sample()
	c.After = event.Record{Names: []string{"bio"}, Values: []event.Value{event.String(event.Unavailable)}}
	got, err := event.ParseChange(event.AppendChange(nil, &c))
	if err != nil {
		t.Fatal(err)
	}
	if v := got.After.Get("bio"); !v.IsSet() || v.Text != event.Unavailable {
		t.Errorf("got %+v, want the text itself", v)
	}
}

func TestAnyTextAndNumberSurvives(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := sample()
		kind := event.Kind(rapid.IntRange(int(event.Text), int(event.Other)).Draw(t, "kind"))
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`-?[0-9]{1,4}(\.[0-9]{1,3})?([eE][+-]?[0-9]{1,2})?`),
			rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })).Draw(t, "text")
		c.After = event.Record{Names: []string{text}, Values: []event.Value{event.Of(kind, text)}}
		c.Key = event.KeyOf(text, "x")
		got, err := event.ParseChange(event.AppendChange(nil, &c))
		if err != nil {
			t.Fatal(err)
		}
		if v := got.After.Get(text); !v.Equal(c.After.Values[0]) || got.Key != c.Key {
			t.Errorf("got %+v, key %s; want %q of kind %v", v, got.Key, text, kind)
		}
	})
}

func FuzzParseChange(f *testing.F) {
	c := sample()
	f.Add(event.AppendChange(nil, &c))
	f.Add([]byte(`{"op":"c","x":[{"y":[1,2]}],"after":{"a":1.5e3}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := event.ParseChange(data)
		if err != nil {
			return
		}
		again, err := event.ParseChange(event.AppendChange(nil, &c))
		if err != nil {
			t.Fatalf("what was read cannot be written and read again: %v", err)
		}
		if again.Key != c.Key || again.Op != c.Op || len(again.After.Names) != len(c.After.Names) && c.Op != event.Delete {
			t.Errorf("got %+v, want %+v", again, c)
		}
	})
}

func BenchmarkAppendChange(b *testing.B) {
	c := sample()
	buf := make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		buf = event.AppendChange(buf[:0], &c)
	}
}

func BenchmarkParseChange(b *testing.B) {
	c := sample()
	data := event.AppendChange(nil, &c)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := event.ParseChange(data); err != nil {
			b.Fatal(err)
		}
	}
}
