package hubspot_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/lockstep-sync/lockstep/schemas/event"
	sim "github.com/lockstep-sync/lockstep/testenv/hubspot"
)

// front stands between a connector and its account and fails calls.
type front struct {
	mu     sync.Mutex
	fail   string // the end of the path of calls that fail; "" = none
	status int
	body   string
}

func (f *front) set(fail string, status int, body string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail, f.status, f.body = fail, status, body
}

// between puts a front before the desk's account.
func (d *desk) between() *front {
	d.t.Helper()
	target, err := url.Parse(d.s.URL())
	if err != nil {
		d.t.Fatal(err)
	}
	f := &front{}
	proxy := httputil.NewSingleHostReverseProxy(target)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		fail, status, body := f.fail, f.status, f.body
		f.mu.Unlock()
		if fail != "" && strings.HasSuffix(r.URL.Path, fail) {
			w.WriteHeader(status)
			w.Write([]byte(body)) //nolint:errcheck // the connector notices
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	d.t.Cleanup(server.Close)
	o := options(d.s)
	o.BaseURL = server.URL
	d.c = connect(d.t, o)
	return f
}

func TestAWriteThatBreaksOffBetweenItsCallsCanBeRepeated(t *testing.T) {
	t.Parallel()
	const field = "associations.companies"
	for _, broken := range []string{"/contacts/batch/read", "/companies/batch/read", "/batch/create", "/batch/archive"} {
		d := newDesk(t, sim.Options{})
		f := d.between()
		c1, c2, c3, contact := d.company("1"), d.company("2"), d.company("3"), d.contact("a@example.com")
		d.main("contacts", contact, "companies", c1)
		d.beside("contacts", contact, "companies", c3)
		w := set("contacts", contact, field, c2, "city", "Rome")
		w.Guard.Put(field, event.String(c1))
		f.set(broken, 503, "")
		if r := d.apply(w)[0]; r.Err == nil || r.Err.Class != event.Transient || r.Key != event.KeyOf(contact) {
			t.Errorf("%s: got %+v, want it to be tried again", broken, r)
		}
		if got := d.read2("contacts", contact, "city"); got != "Rome" {
			t.Errorf("%s: the property is %q", broken, got)
		}
		if got := d.links("contacts", contact, "companies"); broken == "/batch/archive" && !strings.Contains(got, c2+"*") {
			t.Errorf("%s: got %s, want the new one there before the old one goes", broken, got)
		}
		f.set("", 0, "")
		for range 2 {
			if r := d.must(w); r.After.Get(field).Text != c2 || r.After.Get("city").Text != "Rome" {
				t.Errorf("%s: repeated: got %+v", broken, r)
			}
			if got := d.links("contacts", contact, "companies"); got != c2+"* "+c3 {
				t.Errorf("%s: repeated: got %s, want the old one gone and the other one untouched", broken, got)
			}
		}
	}
}

// read2 asks the account itself.
func (d *desk) read2(object, id, property string) string {
	r, _ := d.s.Record(object, id)
	return r.Properties[property]
}

func TestAnAssociationThatIsRefusedLeavesTheOldOne(t *testing.T) {
	t.Parallel()
	const field = "associations.companies"
	d := newDesk(t, sim.Options{})
	f := d.between()
	c1, c2, contact := d.company("1"), d.company("2"), d.contact("a@example.com")
	d.main("contacts", contact, "companies", c1)
	f.set("/batch/create", 400, `{"category":"VALIDATION_ERROR","message":"association limit exceeded"}`)
	r := d.apply(set("contacts", contact, field, c2))[0]
	if r.Err == nil || r.Err.Class != event.Rejected || r.Err.Field != field || !strings.Contains(r.Err.Message, "limit") {
		t.Errorf("got %v", r.Err)
	}
	if !strings.Contains(r.Err.Message, "could not be put back") { // everything is refused here, the way back too
		t.Errorf("got %v, want it said that the old one is gone", r.Err)
	}
	f.set("", 0, "")
	// The account allows one company for a contact: the old one makes room.
	d.main("contacts", contact, "companies", c1)
	if r := d.apply(set("contacts", contact, field, "999"))[0]; r.Err == nil || r.Err.Class != event.Rejected || d.links("contacts", contact, "companies") != c1+"*" {
		t.Errorf("a company that is not there: got %v, %s, want the old one untouched", r.Err, d.links("contacts", contact, "companies"))
	}
	if n := d.calls("/batch/archive"); n != 1 {
		t.Errorf("%d removals, want the one before", n)
	}
}

func TestAnAssociationWhoseAnswerIsLostIsInDoubt(t *testing.T) {
	t.Parallel()
	const field = "associations.companies"
	d := newDesk(t, sim.Options{})
	c1, c2, contact := d.company("1"), d.company("2"), d.contact("a@example.com")
	d.main("contacts", contact, "companies", c1)
	w := set("contacts", contact, field, c2)
	w.Guard.Put(field, event.String(c1))
	if err := d.s.SetFaults(sim.Faults{ApplyThenFailRate: 1}); err != nil {
		t.Fatal(err)
	}
	if r := d.apply(w)[0]; r.Err == nil || r.Err.Class != event.InDoubt {
		t.Errorf("got %v", r.Err)
	}
	if err := d.s.SetFaults(sim.Faults{}); err != nil {
		t.Fatal(err)
	}
	if r := d.must(w); r.After.Get(field).Text != c2 || d.links("contacts", contact, "companies") != c2+"*" {
		t.Errorf("repeated: got %+v, %s", r, d.links("contacts", contact, "companies"))
	}
}

func TestAMissingScopeIsTheConnectionsAffair(t *testing.T) {
	t.Parallel()
	const body = `{"status":"error","message":"This app hasn't been granted all required scopes","category":"MISSING_SCOPES","errors":[{"message":"m","context":{"requiredGranularScopes":["crm.objects.contacts.write"]}}]}`
	d := newDesk(t, sim.Options{})
	f := d.between()
	f.set("/batch/create", 403, body)
	for _, r := range d.apply(contact("a@example.com"), contact("b@example.com")) {
		if r.Err == nil || r.Err.Class != event.Unauthorized || !strings.Contains(r.Err.Message, "crm.objects.contacts.write") {
			t.Errorf("got %v, want the whole connection refused", r.Err)
		}
	}
	// An object that nobody may see holds up no webhook of others.
	f.set("/properties/tickets", 403, body)
	_, err := d.c.Describe(d.ctx, "tickets")
	var fault *event.Fault
	if !errors.As(err, &fault) || fault.Class != event.Unauthorized {
		t.Errorf("got %v", err)
	}
	const hook = `[{"subscriptionType":"ticket.propertyChange","objectId":1,"occurredAt":1,"propertyName":"a","propertyValue":"b"},
		{"subscriptionType":"contact.propertyChange","objectId":1,"occurredAt":1,"propertyName":"a","propertyValue":"b"}]`
	if changes, err := d.c.Parse([]byte(hook)); err != nil || len(changes) != 2 {
		t.Errorf("got %v, %v", changes, err)
	}
}

// Descriptions notice every change at once, and what was described last counts.
func TestAnExplicitDescriptionIsFresh(t *testing.T) {
	t.Parallel()
	d := newDesk(t, sim.Options{})
	id := d.make("contacts", "tier", "P")
	call := func(method, path, body string) {
		t.Helper()
		req, err := http.NewRequestWithContext(d.ctx, method, d.s.URL()+"/crm/v3/properties/contacts"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+d.s.Token())
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode >= 300 {
			t.Fatalf("%s %s: status %d", method, path, resp.StatusCode)
		}
	}
	field := func(name string) (event.Field, bool) {
		t.Helper()
		before := d.s.Requests().Total
		o, err := d.c.Describe(d.ctx, "contacts")
		if err != nil {
			t.Fatal(err)
		}
		if got := d.s.Requests().Total - before; got != 1 {
			t.Errorf("a description took %d calls", got)
		}
		return o.Field(name)
	}
	if _, has := field("plan"); has {
		t.Error("a property is described before it exists")
	}
	call("POST", "", `{"name":"plan","type":"string","fieldType":"text","label":"Plan"}`)
	if f, has := field("plan"); !has || f.Label != "Plan" || f.Kind != event.Text {
		t.Errorf("added: got %+v, %v", f, has)
	}
	call("PATCH", "/plan", `{"label":"Contract"}`)
	if f, _ := field("plan"); f.Label != "Contract" {
		t.Errorf("renamed: got %+v", f)
	}
	call("PATCH", "/plan", `{"type":"datetime","fieldType":"date"}`)
	if f, _ := field("plan"); f.Kind != event.Instant {
		t.Errorf("retyped: got %+v", f)
	}
	// At once, what is written and read goes by the new type.
	if r := d.must(set("contacts", id, "plan", "2024-08-15T19:09:13+02:00")); r.After.Get("plan").Text != "2024-08-15T17:09:13Z" {
		t.Errorf("written after retyping: got %s", r.After.Get("plan").Display())
	}
	if got := d.read("contacts", id, "plan"); got != "2024-08-15T17:09:13Z" {
		t.Errorf("read after retyping: got %s", got)
	}
	call("PATCH", "/tier", `{"options":[{"label":"Pro","value":"P"},{"label":"Max","value":"M"}]}`)
	if f, _ := field("tier"); len(f.Options) != 2 || f.Options[1] != "M" {
		t.Errorf("options: got %+v", f)
	}

	// It vanishes, and nobody has described it again yet.
	call("DELETE", "/plan", "")
	for _, looked := range []bool{false, true} {
		r := d.apply(set("contacts", id, "plan", "2024-08-15T17:09:13Z"))[0]
		if r.Err == nil || r.Err.Class != event.Rejected || r.Err.Field != "plan" || !strings.Contains(r.Err.Message, "PROPERTY_DOESNT_EXIST") {
			t.Errorf("looked %v: a write: got %v", looked, r.Err)
		}
		if r := d.apply(set("contacts", id, "plan", ""))[0]; r.Err == nil || r.Err.Field != "plan" {
			t.Errorf("looked %v: clearing it: got %+v", looked, r)
		}
		found, err := d.c.Read(d.ctx, "contacts", []event.Key{event.KeyOf(id)}, []string{"plan", "tier"})
		if err != nil || len(found) != 1 {
			t.Fatal(found, err)
		}
		if v := found[0].Record.Get("plan"); !v.IsUnchanged() || found[0].Record.Get("tier").Text != "P" {
			t.Errorf("looked %v: a read: got %s, want nothing said of it", looked, v.Display())
		}
		if _, has := field("plan"); has {
			t.Error("a property is described after it was archived")
		}
	}
}

func TestSamplesAreLiveRecords(t *testing.T) {
	t.Parallel()
	d := newDesk(t, sim.Options{})
	if got, err := d.c.Sample(d.ctx, "contacts", []string{"email"}, 5); err != nil || len(got) != 0 {
		t.Errorf("an empty account: got %v, %v", got, err)
	}
	company := d.company("1")
	var ids []string
	for range 250 {
		id := d.make("contacts", "city", "Rome")
		ids = append(ids, id)
	}
	if err := d.s.Archive("contacts", ids[3]); err != nil {
		t.Fatal(err)
	}
	d.main("contacts", ids[0], "companies", company)
	for n, want := range map[int]int{0: 0, -1: 0, 3: 3, 240: 240, 500: 249} {
		got, err := d.c.Sample(d.ctx, "contacts", []string{"city", "email", "associations.companies", "no_such_property"}, n)
		if err != nil || len(got) != want {
			t.Fatalf("%d: got %d records, %v, want %d", n, len(got), err, want)
		}
		seen := map[event.Key]bool{}
		for _, s := range got {
			if seen[s.Key] || s.Key == event.KeyOf(ids[3]) || s.Key != s.Asked || s.Record.Get("city").Text != "Rome" || !s.Record.Get("email").IsNull() || s.At.IsZero() {
				t.Fatalf("%d: got %+v", n, s)
			}
			seen[s.Key] = true
		}
		if n > 0 && got[0].Record.Get("associations.companies").Text != company {
			t.Errorf("%d: got %+v", n, got[0])
		}
	}
	if _, err := d.c.Sample(d.ctx, "unicorns", nil, 1); err == nil {
		t.Error("an object that does not exist has samples")
	}
}
