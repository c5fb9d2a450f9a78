package hubspot

import "testing"

// both runs a check with an assumption on and off.
func both(t *testing.T, name string, set func(*Assumptions, bool), check func(t *testing.T, s *Server, on bool)) {
	t.Helper()
	for _, on := range []bool{true, false} {
		label := name + " does not hold"
		if on {
			label = name + " holds"
		}
		t.Run(label, func(t *testing.T) {
			t.Parallel()
			check(t, start(t, Options{Seed: 3, Properties: valuesUnderTest(), Assumptions: assume(func(a *Assumptions) { set(a, on) })}), on)
		})
	}
}

// either picks what is wanted.
func either[T any](on bool, yes, no T) T {
	if on {
		return yes
	}
	return no
}

func TestAssumptionsAboutWrites(t *testing.T) {
	t.Parallel()
	both(t, "DeleteOfArchivedIs204", func(a *Assumptions, on bool) { a.DeleteOfArchivedIs204 = on }, func(t *testing.T, s *Server, on bool) {
		id := contact(t, s, "a@b.co")
		do(t, s, "DELETE", "/crm/v3/objects/contacts/"+id, "").is(204)
		do(t, s, "DELETE", "/crm/v3/objects/contacts/"+id, "").is(either(on, 204, 404))
	})
	both(t, "PatchReturnsAllProperties", func(a *Assumptions, on bool) { a.PatchReturnsAllProperties = on }, func(t *testing.T, s *Server, on bool) {
		id := contact(t, s, "a@b.co")
		r := do(t, s, "PATCH", "/crm/v3/objects/contacts/"+id, `{"properties":{"city":"Rome"}}`).is(200).wants("Rome", "properties", "city")
		if got := r.text("properties", "email"); got != either(on, "a@b.co", "") {
			t.Errorf("email = %q", got)
		}
	})
	both(t, "EmailUpsertPartialAllowed", func(a *Assumptions, on bool) { a.EmailUpsertPartialAllowed = on }, func(t *testing.T, s *Server, on bool) {
		do(t, s, "POST", contactBatch+"upsert", `{"inputs":[
			{"id":"a@b.co","idProperty":"email","objectWriteTraceId":"1","properties":{}},
			{"id":"c@b.co","idProperty":"email","objectWriteTraceId":"2","properties":{"nope":"1"}}]}`).is(either(on, 207, 400))
	})
	both(t, "BatchNeedsTraceForPartial", func(a *Assumptions, on bool) { a.BatchNeedsTraceForPartial = on }, func(t *testing.T, s *Server, on bool) {
		do(t, s, "POST", contactBatch+"create", `{"inputs":[{"properties":{}},{"properties":{"nope":"1"}}]}`).is(either(on, 400, 207))
		if got := len(s.Records("contacts")); got != either(on, 0, 1) {
			t.Errorf("%d records", got)
		}
	})
	both(t, "NoopTouchesModified", func(a *Assumptions, on bool) { a.NoopTouchesModified = on }, func(t *testing.T, s *Server, on bool) {
		id := contact(t, s, "a@b.co")
		if err := s.SetFaults(Faults{ClockSkewMS: 5000}); err != nil {
			t.Fatal(err)
		}
		before, _ := s.Record("contacts", id)
		r := do(t, s, "PATCH", "/crm/v3/objects/contacts/"+id, `{"properties":{"email":"A@b.co"}}`).is(200)
		if moved := r.text("updatedAt") != before.UpdatedAt; moved != on {
			t.Errorf("the modification date moved: %v", moved)
		}
	})
	both(t, "LifecycleOnlyForward", func(a *Assumptions, on bool) { a.LifecycleOnlyForward = on }, func(t *testing.T, s *Server, on bool) {
		id := do(t, s, "POST", "/crm/v3/objects/contacts", `{"properties":{"lifecyclestage":"customer"}}`).is(201).text("id")
		patch := func(stage string) reply {
			return do(t, s, "PATCH", "/crm/v3/objects/contacts/"+id, `{"properties":{"lifecyclestage":"`+stage+`"}}`).is(200)
		}
		patch("lead").wants(either(on, "customer", "lead"), "properties", "lifecyclestage")
		patch("evangelist").wants("evangelist", "properties", "lifecyclestage")
		patch("")
		patch("lead").wants("lead", "properties", "lifecyclestage")
	})
	both(t, "StageRequired", func(a *Assumptions, on bool) { a.StageRequired = on }, func(t *testing.T, s *Server, on bool) {
		do(t, s, "POST", "/crm/v3/objects/tickets", `{"properties":{"subject":"S"}}`).is(either(on, 400, 201))
		do(t, s, "POST", "/crm/v3/objects/tickets", `{"properties":{"subject":"S","hs_pipeline_stage":"1"}}`).is(201).wants("0", "properties", "hs_pipeline")
	})
	both(t, "MergedIDResolves", func(a *Assumptions, on bool) { a.MergedIDResolves = on }, func(t *testing.T, s *Server, on bool) {
		a, b := contact(t, s, "a@b.co"), contact(t, s, "c@d.co")
		if _, err := s.Merge("contacts", a, b); err != nil {
			t.Fatal(err)
		}
		do(t, s, "GET", "/crm/v3/objects/contacts/"+b, "").is(either(on, 200, 404))
		do(t, s, "PATCH", "/crm/v3/objects/contacts/"+b, `{"properties":{"city":"x"}}`).is(either(on, 200, 404))
	})
}

func TestAssumptionsAboutValues(t *testing.T) {
	t.Parallel()
	stored := func(t *testing.T, s *Server, name, value, want string) {
		t.Helper()
		do(t, s, "POST", "/crm/v3/objects/contacts", `{"properties":{"`+name+`":"`+value+`"}}`).is(201).wants(want, "properties", name)
	}
	both(t, "TrimsText", func(a *Assumptions, on bool) { a.TrimsText = on }, func(t *testing.T, s *Server, on bool) {
		stored(t, s, "city", " Rome ", either(on, "Rome", " Rome "))
	})
	both(t, "NormalizesNumbers", func(a *Assumptions, on bool) { a.NormalizesNumbers = on }, func(t *testing.T, s *Server, on bool) {
		stored(t, s, "n", "012.50", either(on, "12.5", "012.50"))
		stored(t, s, "n", "-0.0", either(on, "0", "-0.0"))
		stored(t, s, "n", "12345678901234567890.10", either(on, "12345678901234567890.1", "12345678901234567890.10"))
		stored(t, s, "n", "1200", "1200")
	})
	both(t, "OmitsZeroMillis", func(a *Assumptions, on bool) { a.OmitsZeroMillis = on }, func(t *testing.T, s *Server, on bool) {
		stored(t, s, "dt", "2024-08-15", either(on, "2024-08-15T00:00:00Z", "2024-08-15T00:00:00.000Z"))
		stored(t, s, "dt", "2024-08-15T00:00:00.5Z", "2024-08-15T00:00:00.500Z")
	})
	both(t, "SemicolonAppends", func(a *Assumptions, on bool) { a.SemicolonAppends = on }, func(t *testing.T, s *Server, on bool) {
		id := do(t, s, "POST", "/crm/v3/objects/contacts", `{"properties":{"many":"a"}}`).is(201).text("id")
		do(t, s, "PATCH", "/crm/v3/objects/contacts/"+id, `{"properties":{"many":";b"}}`).is(200).wants(either(on, "a;b", "b"), "properties", "many")
	})
	both(t, "ClearedReadsEmpty", func(a *Assumptions, on bool) { a.ClearedReadsEmpty = on }, func(t *testing.T, s *Server, on bool) {
		id := do(t, s, "POST", "/crm/v3/objects/contacts", `{"properties":{"city":"a"}}`).is(201).text("id")
		do(t, s, "PATCH", "/crm/v3/objects/contacts/"+id, `{"properties":{"city":""}}`).is(200).wants(either[any](on, "", nil), "properties", "city")
		do(t, s, "GET", "/crm/v3/objects/contacts/"+id+"?properties=city,phone", "").is(200).wants(either[any](on, "", nil), "properties", "city").wants(nil, "properties", "phone")
	})
}

func TestAssumptionsAboutEvents(t *testing.T) {
	t.Parallel()
	both(t, "WebhookNullForCleared", func(a *Assumptions, on bool) { a.WebhookNullForCleared = on }, func(t *testing.T, s *Server, on bool) {
		hook := receive(t, s, nil)
		id := do(t, s, "POST", "/crm/v3/objects/contacts", `{"properties":{"city":"a"}}`).is(201).text("id")
		delivered(t, s)
		do(t, s, "PATCH", "/crm/v3/objects/contacts/"+id, `{"properties":{"city":""}}`).is(200)
		events := hook.events(t, s)
		if value := events[len(events)-1].PropertyValue; (value == nil) != on || value != nil && *value != "" {
			t.Errorf("value = %v", value)
		}
	})
	both(t, "CreationSendsPropertyChanges", func(a *Assumptions, on bool) { a.CreationSendsPropertyChanges = on }, func(t *testing.T, s *Server, on bool) {
		hook := receive(t, s, nil)
		contact(t, s, "a@b.co")
		if n := len(hook.events(t, s)); n != either(on, 2, 1) {
			t.Errorf("%d events", n)
		}
	})
	both(t, "EventTimeEqualsUpdatedAt", func(a *Assumptions, on bool) { a.EventTimeEqualsUpdatedAt = on }, func(t *testing.T, s *Server, on bool) {
		hook := receive(t, s, nil)
		for range 30 {
			if _, err := s.Create("companies", nil); err != nil {
				t.Fatal(err)
			}
		}
		updated := map[int64]string{}
		for _, rec := range s.Records("companies") {
			updated[number64(rec.ID)] = rec.UpdatedAt
		}
		equal := 0
		for _, e := range hook.events(t, s) {
			if formatTime(e.OccurredAt) == updated[e.ObjectID] {
				equal++
			}
		}
		if (equal == 30) != on {
			t.Errorf("%d of 30 events have the time of their record", equal)
		}
	})
}

func TestSearchLagsBehind(t *testing.T) {
	t.Parallel()
	clock := newClock()
	s := start(t, Options{Now: clock.now, Assumptions: assume(func(a *Assumptions) { a.SearchLagMS = 2000 })})
	search := func() reply {
		return do(t, s, "POST", "/crm/v3/objects/contacts/search", `{"filterGroups":[{"filters":[{"propertyName":"lastmodifieddate","operator":"GTE","value":"0"}]}],"properties":["city"]}`).is(200)
	}
	id := do(t, s, "POST", "/crm/v3/objects/contacts", `{"properties":{"city":"Rome"}}`).is(201).text("id")
	created := clock.now().UnixMilli()
	search().wants(0.0, "total")
	clock.add(3000)
	search().wants("Rome", "results", 0, "properties", "city")
	do(t, s, "PATCH", "/crm/v3/objects/contacts/"+id, `{"properties":{"city":"Oslo"}}`).is(200)
	search().wants("Rome", "results", 0, "properties", "city").wants(formatTime(created), "results", 0, "updatedAt")
	clock.add(2000)
	search().wants("Oslo", "results", 0, "properties", "city")
	do(t, s, "DELETE", "/crm/v3/objects/contacts/"+id, "").is(204)
	search().wants(1.0, "total")
	clock.add(2000)
	search().wants(0.0, "total")
}
