package main_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/lockstep-sync/lockstep/testenv"
)

const reviewedMapping = `
  - name: contacts
    left: app/public.customers
    right: crm/contacts
    match: {left: email, right: email}
    fields:
      - {left: email, right: email}
      - {left: first_name, right: firstname, conflict: review}
      - {left: last_name, right: lastname, conflict: {merge: "left + '/' + right"}}
      - {left: phone, right: phone, sensitive: true}
      - {left: ltv, right: ltv}
    delete: {to_right: confirm, to_left: propagate}
`

// order runs a command against the running process and returns what it prints.
func (r *rig) order(wantCode int, args ...string) string {
	r.t.Helper()
	args = append(args, "--config", r.config, "--data", filepath.Join(r.dir, "data"), "--listen", r.listen)
	out, errs, code := r.cli(args...)
	if code != wantCode {
		r.t.Fatalf("lockstep %s exits with %d, want %d\n%s%s", strings.Join(args, " "), code, wantCode, out, errs)
	}
	return out + errs
}

// unheard runs a command that asks where nobody answers.
func (r *rig) unheard(args ...string) (code int, errs string) {
	r.t.Helper()
	port, err := testenv.FreePort()
	if err != nil {
		r.t.Fatal(err)
	}
	_, errs, code = r.cli(append(args, "--config", r.config, "--data", filepath.Join(r.dir, "data"), "--listen", testenv.Loopback(port))...)
	return code, errs
}

// counted checks a metric of the mapping.
func (r *rig) counted(metric string, want int) {
	r.t.Helper()
	_, body, err := get("http://" + r.listen + "/metrics")
	if line := fmt.Sprintf("\n%s{mapping=\"contacts\"} %d\n", metric, want); err != nil || !strings.Contains(string(body), line) {
		r.t.Errorf("metrics do not say%s%v", line, err)
	}
}

// listed reads JSON lines.
func listed(t *testing.T, text string) (all []map[string]any) {
	t.Helper()
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		if line == "" {
			continue
		}
		var one map[string]any
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		all = append(all, one)
	}
	return all
}

// pair makes a row, waits for its contact, and returns the row's id and the contact's.
func (r *rig) pair(email string) (row, contactID string) {
	r.t.Helper()
	r.exec(`INSERT INTO customers (email, first_name, last_name) VALUES ($1, 'Ada', 'Lovelace')`, email)
	r.equals("the contact is there", "Ada", func() string { return r.property(email, "firstname") })
	r.settled()
	c, _ := contact(r.crm, email)
	return r.column(email, "id"), c.ID
}

// collide edits both sides of a pair while Lockstep does not run.
func (r *rig) collide(email, contactID, column, left, property, right string) {
	r.t.Helper()
	r.stop()
	r.exec(`UPDATE customers SET `+column+` = $1 WHERE email = $2`, left, email)
	if err := r.crm.Edit("contacts", contactID, map[string]string{property: right}); err != nil {
		r.t.Fatal(err)
	}
	r.start()
	r.settled()
}

func TestAPersonDecides(t *testing.T) {
	t.Parallel()
	r := newRig(t, rigOptions{mappings: reviewedMapping})
	r.start()
	row, id := r.pair("ada@example.com")
	for choice, want := range map[string]string{"left": "Lleft", "right": "Rright", "value": "V"} {
		r.collide("ada@example.com", id, "first_name", "L"+choice, "firstname", "R"+choice)
		reviews := listed(t, r.order(0, "review", "list", "--kind", "conflict", "--json"))
		if len(reviews) != 1 || reviews[0]["left_value"] != "L"+choice || reviews[0]["right_value"] != "R"+choice {
			t.Fatalf("reviews = %v, want one with both values", reviews)
		}
		if table := r.order(0, "review", "list"); !strings.Contains(table, "first_name=firstname") {
			t.Errorf("the table does not name the field:\n%s", table)
		}
		r.counted("lockstep_mapping_reviews", 1)
		one := reviews[0]["id"].(string)
		if shown := r.order(0, "review", "show", one); !strings.Contains(shown, "L"+choice) || !strings.Contains(shown, "review") {
			t.Errorf("show tells neither values nor history:\n%s", shown)
		}
		args := []string{"review", "choose", one, choice, "--by", "ann"}
		if choice == "value" {
			args = append(args, "--value", "V")
		}
		r.order(0, args...)
		r.equals("both sides hold what was chosen", want+" "+want, func() string {
			return r.column("ada@example.com", "first_name") + " " + r.property("ada@example.com", "firstname")
		})
		r.settled()
		if again := r.order(0, args...); !strings.Contains(again, "nothing to do: ann chose "+choice) {
			t.Errorf("the same choice again says %q", again)
		}
		r.order(2, "review", "choose", one, map[string]string{"left": "right", "right": "left", "value": "left"}[choice], "--by", "bob")
		if list := r.order(0, "review", "list"); !strings.Contains(list, "nothing waits") {
			t.Errorf("reviews are left:\n%s", list)
		}
		r.counted("lockstep_mapping_reviews", 0)
	}
	r.collide("ada@example.com", id, "last_name", "King", "lastname", "Byron")
	r.equals("both edits are merged", "King/Byron King/Byron", func() string {
		return r.column("ada@example.com", "last_name") + " " + r.property("ada@example.com", "lastname")
	})
	r.settled()
	story := r.order(0, "audit", "--mapping", "contacts", "--record", row)
	for _, want := range []string{"created", "review", "chosen", "ann", "conflict", "merge", "King/Byron", "carried"} {
		if !strings.Contains(story, want) {
			t.Errorf("the record's history does not tell of %q:\n%s", want, story)
		}
	}
	if same := r.order(0, "audit", "--mapping", "contacts", "--record", "right:"+id); same != story {
		t.Errorf("by the contact's id the history is\n%s\nwant\n%s", same, story)
	}
	if found := listed(t, r.order(0, "audit", "--mapping", "contacts", "--field", "lastname", "--kind", "conflict", "--since", "1h", "--json")); len(found) != 1 {
		t.Errorf("conflicts of the field = %v, want one", found)
	}
	if all, newest := listed(t, r.order(0, "audit", "--record", row, "--json")), listed(t, r.order(0, "audit", "--record", row, "--limit", "2", "--json")); !reflect.DeepEqual(all[len(all)-2:], newest) {
		t.Errorf("the newest two are %v, want the last of %v", newest, all)
	}
	if code, errs := r.unheard("audit", "--record", row); code != 1 || !strings.Contains(errs, "already runs on this data directory") {
		t.Errorf("a process that is asked elsewhere: exit code %d, %s", code, errs)
	}
	r.stop()
	if offline := r.order(0, "audit", "--mapping", "contacts", "--record", row); offline != story {
		t.Errorf("with nothing running the history is\n%s\nwant\n%s", offline, story)
	}
	if offline := r.order(0, "audit", "--mapping", "contacts", "--record", "right:"+id); offline != story {
		t.Errorf("with nothing running, by the contact's id, the history is\n%s\nwant\n%s", offline, story)
	}
	r.order(1, "review", "list")
}

func TestADeletionIsConfirmedOrTakenBack(t *testing.T) {
	t.Parallel()
	r := newRig(t, rigOptions{mappings: reviewedMapping})
	r.start()
	row, _ := r.pair("ada@example.com")
	r.pair("bob@example.com")
	r.exec(`DELETE FROM customers`)
	r.eventually("both deletions wait", func() error {
		if n := len(listed(t, r.order(0, "review", "list", "--kind", "delete", "--json"))); n != 2 {
			return fmt.Errorf("%d wait", n)
		}
		return nil
	})
	r.counted("lockstep_mapping_held_deletions", 2)
	for _, one := range listed(t, r.order(0, "review", "list", "--kind", "delete", "--json")) {
		choice := "confirm"
		if one["left"] == `["`+row+`"]` {
			choice = "reject"
		}
		r.order(0, "review", "choose", one["id"].(string), choice, "--by", "ann")
	}
	r.equals("the confirmed one is carried over", "no contact", func() string { return r.property("bob@example.com", "firstname") })
	r.equals("the rejected one is back, under its old key", row, func() string { return r.column("ada@example.com", "id") })
	r.equals("with what was in it", "Lovelace", func() string { return r.column("ada@example.com", "last_name") })
	r.exec(`UPDATE customers SET first_name = 'Again' WHERE email = 'ada@example.com'`)
	r.equals("and is in step", "Again", func() string { return r.property("ada@example.com", "firstname") })
}

func TestAParkedRecordIsRetriedAndDropped(t *testing.T) {
	t.Parallel()
	r := newRig(t, rigOptions{mappings: strings.Replace(reviewedMapping, "{left: ltv, right: ltv}", "{left: bio, right: ltv, to_right: 'double(value)', direction: right}", 1)})
	r.start()
	row, _ := r.pair("ada@example.com")
	r.exec(`UPDATE customers SET bio = 'no number' WHERE email = 'ada@example.com'`)
	r.eventually("it is parked", func() error {
		if n := len(listed(t, r.order(0, "parked", "list", "--json"))); n != 1 {
			return fmt.Errorf("%d are parked", n)
		}
		return nil
	})
	r.counted("lockstep_mapping_parked_records", 1)
	one := listed(t, r.order(0, "parked", "list", "--mapping", "contacts", "--json"))[0]["id"].(string)
	if shown := r.order(0, "parked", "show", one); !strings.Contains(shown, "no number") || !strings.Contains(shown, "bio") {
		t.Errorf("show does not tell why:\n%s", shown)
	}
	r.order(0, "parked", "retry", one, "--by", "ann")
	r.settled()
	if n := len(listed(t, r.order(0, "parked", "list", "--json"))); n != 1 {
		t.Errorf("after a retry that cannot do, %d are parked, want 1", n)
	}
	r.order(0, "parked", "drop", "--mapping", "contacts", "--all", "--by", "ann")
	r.settled()
	if list := r.order(0, "parked", "list"); !strings.Contains(list, "nothing is parked") {
		t.Errorf("after the drop:\n%s", list)
	}
	r.order(2, "parked", "retry", one, "--by", "ann")
	r.order(64, "parked", "retry", "--by", "ann")
	r.order(0, "replay", "contacts", "--record", row, "--by", "ann")
	r.order(2, "replay", "contacts", "--record", "999", "--by", "ann")
	if all := r.order(0, "replay", "contacts", "--since", "1h", "--by", "ann"); !strings.Contains(all, "1 done, 0 had nothing to do, 0 failed") {
		t.Errorf("a replay of all that changed says %q", all)
	}
	r.order(2, "replay", "people", "--since", "1h", "--by", "ann")
	if story := r.order(0, "audit", "--record", row); !strings.Contains(story, "dropped") || !strings.Contains(story, "retried") || !strings.Contains(story, "replayed") {
		t.Errorf("the history does not tell what was ordered:\n%s", story)
	}
}

func TestSensitiveValuesAreMasked(t *testing.T) {
	t.Parallel()
	const secret = "+1 555 0100"
	r := newRig(t, rigOptions{mappings: reviewedMapping})
	r.start()
	_, id := r.pair("ada@example.com")
	r.exec(`UPDATE customers SET phone = $1`, secret)
	r.equals("it is carried", secret, func() string { return r.property("ada@example.com", "phone") })
	r.collide("ada@example.com", id, "phone", secret+"1", "phone", secret+"2")
	if all := r.order(0, "audit") + r.order(0, "review", "list") + r.statusText(); strings.Contains(all, "555 0100") { // digits alone are in times, too
		t.Errorf("a sensitive value is shown:\n%s", all)
	}
}

func TestOrdersNeedTheToken(t *testing.T) {
	t.Parallel()
	r := newRig(t, rigOptions{mappings: reviewedMapping})
	r.start()
	file := filepath.Join(r.dir, "data", "api.token")
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("token file = %v, %v, want one that only its owner reads", info, err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	token := strings.TrimSpace(string(data))
	ask := func(method, path, auth, origin, body string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), method, "http://"+r.listen+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if auth != "" {
			req.Header.Set("Authorization", auth)
		}
		if origin != "" {
			req.Header.Set("Origin", origin)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		var problem struct{ Error string }
		if err := json.NewDecoder(res.Body).Decode(&problem); err != nil && res.StatusCode != http.StatusOK {
			t.Errorf("%s %s answers %d without saying why: %v", method, path, res.StatusCode, err)
		}
		return res.StatusCode, problem.Error
	}
	good := "Bearer " + token
	for _, c := range []struct {
		name, method, path, auth, origin, body string
		want                                   int
	}{
		{"no token", "GET", "/api/reviews", "", "", "", 401},
		{"a wrong token", "GET", "/api/audit", "Bearer " + strings.Repeat("0", 64), "", "", 401},
		{"another scheme", "GET", "/api/audit", "Basic " + token, "", "", 401},
		{"a page of another site", "GET", "/api/reviews", good, "https://evil.example", "", 403},
		{"an unknown path", "GET", "/api/nothing", good, "", "", 404},
		{"an unknown review", "POST", "/api/reviews/contacts.lx.y", good, "", `{"choice":"left","by":"ann"}`, 404},
		{"an unknown mapping", "POST", "/api/reviews/nobody.lx.y", good, "", `{"choice":"left","by":"ann"}`, 404},
		{"an unknown word", "POST", "/api/reviews/contacts.lx.y", good, "", `{"chioce":"left","by":"ann"}`, 400},
		{"no JSON", "POST", "/api/parked", good, "", `left`, 400},
		{"nobody who orders", "POST", "/api/mappings/contacts/replay", good, "", `{"left":"1"}`, 400},
		{"a bad time", "GET", "/api/audit?since=yesterday", good, "", "", 400},
		{"a bad limit", "GET", "/api/audit?limit=-1", good, "", "", 400},
		{"a body without end", "POST", "/api/reviews", good, "", `{"by":"` + strings.Repeat("x", 1<<20) + `"}`, 413},
		{"the token", "GET", "/api/reviews", good, "http://" + r.listen, "", 200},
	} {
		if got, text := ask(c.method, c.path, c.auth, c.origin, c.body); got != c.want {
			t.Errorf("%s: answer %d %q, want %d", c.name, got, text, c.want)
		}
	}
	if r.log.contains(token) {
		t.Error("the token is in the log")
	}
}
