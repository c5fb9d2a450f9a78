package saastest

import (
	"slices"
	"testing"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// linker is the account as one whose records refer to others.
func (b *bench) linker(t *testing.T) Linker {
	t.Helper()
	l, is := b.account.(Linker)
	if !is {
		t.Fatal("the harness has a Reference, and its account is no Linker")
	}
	return l
}

func (b *bench) target(t *testing.T) string {
	t.Helper()
	id, err := b.linker(t).Target()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func (b *bench) linked(t *testing.T, id string) string {
	target, _ := b.linker(t).Linked(id)
	return target
}

// refer makes an update of the reference; "" clears it.
func (b *bench) refer(key event.Key, target string) event.Write {
	v := event.String(target)
	if target == "" {
		v = event.NullOf(event.Text)
	}
	return b.update(key, event.Record{Names: []string{b.h.Reference.Name}, Values: []event.Value{v}})
}

// referred reads the reference.
func (b *bench) referred(t *testing.T, key event.Key) string {
	t.Helper()
	found, err := b.c.Read(b.ctx, b.h.Object, []event.Key{key}, []string{b.h.Reference.Name, b.h.Text})
	if err != nil || len(found) != 1 || len(found[0].Record.Names) != 2 {
		t.Fatalf("got %+v, %v", found, err)
	}
	return found[0].Record.Get(b.h.Reference.Name).Text
}

func describesReference(t *testing.T, b *bench) {
	object, err := b.c.Describe(b.ctx, b.h.Object)
	if err != nil {
		t.Fatal(err)
	}
	got, has := object.Field(b.h.Reference.Name)
	if !has || got.Reference != b.h.Reference.Reference || !got.Nullable || got.ReadOnly {
		t.Errorf("got %+v, %v, want a reference to %s that can be written and cleared", got, has, b.h.Reference.Reference)
	}
}

func refers(t *testing.T, b *bench) {
	l, field := b.linker(t), b.h.Reference.Name
	made := b.must(t, b.create(1, b.h.Text, "a"))[0]
	first, second, beside := b.target(t), b.target(t), b.target(t)
	if got := b.referred(t, made.Key); got != "" {
		t.Errorf("a new record refers to %s", got)
	}
	check := func(what string, r event.Result, want string) {
		t.Helper()
		if got := r.After.Get(field); got.Text != want || got.IsUnchanged() || len(r.After.Names) != 1 || r.Key != made.Key {
			t.Errorf("%s: after says %+v", what, r)
		}
		if got, _ := l.Linked(made.Key.ID()); got != want {
			t.Errorf("%s: the vendor holds %q, want %q", what, got, want)
		}
		if got := b.referred(t, made.Key); got != want {
			t.Errorf("%s: a read says %q, want %q", what, got, want)
		}
	}
	check("set", b.must(t, b.refer(made.Key, first))[0], first)
	check("set again", b.must(t, b.refer(made.Key, first))[0], first)
	if err := l.Link(made.Key.ID(), beside, false); err != nil {
		t.Fatal(err)
	}
	check("switched", b.must(t, b.refer(made.Key, second))[0], second)
	if _, got := l.Linked(made.Key.ID()); !slices.Equal(got, []string{beside}) {
		t.Errorf("switched: the record is linked with %v besides, want %s alone: the old one goes, others stay", got, beside)
	}
	if err := l.Unlink(made.Key.ID(), beside); err != nil {
		t.Fatal(err)
	}
	check("cleared", b.must(t, b.refer(made.Key, ""))[0], "")
	check("cleared again", b.must(t, b.refer(made.Key, ""))[0], "")
	if got := b.held(t, made.Key, b.h.Text); got != "a" {
		t.Errorf("a field that was not written holds %q", got)
	}
}

func createsReferring(t *testing.T, b *bench) {
	target := b.target(t)
	with, without := b.create(1), b.create(2)
	with.Set.Put(b.h.Reference.Name, event.String(target))
	without.Set.Put(b.h.Reference.Name, event.NullOf(event.Text))
	made := b.must(t, with, without)
	if got := made[0].After.Get(b.h.Reference.Name); got.Text != target || b.linked(t, made[0].Key.ID()) != target {
		t.Errorf("got %+v, want it to refer to %s", made[0], target)
	}
	if got := made[1].After.Get(b.h.Reference.Name); !got.IsNull() || b.linked(t, made[1].Key.ID()) != "" {
		t.Errorf("got %+v, want it to refer to nothing", made[1])
	}
}

func refersToNobody(t *testing.T, b *bench) {
	made, target := b.must(t, b.create(1))[0], b.target(t)
	b.must(t, b.refer(made.Key, target))
	for _, nobody := range []string{"999999999999", "nobody"} {
		if f := b.fails(t, b.refer(made.Key, nobody), event.Rejected); f.Field != b.h.Reference.Name {
			t.Errorf("%s: the fault names field %q: %s", nobody, f.Field, f.Message)
		}
		w := b.create(2)
		w.Set.Put(b.h.Reference.Name, event.String(nobody))
		if f := b.fails(t, w, event.Rejected); f.Field != b.h.Reference.Name {
			t.Errorf("%s: created: the fault names field %q: %s", nobody, f.Field, f.Message)
		}
	}
	if got := b.linked(t, made.Key.ID()); got != target || b.account.Live() != 1 {
		t.Errorf("the record refers to %q, %d records are live; want nothing changed", got, b.account.Live())
	}
	gone := b.must(t, b.create(3))[0]
	b.must(t, b.archive(gone.Key))
	b.fails(t, b.refer(gone.Key, target), event.Gone)
}

func refersInBatches(t *testing.T, b *bench) {
	const n = 120
	target := b.target(t)
	var writes []event.Write
	for i := range n {
		writes = append(writes, b.create(i))
	}
	made := b.must(t, writes...)
	for i := range writes {
		writes[i] = b.refer(made[i].Key, target)
		writes[i].Set.Put(b.h.Text, event.String(b.h.Value(i)))
	}
	writes[7].Set.Put(b.h.Reference.Name, event.String("999999999999"))
	writes[9].Set.Put(b.h.Bad.Field, event.String(b.h.Bad.Value))
	before := b.account.Calls()
	for i, r := range b.apply(t, writes...) {
		if bad := i == 7 || i == 9; bad != (r.Err != nil) {
			t.Errorf("write %d: got %v", i, r.Err)
		} else if got := b.linked(t, made[i].Key.ID()); !bad && (got != target || b.held(t, made[i].Key, b.h.Text) != b.h.Value(i)) {
			t.Errorf("write %d: refers to %q", i, got)
		}
	}
	if got := b.account.Calls() - before; got > n/4 {
		t.Errorf("%d calls for %d writes", got, n)
	}
}

func parsesReferences(t *testing.T, b *bench) {
	l, r := b.linker(t), b.receive(t)
	id, err := b.account.Create(map[string]string{b.h.Unique: b.h.Value(1)})
	if err != nil {
		t.Fatal(err)
	}
	target, other := b.target(t), b.target(t)
	b.changes(t, r)
	looked := func(what string, own bool, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		looks := 0
		for _, c := range find(b.changes(t, r), event.Update, id) {
			if c.After.IsZero() {
				looks++
				if c.Object != b.h.Object || (c.Origin.Connection == event.OwnWrite) != own {
					t.Errorf("%s: got %+v", what, c)
				}
			}
		}
		if looks == 0 {
			t.Errorf("%s: no change asks for a look at the record", what)
		}
	}
	looked("a person links", false, l.Link(id, target, true))
	b.must(t, b.refer(event.KeyOf(id), other))
	looked("we switch", true, nil)
	looked("a person unlinks", false, l.Unlink(id, other))
}
