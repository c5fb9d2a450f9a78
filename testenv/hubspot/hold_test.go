package hubspot

import (
	"context"
	"net/http"
	"strings"
	"testing"
)

// later makes a write in the background; its status comes once it is answered,
// 0 for none.
func later(ctx context.Context, s *Server, body string) <-chan int {
	status := make(chan int, 1)
	go func() {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL()+"/crm/v3/objects/companies", strings.NewReader(body))
		if err != nil {
			status <- 0
			return
		}
		req.Header.Set("Authorization", "Bearer "+s.Token())
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			status <- 0
			return
		}
		resp.Body.Close()
		status <- resp.StatusCode
	}()
	return status
}

func eventually(t *testing.T, s *Server, condition func() bool) {
	t.Helper()
	if err := s.WaitFor(deadline(t), condition); err != nil {
		t.Fatal(err)
	}
}

func TestHeldWritesAreNotAppliedUntilReleased(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Faults: Faults{HoldWrites: true}})
	ctx := deadline(t)
	first := later(ctx, s, `{"properties":{"name":"A"}}`)
	eventually(t, s, func() bool { return s.Held() == 1 })
	second := later(ctx, s, `{"properties":{"name":"B"}}`)
	eventually(t, s, func() bool { return s.Requests().Held == 2 })
	do(t, s, "GET", "/crm/v3/objects/companies", "").is(200) // reads pass
	if n := len(s.Records("companies")); n != 0 {
		t.Fatalf("%d records while the writes are held", n)
	}
	control(t, s, "POST", "/release", `{"writes":1}`).is(200).wants(1.0, "writes")
	if got := <-first; got != 201 {
		t.Errorf("the first write answered %d", got)
	}
	if list := s.Records("companies"); len(list) != 1 || list[0].Properties["name"] != "A" || s.Held() != 1 {
		t.Errorf("records %+v, %d held, want the older write alone", list, s.Held())
	}
	control(t, s, "PUT", "/faults", `{"hold_writes":false}`).is(200)
	if got := <-second; got != 201 || s.Held() != 0 {
		t.Errorf("the second write answered %d, %d held", got, s.Held())
	}
}

func TestAHeldWriteWhoseCallerHangsUpIsNeverApplied(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Faults: Faults{HoldWrites: true}})
	ctx, hangUp := context.WithCancel(deadline(t))
	answer := later(ctx, s, `{"properties":{}}`)
	eventually(t, s, func() bool { return s.Held() == 1 })
	hangUp()
	<-answer
	eventually(t, s, func() bool { return s.Held() == 0 && s.Requests().Total == 1 })
	if err := s.SetFaults(Faults{}); err != nil {
		t.Fatal(err)
	}
	if n, w := len(s.Records("companies")), s.Requests().Writes; n != 0 || w.Calls != 0 {
		t.Errorf("%d records, writes %+v, want none", n, w)
	}
}

func TestHeldAnswersComeAfterTheWriteIsApplied(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Faults: Faults{HoldWritesAfter: true}})
	hook := receive(t, s, nil)
	answer := later(deadline(t), s, `{"properties":{"name":"A"}}`)
	eventually(t, s, func() bool { return s.Held() == 1 })
	if n := len(hook.events(t, s)); n != 2 {
		t.Errorf("%d events before the answer, want 2", n)
	}
	if w := s.Requests().Writes; w.Calls != 1 || len(s.Records("companies")) != 1 {
		t.Errorf("writes %+v before the answer, want 1", w)
	}
	do(t, s, "POST", "/crm/v3/objects/contacts", `{"properties":{"nope":"1"}}`).is(400) // a refusal does not wait
	select {
	case got := <-answer:
		t.Fatalf("answered %d while held", got)
	default:
	}
	if n := s.ReleaseWrites(5); n != 1 {
		t.Errorf("%d released, want 1", n)
	}
	if got := <-answer; got != 201 {
		t.Errorf("answered %d", got)
	}
}

func TestHeldWebhooksAreSentWhenReleased(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Faults: Faults{HoldWebhooks: true}})
	hook := receive(t, s, nil)
	for range 3 {
		if _, err := s.Create("companies", nil); err != nil {
			t.Fatal(err)
		}
	}
	control(t, s, "GET", "/webhooks", "").is(200).wants(3.0, "held").wants(3.0, "pending").wants(0.0, "posts")
	control(t, s, "POST", "/release", `{"webhooks":2}`).is(200).wants(2.0, "webhooks")
	eventually(t, s, func() bool { return s.Webhooks().Delivered == 2 })
	if w := s.Webhooks(); w.Pending != 1 || w.Held != 1 {
		t.Errorf("%+v, want one event held", w)
	}
	if _, err := s.Create("companies", nil); err != nil {
		t.Fatal(err)
	}
	control(t, s, "PUT", "/faults", `{"hold_webhooks":false}`).is(200)
	events := hook.events(t, s)
	if len(events) != 4 {
		t.Fatalf("%d events, want 4", len(events))
	}
	for i, e := range events[:2] {
		if i > 0 && e.EventID < events[i-1].EventID {
			t.Errorf("released events out of order: %+v", events)
		}
	}
	control(t, s, "POST", "/release", `{"webhooks":-1}`).is(400)
	if n := s.ReleaseWebhooks(3); n != 0 {
		t.Errorf("%d events released where none is held", n)
	}
}
