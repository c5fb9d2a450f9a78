package hubspot_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/bridge/saas/hubspot"
	"github.com/lockstep-sync/lockstep/schemas/event"
	sim "github.com/lockstep-sync/lockstep/testenv/hubspot"
)

// desk is an account with a connector and some records in it.
type desk struct {
	t   *testing.T
	ctx context.Context
	s   *sim.Server
	c   *hubspot.Connector
}

func newDesk(t *testing.T, o sim.Options) *desk {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	s := start(t, o)
	return &desk{t, ctx, s, connect(t, options(s))}
}

func (d *desk) make(object, field, value string) string {
	d.t.Helper()
	id, err := d.s.Create(object, map[string]string{field: value})
	if err != nil {
		d.t.Fatal(err)
	}
	return id
}

func (d *desk) company(name string) string  { return d.make("companies", "name", name) }
func (d *desk) contact(email string) string { return d.make("contacts", "email", email) }

func (d *desk) main(from, id, to, toID string) {
	d.t.Helper()
	if err := d.s.AssociateMain(from, id, to, toID); err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) beside(from, id, to, toID string) {
	d.t.Helper()
	if err := d.s.Associate(from, id, to, toID); err != nil {
		d.t.Fatal(err)
	}
}

// links shows what the account holds: ids, the main one with a star.
func (d *desk) links(from, id, to string) string {
	var out []string
	for _, a := range d.s.Associations(from, id, to) {
		text := a.ID
		if a.Main {
			text += "*"
		}
		out = append(out, text)
	}
	return strings.Join(out, " ")
}

// set makes an update of alternating names and values; "" is null.
func set(object, id string, pairs ...string) event.Write {
	w := event.Write{Op: event.DoUpdate, Object: object, Key: event.KeyOf(id)}
	for i := 0; i < len(pairs); i += 2 {
		v := event.String(pairs[i+1])
		if pairs[i+1] == "" {
			v = event.NullOf(event.Text)
		}
		w.Set.Put(pairs[i], v)
	}
	return w
}

func (d *desk) apply(writes ...event.Write) []event.Result {
	d.t.Helper()
	results := d.c.Apply(d.ctx, writes)
	if len(results) != len(writes) {
		d.t.Fatalf("%d writes have %d results", len(writes), len(results))
	}
	return results
}

func (d *desk) must(w event.Write) event.Result {
	d.t.Helper()
	r := d.apply(w)[0]
	if r.Err != nil {
		d.t.Fatal(r.Err)
	}
	return r
}

// read returns one field as a read shows it.
func (d *desk) read(object, id, field string) string {
	d.t.Helper()
	found, err := d.c.Read(d.ctx, object, []event.Key{event.KeyOf(id)}, []string{field})
	if err != nil || len(found) != 1 {
		d.t.Fatalf("read %s %s: got %v, %v", object, id, found, err)
	}
	return found[0].Record.Get(field).Display()
}

// calls counts calls by the end of their path.
func (d *desk) calls(end string) int {
	n := 0
	for _, c := range d.s.Requests().Calls {
		if strings.HasSuffix(c.Path, end) {
			n += c.Count
		}
	}
	return n
}

func TestAssociationsAreFields(t *testing.T) {
	t.Parallel()
	d := newDesk(t, sim.Options{})
	for object, want := range map[string]map[string]string{
		"contacts":  {"associations.companies": "companies"},
		"companies": {"associations.parent_company": "companies"},
		"deals":     {"associations.companies": "companies", "associations.contacts": "contacts"},
		"tickets":   {"associations.companies": "companies", "associations.contacts": "contacts"},
	} {
		o, err := d.c.Describe(d.ctx, object)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, f := range o.Fields {
			if f.Reference == "" {
				continue
			}
			n++
			if want[f.Name] != f.Reference || f.Kind != event.Text || !f.Nullable || f.ReadOnly || f.Unique || f.Label == "" {
				t.Errorf("%s: got %+v", object, f)
			}
		}
		if n != len(want) {
			t.Errorf("%s: %d references, want %v", object, n, want)
		}
	}
}

func TestTheMainAssociatedRecordIsRead(t *testing.T) {
	t.Parallel()
	for _, errors := range []bool{true, false} {
		a := sim.DefaultAssumptions()
		a.NoAssociationsIsError, a.FirstCompanyIsPrimary = errors, false
		d := newDesk(t, sim.Options{Assumptions: &a})
		c1, c2, c3 := d.company("1"), d.company("2"), d.company("3")
		contact, deal := d.contact("a@example.com"), d.make("deals", "dealname", "D")
		first, second := d.contact("b@example.com"), d.contact("c@example.com")
		wants := func(what, object, id, field, want string) {
			t.Helper()
			if got := d.read(object, id, field); got != want {
				t.Errorf("%s: got %s, want %s", what, got, want)
			}
		}
		wants("none", "contacts", contact, "associations.companies", "NULL")
		d.beside("contacts", contact, "companies", c3)
		d.beside("contacts", contact, "companies", c2)
		wants("the oldest, where none is primary", "contacts", contact, "associations.companies", c2)
		d.main("contacts", contact, "companies", c3)
		wants("the primary", "contacts", contact, "associations.companies", c3)
		d.beside("companies", c1, "companies", c2)
		wants("companies that are no parent", "companies", c1, "associations.parent_company", "NULL")
		d.main("companies", c1, "companies", c3)
		wants("the parent", "companies", c1, "associations.parent_company", c3)
		wants("a child is no parent", "companies", c3, "associations.parent_company", "NULL")
		d.beside("deals", deal, "contacts", second)
		d.beside("deals", deal, "contacts", first)
		wants("the oldest contact", "deals", deal, "associations.contacts", first)
		if err := d.s.Archive("companies", c3); err != nil {
			t.Fatal(err)
		}
		wants("an archived company", "contacts", contact, "associations.companies", c2)

		found, err := d.c.Lookup(d.ctx, "contacts", "email", []string{"a@example.com"}, []string{"email", "associations.companies"})
		if err != nil || len(found) != 1 || found[0].Record.Get("associations.companies").Text != c2 || found[0].Record.Get("email").Text != "a@example.com" {
			t.Errorf("looked up: got %+v, %v", found, err)
		}
		if _, err := d.c.Lookup(d.ctx, "contacts", "associations.companies", []string{c2}, nil); err == nil {
			t.Error("a lookup by an association was answered")
		}
	}
}

func TestRecordsWithMoreAssociationsThanAPage(t *testing.T) {
	t.Parallel()
	d := newDesk(t, sim.Options{})
	companies := make([]string, 503)
	contact := d.contact("a@example.com")
	for i := range companies {
		companies[i] = d.company("x")
		d.beside("contacts", contact, "companies", companies[i])
	}
	last := companies[len(companies)-1]
	d.main("contacts", contact, "companies", last)
	if got := d.read("contacts", contact, "associations.companies"); got != last {
		t.Errorf("got %s, want the primary company of the second page, %s", got, last)
	}
}

func TestAssociationsAreSwitched(t *testing.T) {
	t.Parallel()
	for _, first := range []bool{true, false} {
		a := sim.DefaultAssumptions()
		a.FirstCompanyIsPrimary, a.NoAssociationsIsError = first, first
		d := newDesk(t, sim.Options{Assumptions: &a})
		const field = "associations.companies"
		c1, c2, c3 := d.company("1"), d.company("2"), d.company("3")
		for _, object := range []string{"contacts", "deals", "tickets"} {
			id, err := d.s.Create(object, nil)
			if err != nil {
				t.Fatal(err)
			}
			r := d.must(set(object, id, field, c1))
			if got := d.links(object, id, "companies"); got != c1+"*" || !r.After.Get(field).Equal(event.String(c1)) || len(r.After.Names) != 1 || r.Key != event.KeyOf(id) || r.At.IsZero() {
				t.Errorf("%s: the first: got %s, %+v", object, got, r)
			}
			d.beside(object, id, "companies", c3)
			r = d.must(set(object, id, field, c2))
			if got := d.links(object, id, "companies"); got != c2+"* "+c3 || r.After.Get(field).Text != c2 {
				t.Errorf("%s: another: got %s, %+v, want %s as primary beside %s", object, got, r, c2, c3)
			}
			d.must(set(object, id, field, c3))
			if got := d.links(object, id, "companies"); got != c3+"*" {
				t.Errorf("%s: one that is there already: got %s", object, got)
			}
			before := d.calls("/batch/create") + d.calls("/archive")
			if r = d.must(set(object, id, field, c3)); r.After.Get(field).Text != c3 || d.calls("/batch/create")+d.calls("/archive") != before {
				t.Errorf("%s: the same again: got %+v", object, r)
			}
			if r = d.must(set(object, id, field, "")); d.links(object, id, "companies") != "" || !r.After.Get(field).IsNull() {
				t.Errorf("%s: none: got %s, %+v", object, d.links(object, id, "companies"), r)
			}
			if got := d.calls("/crm/v3/objects/" + object + "/batch/update"); got != 0 {
				t.Errorf("%s: %d calls for properties that were not set", object, got)
			}
		}
	}
}

func TestParentCompaniesAreSwitched(t *testing.T) {
	t.Parallel()
	for _, replaces := range []bool{true, false} {
		a := sim.DefaultAssumptions()
		a.NewParentReplaces = replaces
		d := newDesk(t, sim.Options{Assumptions: &a})
		const field = "associations.parent_company"
		child, p1, p2, friend := d.company("child"), d.company("1"), d.company("2"), d.company("friend")
		d.beside("companies", child, "companies", friend)
		d.must(set("companies", child, field, p1))
		r := d.must(set("companies", child, field, p2, "city", "Rome"))
		if got := d.links("companies", child, "companies"); got != p2+"* "+friend || r.After.Get(field).Text != p2 || r.After.Get("city").Text != "Rome" {
			t.Errorf("replaces %v: got %s, %+v", replaces, got, r)
		}
		d.must(set("companies", child, field, friend))
		if got := d.links("companies", child, "companies"); got != friend+"*" {
			t.Errorf("replaces %v: a friend becomes the parent: got %s", replaces, got)
		}
		if r := d.apply(set("companies", child, field, child))[0]; r.Err == nil || r.Err.Class != event.Rejected || r.Err.Field != field {
			t.Errorf("replaces %v: its own parent: got %v", replaces, r.Err)
		}
		if got := d.links("companies", child, "companies"); got != friend+"*" {
			t.Errorf("replaces %v: after the refusal: got %s, want what was there", replaces, got)
		}
		d.must(set("companies", child, field, ""))
		if got := d.links("companies", child, "companies"); got != "" {
			t.Errorf("replaces %v: none: got %s", replaces, got)
		}
	}
}

func TestAnAssociationThatHubSpotWouldShowOtherwiseIsRefused(t *testing.T) {
	t.Parallel()
	d := newDesk(t, sim.Options{})
	c1, c2 := d.company("1"), d.company("2")
	p1, p2, p3 := d.contact("1@example.com"), d.contact("2@example.com"), d.contact("3@example.com")
	contact, deal := d.contact("a@example.com"), d.make("deals", "dealname", "D")
	d.main("contacts", contact, "companies", c2)
	d.beside("contacts", contact, "companies", c1)
	d.beside("deals", deal, "contacts", p1)
	d.beside("deals", deal, "contacts", p2)
	for _, w := range []event.Write{
		set("contacts", contact, "associations.companies", ""), // HubSpot would show the other one
		set("deals", deal, "associations.contacts", p3),        // there is no primary contact: the oldest one shows
	} {
		field := w.Set.Names[0]
		if r := d.apply(w)[0]; r.Err == nil || r.Err.Class != event.Rejected || r.Err.Field != field || !strings.Contains(r.Err.Message, "remove those") {
			t.Errorf("%s: got %v", field, r.Err)
		}
	}
	if got := d.links("contacts", contact, "companies") + " " + d.links("deals", deal, "contacts"); got != c1+" "+c2+"* "+p1+" "+p2 {
		t.Errorf("got %s, want nothing changed", got)
	}
	d.must(set("deals", deal, "associations.contacts", p2))
	if got := d.links("deals", deal, "contacts"); got != p2 {
		t.Errorf("one that shows: got %s", got)
	}
	d.must(set("deals", deal, "associations.contacts", p3, "associations.companies", c1))
	if got := d.links("deals", deal, "contacts") + " " + d.links("deals", deal, "companies"); got != p3+" "+c1+"*" {
		t.Errorf("two associations in one write: got %s", got)
	}
}

func TestLabelsOfTheAccountStay(t *testing.T) {
	t.Parallel()
	d := newDesk(t, sim.Options{})
	c1, c2, contact := d.company("1"), d.company("2"), d.contact("a@example.com")
	if err := d.s.AssociateAs("contacts", contact, "companies", c1, 77); err != nil {
		t.Fatal(err)
	}
	d.main("contacts", contact, "companies", c1)
	d.must(set("contacts", contact, "associations.companies", c2))
	links := d.s.Associations("contacts", contact, "companies")
	if len(links) != 2 || links[0].Main || !slices.Contains(links[0].Types, 77) || !links[1].Main {
		t.Errorf("got %+v, want %s without our label and with the account's", links, c1)
	}
	// The other one goes; c1 would show, since it stays.
	if r := d.apply(set("contacts", contact, "associations.companies", ""))[0]; r.Err == nil || r.Err.Class != event.Rejected {
		t.Errorf("got %v", r.Err)
	}
	d.main("companies", c2, "companies", c1)
	if err := d.s.AssociateAs("companies", c2, "companies", c1, 78); err != nil {
		t.Fatal(err)
	}
	d.must(set("companies", c2, "associations.parent_company", ""))
	links = d.s.Associations("companies", c2, "companies")
	if len(links) != 1 || links[0].Main || !slices.Equal(links[0].Types, []int{78, 450}) {
		t.Errorf("got %+v, want a company that is no parent any more", links)
	}
}

func TestRecordsAreCreatedWithTheirAssociations(t *testing.T) {
	t.Parallel()
	d := newDesk(t, sim.Options{})
	c1, parent := d.company("1"), d.company("2")
	create := func(object string, pairs ...string) event.Write {
		w := set(object, "0", pairs...)
		w.Op = event.DoCreate // with a key of a record that was: there is no bringing it back
		return w
	}
	before := d.s.Requests().Writes.Calls
	r := d.apply(create("contacts", "email", "a@example.com", "associations.companies", c1), create("contacts", "email", "b@example.com", "associations.companies", ""))
	if r[0].Err != nil || r[1].Err != nil || r[0].After.Get("associations.companies").Text != c1 || !r[1].After.Get("associations.companies").IsNull() || r[0].Key == event.KeyOf("0") {
		t.Fatalf("got %+v", r)
	}
	if got := d.links("contacts", r[0].Key.ID(), "companies") + d.links("contacts", r[1].Key.ID(), "companies"); got != c1+"*" {
		t.Errorf("got %s", got)
	}
	if got := d.s.Requests().Writes.Calls - before; got != 1 {
		t.Errorf("%d write calls, want 1", got)
	}
	made := d.must(create("companies", "name", "child", "associations.parent_company", parent))
	if got := d.links("companies", made.Key.ID(), "companies"); got != parent+"*" {
		t.Errorf("a child company: got %s", got)
	}
	deal := d.must(create("deals", "dealname", "D", "associations.companies", c1, "associations.contacts", r[0].Key.ID()))
	if got := d.links("deals", deal.Key.ID(), "companies") + d.links("deals", deal.Key.ID(), "contacts"); got != c1+"*"+r[0].Key.ID() {
		t.Errorf("a deal: got %s", got)
	}
	// One bad association fails alone, and by its name.
	r = d.apply(create("contacts", "email", "c@example.com", "associations.companies", "999"), create("contacts", "email", "d@example.com", "associations.companies", c1),
		create("contacts", "email", "e@example.com", "associations.companies", "acme"))
	for i, want := range []string{"associations.companies", "", "associations.companies"} {
		if (r[i].Err != nil) != (want != "") || want != "" && (r[i].Err.Class != event.Rejected || r[i].Err.Field != want) {
			t.Errorf("create %d: got %v", i, r[i].Err)
		}
	}
}

func TestBadAssociationsOfABatchFailAlone(t *testing.T) {
	t.Parallel()
	d := newDesk(t, sim.Options{})
	const field = "associations.companies"
	c1 := d.company("1")
	var writes []event.Write
	for i := range 10 {
		writes = append(writes, set("contacts", d.contact(fmt.Sprintf("p%d@example.com", i)), field, c1, "city", "Rome"))
	}
	gone := writes[4].Key.ID()
	if err := d.s.Archive("contacts", gone); err != nil {
		t.Fatal(err)
	}
	writes[2] = set("contacts", writes[2].Key.ID(), field, "999")
	writes[5] = set("contacts", writes[5].Key.ID(), field, c1, "no_such_property", "x")
	writes[7] = set("contacts", writes[7].Key.ID(), field, "one")
	writes[8] = set("contacts", "12345", field, c1) // nobody
	before := d.s.Requests().Total
	results := d.apply(writes...)
	if got := d.s.Requests().Total - before; got > 8 {
		t.Errorf("%d calls for ten writes", got)
	}
	want := map[int]event.Fault{
		2: {Class: event.Rejected, Field: field}, 4: {Class: event.Gone}, 5: {Class: event.Rejected, Field: "no_such_property"},
		7: {Class: event.Rejected, Field: field}, 8: {Class: event.Gone},
	}
	for i, r := range results {
		f, bad := want[i]
		switch {
		case !bad && (r.Err != nil || d.links("contacts", writes[i].Key.ID(), "companies") != c1+"*"):
			t.Errorf("write %d: got %v, %s", i, r.Err, d.links("contacts", writes[i].Key.ID(), "companies"))
		case bad && (r.Err == nil || r.Err.Class != f.Class || r.Err.Field != f.Field):
			t.Errorf("write %d: got %v, want %v", i, r.Err, f)
		}
	}
	if got := d.links("contacts", writes[5].Key.ID(), "companies"); got != "" {
		t.Errorf("a write whose property was refused was associated with %s", got)
	}
}

func TestAMergedRecordIsAssociatedAsItsSurvivor(t *testing.T) {
	t.Parallel()
	for _, anew := range []bool{false, true} {
		a := sim.DefaultAssumptions()
		a.MergeReturnsNewID = anew
		d := newDesk(t, sim.Options{Assumptions: &a})
		const field = "associations.companies"
		c1, c2, c3 := d.company("1"), d.company("2"), d.company("3")
		p, q := d.contact("p@example.com"), d.contact("q@example.com")
		d.main("contacts", q, "companies", c2)
		both, err := d.s.Merge("companies", c1, c2)
		if err != nil {
			t.Fatal(err)
		}
		if got := d.read("contacts", q, field); got != both {
			t.Errorf("anew %v: a contact of the loser reads %s, want the survivor %s", anew, got, both)
		}
		one, err := d.s.Merge("contacts", p, q)
		if err != nil {
			t.Fatal(err)
		}
		found, err := d.c.Read(d.ctx, "contacts", []event.Key{event.KeyOf(q)}, []string{field})
		if err != nil || len(found) != 1 || found[0].Key != event.KeyOf(one) || found[0].Asked != event.KeyOf(q) || found[0].Record.Get(field).Text != both {
			t.Errorf("anew %v: got %+v, %v", anew, found, err)
		}
		if r := d.must(set("contacts", q, field, c3)); r.Key != event.KeyOf(one) || d.links("contacts", one, "companies") != c3+"*" {
			t.Errorf("anew %v: got %s, %s", anew, r.Key, d.links("contacts", one, "companies"))
		}
		if r := d.must(set("contacts", one, field, c2)); r.After.Get(field).Text != both || d.links("contacts", one, "companies") != both+"*" {
			t.Errorf("anew %v: associated with a company that was merged away: got %+v, want the survivor %s", anew, r, both)
		}
	}
}

func TestAnAssociationIsAsOldAsItsWebhookSays(t *testing.T) {
	t.Parallel()
	d := newDesk(t, sim.Options{})
	const field = "associations.companies"
	company, contact := d.company("1"), d.contact("a@example.com")
	d.main("contacts", contact, "companies", company)
	snapshot := func() event.Snapshot {
		t.Helper()
		found, err := d.c.Read(d.ctx, "contacts", []event.Key{event.KeyOf(contact)}, []string{field})
		if err != nil || len(found) != 1 {
			t.Fatal(found, err)
		}
		return found[0]
	}
	if got := snapshot(); len(got.FieldAt) != 0 {
		t.Errorf("got times %v, want none: HubSpot does not keep them", got.FieldAt)
	}
	at := snapshot().At.Add(time.Hour)
	hook := fmt.Sprintf(`[{"subscriptionType":"contact.associationChange","associationType":"CONTACT_TO_COMPANY","fromObjectId":%s,"toObjectId":%s,"occurredAt":%d}]`, contact, company, at.UnixMilli())
	if _, err := d.c.Parse([]byte(hook)); err != nil {
		t.Fatal(err)
	}
	if got := snapshot(); len(got.FieldAt) != 1 || !got.FieldAt[field].Equal(at) || got.At.Equal(at) {
		t.Errorf("got %v and %v, want %v for the association alone", got.At, got.FieldAt, at)
	}
}
