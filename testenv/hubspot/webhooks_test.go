package hubspot

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// quickRetries keep tests short.
var quickRetries = slices.Repeat([]time.Duration{5 * time.Millisecond}, 50)

func TestSignaturesMatchVectorsOfAnotherImplementation(t *testing.T) {
	t.Parallel()
	// Computed with Python's hmac over "GEThttps://x.test/a?b=c:dbody17".
	if got, want := Sign("key", "GET", "https://x.test/a%3Fb=c%3Ad", []byte("body"), 17), "K8UVUgbNKZ0THmqGhCfFKcSyy6WfxZ2ZQtwTgQ9EpW8="; got != want {
		t.Errorf("v3 signature = %s, want %s", got, want)
	}
	if got, want := SignV1("key", []byte("body")), "1bae80b75a57754f86b3908413e62372297b9c7d6a25568bcb82675d155d149c"; got != want {
		t.Errorf("v1 signature = %s, want %s", got, want)
	}
}

func TestEveryChangeIsAnEvent(t *testing.T) {
	t.Parallel()
	s := start(t, Options{AppID: "9393361", PortalID: 7})
	hook := receive(t, s, nil)
	r := do(t, s, "POST", "/crm/v3/objects/contacts", `{"properties":{"email":"a@b.co","city":"Rome"}}`).is(201)
	id := r.text("id")
	do(t, s, "PATCH", "/crm/v3/objects/contacts/"+id, `{"properties":{"email":"a@b.co","city":"Oslo","phone":"1"}}`).is(200)
	if err := s.Edit("contacts", id, map[string]string{"city": "", "hubspotscore": "42"}); err != nil {
		t.Fatal(err)
	}
	if err := s.Archive("contacts", id); err != nil {
		t.Fatal(err)
	}
	if err := s.Restore("contacts", id); err != nil {
		t.Fatal(err)
	}
	do(t, s, "DELETE", "/crm/v3/objects/contacts/"+id, "").is(204)

	events := hook.events(t, s)
	slices.SortFunc(events, func(a, b hookEvent) int { return int(a.EventID - b.EventID) })
	var got []string
	for _, e := range events {
		line := strings.TrimPrefix(e.SubscriptionType, "contact.")
		if e.PropertyName != "" {
			line += " " + e.PropertyName + "=" + *e.PropertyValue
		}
		got = append(got, line+" "+e.ChangeSource+"/"+e.SourceID)
		if e.ObjectID != number64(id) || e.PortalID != 7 || e.AppID != 9393361 || e.OccurredAt == 0 || e.SubscriptionID == 0 || e.Attempt != 0 {
			t.Errorf("event = %+v", e)
		}
	}
	want := []string{
		"creation INTEGRATION/9393361", "propertyChange city=Rome INTEGRATION/9393361", "propertyChange email=a@b.co INTEGRATION/9393361",
		"propertyChange city=Oslo INTEGRATION/9393361", "propertyChange phone=1 INTEGRATION/9393361",
		"propertyChange city= CRM_UI/userId:1", "propertyChange hubspotscore=42 CRM_UI/userId:1",
		"deletion CRM_UI/userId:1", "restore CRM_UI/userId:1", "deletion INTEGRATION/9393361",
	}
	if !slices.Equal(got, want) {
		t.Errorf("events:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if events[0].ChangeFlag != "CREATED" || events[7].ChangeFlag != "DELETED" {
		t.Errorf("change flags %q and %q", events[0].ChangeFlag, events[7].ChangeFlag)
	}
	if at := time.UnixMilli(events[0].OccurredAt).UTC().Format(isoMillis); at != r.text("updatedAt") {
		t.Errorf("occurredAt is %s, updatedAt %s", at, r.text("updatedAt"))
	}
}

func TestEventsFillPosts(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	hook := receive(t, s, nil)
	inputs := strings.TrimSuffix(strings.Repeat(`{"properties":{"name":"A","city":"B"}},`, 100), ",")
	do(t, s, "POST", "/crm/v3/objects/companies/batch/create", `{"inputs":[`+inputs+`]}`).is(201)
	if n := len(hook.events(t, s)); n != 300 {
		t.Errorf("%d events, want 300", n)
	}
	for _, post := range hook.posts {
		if len(post) > 99 {
			t.Errorf("a POST of %d events, want fewer than 100", len(post))
		}
	}
	if n := len(hook.posts); n != 4 {
		t.Errorf("%d POSTs, want 4", n)
	}
}

func TestLargeBodiesAreSplit(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	hook := receive(t, s, nil)
	long := strings.Repeat("x", maxText)
	inputs := strings.TrimSuffix(strings.Repeat(`{"properties":{"description":"`+long+`"}},`, 40), ",")
	do(t, s, "POST", "/crm/v3/objects/companies/batch/create", `{"inputs":[`+inputs+`]}`).is(201)
	if n := len(hook.events(t, s)); n != 80 {
		t.Errorf("%d events, want 80", n)
	}
	for _, size := range hook.sizes {
		if size > maxBody {
			t.Errorf("a body of %d bytes, want at most %d", size, maxBody)
		}
	}
}

func TestFailedPostsAreSentAgainWithTheSameIDs(t *testing.T) {
	t.Parallel()
	s := start(t, Options{RetrySchedule: quickRetries})
	hook := receive(t, s, func(post int) int {
		if post <= 3 {
			return http.StatusInternalServerError
		}
		return http.StatusOK
	})
	if _, err := s.Create("companies", map[string]string{"name": "A"}); err != nil {
		t.Fatal(err)
	}
	hook.events(t, s)
	for i, post := range hook.posts {
		if post[0].Attempt != i || post[0].EventID != hook.posts[0][0].EventID || len(post) != 2 {
			t.Errorf("attempt %d: %+v", i, post)
		}
	}
	if w := s.Webhooks(); len(hook.posts) != 4 || w.Retried != 6 || w.Delivered != 2 || w.Dropped != 0 || w.Posts != 4 {
		t.Errorf("%d posts, status %+v", len(hook.posts), w)
	}
}

func TestASlowReceiverHasFailed(t *testing.T) {
	t.Parallel()
	s := start(t, Options{RetrySchedule: quickRetries, WebhookTimeout: 20 * time.Millisecond})
	hung := make(chan struct{}, len(quickRetries)+1)
	hook := receive(t, s, func(post int) int { return http.StatusOK })
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // else the server does not notice that the caller went
		<-r.Context().Done()
		hung <- struct{}{}
	}))
	defer slow.Close()
	if err := s.SetWebhook(slow.URL); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Create("companies", nil); err != nil {
		t.Fatal(err)
	}
	<-hung
	if err := s.SetWebhook(hook.URL + "/hooks?tenant=a"); err != nil {
		t.Fatal(err)
	}
	if events := hook.events(t, s); len(events) != 1 || events[0].Attempt == 0 {
		t.Errorf("events = %+v, want one that was sent again", events)
	}
}

func TestRetriesEnd(t *testing.T) {
	t.Parallel()
	s := start(t, Options{RetrySchedule: quickRetries[:2]})
	hook := receive(t, s, func(int) int { return http.StatusFound })
	if _, err := s.Create("companies", nil); err != nil {
		t.Fatal(err)
	}
	delivered(t, s)
	if w := s.Webhooks(); len(hook.posts) != 3 || w.Dropped != 1 || w.Pending != 0 {
		t.Errorf("%d posts, status %+v", len(hook.posts), w)
	}
}

func TestAReceiverThatWasAwayIsCaughtUp(t *testing.T) {
	t.Parallel()
	s := start(t, Options{RetrySchedule: quickRetries})
	hook := receive(t, s, nil)
	if err := s.SetWebhook("http://127.0.0.1:1/nobody"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Create("companies", nil); err != nil {
		t.Fatal(err)
	}
	if err := s.WaitFor(deadline(t), func() bool { return s.Webhooks().Retried > 1 }); err != nil {
		t.Fatal(err)
	}
	if err := s.SetWebhook(hook.URL + "/hooks?tenant=a"); err != nil {
		t.Fatal(err)
	}
	if n := len(hook.events(t, s)); n != 1 {
		t.Errorf("%d events, want 1", n)
	}
}

func TestRetrySchedules(t *testing.T) {
	t.Parallel()
	total := func(schedule []time.Duration) (sum time.Duration) {
		for _, pause := range schedule {
			sum += pause
		}
		return sum
	}
	if got := total(CompressedRetries()); got < 3*time.Minute || slices.Max(CompressedRetries()) > 5*time.Second {
		t.Errorf("the compressed schedule lasts %v", got)
	}
	if got := total(RealRetries()); got < 23*time.Hour || got > 24*time.Hour || len(RealRetries()) != 10 {
		t.Errorf("the real schedule lasts %v", got)
	}
}

func TestWebhookFaults(t *testing.T) {
	t.Parallel()
	create := func(t *testing.T, s *Server, n int) {
		for range n {
			if _, err := s.Create("companies", nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Run("dropped", func(t *testing.T) {
		t.Parallel()
		s := start(t, Options{Faults: Faults{DropWebhooks: 1}})
		hook := receive(t, s, nil)
		create(t, s, 10)
		if n := len(hook.events(t, s)); n != 0 || s.Webhooks().Dropped != 10 {
			t.Errorf("%d events, status %+v", n, s.Webhooks())
		}
	})
	t.Run("doubled", func(t *testing.T) {
		t.Parallel()
		s := start(t, Options{Faults: Faults{DuplicateWebhooks: 1}})
		hook := receive(t, s, nil)
		create(t, s, 10)
		ids := map[int64]int{}
		for _, e := range hook.events(t, s) {
			ids[e.EventID]++
		}
		for id, n := range ids {
			if n != 2 {
				t.Errorf("event %d came %d times", id, n)
			}
		}
		if len(ids) != 10 || s.Webhooks().Duplicated != 10 {
			t.Errorf("%d ids, status %+v", len(ids), s.Webhooks())
		}
	})
	t.Run("some of each", func(t *testing.T) {
		t.Parallel()
		s := start(t, Options{Seed: 7, Faults: Faults{DuplicateWebhooks: 0.3, DropWebhooks: 0.3}})
		hook := receive(t, s, nil)
		create(t, s, 200)
		n := int64(len(hook.events(t, s)))
		if w := s.Webhooks(); w.Dropped == 0 || w.Duplicated == 0 || n != 200-w.Dropped+w.Duplicated {
			t.Errorf("%d events, status %+v", n, w)
		}
	})
	t.Run("shuffled and late", func(t *testing.T) {
		t.Parallel()
		s := start(t, Options{Faults: Faults{ShuffleWebhooks: true, DelayWebhooksMS: 30}})
		hook := receive(t, s, nil)
		begin := time.Now()
		var inputs []string
		for i := range 60 {
			inputs = append(inputs, fmt.Sprintf(`{"properties":{"name":"%d"}}`, i))
		}
		do(t, s, "POST", "/crm/v3/objects/companies/batch/create", `{"inputs":[`+strings.Join(inputs, ",")+`]}`).is(201)
		events := hook.events(t, s)
		if len(events) != 120 || time.Since(begin) < 30*time.Millisecond {
			t.Errorf("%d events after %v", len(events), time.Since(begin))
		}
		if slices.IsSortedFunc(events, func(a, b hookEvent) int { return int(a.EventID - b.EventID) }) {
			t.Error("events came in order")
		}
	})
}

func TestWebhookURLs(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	for _, bad := range []string{"nonsense", "ftp://x.test/", "http://", "http://%zz"} {
		if err := s.SetWebhook(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
	if _, err := s.Create("companies", nil); err != nil {
		t.Fatal(err)
	}
	if w := s.Webhooks(); w.Pending != 0 || w.Dropped != 0 {
		t.Errorf("without a URL: %+v", w)
	}
	if err := s.SetWebhook("http://127.0.0.1:1/"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Create("companies", nil); err != nil {
		t.Fatal(err)
	}
	if err := s.SetWebhook(""); err != nil {
		t.Fatal(err)
	}
	delivered(t, s)
	if w := s.Webhooks(); w.Dropped != 1 {
		t.Errorf("after the URL was taken away: %+v", w)
	}
}
