package hubspot

import "testing"

func TestStandardPropertiesAreDescribed(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	for _, k := range kinds {
		r := do(t, s, "GET", "/crm/v3/properties/"+k.plural, "").is(200)
		types := map[string]string{}
		for i := range r.length("results") {
			types[r.text("results", i, "name")] = r.text("results", i, "type")
		}
		for name, want := range map[string]string{"hs_object_id": "number", "createdate": "datetime", k.modified: "datetime", "hubspot_owner_id": "enumeration"} {
			if types[name] != want {
				t.Errorf("%s.%s has type %q, want %q", k.plural, name, types[name], want)
			}
		}
	}
	do(t, s, "GET", "/crm/v3/properties/contacts/email", "").is(200).wants(true, "hasUniqueValue").wants(false, "modificationMetadata", "readOnlyValue").wants("text", "fieldType")
	do(t, s, "GET", "/crm/v3/properties/contacts/hubspotscore", "").is(200).wants(true, "calculated").wants(true, "modificationMetadata", "readOnlyValue").wants("number", "type")
	do(t, s, "GET", "/crm/v3/properties/contacts/lifecyclestage", "").is(200).wants("subscriber", "options", 0, "value")
	do(t, s, "GET", "/crm/v3/properties/deals/dealstage", "").is(200).wants("appointmentscheduled", "options", 0, "value")
	do(t, s, "GET", "/crm/v3/properties/contacts/nope", "").is(404)
}

func TestPropertiesAreMadeChangedAndArchived(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	const path = "/crm/v3/properties/contacts"
	do(t, s, "POST", path, `{"name":"tier","label":"Tier","type":"enumeration","fieldType":"select","groupName":"contactinformation","options":[{"label":"Free","value":"F"}]}`).
		is(201).wants("tier", "name").wants(true, "modificationMetadata", "archivable").wants(false, "hubspotDefined")
	do(t, s, "POST", path, `{"name":"tier","type":"string","fieldType":"text"}`).is(409)
	for _, bad := range []string{`{"name":"Tier","type":"string"}`, `{"name":"x","type":"text"}`, `{"name":"x","type":"number","fieldType":"date"}`, `{"name":"x","type":"enumeration","options":[{"value":"a"},{"value":"a"}]}`} {
		do(t, s, "POST", path, bad).is(400)
	}
	r := do(t, s, "POST", "/crm/v3/objects/contacts", `{"properties":{"tier":"F"}}`).is(201)
	do(t, s, "PATCH", path+"/tier", `{"label":"Plan","options":[{"label":"Pro","value":"P"}]}`).is(200).wants("Plan", "label").wants("P", "options", 0, "value")
	do(t, s, "PATCH", "/crm/v3/objects/contacts/"+r.text("id"), `{"properties":{"tier":"F"}}`).is(400)
	do(t, s, "DELETE", path+"/tier", "").is(204)
	do(t, s, "DELETE", path+"/tier", "").is(404)
	do(t, s, "DELETE", path+"/email", "").is(400)
	do(t, s, "PATCH", path+"/email", `{"type":"number"}`).is(400)
	do(t, s, "GET", path+"/tier?archived=true", "").is(200).wants(true, "archived")
	do(t, s, "PATCH", "/crm/v3/objects/contacts/"+r.text("id"), `{"properties":{"tier":"P"}}`).is(400).says("PROPERTY_DOESNT_EXIST")
	do(t, s, "POST", path+"/batch/create", `{"inputs":[{"name":"tier","type":"string"},{"name":"email","type":"string"}]}`).is(207).wants("tier", "results", 0, "name")
	do(t, s, "GET", "/crm/v3/objects/contacts/"+r.text("id")+"?properties=tier", "").is(200).wants(nil, "properties", "tier")
	do(t, s, "POST", path+"/batch/read", `{"inputs":[{"name":"tier"},{"name":"nope"}]}`).is(207).wants("string", "results", 0, "type").wants("nope", "errors", 0, "context", "name", 0)
}

func TestDirectory(t *testing.T) {
	t.Parallel()
	s := start(t, Options{PortalID: 12})
	id := do(t, s, "GET", "/crm/v3/owners/?limit=100", "").is(200).text("results", 0, "id")
	do(t, s, "GET", "/crm/v3/owners/"+id, "").is(200).wants(id, "id")
	do(t, s, "GET", "/crm/v3/owners/1", "").is(404)
	if n := do(t, s, "GET", "/crm/v3/owners?email=BOB@example.com", "").is(200).length("results"); n != 1 {
		t.Errorf("%d owners, want 1", n)
	}
	do(t, s, "GET", "/crm/v3/pipelines/deals", "").is(200).wants("default", "results", 0, "id").wants("closedwon", "results", 0, "stages", 5, "id")
	do(t, s, "GET", "/crm/v3/pipelines/tickets/0", "").is(200).wants("Support Pipeline", "label")
	do(t, s, "GET", "/crm/v3/pipelines/tickets/0/stages", "").is(200).wants("1", "results", 0, "id")
	do(t, s, "GET", "/crm/v3/pipelines/deals/nope", "").is(404)
	do(t, s, "GET", "/account-info/v3/details", "").is(200).wants(12.0, "portalId")
	do(t, s, "GET", "/crm-object-schemas/v3/schemas", "").is(200)
	do(t, s, "GET", "/crm/objects/2026-03/contacts", "").is(200)
}
