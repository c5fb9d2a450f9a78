package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
)

func TestAPropertyIsArchivedAndComesBack(t *testing.T) {
	t.Parallel()
	r := driftRig(t, "bio", "bio", "")
	r.start(watched...)
	r.introduce("bio", "ann")
	r.property("ann@example.com", "bio")
	r.hubspot(http.MethodDelete, "/crm/v3/properties/contacts/bio", nil)
	r.becomes("contacts", "paused", "crm/contacts: bio is gone")
	r.exec("UPDATE customers SET bio = '2', first_name = 'Anna' WHERE email = 'ann@example.com'")
	r.unaffected("a.example")
	r.hubspot(http.MethodPost, "/crm/v3/properties/contacts", map[string]any{"name": "bio", "label": "bio", "type": "string", "fieldType": "textarea", "groupName": "contactinformation"})
	r.becomes("contacts", "running")
	r.equals("what was edited meanwhile", "2 Anna", func() string {
		return r.property("ann@example.com", "bio") + " " + r.property("ann@example.com", "firstname")
	})
	if s, err := r.status(); err != nil || len(s.Parked) > 0 {
		t.Errorf("got %+v, %v; want no record parked", s.Parked, err)
	}
}

func TestWhatWasRefusedForAShapeIsTriedAgain(t *testing.T) {
	t.Parallel()
	r := driftRig(t, "bio", "bio", "")
	r.start("--watch", "2s")
	r.introduce("bio", "ann")
	r.hubspot(http.MethodDelete, "/crm/v3/properties/contacts/bio", nil)
	r.exec("UPDATE customers SET bio = '2' WHERE email = 'ann@example.com'") // refused, unless the look comes first
	r.becomes("contacts", "paused", "crm/contacts: bio is gone")
	r.hubspot(http.MethodPost, "/crm/v3/properties/contacts", map[string]any{"name": "bio", "label": "bio", "type": "string", "fieldType": "textarea", "groupName": "contactinformation"})
	r.becomes("contacts", "running")
	r.equals("what was refused", "2", func() string { return r.property("ann@example.com", "bio") })
	r.eventually("nothing is parked", func() error {
		s, err := r.status()
		if err == nil && len(s.Parked) > 0 {
			err = fmt.Errorf("parked are %+v", s.Parked)
		}
		return err
	})
}

func TestAChoiceIsTakenAway(t *testing.T) {
	t.Parallel()
	options := func(values ...string) []map[string]any {
		var out []map[string]any
		for i, v := range values {
			out = append(out, map[string]any{"label": v, "value": v, "displayOrder": i})
		}
		return out
	}
	for policy, state := range map[string]string{"pause": "paused", "ignore": "attention"} {
		t.Run(policy, func(t *testing.T) {
			t.Parallel()
			r := driftRig(t, "phone", "plan_tier, values: {free: F, pro: P}", "drift: "+policy)
			r.hubspot(http.MethodPost, "/crm/v3/properties/contacts", map[string]any{"name": "plan_tier", "label": "Plan", "type": "enumeration", "fieldType": "select",
				"groupName": "contactinformation", "options": options("F", "P")})
			r.start(watched...)
			r.exec("INSERT INTO customers (email, first_name, phone) VALUES ('ann@example.com', 'Ann', 'free')")
			r.equals("a choice", "F", func() string { return r.property("ann@example.com", "plan_tier") })
			r.hubspot(http.MethodPatch, "/crm/v3/properties/contacts/plan_tier", map[string]any{"options": options("F", "X")})
			r.becomes("contacts", state, `plan_tier does not take "P" any more`)
			r.exec("UPDATE customers SET first_name = 'Anna', phone = 'pro' WHERE email = 'ann@example.com'")
			if policy == "ignore" {
				r.equals("other fields go on", "Anna", func() string { return r.property("ann@example.com", "firstname") })
			}
			r.unaffected("a.example")
			r.hubspot(http.MethodPatch, "/crm/v3/properties/contacts/plan_tier", map[string]any{"options": options("F", "P")})
			r.becomes("contacts", "running")
			if policy == "ignore" { // the next edit is carried again
				r.exec("UPDATE customers SET phone = 'free', first_name = 'Annette' WHERE email = 'ann@example.com'")
				r.equals("the mapping goes on", "Annette", func() string { return r.property("ann@example.com", "firstname") })
				r.exec("UPDATE customers SET phone = 'pro', first_name = 'Anna' WHERE email = 'ann@example.com'")
			}
			r.equals("what was edited meanwhile", "Anna P", func() string {
				return r.property("ann@example.com", "firstname") + " " + r.property("ann@example.com", "plan_tier")
			})
		})
	}
}

// hubspot makes a call as an administrator of the CRM would.
func (r *rig) hubspot(method, path string, body any) {
	r.t.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		r.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.crm.URL()+path, bytes.NewReader(data))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.crm.Token())
	if status, text := r.call(req); status >= 300 {
		r.t.Fatalf("%s %s answers %d: %s", method, path, status, text)
	}
}
