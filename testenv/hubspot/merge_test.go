package hubspot

import (
	"strconv"
	"testing"
)

func TestMergeKeepsThePrimaryAndResolvesTheLoser(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	hook := receive(t, s, nil)
	a := do(t, s, "POST", "/crm/v3/objects/contacts", `{"properties":{"email":"a@b.co","city":"Rome"}}`).is(201).text("id")
	b := do(t, s, "POST", "/crm/v3/objects/contacts", `{"properties":{"email":"c@d.co","city":"Oslo","phone":"1"}}`).is(201).text("id")
	deal, err := s.Create("deals", map[string]string{"dealname": "D"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Associate("deals", deal, "contacts", b); err != nil {
		t.Fatal(err)
	}
	r := do(t, s, "POST", "/crm/v3/objects/contacts/merge", `{"primaryObjectId":"`+a+`","objectIdToMerge":"`+b+`"}`).is(200).wants(a, "id")
	r.wants("Rome", "properties", "city").wants("1", "properties", "phone").wants(b, "properties", "hs_merged_object_ids")

	do(t, s, "GET", "/crm/v3/objects/contacts/"+b+"?associations=deals", "").is(200).wants(a, "id").wants(deal, "associations", "deals", "results", 0, "id")
	do(t, s, "POST", "/crm/v3/objects/contacts", `{"properties":{"email":"c@d.co"}}`).is(409).says(a)
	do(t, s, "GET", "/crm/v3/objects/contacts/c@d.co?idProperty=email", "").is(200).wants(a, "id").wants("a@b.co", "properties", "email")
	if n := do(t, s, "GET", "/crm/v3/objects/contacts?archived=true", "").is(200).length("results"); n != 0 {
		t.Errorf("%d archived records, want 0: a loser is not one", n)
	}
	if n := do(t, s, "GET", "/crm/v3/objects/contacts", "").is(200).length("results"); n != 1 {
		t.Errorf("%d live records, want 1", n)
	}
	do(t, s, "DELETE", "/crm/v3/objects/contacts/"+b, "").is(204)
	if rec, _ := s.Record("contacts", a); rec.Archived {
		t.Error("deleting the loser archived the survivor")
	}
	if rec, _ := s.Record("contacts", b); rec.MergedInto != a || !rec.Archived {
		t.Errorf("loser = %+v, want it merged into %s", rec, a)
	}
	if err := s.Restore("contacts", b); err == nil {
		t.Error("a merged record was restored")
	}
	events := named(hook.events(t, s), "contact.merge")
	if len(events) != 1 {
		t.Fatalf("%d merge events, want 1", len(events))
	}
	e, an, bn := events[0], number64(a), number64(b)
	if e.Primary != an || len(e.Merged) != 1 || e.Merged[0] != bn || e.NewObject != an || e.Moved != 1 || e.ObjectID != an {
		t.Errorf("merge event = %+v, want %s and %s", e, a, b)
	}
}

func number64(id string) int64 {
	n, _ := strconv.ParseInt(id, 10, 64)
	return n
}

func TestMergeIntoANewRecord(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Assumptions: assume(func(a *Assumptions) { a.MergeReturnsNewID = true })})
	hook := receive(t, s, nil)
	a, b := contact(t, s, "a@b.co"), contact(t, s, "c@d.co")
	r := control(t, s, "POST", "/objects/contacts/merge", `{"primary":"`+a+`","loser":"`+b+`"}`).is(200).wants("a@b.co", "properties", "email")
	id := r.text("id")
	if id == a || id == b {
		t.Errorf("survivor is %s, want a new id", id)
	}
	for _, old := range []string{a, b} {
		do(t, s, "GET", "/crm/v3/objects/contacts/"+old, "").is(200).wants(id, "id")
	}
	events := named(hook.events(t, s), "contact.merge")
	if len(events) != 1 || events[0].NewObject != number64(id) || events[0].Primary != number64(a) || events[0].ChangeSource != "CRM_UI" {
		t.Errorf("events = %+v", events)
	}
}

func TestMergeRefusals(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	a := contact(t, s, "a@b.co")
	do(t, s, "POST", "/crm/v3/objects/contacts/merge", `{"primaryObjectId":"`+a+`","objectIdToMerge":"`+a+`"}`).is(400)
	do(t, s, "POST", "/crm/v3/objects/contacts/merge", `{"primaryObjectId":"`+a+`","objectIdToMerge":"9"}`).is(404)
}
