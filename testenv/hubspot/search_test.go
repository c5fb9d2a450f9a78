package hubspot

import (
	"fmt"
	"strings"
	"testing"
)

// people fills an account for searches.
func people(t *testing.T) *Server {
	t.Helper()
	s := start(t, Options{})
	for _, p := range []map[string]string{
		{"email": "ada@one.com", "firstname": "Ada", "annualrevenue": "10", "hs_buying_role": "CHAMPION;OTHER"},
		{"email": "bob@two.com", "firstname": "Bob", "annualrevenue": "9"},
		{"email": "cleo@one.com", "firstname": "Cleo", "annualrevenue": "100"},
		{"email": "dan@three.com"},
	} {
		if _, err := s.Create("contacts", p); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// found lists who a search answers, by the first letter of the email.
func found(r reply) string {
	var letters strings.Builder
	for i := range r.length("results") {
		letters.WriteString(r.text("results", i, "properties", "email")[:1])
	}
	return letters.String()
}

func TestSearchOperators(t *testing.T) {
	t.Parallel()
	s := people(t)
	for _, one := range []struct{ filter, want string }{
		{`{"propertyName":"firstname","operator":"EQ","value":"ada"}`, "a"},
		{`{"propertyName":"firstname","operator":"NEQ","value":"Ada"}`, "bcd"},
		{`{"propertyName":"annualrevenue","operator":"LT","value":"10"}`, "b"},
		{`{"propertyName":"annualrevenue","operator":"LTE","value":10}`, "ab"},
		{`{"propertyName":"annualrevenue","operator":"GT","value":"10"}`, "c"},
		{`{"propertyName":"annualrevenue","operator":"GTE","value":"10"}`, "ac"},
		{`{"propertyName":"annualrevenue","operator":"BETWEEN","value":"9","highValue":"10"}`, "ab"},
		{`{"propertyName":"firstname","operator":"IN","values":["ada","cleo"]}`, "ac"},
		{`{"propertyName":"firstname","operator":"NOT_IN","values":["ada","cleo"]}`, "bd"},
		{`{"propertyName":"firstname","operator":"HAS_PROPERTY"}`, "abc"},
		{`{"propertyName":"firstname","operator":"NOT_HAS_PROPERTY"}`, "d"},
		{`{"propertyName":"email","operator":"CONTAINS_TOKEN","value":"one*"}`, "ac"},
		{`{"propertyName":"email","operator":"CONTAINS_TOKEN","value":"*@one.com"}`, "ac"},
		{`{"propertyName":"email","operator":"NOT_CONTAINS_TOKEN","value":"one"}`, "bd"},
		{`{"propertyName":"hs_buying_role","operator":"EQ","value":"OTHER"}`, "a"},
		{`{"propertyName":"lastmodifieddate","operator":"GTE","value":"0"}`, "abcd"},
		{`{"propertyName":"lastmodifieddate","operator":"GTE","value":"2020-01-01T00:00:00Z"},{"propertyName":"firstname","operator":"EQ","value":"Bob"}`, "b"},
	} {
		r := do(t, s, "POST", "/crm/v3/objects/contacts/search", `{"filterGroups":[{"filters":[`+one.filter+`]}]}`).is(200)
		if got := found(r); got != one.want {
			t.Errorf("%s finds %q, want %q", one.filter, got, one.want)
		}
		r.wants(float64(len(one.want)), "total")
		if r.header.Get("X-HubSpot-RateLimit-Remaining") != "" {
			t.Error("a search answers limit headers")
		}
	}
}

func TestSearchGroupsSortsAndPages(t *testing.T) {
	t.Parallel()
	s := people(t)
	const path = "/crm/v3/objects/contacts/search"
	if got := found(do(t, s, "POST", path, `{"filterGroups":[{"filters":[{"propertyName":"firstname","operator":"EQ","value":"Ada"}]},{"filters":[{"propertyName":"annualrevenue","operator":"GT","value":"50"}]}]}`).is(200)); got != "ac" {
		t.Errorf("two groups find %q, want ac", got)
	}
	for body, want := range map[string]string{
		`{}`: "abcd", `{"query":"ONE.com"}`: "ac",
		`{"sorts":[{"propertyName":"annualrevenue","direction":"DESCENDING"}]}`: "cabd",
		`{"sorts":[{"propertyName":"annualrevenue","direction":"ASCENDING"}]}`:  "bacd",
		`{"sorts":["-email"]}`: "dcba", `{"sorts":["-hs_object_id"],"limit":3}`: "dcb",
	} {
		if got := found(do(t, s, "POST", path, body).is(200)); got != want {
			t.Errorf("%s finds %q, want %q", body, got, want)
		}
	}
	r := do(t, s, "POST", path, `{"limit":3}`).is(200).wants("3", "paging", "next", "after").wants(4.0, "total")
	if got := found(r); got != "abc" {
		t.Errorf("first page %q, want abc", got)
	}
	r = do(t, s, "POST", path, `{"limit":3,"after":"3"}`).is(200).wants(nil, "paging")
	if got := found(r); got != "d" {
		t.Errorf("second page %q, want d", got)
	}
	id := s.Records("contacts")[0].ID
	do(t, s, "DELETE", "/crm/v3/objects/contacts/"+id, "").is(204)
	if got := found(do(t, s, "POST", path, `{}`).is(200)); got != "bcd" {
		t.Errorf("with an archived record: %q, want bcd", got)
	}
}

func TestSearchRefusesWhatIsTooMuch(t *testing.T) {
	t.Parallel()
	s := people(t)
	filter := `{"propertyName":"city","operator":"EQ","value":"x"}`
	filters := func(n int) string {
		return `{"filters":[` + strings.TrimSuffix(strings.Repeat(filter+",", n), ",") + `]}`
	}
	for name, body := range map[string]string{
		"eleven filters":   `{"filterGroups":[` + filters(11) + `]}`,
		"six groups":       `{"filterGroups":[` + strings.TrimSuffix(strings.Repeat(filters(1)+",", 6), ",") + `]}`,
		"26 filters":       `{"filterGroups":[` + filters(10) + "," + filters(10) + "," + filters(6) + `]}`,
		"a page of 201":    `{"limit":201}`,
		"10,001 results":   `{"limit":200,"after":"9801"}`,
		"a long body":      `{"query":"` + strings.Repeat("x", 3000) + `"}`,
		"unknown property": `{"filterGroups":[{"filters":[{"propertyName":"nope","operator":"EQ","value":"1"}]}]}`,
		"unknown operator": `{"filterGroups":[{"filters":[{"propertyName":"city","operator":"LIKE","value":"1"}]}]}`,
		"no values":        `{"filterGroups":[{"filters":[{"propertyName":"city","operator":"IN","value":"1"}]}]}`,
		"text as a number": `{"filterGroups":[{"filters":[{"propertyName":"annualrevenue","operator":"GT","value":"many"}]}]}`,
		"unknown sort":     `{"sorts":["nope"]}`,
	} {
		if r := do(t, s, "POST", "/crm/v3/objects/contacts/search", body); r.status != 400 {
			t.Errorf("%s: status %d, want 400; %s", name, r.status, r.raw)
		}
	}
}

// A poll reads what changed since a watermark; the order of modification that
// serves it must agree with a look at every record.
func TestSearchSinceAWatermarkMatchesAFullScan(t *testing.T) {
	t.Parallel()
	clock := newClock()
	s := start(t, Options{Now: clock.now})
	var ids []string
	for i := range 50 {
		clock.add(10)
		id, err := s.Create("companies", map[string]string{"name": fmt.Sprint(i)})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	clock.add(10)
	since := clock.now().UnixMilli()
	for _, i := range []int{40, 3, 17, 3} {
		clock.add(10)
		if err := s.Edit("companies", ids[i], map[string]string{"city": clock.now().String()}); err != nil {
			t.Fatal(err)
		}
	}
	body := fmt.Sprintf(`{"filterGroups":[{"filters":[{"propertyName":"hs_lastmodifieddate","operator":"GTE","value":"%d"}]}],"sorts":[{"propertyName":"hs_lastmodifieddate"}]}`, since)
	check := func() {
		t.Helper()
		r := do(t, s, "POST", "/crm/v3/objects/companies/search", body).is(200)
		var got []string
		for i := range r.length("results") {
			got = append(got, r.text("results", i, "id"))
		}
		if want := []string{ids[40], ids[17], ids[3]}; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("found %v, want %v", got, want)
		}
	}
	check()
	clock.add(-60_000) // from here on the order of modification does not hold
	if err := s.Edit("companies", ids[9], map[string]string{"city": "early"}); err != nil {
		t.Fatal(err)
	}
	check()
}
