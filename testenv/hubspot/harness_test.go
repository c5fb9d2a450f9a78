package hubspot

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// start runs an account without call limits unless the options set some.
func start(t testing.TB, o Options) *Server {
	t.Helper()
	if o.Limit == 0 {
		o.Limit = -1
	}
	if o.SearchLimit == 0 {
		o.SearchLimit = -1
	}
	s, err := Start(o)
	if err != nil {
		t.Fatalf("start: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// assume returns the default assumptions, changed.
func assume(change func(*Assumptions)) *Assumptions {
	a := DefaultAssumptions()
	change(&a)
	return &a
}

// reply is a decoded answer.
type reply struct {
	t      testing.TB
	status int
	header http.Header
	raw    string
	body   map[string]any
}

// do makes a vendor call; body is JSON, or empty.
func do(t testing.TB, s *Server, method, path, body string) reply {
	t.Helper()
	resp, err := send(s, method, path, body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return decode(t, resp)
}

func send(s *Server, method, path, body string) (*http.Response, error) {
	req, err := http.NewRequest(method, s.URL()+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+s.Token())
	req.Header.Set("Content-Type", "application/json")
	return http.DefaultClient.Do(req)
}

func decode(t testing.TB, resp *http.Response) reply {
	t.Helper()
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("read answer: %v", err)
	}
	out := reply{t: t, status: resp.StatusCode, header: resp.Header, raw: string(raw)}
	if strings.Contains(resp.Header.Get("Content-Type"), "json") {
		if err := json.Unmarshal(raw, &out.body); err != nil {
			t.Fatalf("decode answer %q: %v", raw, err)
		}
	}
	return out
}

// is fails the test unless the answer has the status.
func (r reply) is(status int) reply {
	r.t.Helper()
	if r.status != status {
		r.t.Fatalf("status = %d, want %d; body: %s", r.status, status, r.raw)
	}
	return r
}

// at walks into the body: names of objects, numbers of lists.
func (r reply) at(path ...any) any {
	r.t.Helper()
	var here any = r.body
	for _, step := range path {
		switch step := step.(type) {
		case string:
			object, _ := here.(map[string]any)
			here = object[step]
		case int:
			list, _ := here.([]any)
			if step >= len(list) {
				r.t.Fatalf("no entry %v in %s", path, r.raw)
			}
			here = list[step]
		}
	}
	return here
}

func (r reply) text(path ...any) string {
	r.t.Helper()
	text, _ := r.at(path...).(string)
	return text
}

func (r reply) length(path ...any) int {
	r.t.Helper()
	list, _ := r.at(path...).([]any)
	return len(list)
}

// wants compares a place in the body.
func (r reply) wants(want any, path ...any) reply {
	r.t.Helper()
	if got := r.at(path...); got != want {
		r.t.Errorf("%v = %#v, want %#v; body: %s", path, got, want, r.raw)
	}
	return r
}

// says checks that the message holds a text.
func (r reply) says(text string) reply {
	r.t.Helper()
	if !strings.Contains(r.text("message"), text) {
		r.t.Errorf("message = %q, want it to hold %q", r.text("message"), text)
	}
	return r
}

// contact creates one by the API and returns its id.
func contact(t testing.TB, s *Server, email string) string {
	t.Helper()
	return do(t, s, "POST", "/crm/v3/objects/contacts", `{"properties":{"email":"`+email+`"}}`).is(201).text("id")
}

// control makes a control call.
func control(t testing.TB, s *Server, method, path, body string) reply {
	t.Helper()
	req, err := http.NewRequest(method, s.URL()+"/_control"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return decode(t, resp)
}

// deadline bounds every wait of a test.
func deadline(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// delivered waits until no event is pending.
func delivered(t testing.TB, s *Server) {
	t.Helper()
	if err := s.WaitDelivered(deadline(t)); err != nil {
		t.Fatal(err)
	}
}

// hookEvent is an event as a receiver decodes it.
type hookEvent struct {
	EventID          int64   `json:"eventId"`
	PortalID         int64   `json:"portalId"`
	AppID            int64   `json:"appId"`
	SubscriptionID   int64   `json:"subscriptionId"`
	OccurredAt       int64   `json:"occurredAt"`
	SubscriptionType string  `json:"subscriptionType"`
	Attempt          int     `json:"attemptNumber"`
	ObjectID         int64   `json:"objectId"`
	ChangeFlag       string  `json:"changeFlag"`
	ChangeSource     string  `json:"changeSource"`
	SourceID         string  `json:"sourceId"`
	PropertyName     string  `json:"propertyName"`
	PropertyValue    *string `json:"propertyValue"`
	Primary          int64   `json:"primaryObjectId"`
	Merged           []int64 `json:"mergedObjectIds"`
	NewObject        int64   `json:"newObjectId"`
	Moved            int     `json:"numberOfPropertiesMoved"`
	AssociationType  string  `json:"associationType"`
	From             int64   `json:"fromObjectId"`
	To               int64   `json:"toObjectId"`
	Removed          bool    `json:"associationRemoved"`
	IsPrimary        bool    `json:"isPrimaryAssociation"`
}

// receiver takes webhooks. refuse, when set, picks the status of a POST.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	posts  [][]hookEvent
	sizes  []int
	refuse func(post int) int
	bad    []string // what was wrong with POSTs
}

func receive(t testing.TB, s *Server, refuse func(post int) int) *receiver {
	t.Helper()
	r := &receiver{refuse: refuse}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		w.WriteHeader(r.take(s, req, body))
	}))
	t.Cleanup(r.Server.Close)
	if err := s.SetWebhook(r.URL + "/hooks?tenant=a"); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *receiver) take(s *Server, req *http.Request, body []byte) int {
	var events []hookEvent
	err := json.NewDecoder(bytes.NewReader(body)).Decode(&events)
	r.mu.Lock()
	defer r.mu.Unlock()
	stamp := req.Header.Get("X-HubSpot-Request-Timestamp")
	var ms int64
	if json.Unmarshal([]byte(stamp), &ms) != nil {
		r.bad = append(r.bad, "timestamp "+stamp)
	}
	if err != nil {
		r.bad = append(r.bad, err.Error())
	}
	if got, want := req.Header.Get("X-HubSpot-Signature-v3"), Sign(s.WebhookSecret(), "POST", r.URL+"/hooks?tenant=a", body, ms); got != want {
		r.bad = append(r.bad, "v3 signature "+got+", want "+want)
	}
	if got, want := req.Header.Get("X-HubSpot-Signature"), SignV1(s.WebhookSecret(), body); got != want {
		r.bad = append(r.bad, "v1 signature "+got+", want "+want)
	}
	r.posts = append(r.posts, events)
	r.sizes = append(r.sizes, len(body))
	if r.refuse != nil {
		return r.refuse(len(r.posts))
	}
	return http.StatusNoContent
}

// events returns all that came, in order, once the account has delivered all.
func (r *receiver) events(t testing.TB, s *Server) []hookEvent {
	t.Helper()
	delivered(t, s)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, what := range r.bad {
		t.Errorf("bad webhook: %s", what)
	}
	var all []hookEvent
	for _, post := range r.posts {
		all = append(all, post...)
	}
	return all
}

// named picks events of one subscription type.
func named(events []hookEvent, name string) []hookEvent {
	var out []hookEvent
	for _, e := range events {
		if e.SubscriptionType == name {
			out = append(out, e)
		}
	}
	return out
}
