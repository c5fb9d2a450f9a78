package hubspot

import (
	"context"
	"errors"
	"testing"
)

func TestControlObjects(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	r := control(t, s, "POST", "/objects/contacts", `{"properties":{"email":"A@b.co","hubspotscore":7}}`).is(201)
	id := r.wants("a@b.co", "properties", "email").wants("7", "properties", "hubspotscore").text("id")
	control(t, s, "POST", "/objects/contacts", `{"properties":{"email":"a@b.co"}}`).is(409).says("Existing ID: " + id)
	control(t, s, "POST", "/objects/contacts", `{"properties":{"hs_object_id":"1"}}`).is(400).says("READ_ONLY_VALUE")
	control(t, s, "POST", "/objects/contacts", `{"props":{}}`).is(400)
	control(t, s, "PATCH", "/objects/contacts/"+id, `{"properties":{"city":"Rome","hubspotscore":"8"}}`).is(200).
		wants("Rome", "properties", "city").wants("8", "properties", "hubspotscore").wants("CRM_UI", "properties", "hs_object_source")
	control(t, s, "DELETE", "/objects/contacts/"+id, "").is(204)
	control(t, s, "PATCH", "/objects/contacts/"+id, `{"properties":{"city":"x"}}`).is(404)
	control(t, s, "GET", "/objects/contacts", "").is(200).wants(id, "records", 0, "id").wants(true, "records", 0, "archived")
	control(t, s, "GET", "/objects/contacts/"+id, "").is(200).wants(true, "archived")
	control(t, s, "POST", "/objects/contacts/"+id+"/restore", "").is(200).wants(false, "archived").wants("Rome", "properties", "city")
	other := control(t, s, "POST", "/objects/contacts", `{"properties":{}}`).is(201).text("id")
	control(t, s, "GET", "/objects/contacts?limit=1", "").is(200).wants(id, "records", 0, "id")
	control(t, s, "GET", "/objects/contacts?after="+id, "").is(200).wants(other, "records", 0, "id")
	control(t, s, "POST", "/objects/contacts/merge", `{"primary":"`+id+`","loser":"`+other+`"}`).is(200).wants(id, "id")
	control(t, s, "GET", "/objects/contacts/"+other, "").is(200).wants(true, "archived").wants(id, "mergedInto")
	if r := s.Requests(); r.Total != 0 {
		t.Errorf("control calls are counted: %+v", r)
	}
	for _, path := range []string{"/objects/unicorns", "/objects/contacts/1", "/nothing", "", "/objects/contacts/1/2/3"} {
		control(t, s, "GET", path, "").is(404)
	}
}

func TestControlRequests(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	id := contact(t, s, "a@b.co")
	do(t, s, "GET", "/crm/v3/objects/contacts/"+id, "").is(200)
	do(t, s, "GET", "/crm/v3/objects/contacts/12", "").is(404)
	do(t, s, "GET", "/crm/v3/objects/contacts/13", "").is(404)
	r := control(t, s, "GET", "/requests", "").is(200).wants(4.0, "total").wants(1.0, "writes", "calls").wants(1.0, "writes", "records")
	r.wants("/crm/v3/objects/contacts", "calls", 0, "path").wants("POST", "calls", 0, "method").wants(201.0, "calls", 0, "status").wants(1.0, "calls", 0, "count")
	r.wants("/crm/v3/objects/contacts/{id}", "calls", 2, "path").wants(404.0, "calls", 2, "status").wants(2.0, "calls", 2, "count")
	control(t, s, "DELETE", "/requests", "").is(204)
	control(t, s, "GET", "/requests", "").is(200).wants(0.0, "total").wants(0.0, "writes", "calls")
}

func TestControlFaults(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	control(t, s, "PUT", "/faults", `{"error_rate":0.25,"duplicate_webhooks":true,"latency_ms":5}`).is(200).wants(0.25, "error_rate")
	control(t, s, "PUT", "/faults", `{"latency_ms":0,"shuffle_webhooks":true}`).is(200).wants(0.25, "error_rate").wants(1.0, "duplicate_webhooks")
	for _, bad := range []string{`{"eror_rate":1}`, `{"error_rate":2}`, `{"error_rate":-1}`, `{"error_rate":"all"}`, `{"latency_ms":-1}`, `{`, ``} {
		control(t, s, "PUT", "/faults", bad).is(400)
	}
	control(t, s, "GET", "/faults", "").is(200).wants(0.25, "error_rate").wants(0.0, "latency_ms").wants(true, "shuffle_webhooks").wants(false, "down")
}

func TestControlWebhooksAndAssumptions(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	hook := receive(t, s, nil)
	control(t, s, "PUT", "/webhooks", `{"url":"nonsense"}`).is(400)
	control(t, s, "PUT", "/webhooks", `{"url":"`+hook.URL+`/hooks?tenant=a"}`).is(200).wants(hook.URL+"/hooks?tenant=a", "url")
	control(t, s, "POST", "/objects/companies", `{"properties":{"name":"A"}}`).is(201)
	hook.events(t, s)
	control(t, s, "GET", "/webhooks", "").is(200).wants(0.0, "pending").wants(2.0, "delivered").wants(0.0, "retried").wants(0.0, "dropped")

	control(t, s, "GET", "/assumptions", "").is(200).wants(true, "delete_of_archived_is_204").wants(0.0, "search_lag_ms")
	control(t, s, "PUT", "/assumptions", `{"delete_of_archived_is_204":false}`).is(200).wants(true, "batch_needs_trace_for_partial")
	control(t, s, "PUT", "/assumptions", `{"nonsense":false}`).is(400)
	if s.Assumptions().DeleteOfArchivedIs204 {
		t.Error("the assumption still holds")
	}
}

func TestControlProperties(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	control(t, s, "POST", "/properties/contacts", `{"name":"plan_tier","type":"enumeration","options":[{"label":"Free","value":"F"}]}`).is(201)
	control(t, s, "POST", "/properties/contacts", `{"name":"plan_tier","type":"string"}`).is(409)
	do(t, s, "POST", "/crm/v3/objects/contacts", `{"properties":{"plan_tier":"F"}}`).is(201)
	if n := control(t, s, "GET", "/properties/contacts", "").is(200).length("properties"); n < 20 {
		t.Errorf("%d properties, want the standard ones too", n)
	}
}

func TestWaitForEnds(t *testing.T) {
	t.Parallel()
	s, err := Start(Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.WaitFor(ctx, func() bool { return false }); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want canceled", err)
	}
	waited := make(chan error, 1)
	changed := s.Changed()
	go func() { waited <- s.WaitFor(context.Background(), func() bool { return len(s.Records("deals")) == 1 }) }()
	if _, err := s.Create("deals", map[string]string{"dealname": "D"}); err != nil {
		t.Fatal(err)
	}
	<-changed
	if err := <-waited; err != nil {
		t.Error(err)
	}
	go func() { waited <- s.WaitFor(context.Background(), func() bool { return false }) }()
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := <-waited; err == nil {
		t.Error("waiting on a closed account ended well")
	}
}
