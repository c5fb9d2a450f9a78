package saastest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

func values(t *testing.T, b *bench) {
	texts := []string{
		strings.Repeat("sixty thousand bytes ", 2857), "🚀 emoji and 𝄞", `"quotes" and 'apostrophes' and \backslashes\`,
		"lines\nand\ttabs\r\nend", "<b>markup & entities</b>", "\u2028 separators \u00a0", "null", "0", "{\"json\": [1]}", "a;b;c", "Ünïcödé ñ 漢字 العربية",
	}
	writes := make([]event.Write, len(texts))
	for i, text := range texts {
		writes[i] = b.create(i, b.h.Text, text)
	}
	for i, r := range b.must(t, writes...) {
		if got := r.After.Get(b.h.Text); !got.Equal(event.String(texts[i])) {
			t.Errorf("text %d: after says %.80q, want %.80q", i, got.Text, texts[i])
		}
		if got := b.held(t, r.Key, b.h.Text); got != texts[i] {
			t.Errorf("text %d: the vendor holds %.80q, want %.80q", i, got, texts[i])
		}
	}
	for i, number := range []string{"0", "-1", "12.5", "9007199254740993", "123456789012.34", "0.000001", "-0.01"} {
		r := b.must(t, b.create(100+i, b.h.Number, number))[0]
		if got := r.After.Get(b.h.Number); got.Text != number || got.Kind != event.Decimal {
			t.Errorf("number %s: after says %s, a %s", number, got.Display(), got.Kind)
		}
	}
}

func reads(t *testing.T, b *bench) {
	var writes []event.Write
	for i := range 120 {
		writes = append(writes, b.create(i, b.h.Text, b.h.Value(i)))
	}
	before := time.Now().Add(-time.Minute)
	made := b.must(t, writes...)
	var keys []event.Key
	for _, r := range made {
		keys = append(keys, r.Key)
	}
	b.must(t, b.archive(keys[5]))
	ask := append(slices.Clone(keys), event.KeyOf("999999999999"), keys[0])
	found, err := b.c.Read(b.ctx, b.h.Object, ask, []string{b.h.Text, b.h.Number})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 119 {
		t.Errorf("got %d records, want 119: none archived, none twice", len(found))
	}
	for _, s := range found {
		i := slices.Index(keys, s.Key)
		if i < 0 || i == 5 || s.Asked != s.Key {
			t.Fatalf("got record %s, asked for as %s", s.Key, s.Asked)
		}
		if got := s.Record.Get(b.h.Text); !got.Equal(event.String(b.h.Value(i))) {
			t.Errorf("record %s: got %s", s.Key, got.Display())
		}
		if got := s.Record.Get(b.h.Number); !got.IsNull() {
			t.Errorf("record %s: a field never set reads %s, want NULL", s.Key, got.Display())
		}
		if len(s.Record.Names) != 2 || s.At.Before(before) {
			t.Errorf("record %s: got fields %v, changed at %v", s.Key, s.Record.Names, s.At)
		}
	}
	if found, err = b.c.Read(b.ctx, b.h.Object, nil, []string{b.h.Text}); err != nil || len(found) != 0 {
		t.Errorf("reading nothing: got %v, %v", found, err)
	}
}

func readsMerged(t *testing.T, b *bench) {
	made := b.must(t, b.create(1, b.h.Text, "kept"), b.create(2), b.create(3))
	survivor, err := b.account.Merge(made[0].Key.ID(), made[1].Key.ID())
	if err != nil {
		t.Fatal(err)
	}
	found, err := b.c.Read(b.ctx, b.h.Object, []event.Key{made[1].Key, made[2].Key, event.KeyOf("999999999999")}, []string{b.h.Text})
	if err != nil || len(found) != 2 {
		t.Fatalf("got %v, %v, want two records", found, err)
	}
	i := slices.IndexFunc(found, func(s event.Snapshot) bool { return s.Asked == made[1].Key })
	if i < 0 {
		t.Fatalf("the record merged away is not among %v", found)
	}
	if got := found[i]; got.Key != event.KeyOf(survivor) || !got.Record.Get(b.h.Text).Equal(event.String("kept")) {
		t.Errorf("got %+v, want the survivor %s", got, survivor)
	}
	// Reading both gives each its answer.
	if found, err = b.c.Read(b.ctx, b.h.Object, []event.Key{made[0].Key, made[1].Key}, []string{b.h.Text}); err != nil || len(found) != 2 || found[0].Key != found[1].Key {
		t.Errorf("reading survivor and loser: got %v, %v", found, err)
	}
}

func looksUp(t *testing.T, b *bench) {
	var writes []event.Write
	for i := range 120 {
		writes = append(writes, b.create(i, b.h.Text, "t"))
	}
	made := b.must(t, writes...)
	ask := []string{"nobody@example.com"}
	for i := range 120 {
		ask = append(ask, b.h.Value(i))
	}
	found, err := b.c.Lookup(b.ctx, b.h.Object, b.h.Unique, ask, []string{b.h.Text})
	if err != nil || len(found) != 120 {
		t.Fatalf("got %d records, %v, want 120", len(found), err)
	}
	for _, s := range found {
		i := slices.IndexFunc(made, func(r event.Result) bool { return r.Key == s.Key })
		if i < 0 || s.Asked != event.KeyOf(b.h.Value(i)) || !s.Record.Get(b.h.Text).Equal(event.String("t")) {
			t.Fatalf("got %+v", s)
		}
	}
}

func looksUpAny(t *testing.T, b *bench) {
	made := b.must(t, b.create(1, b.h.Text, "Same Words"), b.create(2, b.h.Text, "Same Words"), b.create(3, b.h.Text, "same words"), b.create(4, b.h.Text, "others"))
	found, err := b.c.Lookup(b.ctx, b.h.Object, b.h.Text, []string{"Same Words", "nothing like it"}, []string{b.h.Unique})
	if err != nil {
		t.Fatal(err)
	}
	var keys []event.Key
	for _, s := range found {
		keys = append(keys, s.Key)
		if s.Asked != event.KeyOf("Same Words") || s.Record.Get(b.h.Unique).Text == "" {
			t.Errorf("got %+v", s)
		}
	}
	slices.Sort(keys)
	want := []event.Key{made[0].Key, made[1].Key}
	slices.Sort(want)
	if !slices.Equal(keys, want) {
		t.Errorf("got %v, want the two that hold the very text: %v", keys, want)
	}
	long := strings.Repeat("x", 5000)
	if _, err := b.c.Lookup(b.ctx, b.h.Object, b.h.Text, []string{long}, []string{b.h.Unique}); err != nil {
		if f := fault(t, err); f.Class != event.Rejected {
			t.Errorf("a text too long to search: got %v, want it rejected or answered", f)
		}
	}
	numbers := b.must(t, b.create(10, b.h.Number, "12.5"))
	found, err = b.c.Lookup(b.ctx, b.h.Object, b.h.Number, []string{"12.5", "no number"}, []string{b.h.Unique})
	if err != nil || len(found) != 1 || found[0].Key != numbers[0].Key {
		t.Errorf("by number: got %v, %v", found, err)
	}
}
