package hubspot

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestDownAnswers503ButWebhooksGoOut(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	hook := receive(t, s, nil)
	control(t, s, "PUT", "/faults", `{"down":true}`).is(200)
	do(t, s, "GET", "/crm/v3/objects/contacts", "").is(503)
	do(t, s, "POST", "/crm/v3/objects/contacts", `{"properties":{"email":"a@b.co"}}`).is(503)
	control(t, s, "POST", "/objects/contacts", `{"properties":{"email":"a@b.co"}}`).is(201)
	if n := len(hook.events(t, s)); n != 2 {
		t.Errorf("%d events, want 2", n)
	}
	control(t, s, "PUT", "/faults", `{"down":false}`).is(200)
	if n := do(t, s, "GET", "/crm/v3/objects/contacts", "").is(200).length("results"); n != 1 {
		t.Errorf("%d records, want 1", n)
	}
}

func TestErrorsBeforeApplyingChangeNothing(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Faults: Faults{ErrorRate: 1}})
	seen := map[int]bool{}
	for range 40 {
		seen[do(t, s, "POST", "/crm/v3/objects/companies", `{"properties":{}}`).status] = true
	}
	if len(seen) != 3 || !seen[500] || !seen[502] || !seen[503] {
		t.Errorf("statuses %v, want 500, 502 and 503", seen)
	}
	if n, w := len(s.Records("companies")), s.Requests().Writes; n != 0 || w.Calls != 0 {
		t.Errorf("%d records, writes %+v, want none", n, w)
	}
}

func TestApplyThenFailHidesWhatWasDone(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Faults: Faults{ApplyThenFailRate: 1}})
	cut, timeout := 0, 0
	for range 30 {
		resp, err := send(s, "POST", "/crm/v3/objects/companies", `{"properties":{}}`)
		if err != nil {
			cut++
			continue
		}
		timeout++
		decode(t, resp).is(504)
	}
	if cut == 0 || timeout == 0 {
		t.Errorf("%d cut and %d answered 504, want some of each", cut, timeout)
	}
	do(t, s, "GET", "/crm/v3/objects/companies", "").is(200)
	do(t, s, "POST", "/crm/v3/objects/contacts", `{"properties":{"nope":"1"}}`).is(400)
	r := s.Requests()
	if n := len(s.Records("companies")); n != 30 || r.Writes.Calls != 30 || r.Writes.Records != 30 {
		t.Errorf("%d records, writes %+v, want 30", n, r.Writes)
	}
	counts := map[int]int{}
	for _, c := range r.Calls {
		counts[c.Status] += c.Count
	}
	if counts[0] != cut || counts[504] != timeout || r.Total != 32 {
		t.Errorf("counted %v of %d, want %d cut and %d timeouts", counts, r.Total, cut, timeout)
	}
}

func TestLatencyAndClockSkew(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Faults: Faults{LatencyMS: 40, ClockSkewMS: -3_600_000}})
	hook := receive(t, s, nil)
	begin := time.Now()
	r := do(t, s, "POST", "/crm/v3/objects/companies", `{"properties":{}}`).is(201)
	if took := time.Since(begin); took < 40*time.Millisecond {
		t.Errorf("answered after %v, want 40 ms", took)
	}
	hourAgo := func(at time.Time, what string) {
		t.Helper()
		if off := begin.Add(-time.Hour).Sub(at); off < -20*time.Second || off > 20*time.Second {
			t.Errorf("%s is %v, want an hour before %v", what, at, begin)
		}
	}
	updated, err := time.Parse(isoMillis, r.text("updatedAt"))
	if err != nil {
		t.Fatal(err)
	}
	hourAgo(updated, "updatedAt")
	date, err := http.ParseTime(r.header.Get("Date"))
	if err != nil {
		t.Fatal(err)
	}
	hourAgo(date, "Date")
	hourAgo(time.UnixMilli(hook.events(t, s)[0].OccurredAt), "occurredAt")
}

func TestTheTenSecondLimitRolls(t *testing.T) {
	t.Parallel()
	clock := newClock()
	s := start(t, Options{Limit: 3, DailyLimit: 100, Now: clock.now})
	get := func() reply { return do(t, s, "GET", "/crm/v3/owners/", "") }
	r := get().is(200)
	for header, want := range map[string]string{
		"X-HubSpot-RateLimit-Max": "3", "X-HubSpot-RateLimit-Remaining": "2", "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
		"X-HubSpot-RateLimit-Daily": "100", "X-HubSpot-RateLimit-Daily-Remaining": "99",
	} {
		if got := r.header.Get(header); got != want {
			t.Errorf("%s = %q, want %q", header, got, want)
		}
	}
	clock.add(5000)
	get().is(200)
	get().is(200)
	get().is(429).wants("TEN_SECONDLY_ROLLING", "policyName").wants("RATE_LIMIT", "errorType").says("ten_secondly_rolling")
	clock.add(5100) // the first call has left the window, the others have not
	get().is(200)
	get().is(429)
	clock.add(10_100)
	get().is(200)
	control(t, s, "PUT", "/faults", `{"throttle_per_10s":1}`).is(200)
	get().is(429)
}

func TestTheDailyLimitLastsUntilMidnight(t *testing.T) {
	t.Parallel()
	clock := newClock()
	s := start(t, Options{DailyLimit: 2, Now: clock.now})
	get := func() reply { return do(t, s, "GET", "/crm/v3/owners", "") }
	get().is(200)
	get().is(200)
	get().is(429).wants("DAILY", "policyName")
	clock.add(12 * 3600 * 1000)
	get().is(200)
}

func TestSearchesHaveALimitOfTheirOwn(t *testing.T) {
	t.Parallel()
	clock := newClock()
	s := start(t, Options{Limit: 1, SearchLimit: 5, Now: clock.now})
	search := func() reply { return do(t, s, "POST", "/crm/v3/objects/contacts/search", `{}`) }
	for range 5 {
		search().is(200)
	}
	search().is(429).wants("SECONDLY", "policyName")
	do(t, s, "GET", "/crm/v3/owners", "").is(200)
	clock.add(1010)
	search().is(200)
}

func TestDefaultLimits(t *testing.T) {
	t.Parallel()
	s, err := Start(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if r := do(t, s, "GET", "/crm/v3/owners", "").is(200); r.header.Get("X-HubSpot-RateLimit-Max") != "190" || r.header.Get("X-HubSpot-RateLimit-Daily") != "625000" {
		t.Errorf("headers %v", r.header)
	}
	if !strings.HasPrefix(s.Token(), "pat-na1-") || s.AppID() == "" || s.WebhookSecret() == "" || s.PortalID() == 0 {
		t.Errorf("generated %q, %q, %q", s.Token(), s.AppID(), s.WebhookSecret())
	}
}

func TestBadOptions(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]Options{
		"an app id that is no number": {AppID: "app"},
		"an address that is none":     {Addr: "nowhere:-1"},
		"a rate above 1":              {Faults: Faults{ErrorRate: 1.5}},
		"a webhook that is no URL":    {WebhookURL: "x"},
		"an unknown object type":      {Properties: map[string][]Property{"unicorns": {{Name: "a", Type: "string"}}}},
		"a property that exists":      {Properties: map[string][]Property{"contacts": {{Name: "email", Type: "string"}}}},
	} {
		if s, err := Start(o); err == nil {
			s.Close()
			t.Errorf("%s was taken", name)
		}
	}
}
