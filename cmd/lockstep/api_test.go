package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/lockstep-sync/lockstep/bridge"
	"github.com/lockstep-sync/lockstep/bridge/journal"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

// twoWaiting has a conflict and a deletion that wait, and two parked records.
func twoWaiting() *fakeDesk {
	at := time.Date(2026, 1, 31, 15, 4, 5, 0, time.UTC)
	return &fakeDesk{
		reviews: []bridge.Review{
			{ID: "contacts.l1.a", Mapping: "contacts", Left: `["1"]`, Right: `["901"]`, Field: "phone=phone", Kind: "conflict", Message: "edited on both sides", LeftValue: "+1", RightValue: "+2", Base: "+0",
				LeftAt: at.Add(-2 * time.Second), RightAt: at.Add(-time.Second), Since: at, Choices: []string{"left", "right", "value"}},
			{ID: "contacts.l2.b", Mapping: "contacts", Left: `["eu","2"]`, Right: `["902"]`, Kind: "delete", Message: "deleted on the left side", Since: at, Choices: []string{"confirm", "reject"}},
		},
		parked: []bridge.ParkedRecord{
			{ID: "contacts.l3", Mapping: "contacts", Left: `["3"]`, Right: `["903"]`, Side: "right", Kind: "rejected", Field: "phone=phone", Message: "phone: too\nlong", Since: at},
			{ID: "contacts.r4", Mapping: "contacts", Right: `["904"]`, Side: "right", Kind: "waiting", Message: "the company is not linked", Since: at},
		},
		records: []bridge.RecordState{{Mapping: "contacts", Left: `["1"]`, Right: `["901"]`, State: "linked", Fields: []bridge.FieldState{{Field: "phone=phone", Left: "+1", Right: "+2", Pending: "frozen"}}},
			{Mapping: "contacts", Left: `["3"]`, Right: `["903"]`, State: "linked", Fields: []bridge.FieldState{{Field: "phone=phone", Left: "long", Right: "+3", Pending: "the left edit is on its way or waits"}}}},
	}
}

func TestTheAPIAnswers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		method, path, body string
		status             int
		want               string   // in the answer
		calls              []string // what the desk was asked
	}{
		"reviews, narrowed": {"GET", `/api/reviews?mapping=contacts&kind=conflict&field=phone&left=1&limit=5`, "", 200, `"left_value": "+1"`,
			[]string{`reviews mapping=contacts kind=conflict field=phone record=["1"]| limit=5`}},
		"no reviews are an empty list":       {"GET", "/api/reviews?mapping=deals", "", 200, "[]", []string{"reviews mapping=deals kind= field= record=| limit=0"}},
		"a key of several columns":           {"GET", `/api/reviews?left=` + `%5B%22eu%22%2C%222%22%5D`, "", 200, "contacts.l2.b", []string{`reviews mapping= kind= field= record=["eu","2"]| limit=0`}},
		"a key that is no list of texts":     {"GET", `/api/reviews?left=[1,2]`, "", 400, "is no key", nil},
		"one review":                         {"GET", "/api/reviews/contacts.l1.a", "", 200, `"base": "+0"`, nil},
		"a review that there is not":         {"GET", "/api/reviews/contacts.l9.z", "", 404, "settled meanwhile", nil},
		"a decision":                         {"POST", "/api/reviews/contacts.l1.a", `{"choice":"left","by":"ann"}`, 200, `"done": "the left value goes to both sides"`, []string{"choose contacts.l1.a left by ann"}},
		"a value":                            {"POST", "/api/reviews/contacts.l1.a", `{"choice":"value","value":"+9","by":"ann"}`, 200, "done", []string{`choose contacts.l1.a value "+9" by ann`}},
		"an empty value":                     {"POST", "/api/reviews/contacts.l1.a", `{"choice":"value","value":"","by":"ann"}`, 200, "done", []string{`choose contacts.l1.a value "" by ann`}},
		"no value, in so many words":         {"POST", "/api/reviews/contacts.l1.a", `{"choice":"value","value":null,"by":"ann"}`, 200, "done", []string{"choose contacts.l1.a value null by ann"}},
		"a value that was forgotten":         {"POST", "/api/reviews/contacts.l1.a", `{"choice":"value","by":"ann"}`, 400, "needs \\\"value\\\"", nil},
		"a value that is a number":           {"POST", "/api/reviews/contacts.l1.a", `{"choice":"value","value":5,"by":"ann"}`, 400, "is no text", nil},
		"a value beside left":                {"POST", "/api/reviews/contacts.l1.a", `{"choice":"left","value":"+9","by":"ann"}`, 400, "alone", nil},
		"another word":                       {"POST", "/api/reviews/contacts.l1.a", `{"choice":"both","by":"ann"}`, 400, `\"both\" is no choice`, nil},
		"nobody decides":                     {"POST", "/api/reviews/contacts.l1.a", `{"choice":"left"}`, 400, "who gives the order", nil},
		"a blank name decides":               {"POST", "/api/reviews/contacts.l1.a", `{"choice":"left","by":" "}`, 400, "who gives the order", nil},
		"a name with a line break":           {"POST", "/api/reviews/contacts.l1.a", `{"choice":"left","by":"ann\nbob"}`, 400, "is no name", nil},
		"a misspelt key":                     {"POST", "/api/reviews/contacts.l1.a", `{"choise":"left","by":"ann"}`, 400, "choise", nil},
		"no JSON":                            {"POST", "/api/reviews/contacts.l1.a", `left`, 400, "cannot be read", nil},
		"two bodies":                         {"POST", "/api/reviews/contacts.l1.a", `{"choice":"left","by":"ann"}{}`, 400, "goes on", nil},
		"one and many":                       {"POST", "/api/reviews/contacts.l1.a", `{"mapping":"contacts","choice":"left","by":"ann"}`, 400, "leave them out", nil},
		"an unknown review decided":          {"POST", "/api/reviews/contacts.l9.z", `{"choice":"left","by":"ann"}`, 404, "no such thing", []string{"choose contacts.l9.z left by ann"}},
		"all that wait, without a name":      {"POST", "/api/reviews", `{"mapping":"contacts","choice":"left"}`, 400, "who gives the order", nil},
		"all of everything":                  {"POST", "/api/reviews", `{"choice":"left","by":"ann"}`, 400, "say which reviews", nil},
		"all that wait of a kind":            {"POST", "/api/reviews", `{"kind":"conflict","choice":"left","by":"ann"}`, 200, `"done": 1`, []string{"reviews mapping= kind=conflict field= record=| limit=0", "choose contacts.l1.a left by ann"}},
		"parked, narrowed":                   {"GET", "/api/parked?kind=rejected&right=903", "", 200, "contacts.l3", []string{`parked mapping= kind=rejected record=|["903"] limit=0`}},
		"one parked":                         {"GET", "/api/parked/contacts.r4", "", 200, "the company is not linked", nil},
		"a parked record that there is not":  {"GET", "/api/parked/contacts.l9", "", 404, "settled meanwhile", nil},
		"a retry":                            {"POST", "/api/parked/contacts.l3/retry", `{"by":"ann"}`, 200, "retry it is", []string{"retry contacts.l3 by ann"}},
		"a drop":                             {"POST", "/api/parked/contacts.l3/drop", `{"by":"ann"}`, 200, "drop it is", []string{"drop contacts.l3 by ann"}},
		"an order that there is not":         {"POST", "/api/parked/contacts.l3/burn", `{"by":"ann"}`, 400, "retry or drop", nil},
		"a retry by nobody":                  {"POST", "/api/parked/contacts.l3/retry", `{}`, 400, "who gives the order", nil},
		"a retry of what went on":            {"POST", "/api/parked/contacts.l9/retry", `{"by":"ann"}`, 404, "no such thing", []string{"retry contacts.l9 by ann"}},
		"all parked of no mapping":           {"POST", "/api/parked", `{"order":"drop","by":"ann"}`, 400, "which mapping", nil},
		"all parked, no order":               {"POST", "/api/parked", `{"mapping":"contacts","by":"ann"}`, 400, "retry or drop", nil},
		"a record":                           {"GET", "/api/mappings/contacts/records?right=901", "", 200, `"pending": "frozen"`, nil},
		"a record by neither side":           {"GET", "/api/mappings/contacts/records", "", 400, "by left or by right", nil},
		"a record by both sides":             {"GET", "/api/mappings/contacts/records?left=1&right=901", "", 400, "by left or by right", nil},
		"an unknown record":                  {"GET", "/api/mappings/contacts/records?left=77", "", 404, "no such thing", nil},
		"a replay":                           {"POST", "/api/mappings/contacts/replay", `{"right":"901","by":"ann"}`, 200, "read and merged", []string{`replay contacts |["901"] by ann`}},
		"a replay of everything there is":    {"POST", "/api/mappings/contacts/replay", `{"by":"ann"}`, 400, "say what to replay", nil},
		"a replay of two things":             {"POST", "/api/mappings/contacts/replay", `{"left":"1","parked":true,"by":"ann"}`, 400, "say what to replay", nil},
		"a replay since no time":             {"POST", "/api/mappings/contacts/replay", `{"since":"lately","by":"ann"}`, 400, "is no time", nil},
		"a replay in no mapping":             {"POST", "/api/mappings/people/replay", `{"since":"1h","by":"ann"}`, 404, "people", nil},
		"a replay by nobody":                 {"POST", "/api/mappings/contacts/replay", `{"left":"1"}`, 400, "who gives the order", nil},
		"a mapping goes on":                  {"POST", "/api/mappings/contacts/resume", `{"by":"ann"}`, 200, "goes on", []string{"resume contacts by ann"}},
		"a mapping goes on for nobody":       {"POST", "/api/mappings/contacts/resume", `{}`, 400, "who gives the order", nil},
		"history of a right key alone":       {"GET", "/api/audit?right=901", "", 400, "needs the mapping", nil},
		"history since no time":              {"GET", "/api/audit?since=yesterday", "", 400, "is no time", nil},
		"history of none":                    {"GET", "/api/audit?limit=0", "", 400, "from 1 to", nil},
		"history of more than fits":          {"GET", "/api/audit?limit=1000000", "", 400, "without one, all come", nil},
		"another path":                       {"GET", "/api/everything", "", 404, "there is no GET /api/everything", nil},
		"another method":                     {"DELETE", "/api/reviews/contacts.l1.a", "", 404, "there is no DELETE", nil},
		"a path that climbs":                 {"GET", "/api/reviews/..%2f..%2fmetrics", "", 404, "no such thing", nil},
		"a body larger than any order":       {"POST", "/api/reviews", `{"by":"` + strings.Repeat("x", maxBody) + `"}`, 413, "more than 65536 bytes", nil},
		"a body larger than any, of garbage": {"POST", "/api/parked", strings.Repeat(" ", maxBody+1), 413, "more than 65536 bytes", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := twoWaiting()
			srv, _ := d.serve(t)
			res, body := request(t, srv, c.method, c.path, c.body)
			if res.StatusCode != c.status || !strings.Contains(body, c.want) {
				t.Errorf("got %d %s, want %d with %s", res.StatusCode, body, c.status, c.want)
			}
			if diff := cmp.Diff(c.calls, d.told()); diff != "" {
				t.Errorf("the desk was asked:\n%s", diff)
			}
			if res.StatusCode == http.StatusOK {
				return
			}
			var p apiProblem
			if err := json.Unmarshal([]byte(body), &p); err != nil || p.Error == "" || p.Remedy == "" {
				t.Errorf("the error is %s, want words and a remedy", body)
			}
		})
	}
}

func TestADecisionTwiceChangesNothing(t *testing.T) {
	t.Parallel()
	srv, _ := twoWaiting().serve(t)
	for i, c := range []struct {
		choice string
		status int
		want   string
	}{{"left", 200, `"records": 1`}, {"left", 200, `"already": true`}, {"right", 409, "ann chose left"}, {"left", 200, `"already": true`}} {
		res, body := request(t, srv, "POST", "/api/reviews/contacts.l1.a", `{"choice":"`+c.choice+`","by":"ann"}`)
		if res.StatusCode != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%d: %s gets %d %s, want %d with %s", i, c.choice, res.StatusCode, body, c.status, c.want)
		}
	}
}

func TestNobodyPassesWithoutTheToken(t *testing.T) {
	t.Parallel()
	d := twoWaiting()
	srv, _ := d.serve(t)
	for name, c := range map[string]struct {
		headers []string
		status  int
	}{
		"the token":                            {nil, 200},
		"the token, from a page of this host":  {[]string{"Origin", srv.URL}, 200},
		"the scheme in small letters":          {[]string{"Authorization", "bearer " + testToken}, 200},
		"no token":                             {[]string{"Authorization", ""}, 401},
		"a wrong token":                        {[]string{"Authorization", "Bearer " + strings.Repeat("0", len(testToken))}, 401},
		"the beginning of the token":           {[]string{"Authorization", "Bearer " + testToken[:len(testToken)-1]}, 401},
		"the token and more":                   {[]string{"Authorization", "Bearer " + testToken + "0"}, 401},
		"the token and a space":                {[]string{"Authorization", "Bearer  " + testToken}, 401},
		"an empty token":                       {[]string{"Authorization", "Bearer "}, 401},
		"the token alone":                      {[]string{"Authorization", testToken}, 401},
		"another scheme":                       {[]string{"Authorization", "Basic " + testToken}, 401},
		"a page of another site":               {[]string{"Origin", "https://evil.example"}, 403},
		"a page of another site, without":      {[]string{"Origin", "https://evil.example", "Authorization", ""}, 403},
		"a page of another port":               {[]string{"Origin", "http://127.0.0.1:1"}, 403},
		"a page in a sandbox":                  {[]string{"Origin", "null"}, 403},
		"a page of a host that looks like one": {[]string{"Origin", srv.URL + ".evil.example"}, 403},
	} {
		t.Run(name, func(t *testing.T) {
			for _, path := range []string{"/api/reviews", "/api/audit", "/api/nothing", "/api/parked/x"} {
				res, body := request(t, srv, "GET", path, "", c.headers...)
				if ok := c.status == 200 && res.StatusCode != 401 && res.StatusCode != 403; !ok && res.StatusCode != c.status {
					t.Errorf("%s: got %d %s, want %d", path, res.StatusCode, body, c.status)
				}
				if res.StatusCode == 401 && !strings.HasPrefix(res.Header.Get("WWW-Authenticate"), "Bearer") {
					t.Errorf("%s: it is not said how to prove oneself", path)
				}
				if strings.Contains(body, testToken) {
					t.Errorf("%s: the answer tells the token", path)
				}
				if got := res.Header.Get("Cache-Control"); got != "no-store" {
					t.Errorf("%s: Cache-Control is %q", path, got)
				}
			}
			res, body := request(t, srv, "POST", "/api/reviews/contacts.l1.a", `{"choice":"left","by":"ann"}`, c.headers...)
			if res.StatusCode != c.status {
				t.Errorf("an order gets %d %s, want %d", res.StatusCode, body, c.status)
			}
			if calls := d.told(); c.status != 200 && len(calls) > 0 {
				t.Errorf("the desk was asked: %v", calls)
			}
		})
	}
}

func TestWhileNothingRunsTheAPISaysSo(t *testing.T) {
	t.Parallel()
	s, err := listen("127.0.0.1:0", newBoard(time.Now()), zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	srv := &httptest.Server{URL: "http://" + s.listener.Addr().String()}
	ask := func(path, token string, want int) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), "GET", srv.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if res.StatusCode != want || want == 503 && res.Header.Get("Retry-After") == "" {
			t.Errorf("%s: got %d, want %d", path, res.StatusCode, want)
		}
	}
	ask("/api/reviews", "", 503) // nobody could be let in yet
	s.open(testToken)
	ask("/api/reviews", "", 401)
	ask("/api/reviews", testToken, 503)
	ask("/api/audit", testToken, 503)
	ask("/api/status", "", 200)
}

func TestAnEndingServerKeepsNobodyWaiting(t *testing.T) {
	t.Parallel()
	d := twoWaiting()
	d.wait = make(chan struct{}) // for ever
	srv, end := d.serve(t)
	go func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for len(d.told()) == 0 {
			<-tick.C
		}
		end()
	}()
	began := time.Now()
	if res, body := request(t, srv, "POST", "/api/reviews/contacts.l1.a", `{"choice":"left","by":"ann"}`); res.StatusCode != 503 {
		t.Errorf("got %d %s, want 503", res.StatusCode, body)
	}
	if took := time.Since(began); took >= patience {
		t.Errorf("it answered after %s, when its patience was at an end", took)
	}
}

func TestABrokenJournalIsNoFaultOfTheRequest(t *testing.T) {
	t.Parallel()
	d := twoWaiting()
	d.broken = errors.New("the disk is full")
	srv, _ := d.serve(t)
	for _, path := range []string{"/api/reviews", "/api/reviews/contacts.l1.a", "/api/parked", "/api/parked/contacts.l3", "/api/audit"} {
		if res, body := request(t, srv, "GET", path, ""); res.StatusCode != 503 || !strings.Contains(body, "the disk is full") {
			t.Errorf("%s: got %d %s, want 503 with the reason", path, res.StatusCode, body)
		}
	}
}

func TestTheAuditIsJSONLines(t *testing.T) {
	t.Parallel()
	d := twoWaiting()
	d.entries = []journal.AuditEntry{
		{Key: `["7"]`, Kind: "linked", Mapping: "contacts", Left: `["7"]`, Right: `["907"]`},
		{Key: `["1"]`, Kind: "carried", Values: []journal.AuditValue{{Field: "phone=phone", Left: "+1", Right: "+1"}}},
		{Key: `["7"]`, Kind: "unlinked", Mapping: "contacts"},
		{Key: `["908"]`, Kind: "parked", Mapping: "contacts"},
	}
	srv, _ := d.serve(t)
	kinds := func(query string) (got []string) {
		res, body := request(t, srv, "GET", "/api/audit"+query, "")
		if res.StatusCode != 200 || res.Header.Get("Content-Type") != "application/jsonl" {
			t.Fatalf("%s: got %d %s", query, res.StatusCode, body)
		}
		for line := range strings.Lines(body) {
			var e struct {
				Kind  string
				Error string
			}
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			got = append(got, e.Kind+e.Error)
		}
		return got
	}
	for query, want := range map[string][]string{
		"":                             {"linked", "carried", "unlinked", "parked"},
		"?left=1":                      {"carried"},
		"?mapping=contacts&right=901":  {"carried"},            // the pair's
		"?mapping=contacts&right=907":  {"linked", "unlinked"}, // was in a pair
		"?mapping=contacts&right=908":  {"parked"},             // never was
		"?mapping=contacts&right=9999": nil,
	} {
		if diff := cmp.Diff(want, kinds(query)); diff != "" {
			t.Errorf("%s: %s", query, diff)
		}
	}
	d.broken = errors.New("the disk is gone")
	if got := kinds("?left=1"); len(got) != 2 || got[1] != "the disk is gone" {
		t.Errorf("an answer that is cut reads %v, want the reason at its end", got)
	}
}

func TestOrdersAboutManyAreCounted(t *testing.T) {
	t.Parallel()
	d := twoWaiting()
	for i := range 30 {
		d.reviews = append(d.reviews, bridge.Review{ID: fmt.Sprintf("contacts.m%02d.x", i), Mapping: "contacts", Kind: "conflict"})
	}
	d.decided = map[string]string{"contacts.m01.x": "left", "contacts.m02.x": "right"}
	srv, _ := d.serve(t)
	tallyOf := func(path, body string) (got tally) {
		t.Helper()
		res, text := request(t, srv, "POST", path, body)
		if err := json.Unmarshal([]byte(text), &got); err != nil || res.StatusCode != 200 {
			t.Fatalf("got %d %s", res.StatusCode, text)
		}
		return got
	}
	if diff := cmp.Diff(tally{29, 1, []failure{{"contacts.m02.x", "ann chose right"}}}, tallyOf("/api/reviews", `{"kind":"conflict","choice":"left","by":"ann"}`)); diff != "" {
		t.Error(diff)
	}
	paused := []failure{{"contacts.r4", "mapping contacts is paused"}}
	if diff := cmp.Diff(tally{1, 0, paused}, tallyOf("/api/parked", `{"mapping":"contacts","order":"drop","by":"ann"}`)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(tally{1, 0, paused}, tallyOf("/api/mappings/contacts/replay", `{"parked":true,"by":"ann"}`)); diff != "" {
		t.Error(diff)
	}
}

func TestAFewOrdersAreGivenAtOnce(t *testing.T) {
	t.Parallel()
	d := &fakeDesk{wait: make(chan struct{})}
	for i := range 5 * atOnce {
		d.reviews = append(d.reviews, bridge.Review{ID: fmt.Sprint(i), Mapping: "contacts"})
	}
	srv, _ := d.serve(t)
	go func() { // lets them go on when no more come
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for still := 0; still < 20; still++ {
			<-tick.C
			d.mu.Lock()
			if d.running < atOnce {
				still = 0
			}
			d.mu.Unlock()
		}
		close(d.wait)
	}()
	if res, body := request(t, srv, "POST", "/api/reviews", `{"mapping":"contacts","choice":"left","by":"ann"}`); res.StatusCode != 200 {
		t.Errorf("got %d %s", res.StatusCode, body)
	}
	if d.most != atOnce {
		t.Errorf("%d orders were given at once, want %d", d.most, atOnce)
	}
}

func TestAReplaySinceATimeTakesAllThatChanged(t *testing.T) {
	t.Parallel()
	d := twoWaiting()
	now := time.Now()
	d.records = append(d.records, bridge.RecordState{Mapping: "contacts", Left: `["5"]`, Right: `["905"]`})
	d.entries = []journal.AuditEntry{{Key: `["1"]`, Kind: "carried"}, {Kind: "drift"}, {Key: `["8"]`, Kind: "deleted"}}
	d.changes = []event.Change{
		{Connection: "app", Object: "public.customers", Key: event.KeyOf("3"), At: now},
		{Connection: "app", Object: "public.customers", Key: event.KeyOf("5"), At: now.Add(-2 * time.Hour)}, // before
		{Connection: "app", Object: "public.customers", Op: event.Truncate, At: now},
		{Connection: "crm", Object: "contacts", Key: event.KeyOf("905"), At: now},
		{Connection: "crm", Object: "contacts", Key: event.KeyOf("999"), At: now}, // in no pair
	}
	srv, _ := d.serve(t)
	_, body := request(t, srv, "POST", "/api/mappings/contacts/replay", `{"since":"1h","by":"ann"}`)
	var got tally
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(tally{3, 1, []failure{}}, got); diff != "" {
		t.Error(diff)
	}
	want := map[string]bool{`replay contacts ["1"]| by ann`: true, `replay contacts ["3"]| by ann`: true, `replay contacts ["5"]| by ann`: true, `replay contacts ["8"]| by ann`: true}
	for _, call := range d.told() {
		if !want[call] {
			t.Errorf("asked for %s", call)
		}
		delete(want, call)
	}
	if len(want) > 0 {
		t.Errorf("did not ask for %v", want)
	}
}

func TestALargeOrderWaitsForRoom(t *testing.T) {
	t.Parallel()
	d := &fakeDesk{}
	for i := range 3 * stride {
		d.reviews = append(d.reviews, bridge.Review{ID: fmt.Sprint(i), Mapping: "contacts", Kind: "conflict"})
	}
	looks := 0
	d.underWay = func() int { // the second part finds it crowded for a while
		looks++
		if given := len(d.calls) - 1; given >= stride && looks < 6 {
			return crowd
		} else if given > stride && looks <= 6 {
			t.Errorf("%d orders were given while it was crowded", given)
		}
		return 0
	}
	srv, _ := d.serve(t)
	if res, body := request(t, srv, "POST", "/api/reviews", `{"mapping":"contacts","choice":"left","by":"ann"}`); res.StatusCode != 200 || !strings.Contains(body, `"done": 600`) {
		t.Errorf("got %d %s", res.StatusCode, body)
	}
	if looks < 6 {
		t.Errorf("it looked %d times, want it to wait", looks)
	}
}

func TestTheTokenIsMadeOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := apiToken(dir)
	if err != nil || len(first) != 64 {
		t.Fatalf("got %d characters, %v, want 256 bits", len(first), err)
	}
	if again, err := apiToken(dir); err != nil || again != first {
		t.Errorf("at the next start it is another one, %v", err)
	}
	other, err := apiToken(t.TempDir())
	if err != nil || other == first {
		t.Errorf("another directory has the same token, %v", err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Fatalf("the directory holds %v, %v, want the token alone", files, err)
	}
	if info, err := files[0].Info(); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the token file is %v, %v, want one for its owner only", info.Mode(), err)
	}
	if err := os.WriteFile(filepath.Join(dir, tokenFile), []byte("short\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := apiToken(dir); err == nil || strings.Contains(err.Error(), "short\n") || !strings.Contains(err.Error(), "remove the file") {
		t.Errorf("a token that anybody guesses: got %v, want what to do", err)
	}
}

func TestTheTokenGoesNowhereElse(t *testing.T) {
	t.Parallel()
	var seen string
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen += r.Header.Get("Authorization") }))
	t.Cleanup(elsewhere.Close)
	pointing := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	t.Cleanup(pointing.Close)
	dir := t.TempDir()
	if err := writeToken(filepath.Join(dir, tokenFile), testToken); err != nil {
		t.Fatal(err)
	}
	var errs strings.Builder
	code := execute(t.Context(), []string{"review", "list", "--data", dir, "--listen", strings.TrimPrefix(pointing.URL, "http://")}, io.Discard, &errs)
	if code != exitProblem || seen != "" {
		t.Errorf("got exit code %d and %q elsewhere: %s", code, seen, &errs)
	}
	if strings.Contains(errs.String(), testToken) {
		t.Error("the error tells the token")
	}
}
