package hubspot

import (
	"encoding/json"
	"strings"
	"testing"
)

func valuesUnderTest() map[string][]Property {
	return map[string][]Property{"contacts": {
		{Name: "n", Type: "number"}, {Name: "b", Type: "bool"}, {Name: "d", Type: "date"}, {Name: "dt", Type: "datetime"},
		{Name: "pick", Type: "enumeration", Options: []Option{{Value: "F", Label: "Free"}, {Value: "P", Label: "Pro"}}},
		{Name: "many", Type: "enumeration", FieldType: "checkbox", Options: []Option{{Value: "a"}, {Value: "b"}, {Value: "c"}}},
	}}
}

func TestStoredForms(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Properties: valuesUnderTest()})
	for _, one := range []struct{ name, sent, want string }{
		{"n", `"12.50"`, "12.50"}, {"n", `12.5`, "12.5"}, {"n", `1e3`, "1000"}, {"n", `"-7"`, "-7"}, {"n", `12345678901234567890`, "12345678901234567890"},
		{"b", `true`, "true"}, {"b", `"false"`, "false"},
		{"d", `"2024-08-15"`, "2024-08-15"}, {"d", `"1723680000000"`, "2024-08-15"}, {"d", `1723680000000`, "2024-08-15"}, {"d", `"2024-08-15T00:00:00Z"`, "2024-08-15"},
		{"dt", `"2024-08-15T17:09:13.648999Z"`, "2024-08-15T17:09:13.648Z"}, {"dt", `1723741753648`, "2024-08-15T17:09:13.648Z"},
		{"dt", `"2024-08-15T19:09:13+02:00"`, "2024-08-15T17:09:13.000Z"}, {"dt", `"2024-08-15"`, "2024-08-15T00:00:00.000Z"},
		{"pick", `"F"`, "F"}, {"many", `"b;a;b"`, "b;a"}, {"hubspot_owner_id", `41629779`, "41629779"},
		{"phone", `" +1 (555) 0100 "`, " +1 (555) 0100 "}, {"email", `" Ünï@Example.com "`, "ünï@example.com"}, {"firstname", `"<&\"\u0001>"`, "<&\"\x01>"},
		{"lastname", `"` + strings.Repeat("é", maxText) + `"`, strings.Repeat("é", maxText)},
	} {
		r := do(t, s, "POST", "/crm/v3/objects/contacts", `{"properties":{"`+one.name+`":`+one.sent+`}}`).is(201)
		if got := r.text("properties", one.name); got != one.want {
			t.Errorf("%s sent as %.40s is stored as %.40q, want %.40q", one.name, one.sent, got, one.want)
		}
	}
}

func TestBadValuesAreNamed(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Properties: valuesUnderTest()})
	for _, one := range []struct{ name, sent, code string }{
		{"n", `"twelve"`, "INVALID_INTEGER"}, {"n", `"NaN"`, "INVALID_INTEGER"}, {"n", `"0x10"`, "INVALID_INTEGER"}, {"n", `true`, "INVALID_INTEGER"},
		{"b", `"True"`, "INVALID_OPTION"}, {"b", `"yes"`, "INVALID_OPTION"},
		{"d", `"15.8.2024"`, "INVALID_DATE"}, {"d", `1723741753648`, "INVALID_DATE"}, {"dt", `"yesterday"`, "INVALID_DATE"},
		{"pick", `"f"`, "INVALID_OPTION"}, {"pick", `"Free"`, "INVALID_OPTION"}, {"many", `"a;x"`, "INVALID_OPTION"}, {"hubspot_owner_id", `"1"`, "INVALID_OPTION"},
		{"email", `"a@b"`, "INVALID_EMAIL"}, {"email", `"nonsense"`, "INVALID_EMAIL"}, {"hs_object_id", `"1"`, "READ_ONLY_VALUE"},
		{"createdate", `"2024-08-15"`, "READ_ONLY_VALUE"}, {"hubspotscore", `"1"`, "READ_ONLY_VALUE"}, {"nope", `"1"`, "PROPERTY_DOESNT_EXIST"},
		{"lastname", `"` + strings.Repeat("é", maxText+1) + `"`, "INVALID_LENGTH"},
	} {
		r := do(t, s, "POST", "/crm/v3/objects/contacts", `{"properties":{"`+one.name+`":`+one.sent+`}}`).is(400).wants("VALIDATION_ERROR", "category")
		list, found := strings.CutPrefix(r.text("message"), "Property values were not valid: ")
		var issues []map[string]any
		if err := json.Unmarshal([]byte(list), &issues); err != nil || !found || len(issues) != 1 {
			t.Errorf("%s: message does not embed a list: %.200q", one.name, r.text("message"))
			continue
		}
		if issues[0]["error"] != one.code || issues[0]["name"] != one.name || issues[0]["isValid"] != false {
			t.Errorf("%s sent as %.40s: %v, want %s", one.name, one.sent, issues[0], one.code)
		}
	}
	do(t, s, "POST", "/crm/v3/objects/contacts", `{"properties":{"city":{"a":1}}}`).is(400)
	do(t, s, "POST", "/crm/v3/objects/contacts", `{"properties":`).is(400)
	if n := len(s.Records("contacts")); n != 0 {
		t.Errorf("%d records, want none", n)
	}
}

func TestAllBadValuesAreListed(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	r := do(t, s, "POST", "/crm/v3/objects/contacts", `{"properties":{"x":"1","email":"y","city":"fine"}}`).is(400)
	for _, want := range []string{"PROPERTY_DOESNT_EXIST", "INVALID_EMAIL", `Property \"x\" does not exist`} {
		r.says(want)
	}
}

func TestNullIsIgnored(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	r := do(t, s, "POST", "/crm/v3/objects/contacts", `{"properties":{"city":"Rome"}}`).is(201)
	do(t, s, "PATCH", "/crm/v3/objects/contacts/"+r.text("id"), `{"properties":{"city":null}}`).is(200)
	if rec, _ := s.Record("contacts", r.text("id")); rec.Properties["city"] != "Rome" {
		t.Errorf("city = %q, want Rome", rec.Properties["city"])
	}
}
