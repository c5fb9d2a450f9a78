package hubspot

import "testing"

func TestAssociations(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	hook := receive(t, s, nil)
	company := do(t, s, "POST", "/crm/v3/objects/companies", `{"properties":{"name":"A"}}`).is(201).text("id")
	contact := do(t, s, "POST", "/crm/v3/objects/contacts", `{"properties":{"email":"a@b.co"},"associations":[{"to":{"id":"`+company+`"},"types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":279}]}]}`).is(201).text("id")
	deal := do(t, s, "POST", "/crm/v3/objects/deals", `{"properties":{"dealname":"D","dealstage":"closedwon"}}`).is(201).wants("default", "properties", "pipeline").text("id")

	do(t, s, "GET", "/crm/v3/objects/contacts/"+contact+"?associations=companies,deals", "").is(200).
		wants(company, "associations", "companies", "results", 0, "id").wants("contact_to_company", "associations", "companies", "results", 0, "type").
		wants(nil, "associations", "deals")
	do(t, s, "PUT", "/crm/v4/objects/deals/"+deal+"/associations/default/contacts/"+contact, "").is(200).wants("COMPLETE", "status")
	do(t, s, "PUT", "/crm/v4/objects/deals/"+deal+"/associations/companies/"+company, `[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":5}]`).is(201)
	r := do(t, s, "GET", "/crm/v4/objects/companies/"+company+"/associations/deals", "").is(200)
	r.wants(float64(number64(deal)), "results", 0, "toObjectId").wants(6.0, "results", 0, "associationTypes", 0, "typeId").wants(342.0, "results", 0, "associationTypes", 1, "typeId")
	do(t, s, "POST", "/crm/v4/associations/deals/contacts/batch/read", `{"inputs":[{"id":"`+deal+`"},{"id":"3"}]}`).is(207).
		wants(deal, "results", 0, "from", "id").wants(float64(number64(contact)), "results", 0, "to", 0, "toObjectId").wants("OBJECT_NOT_FOUND", "errors", 0, "category")

	do(t, s, "DELETE", "/crm/v3/objects/contacts/"+contact, "").is(204)
	if n := do(t, s, "GET", "/crm/v4/objects/deals/"+deal+"/associations/contacts", "").is(200).length("results"); n != 0 {
		t.Errorf("%d associations with an archived record, want 0", n)
	}
	if err := s.Restore("contacts", contact); err != nil {
		t.Fatal(err)
	}
	do(t, s, "DELETE", "/crm/v4/objects/deals/"+deal+"/associations/contacts/"+contact, "").is(204)
	if n := do(t, s, "GET", "/crm/v4/objects/contacts/"+contact+"/associations/deals", "").is(200).length("results"); n != 0 {
		t.Errorf("%d associations after deleting them, want 0", n)
	}

	var added, removed int
	for _, e := range named(hook.events(t, s), "deal.associationChange") {
		switch {
		case e.AssociationType == "DEAL_TO_CONTACT" && !e.Removed && e.From == number64(deal) && e.To == number64(contact):
			added++
		case e.AssociationType == "DEAL_TO_CONTACT" && e.Removed:
			removed++
		}
	}
	if added != 1 || removed != 1 {
		t.Errorf("%d added and %d removed, want 1 and 1", added, removed)
	}
}

func TestAssociationBatches(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	a, b := contact(t, s, "a@b.co"), contact(t, s, "c@d.co")
	company := do(t, s, "POST", "/crm/v3/objects/companies", `{"properties":{"name":"A"}}`).is(201).text("id")
	const base = "/crm/v4/associations/contacts/companies/batch/"
	pair := func(from string) string { return `{"from":{"id":"` + from + `"},"to":{"id":"` + company + `"}` }
	do(t, s, "POST", base+"associate/default", `{"inputs":[`+pair(a)+`},`+pair("3")+`}]}`).is(207).wants(1.0, "numErrors")
	do(t, s, "POST", base+"create", `{"inputs":[`+pair(b)+`,"types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":1}]}]}`).is(201)
	if n := do(t, s, "GET", "/crm/v4/objects/companies/"+company+"/associations/contacts", "").is(200).length("results"); n != 2 {
		t.Errorf("%d contacts, want 2", n)
	}
	do(t, s, "POST", base+"archive", `{"inputs":[{"from":{"id":"`+a+`"},"to":[{"id":"`+company+`"}]}]}`).is(204)
	if n := do(t, s, "GET", "/crm/v4/objects/companies/"+company+"/associations/contacts", "").is(200).length("results"); n != 1 {
		t.Errorf("%d contacts, want 1", n)
	}
	if n := do(t, s, "GET", "/crm/v4/associations/contacts/companies/labels", "").is(200).length("results"); n != 2 {
		t.Errorf("%d labels, want 2", n)
	}
	if w := s.Requests().Writes; w.Calls != 6 || w.Records != 6 {
		t.Errorf("writes = %+v, want 6 calls of one record", w)
	}
}
