package bridge

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

// family is two mappings: firms, and people who name a firm and a boss.
type family struct {
	*world
	firms, companies *store
}

func newFamily(t *testing.T, required bool) *family {
	t.Helper()
	w := &world{t: t, journal: openJournal(t)}
	f := &family{world: w}
	make := func(connection, object, unique string, columns ...string) *store {
		return &store{connection: connection, object: object, log: connection == "db", unique: unique, columns: columns, rows: map[event.Key]row{}, wake: make(chan struct{}, 1)}
	}
	w.db, w.crm = make("db", "people", "email", "email", "name", "firm", "boss"), make("crm", "contact", "mail", "mail", "title", "company", "chief")
	f.firms, f.companies = make("db", "firms", "name", "name"), make("crm", "company", "label", "label")
	shape := func(name, key string, fields ...event.Field) event.Object {
		return event.Object{Name: name, Key: []string{key}, Fields: append([]event.Field{{Name: key, Kind: event.Int, Generated: true}}, fields...)}
	}
	text := func(name string) event.Field { return event.Field{Name: name, Nullable: true} }
	unique := func(name string) event.Field { return event.Field{Name: name, Nullable: true, Unique: true} }
	end := func(c, o string) mapping.End { return mapping.End{Connection: c, Object: o} }
	people, problems := mapping.Compile(mapping.Spec{Name: "people", Left: end("db", "people"), Right: end("crm", "contact"), MatchLeft: "email", MatchRight: "mail",
		Fields: []mapping.FieldSpec{{Left: "email", Right: "mail"}, {Left: "name", Right: "title"}, {Left: "firm", Right: "company", Reference: "firms"}, {Left: "boss", Right: "chief", Reference: "people"}}},
		shape("people", "id", unique("email"), text("name"), event.Field{Name: "firm", Reference: "firms"}, text("boss")),
		shape("contact", "cid", unique("mail"), text("title"), event.Field{Name: "company", Nullable: !required, Required: required}, text("chief")))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	firms, problems := mapping.Compile(mapping.Spec{Name: "firms", Left: end("db", "firms"), Right: end("crm", "company"), MatchLeft: "name", MatchRight: "label",
		Fields: []mapping.FieldSpec{{Left: "name", Right: "label"}}}, shape("firms", "id", unique("name")), shape("company", "cid", unique("label")))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	w.mapping = people
	w.make = func() (*Engine, error) {
		return New(Options{Journal: w.journal, Sides: map[string]Side{"db": several{w.db, f.firms}, "crm": several{w.crm, f.companies}}, Mappings: []*mapping.Mapping{people, firms}, Clock: time.Now})
	}
	w.build()
	w.pump(w.db, w.crm, f.firms, f.companies)
	return f
}

// several is a connection with two objects.
type several [2]*store

func (s several) of(object string) *store {
	if s[0].object == object {
		return s[0]
	}
	return s[1]
}

func (s several) Apply(ctx context.Context, writes []event.Write) []event.Result {
	var out []event.Result
	for _, w := range writes {
		out = append(out, s.of(w.Object).Apply(ctx, []event.Write{w})...)
	}
	return out
}

func (s several) Read(ctx context.Context, object string, keys []event.Key, names []string) ([]event.Snapshot, error) {
	return s.of(object).Read(ctx, object, keys, names)
}

func (s several) Lookup(ctx context.Context, object, field string, values, names []string) ([]event.Snapshot, error) {
	return s.of(object).Lookup(ctx, object, field, values, names)
}

func (s several) Limits(object string) event.Limits { return s.of(object).Limits(object) }

// company is the label of the company that a contact names.
func (f *family) company(mail string) string {
	contact := f.crm.key("mail", mail)
	return f.companies.value(event.KeyOf(f.crm.value(contact, "company")), "label")
}

func (f *family) firm(email string) string {
	return f.firms.value(event.KeyOf(f.db.value(f.db.key("email", email), "firm")), "name")
}

func TestReferences(t *testing.T) {
	t.Parallel()
	t.Run("a child follows its parent to the other side, in either direction, and with every change of parent", func(t *testing.T) {
		t.Parallel()
		f := newFamily(t, false)
		f.start()
		acme := f.firms.create("name", "Acme")
		ada := f.db.create("email", "ada@x", "name", "Ada", "firm", acme.ID())
		f.settle()
		if got := f.company("ada@x"); got != "Acme" {
			t.Errorf("the contact's company = %q, want Acme", got)
		}
		globex := f.companies.create("label", "Globex")
		f.settle()
		f.crm.edit(f.crm.key("mail", "ada@x"), "company", globex.ID())
		f.settle()
		if got := f.firm("ada@x"); got != "Globex" {
			t.Errorf("the row's firm = %q, want Globex", got)
		}
		f.db.edit(ada, "firm", "NULL")
		f.settle()
		if got := f.crm.value(f.crm.key("mail", "ada@x"), "company"); got != "" {
			t.Errorf("the contact's company = %q, want none", got)
		}
		f.wantParked()
	})
	for _, required := range []bool{true, false} {
		t.Run(fmt.Sprintf("a child that comes before its parent waits, with a visible reason, and goes on when it comes; required: %v", required), func(t *testing.T) {
			t.Parallel()
			f := newFamily(t, required)
			f.start()
			f.db.create("email", "ada@x", "name", "Ada", "firm", "1")
			f.settle()
			f.wantParked("waiting")
			p := f.status().Parked
			if len(p) != 1 || !strings.Contains(p[0].Message, "firm") || !strings.Contains(p[0].Message, "firms") {
				t.Errorf("parked = %+v, want the field, and the mapping it waits for", p)
			}
			if got, want := len(f.crm.show("mail")), map[bool]int{true: 0, false: 1}[required]; got != want {
				t.Errorf("contacts before the parent = %d, want %d", got, want)
			}
			f.restart()
			f.settle()
			f.firms.createAs(event.KeyOf("1"), "name", "Acme")
			f.settle()
			eventually(t, "the child has its parent", func() bool { return len(f.crm.show("mail")) == 1 && f.company("ada@x") == "Acme" })
			f.settle()
			f.wantParked()
			if got := f.crm.count(event.DoCreate); got != 1 {
				t.Errorf("creations = %d, want 1", got)
			}
		})
	}
	t.Run("parent and child of one transaction need one call for the child", func(t *testing.T) {
		t.Parallel()
		f := newFamily(t, false)
		f.start()
		for i := range 20 {
			f.db.create("email", fmt.Sprintf("p%d@x", i), "name", "Person", "firm", fmt.Sprint(i+1))
		}
		for i := range 20 {
			f.firms.createAs(event.KeyOf(fmt.Sprint(i+1)), "name", fmt.Sprint("Firm ", i))
		}
		f.settle()
		for i := range 20 {
			if got := f.company(fmt.Sprintf("p%d@x", i)); got != fmt.Sprint("Firm ", i) {
				t.Errorf("company of person %d = %q", i, got)
			}
		}
		if got := f.crm.count(event.DoUpdate); got != 0 {
			t.Errorf("further calls = %d, want none: the parents were waited for", got)
		}
		f.wantParked()
	})
	t.Run("a reference to itself, and two that refer to each other, end", func(t *testing.T) {
		t.Parallel()
		f := newFamily(t, false)
		f.start()
		f.db.createAs(event.KeyOf("1"), "email", "ada@x", "name", "Ada", "boss", "1")
		f.db.createAs(event.KeyOf("2"), "email", "bob@x", "name", "Bob", "boss", "3")
		f.db.createAs(event.KeyOf("3"), "email", "cyd@x", "name", "Cyd", "boss", "2")
		f.settle()
		eventually(t, "everybody has a chief", func() bool {
			for mail, chief := range map[string]string{"ada@x": "ada@x", "bob@x": "cyd@x", "cyd@x": "bob@x"} {
				if len(f.crm.show("mail")) < 3 || f.crm.value(f.crm.key("mail", mail), "chief") != f.crm.key("mail", chief).ID() {
					return false
				}
			}
			return true
		})
		f.settle()
		f.wantParked()
	})
}
