package hubspot

import (
	"net/http"
	"strings"
	"testing"
)

func TestCreateAnswersWrittenPropertiesInStoredForm(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	r := do(t, s, "POST", "/crm/v3/objects/contacts", `{"properties":{"email":" Ada@Example.COM ","firstname":"Ada","annualrevenue":12.50}}`).is(201)
	r.wants("ada@example.com", "properties", "email").wants("Ada", "properties", "firstname").wants("12.50", "properties", "annualrevenue")
	r.wants(r.text("id"), "properties", "hs_object_id").wants(r.text("createdAt"), "properties", "createdate")
	r.wants(r.text("updatedAt"), "properties", "lastmodifieddate").wants(false, "archived")
	if stamp := r.text("updatedAt"); len(stamp) != len("2024-08-15T17:09:13.648Z") {
		t.Errorf("updatedAt = %q, want milliseconds", stamp)
	}
	if _, there := r.at("properties").(map[string]any)["lastname"]; there {
		t.Errorf("an unwritten property is in the answer: %s", r.raw)
	}
}

func TestReadShowsWhatIsAskedFor(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	id := do(t, s, "POST", "/crm/v3/objects/contacts", `{"properties":{"email":"a@b.co","city":"Rome"}}`).is(201).text("id")

	r := do(t, s, "GET", "/crm/v3/objects/contacts/"+id+"?properties=city,phone&properties=nonsense", "").is(200)
	r.wants("Rome", "properties", "city").wants(nil, "properties", "phone")
	if n := len(r.at("properties").(map[string]any)); n != 2 {
		t.Errorf("%d properties, want city and phone only: %s", n, r.raw)
	}
	do(t, s, "GET", "/crm/v3/objects/contacts/A%40B.co?idProperty=email", "").is(200).wants(id, "id").wants("a@b.co", "properties", "email")
	do(t, s, "GET", "/crm/v3/objects/0-1/"+id, "").is(200).wants(id, "id")
	do(t, s, "GET", "/crm/v3/objects/contacts/x?idProperty=city", "").is(400).wants("VALIDATION_ERROR", "category")
	do(t, s, "GET", "/crm/v3/objects/contacts/1", "").is(404).wants("OBJECT_NOT_FOUND", "category").says("resource not found")
}

func TestPatchWritesClearsAndKeepsHistory(t *testing.T) {
	t.Parallel()
	s := start(t, Options{AppID: "424242"})
	id := do(t, s, "POST", "/crm/v3/objects/contacts", `{"properties":{"email":"a@b.co","city":"Rome"}}`).is(201).text("id")
	do(t, s, "PATCH", "/crm/v3/objects/contacts/a@b.co?idProperty=email", `{"properties":{"city":"Oslo"}}`).is(200).wants("Oslo", "properties", "city").wants(id, "id")
	if err := s.Edit("contacts", id, map[string]string{"city": "Bern"}); err != nil {
		t.Fatal(err)
	}
	do(t, s, "PATCH", "/crm/v3/objects/contacts/"+id, `{"properties":{"city":""}}`).is(200).wants(nil, "properties", "city")

	r := do(t, s, "GET", "/crm/v3/objects/contacts/"+id+"?propertiesWithHistory=city", "").is(200).wants(nil, "properties", "city")
	var values []string
	for i := range r.length("propertiesWithHistory", "city") {
		values = append(values, r.text("propertiesWithHistory", "city", i, "value"))
	}
	if got := strings.Join(values, ","); got != ",Bern,Oslo,Rome" {
		t.Errorf("history = %q, want newest first", got)
	}
	r.wants("INTEGRATION", "propertiesWithHistory", "city", 0, "sourceType").wants("424242", "propertiesWithHistory", "city", 0, "sourceId")
	r.wants("CRM_UI", "propertiesWithHistory", "city", 1, "sourceType").wants("userId:1", "propertiesWithHistory", "city", 1, "sourceId")
	r.wants(r.text("updatedAt"), "propertiesWithHistory", "city", 0, "timestamp")
}

func TestHistoryIsBounded(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	id := contact(t, s, "a@b.co")
	for i := range 3 * maxVersions {
		if err := s.Edit("contacts", id, map[string]string{"city": strings.Repeat("x", i+1)}); err != nil {
			t.Fatal(err)
		}
	}
	r := do(t, s, "GET", "/crm/v3/objects/contacts/"+id+"?propertiesWithHistory=city", "").is(200)
	if n := r.length("propertiesWithHistory", "city"); n != maxVersions {
		t.Errorf("%d versions, want %d", n, maxVersions)
	}
	r.wants(strings.Repeat("x", 3*maxVersions), "properties", "city")
}

func TestDuplicateEmailIsAConflictThatNamesTheRecord(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	id := contact(t, s, "a@b.co")
	other := contact(t, s, "c@d.co")
	do(t, s, "POST", "/crm/v3/objects/contacts", `{"properties":{"email":"A@B.co"}}`).is(409).wants("CONFLICT", "category").
		wants("Contact already exists. Existing ID: "+id, "message")
	do(t, s, "PATCH", "/crm/v3/objects/contacts/"+other, `{"properties":{"email":"a@b.co"}}`).is(409)
	do(t, s, "PATCH", "/crm/v3/objects/contacts/"+id, `{"properties":{"email":"new@b.co"}}`).is(200)
	do(t, s, "PATCH", "/crm/v3/objects/contacts/"+other, `{"properties":{"email":"a@b.co"}}`).is(200)
}

func TestCompaniesMayShareADomain(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	for range 2 {
		do(t, s, "POST", "/crm/v3/objects/companies", `{"properties":{"name":"A","domain":"a.co"}}`).is(201)
	}
}

func TestArchiveRestoreAndTheArchivedList(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	id := contact(t, s, "a@b.co")
	do(t, s, "DELETE", "/crm/v3/objects/contacts/"+id, "").is(204)
	do(t, s, "DELETE", "/crm/v3/objects/contacts/"+id, "").is(204)
	do(t, s, "DELETE", "/crm/v3/objects/contacts/77", "").is(404)
	do(t, s, "GET", "/crm/v3/objects/contacts/"+id, "").is(404)
	do(t, s, "PATCH", "/crm/v3/objects/contacts/"+id, `{"properties":{"city":"x"}}`).is(404)
	do(t, s, "GET", "/crm/v3/objects/contacts/"+id+"?archived=true", "").is(200).wants(true, "archived")
	r := do(t, s, "GET", "/crm/v3/objects/contacts?archived=true", "").is(200).wants(id, "results", 0, "id")
	if r.text("results", 0, "archivedAt") == "" {
		t.Errorf("no archivedAt: %s", r.raw)
	}
	if n := do(t, s, "GET", "/crm/v3/objects/contacts", "").is(200).length("results"); n != 0 {
		t.Errorf("%d live records, want 0", n)
	}

	taker := contact(t, s, "a@b.co")
	control(t, s, "POST", "/objects/contacts/"+id+"/restore", "").is(409).says("Existing ID: " + taker)
	do(t, s, "PATCH", "/crm/v3/objects/contacts/"+taker, `{"properties":{"email":""}}`).is(200)
	control(t, s, "POST", "/objects/contacts/"+id+"/restore", "").is(200).wants(false, "archived")
	do(t, s, "GET", "/crm/v3/objects/contacts/a@b.co?idProperty=email", "").is(200).wants(id, "id")
}

func TestListPagesThroughAllRecordsOnce(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	for range 25 {
		if _, err := s.Create("companies", map[string]string{"name": "A"}); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]bool{}
	path := "/crm/v3/objects/companies?limit=10&properties=name"
	for pages := 1; ; pages++ {
		r := do(t, s, "GET", path, "").is(200)
		for i := range r.length("results") {
			seen[r.text("results", i, "id")] = true
		}
		link := r.text("paging", "next", "link")
		if link == "" {
			if pages != 3 {
				t.Errorf("%d pages, want 3", pages)
			}
			break
		}
		path = strings.TrimPrefix(link, s.URL())
	}
	if len(seen) != 25 {
		t.Errorf("%d records, want 25", len(seen))
	}
	do(t, s, "GET", "/crm/v3/objects/companies?limit=101", "").is(400)
}

func TestGDPRDeleteLeavesNothing(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	id := contact(t, s, "a@b.co")
	do(t, s, "POST", "/crm/v3/objects/contacts/gdpr-delete", `{"objectId":"a@b.co","idProperty":"email"}`).is(204)
	if n := len(s.Records("contacts")); n != 0 {
		t.Errorf("%d records, want 0", n)
	}
	do(t, s, "GET", "/crm/v3/objects/contacts/"+id+"?archived=true", "").is(404)
	contact(t, s, "a@b.co")
}

func TestAuthenticationAndUnknownPaths(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Token: "right"})
	do(t, s, "GET", "/crm/v3/objects/contacts", "").is(200)
	resp, err := http.Get(s.URL() + "/crm/v3/objects/contacts")
	if err != nil {
		t.Fatal(err)
	}
	decode(t, resp).is(401).wants("INVALID_AUTHENTICATION", "category").wants("error", "status")
	for _, path := range []string{"/crm/v3/nothing", "/", "/crm/v3/objects"} {
		if r := do(t, s, "GET", path, "").is(404); !strings.Contains(r.raw, "<html>") {
			t.Errorf("%s answered %q, want HTML", path, r.raw)
		}
	}
	do(t, s, "GET", "/crm/v3/objects/unicorns", "").is(400).says("Unable to infer object type")
}
