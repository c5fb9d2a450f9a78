package main_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/testenv"
)

const lossyMapping = `
  - name: contacts
    left: app/public.customers
    right: crm/contacts
    match: {left: email, right: email}
    filter: {left: "row.active != false"}
    fields:
      - {left: email, right: email}
      - {left: phone, right: phone, sensitive: true, to_right: "value.replace(' ', '')", to_left: value}
      - left: bio
        right: [firstname, lastname]
        to_right: ["value.split(' ')[0]", "value.split(' ').slice(1, value.split(' ').size()).join(' ')"]
        to_left: "(firstname + ' ' + lastname).trim()"
      - {left: visits, right: visits, to_right: "value", to_left: "int(value)"}
`

func TestCheckTriesLiveRecords(t *testing.T) {
	t.Parallel()
	r := newRig(t, rigOptions{version: 17, mappings: lossyMapping})
	r.exec(`INSERT INTO customers (email, phone, bio, visits, active) VALUES ('ada@x.example', '+1 555', 'Ada Lovelace', 3, true),
		('bob@x.example', '+1555', 'Bob  Spacious', 4, null), ('eve@x.example', '+1 5', 'skipped  for the filter', 5, false)`)
	if _, err := r.crm.Create("contacts", map[string]string{"email": "zoe@x.example", "firstname": "Zoe ", "lastname": "Barnes", "visits": "2.5", "phone": "+1 777"}); err != nil {
		t.Fatal(err)
	}
	out, errs, code := r.cli("check", "--config", r.config, "--json")
	if code != 0 {
		t.Fatalf("got exit code %d, %s%s", code, out, errs)
	}
	var rep struct {
		OK       bool
		Mappings []struct {
			Sampled map[string]struct{ Records int }
			Failing []struct {
				Left, Right, From string
				Values, Fails     int
				Examples          []struct{ Record, Value, Back, Problem string }
			}
		}
	}
	if err := json.Unmarshal([]byte(out), &rep); err != nil || !rep.OK || len(rep.Mappings) != 1 {
		t.Fatalf("got %v, %s", err, out)
	}
	m := rep.Mappings[0]
	if m.Sampled["left"].Records != 2 || m.Sampled["right"].Records != 1 {
		t.Errorf("got %v, want 2 rows and 1 contact", m.Sampled)
	}
	var got []string
	for _, f := range m.Failing {
		for _, e := range f.Examples {
			got = append(got, strings.Join([]string{f.From, f.Left, f.Right, e.Value, e.Back, e.Problem}, "|"))
		}
	}
	want := []string{
		`left|phone|phone|a value|another value|`,
		`right|phone|phone|a value|another value|`,
		`right|bio|firstname+lastname|"Zoe " and "Barnes"|"Zoe" and " Barnes"|`,
		`right|visits|visits|"2.5"|"2"|`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("want (-), got (+):\n%s", diff)
	}
	if strings.Contains(out, "555") {
		t.Errorf("a sensitive value is shown:\n%s", out)
	}
	text, _, code := r.cli("check", "--config", r.config)
	if code != 0 || !strings.Contains(text, "no problems") || !strings.Contains(text, "2 live records of app/public.customers were tried") {
		t.Errorf("got exit code %d,\n%s", code, text)
	}
}

func TestCheckOfASideThatCannotBeReachedExitsWithOne(t *testing.T) {
	t.Parallel()
	port, err := testenv.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, rigOptions{version: 17, crmURL: "http://" + testenv.Loopback(port)})
	out, errs, code := r.cli("check", "--config", r.config)
	if code != 1 || !strings.Contains(errs, "connection crm") {
		t.Errorf("got exit code %d, %s%s", code, out, errs)
	}
	if err := os.WriteFile(r.config, []byte("connections: {}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, errs, code = r.cli("check", "--config", r.config); code != 2 {
		t.Errorf("a broken file: got exit code %d, %s%s", code, out, errs)
	}
}
