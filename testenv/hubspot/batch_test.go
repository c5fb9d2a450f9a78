package hubspot

import (
	"fmt"
	"strings"
	"testing"
)

const contactBatch = "/crm/v3/objects/contacts/batch/"

func TestBatchWithoutTraceIDsFailsAsAWhole(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	id := contact(t, s, "a@b.co")
	do(t, s, "POST", contactBatch+"create", `{"inputs":[{"properties":{"email":"n@b.co"}},{"properties":{"email":"a@b.co"}}]}`).
		is(409).says("Existing ID: " + id)
	do(t, s, "POST", contactBatch+"update", `{"inputs":[{"id":"`+id+`","properties":{"city":"X"}},{"id":"5","properties":{"city":"X"}}]}`).
		is(404).wants("5", "context", "ids", 0)
	do(t, s, "POST", contactBatch+"update", `{"inputs":[{"id":"`+id+`","properties":{"city":"X"}},{"id":"`+contact(t, s, "c@d.co")+`","properties":{"nope":"X"}}]}`).
		is(400).says("PROPERTY_DOESNT_EXIST")
	records := s.Records("contacts")
	if len(records) != 2 || records[0].Properties["city"] != "" {
		t.Errorf("a refused batch left something behind: %v", records)
	}
}

func TestBatchWithTraceIDsFailsInPart(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	id := contact(t, s, "a@b.co")
	r := do(t, s, "POST", contactBatch+"create", `{"inputs":[
		{"objectWriteTraceId":"t1","properties":{"email":"one@b.co"}},
		{"objectWriteTraceId":"t2","properties":{"email":"a@b.co"}},
		{"objectWriteTraceId":"t3","properties":{"email":"one@b.co"}},
		{"objectWriteTraceId":"t4","properties":{"email":"four"}}]}`).is(207)
	r.wants("COMPLETE", "status").wants(3.0, "numErrors").wants("t1", "results", 0, "objectWriteTraceId")
	r.wants("CONFLICT", "errors", 0, "category").wants("t2", "errors", 0, "context", "objectWriteTraceId", 0)
	r.wants("Contact already exists. Existing ID: "+id, "errors", 0, "message")
	r.wants("CONFLICT", "errors", 1, "category").wants("t3", "errors", 1, "context", "objectWriteTraceId", 0)
	r.wants("VALIDATION_ERROR", "errors", 2, "category").wants("t4", "errors", 2, "context", "objectWriteTraceId", 0)
	if !strings.Contains(r.text("errors", 2, "message"), "INVALID_EMAIL") {
		t.Errorf("message = %q", r.text("errors", 2, "message"))
	}

	r = do(t, s, "POST", contactBatch+"update", `{"inputs":[
		{"id":"5","objectWriteTraceId":"u1","properties":{"city":"X"}},
		{"id":"a@b.co","idProperty":"email","objectWriteTraceId":"u2","properties":{"city":"Y"}}]}`).is(207)
	r.wants("OBJECT_NOT_FOUND", "errors", 0, "category").wants("5", "errors", 0, "context", "ids", 0).wants("Y", "results", 0, "properties", "city")
	w := s.Requests().Writes
	if w.Calls != 3 || w.Records != 3 {
		t.Errorf("writes = %+v, want 3 calls of 1 record each", w)
	}
}

func TestDoubledTraceIDsAreNone(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	do(t, s, "POST", contactBatch+"create", `{"inputs":[{"objectWriteTraceId":"t","properties":{"email":"one@b.co"}},{"objectWriteTraceId":"t","properties":{"email":"x"}}]}`).is(400)
}

func TestUpsertCreatesAndUpdates(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Properties: map[string][]Property{"contacts": {{Name: "app_id", Type: "string", HasUniqueValue: true}}}})
	id := contact(t, s, "a@b.co")
	r := do(t, s, "POST", contactBatch+"upsert", `{"inputs":[
		{"id":"A@b.co","idProperty":"email","objectWriteTraceId":"1","properties":{"city":"Rome"}},
		{"id":"new@b.co","idProperty":"email","objectWriteTraceId":"2","properties":{"city":"Oslo"}}]}`).is(200)
	r.wants(id, "results", 0, "id").wants(false, "results", 0, "new").wants(true, "results", 1, "new").wants("new@b.co", "results", 1, "properties", "email")

	r = do(t, s, "POST", contactBatch+"upsert", `{"inputs":[
		{"id":"k1","idProperty":"app_id","objectWriteTraceId":"1","properties":{"city":"Rome"}},
		{"id":"k2","idProperty":"app_id","objectWriteTraceId":"2","properties":{"email":"nonsense"}}]}`).is(207)
	r.wants("k1", "results", 0, "properties", "app_id").wants("2", "errors", 0, "context", "objectWriteTraceId", 0)
	do(t, s, "POST", contactBatch+"upsert", `{"inputs":[{"id":"x","idProperty":"city","properties":{}}]}`).is(400)
	do(t, s, "POST", contactBatch+"upsert", `{"inputs":[{"id":"k1","idProperty":"app_id","properties":{}},{"id":"k1","idProperty":"app_id","properties":{}}]}`).
		is(400).says("Duplicate IDs found in batch input")
	do(t, s, "POST", "/crm/v3/objects/contacts", `{"properties":{"app_id":"k1"}}`).is(400).wants("CONFLICTING_UNIQUE_VALUE", "errors", 0, "code")
}

func TestBatchReadTellsWhatIsMissing(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	id := contact(t, s, "a@b.co")
	do(t, s, "POST", contactBatch+"read", `{"inputs":[{"id":"`+id+`"}],"properties":["email"],"propertiesWithHistory":["email"]}`).
		is(200).wants("a@b.co", "results", 0, "properties", "email").wants("a@b.co", "results", 0, "propertiesWithHistory", "email", 0, "value")
	do(t, s, "POST", contactBatch+"read", `{"idProperty":"email","inputs":[{"id":"A@B.co"},{"id":"no@b.co"}]}`).
		is(207).wants(id, "results", 0, "id").wants("OBJECT_NOT_FOUND", "errors", 0, "category").wants("no@b.co", "errors", 0, "context", "ids", 0)
	do(t, s, "DELETE", "/crm/v3/objects/contacts/"+id, "").is(204)
	do(t, s, "POST", contactBatch+"read?archived=true", `{"inputs":[{"id":"`+id+`"}]}`).is(200).wants(true, "results", 0, "archived")
}

func TestBatchArchivePassesOverMissing(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	id := contact(t, s, "a@b.co")
	do(t, s, "POST", contactBatch+"archive", `{"inputs":[{"id":"`+id+`"},{"id":"6"}]}`).is(204)
	if rec, _ := s.Record("contacts", id); !rec.Archived {
		t.Errorf("record is not archived: %v", rec)
	}
	if w := s.Requests().Writes; w.Calls != 2 || w.Records != 2 {
		t.Errorf("writes = %+v, want a create and an archive of one record", w)
	}
}

func TestBatchSizeIsBounded(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	inputs := strings.TrimSuffix(strings.Repeat(`{"properties":{"name":"A"}},`, 101), ",")
	do(t, s, "POST", "/crm/v3/objects/companies/batch/create", `{"inputs":[`+inputs+`]}`).is(400)
	do(t, s, "POST", "/crm/v3/objects/companies/batch/create", `{"inputs":[]}`).is(400)
	inputs = strings.TrimSuffix(strings.Repeat(`{"properties":{"name":"A"}},`, 100), ",")
	r := do(t, s, "POST", "/crm/v3/objects/companies/batch/create", `{"inputs":[`+inputs+`]}`).is(201)
	if n := r.length("results"); n != 100 {
		t.Errorf("%d results, want 100", n)
	}
	if got := fmt.Sprint(s.Requests().Writes); got != "{1 100}" {
		t.Errorf("writes = %s, want 1 call of 100 records", got)
	}
}
