package saastest

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

func describes(t *testing.T, b *bench) {
	object, err := b.c.Describe(b.ctx, b.h.Object)
	if err != nil {
		t.Fatal(err)
	}
	if object.Name != b.h.Object || len(object.Key) != 1 {
		t.Errorf("got object %q with key %v", object.Name, object.Key)
	}
	for _, want := range b.h.Describes {
		got, has := object.Field(want.Name)
		got = event.Field{Name: got.Name, Kind: got.Kind, ReadOnly: got.ReadOnly, Unique: got.Unique, Options: got.Options, Reference: got.Reference}
		if diff := cmp.Diff(want, got); !has || diff != "" {
			t.Errorf("field %s differs (-want +got):\n%s", want.Name, diff)
		}
	}
	if _, err := b.c.Describe(b.ctx, "no-such-object"); fault(t, err).Class != event.Rejected && fault(t, err).Class != event.Gone {
		t.Errorf("an unknown object: got %v, want it rejected", err)
	}
}

func roundTrip(t *testing.T, b *bench) {
	made := b.must(t, b.create(1, b.h.Text, "first"))[0]
	if made.Key.ID() == "" || made.At.IsZero() {
		t.Errorf("created: got key %q at %v", made.Key, made.At)
	}
	if got := made.After.Get(b.h.Text); !got.Equal(event.String("first")) {
		t.Errorf("created: after says %s", got.Display())
	}
	changed := b.must(t, b.update(made.Key, set(b.h.Text, "second")))[0]
	if changed.Key != made.Key || !changed.After.Get(b.h.Text).Equal(event.String("second")) {
		t.Errorf("updated: got %s %s", changed.Key, changed.After.Get(b.h.Text).Display())
	}
	if len(changed.After.Names) != 1 {
		t.Errorf("updated: after names %v, want what was written only", changed.After.Names)
	}
	if got := b.held(t, made.Key, b.h.Unique); got != b.h.Value(1) {
		t.Errorf("an update of one field left the other as %q", got)
	}
	var clear event.Record
	clear.Put(b.h.Text, event.NullOf(event.Text))
	clear.Put(b.h.Number, event.Value{})
	cleared := b.must(t, b.update(made.Key, clear))[0]
	if !cleared.After.Get(b.h.Text).IsNull() || !cleared.After.Get(b.h.Number).IsUnchanged() {
		t.Errorf("cleared: after says %s, %s", cleared.After.Get(b.h.Text).Display(), cleared.After.Get(b.h.Number).Display())
	}
	if got := b.held(t, made.Key, b.h.Text); got != "" {
		t.Errorf("cleared: the vendor holds %q", got)
	}
	b.must(t, b.archive(made.Key))
	if _, live := b.account.Held(made.Key.ID()); live {
		t.Errorf("archived: the record is still live")
	}
}

func repeats(t *testing.T, b *bench) {
	made := b.must(t, b.create(1, b.h.Text, "same"))[0]
	for range 2 {
		again := b.must(t, b.update(made.Key, set(b.h.Text, "same", b.h.Unique, b.h.Value(1))))[0]
		if !again.After.Get(b.h.Text).Equal(event.String("same")) {
			t.Errorf("after says %s", again.After.Get(b.h.Text).Display())
		}
	}
}

func archivesTwice(t *testing.T, b *bench) {
	made := b.must(t, b.create(1))[0]
	b.must(t, b.archive(made.Key))
	b.must(t, b.archive(made.Key))
}

func storedForms(t *testing.T, b *bench) {
	for i, form := range b.h.Forms {
		made := b.must(t, b.create(2*i, form.Field, form.Sent))[0]
		if got := made.After.Get(form.Field); got.Text != form.Stored || !got.IsSet() {
			t.Errorf("%s %q created: after says %s, want %q", form.Field, form.Sent, got.Display(), form.Stored)
		}
		if form.Field == b.h.Unique {
			b.must(t, b.archive(made.Key)) // the value is free again
		}
		other := b.must(t, b.create(2*i+1))[0]
		changed := b.must(t, b.update(other.Key, set(form.Field, form.Sent)))[0]
		found, err := b.c.Read(b.ctx, b.h.Object, []event.Key{other.Key}, []string{form.Field})
		if err != nil || len(found) != 1 {
			t.Fatalf("read back: got %v, %v", found, err)
		}
		if got := found[0].Record.Get(form.Field); got.Text != form.Stored || !got.Equal(changed.After.Get(form.Field)) {
			t.Errorf("%s %q updated: after says %s, a read %s, want %q", form.Field, form.Sent,
				changed.After.Get(form.Field).Display(), got.Display(), form.Stored)
		}
	}
}

func batches(t *testing.T, b *bench) {
	if limits := b.c.Limits(b.h.Object); limits.Batch < 1 || limits.Concurrency < 1 {
		t.Fatalf("got limits %+v", limits)
	}
	if _, err := b.c.Describe(b.ctx, b.h.Object); err != nil {
		t.Fatal(err)
	}
	const n = 250
	size := b.c.Limits(b.h.Object).Batch
	want := (n + size - 1) / size
	// in sends writes by as many as the connector says and counts the calls.
	in := func(what string, writes []event.Write) []event.Result {
		before := b.account.Calls()
		var results []event.Result
		for len(writes) > 0 {
			k := min(size, len(writes))
			results = append(results, b.must(t, writes[:k]...)...)
			writes = writes[k:]
		}
		if got := b.account.Calls() - before; got > want {
			t.Errorf("%d %s took %d calls, want %d", n, what, got, want)
		}
		return results
	}
	writes := make([]event.Write, n)
	for i := range writes {
		writes[i] = b.create(i)
	}
	made := in("creates", writes)
	for i := range writes {
		writes[i] = b.update(made[i].Key, set(b.h.Text, b.h.Value(i)))
	}
	in("updates", writes)
	if got := b.held(t, made[n-1].Key, b.h.Text); got != b.h.Value(n-1) {
		t.Errorf("the last record holds %q", got)
	}
	for i := range writes {
		writes[i] = b.archive(made[i].Key)
	}
	in("archives", writes)
	if got := b.account.Live(); got != 0 {
		t.Errorf("%d records are left", got)
	}
}

func ordered(t *testing.T, b *bench) {
	first := b.must(t, b.create(1), b.create(2))
	if b.held(t, first[0].Key, b.h.Unique) != b.h.Value(1) || b.held(t, first[1].Key, b.h.Unique) != b.h.Value(2) {
		t.Errorf("the results of two creates are exchanged")
	}
	// Operations mixed and a record twice in one call: more than a connector is
	// asked for, and never wrong.
	results := b.must(t, b.update(first[1].Key, set(b.h.Text, "a")), b.create(3), b.update(first[1].Key, set(b.h.Text, "b")),
		b.update(first[0].Key, set(b.h.Text, "c")), b.archive(first[0].Key))
	if got := results[0].After.Get(b.h.Text).Text + results[2].After.Get(b.h.Text).Text + results[3].After.Get(b.h.Text).Text; got != "abc" {
		t.Errorf("got results %q, want abc", got)
	}
	if got := b.held(t, first[1].Key, b.h.Text); got != "b" {
		t.Errorf("the later write of one record did not win: %q", got)
	}
	if got := b.held(t, results[1].Key, b.h.Unique); got != b.h.Value(3) {
		t.Errorf("the create between updates has another record's key: %q", got)
	}
}
