package hubspot

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// described is a receiver that knows contacts, and that asks nobody.
func described(t testing.TB) *Connector {
	t.Helper()
	c := receiver(t, "")
	c.shapes = newShapes(func(_ context.Context, object string) (event.Object, *event.Fault) {
		switch object {
		case "contacts":
			return event.Object{Fields: []event.Field{{Name: "signed_at", Kind: event.Instant}, {Name: "visited_on", Kind: event.Date}, {Name: "active", Kind: event.Bool}}}, nil
		case "deals":
			return event.Object{}, &event.Fault{Class: event.Transient, Message: "down"}
		}
		return event.Object{}, &event.Fault{Class: event.Rejected, Message: "no such object"}
	}, time.Now, func(string, *event.Fault) {})
	return c
}

// seen is what of a change the tests below compare.
type seen struct {
	Object     string
	Op         string
	Key, Old   event.Key
	At         int64
	Own        bool
	Properties map[string]string
}

func look(changes []event.Change) []seen {
	var out []seen
	for _, c := range changes {
		s := seen{Object: c.Object, Op: string(c.Op), Key: c.Key, Old: c.OldKey, At: c.At.UnixMilli(), Own: c.Origin.Connection == event.OwnWrite}
		for i, name := range c.After.Names {
			if s.Properties == nil {
				s.Properties = make(map[string]string)
			}
			s.Properties[name] = c.After.Values[i].Display()
		}
		out = append(out, s)
	}
	return out
}

func TestEventsBecomeChanges(t *testing.T) {
	t.Parallel()
	const at = `"occurredAt":1742077073905`
	for _, c := range []struct {
		name, body string
		want       []seen
	}{
		{"a live capture", `[{"eventId":3400564480,"subscriptionId":3329277,"portalId":49547190,"appId":9393361,"occurredAt":1742077073905,"subscriptionType":"contact.creation","attemptNumber":0,"objectId":106314056576,"changeFlag":"CREATED","changeSource":"INTEGRATION","sourceId":"9393361"}]`,
			[]seen{{"contacts", "c", event.KeyOf("106314056576"), "", 1742077073905, true, nil}}},
		{"another app's change", `[{"subscriptionType":"company.deletion","objectId":7,` + at + `,"changeSource":"INTEGRATION","sourceId":"12"}]`,
			[]seen{{"companies", "d", event.KeyOf("7"), "", 1742077073905, false, nil}}},
		{"one event without an array", `{"subscriptionType":"contact.privacyDeletion","objectId":7,` + at + `}`,
			[]seen{{"contacts", "d", event.KeyOf("7"), "", 1742077073905, false, nil}}},
		{"values by kind", `[{"subscriptionType":"contact.propertyChange","objectId":7,` + at + `,"propertyName":"signed_at","propertyValue":"1723741753648"},
			{"subscriptionType":"contact.propertyChange","objectId":7,` + at + `,"propertyName":"visited_on","propertyValue":1723680000000},
			{"subscriptionType":"contact.propertyChange","objectId":7,` + at + `,"propertyName":"active","propertyValue":true},
			{"subscriptionType":"contact.propertyChange","objectId":7,` + at + `,"propertyName":"cleared","propertyValue":""},
			{"subscriptionType":"contact.propertyChange","objectId":7,` + at + `,"propertyName":"nothing","propertyValue":null},
			{"subscriptionType":"contact.propertyChange","objectId":7,` + at + `,"propertyName":"unheard_of","propertyValue":"1723741753648"}]`,
			[]seen{{"contacts", "u", event.KeyOf("7"), "", 1742077073905, false, map[string]string{
				"signed_at": "2024-08-15T17:09:13.648Z", "visited_on": "2024-08-15", "active": "true", "cleared": "NULL", "nothing": "NULL", "unheard_of": "1723741753648"}}}},
		{"what differs in record, time or author stays apart", `[{"subscriptionType":"contact.propertyChange","objectId":7,` + at + `,"propertyName":"a","propertyValue":"1"},
			{"subscriptionType":"contact.propertyChange","objectId":8,` + at + `,"propertyName":"b","propertyValue":"1"},
			{"subscriptionType":"contact.propertyChange","objectId":7,"occurredAt":1742077073906,"propertyName":"b","propertyValue":"1"},
			{"subscriptionType":"contact.propertyChange","objectId":7,` + at + `,"propertyName":"b","propertyValue":"1","changeSource":"INTEGRATION","sourceId":"9393361"},
			{"subscriptionType":"contact.propertyChange","objectId":7,` + at + `,"propertyName":"a","propertyValue":"2"}]`,
			[]seen{
				{"contacts", "u", event.KeyOf("7"), "", 1742077073905, false, map[string]string{"a": "1"}},
				{"contacts", "u", event.KeyOf("8"), "", 1742077073905, false, map[string]string{"b": "1"}},
				{"contacts", "u", event.KeyOf("7"), "", 1742077073906, false, map[string]string{"b": "1"}},
				{"contacts", "u", event.KeyOf("7"), "", 1742077073905, true, map[string]string{"b": "1"}},
				{"contacts", "u", event.KeyOf("7"), "", 1742077073905, false, map[string]string{"a": "2"}},
			}},
		{"a restored deal, a custom object, a standard one by its type", `[{"subscriptionType":"deal.restore","objectId":7,` + at + `},
			{"subscriptionType":"object.propertyChange","objectTypeId":"2-345","objectId":7,` + at + `,"propertyName":"a","propertyValue":"1"},
			{"subscriptionType":"object.creation","objectTypeId":"0-1","objectId":7,` + at + `}]`,
			[]seen{
				{"deals", "o", event.KeyOf("7"), "", 1742077073905, false, nil},
				{"2-345", "u", event.KeyOf("7"), "", 1742077073905, false, map[string]string{"a": "1"}},
				{"contacts", "c", event.KeyOf("7"), "", 1742077073905, false, nil},
			}},
		{"a merge into the primary record", `[{"subscriptionType":"contact.merge","objectId":1,` + at + `,"primaryObjectId":1,"mergedObjectIds":[2,1],"newObjectId":1,"numberOfPropertiesMoved":3}]`,
			[]seen{{"contacts", "m", event.KeyOf("1"), event.KeyOf("2"), 1742077073905, false, nil}}},
		{"a merge into a new record", `[{"subscriptionType":"contact.merge","objectId":9,` + at + `,"primaryObjectId":1,"mergedObjectIds":[1,2],"newObjectId":9}]`,
			[]seen{
				{"contacts", "m", event.KeyOf("9"), event.KeyOf("1"), 1742077073905, false, nil},
				{"contacts", "m", event.KeyOf("9"), event.KeyOf("2"), 1742077073905, false, nil},
			}},
		{"an association, as one was captured", `[{"eventId":2073333923,"portalId":50249912,"appId":36665006,"occurredAt":1742077073905,"subscriptionType":"deal.associationChange","attemptNumber":0,"changeSource":"USER","associationType":"DEAL_TO_CONTACT","fromObjectId":7,"toObjectId":8,"associationRemoved":false,"sourceId":"userId:82088707"}]`,
			[]seen{{"deals", "u", event.KeyOf("7"), "", 1742077073905, false, nil}}},
		{"an association told by both ends, and by both of its types", `[{"subscriptionType":"contact.associationChange","associationType":"CONTACT_TO_COMPANY","fromObjectId":7,"toObjectId":8,` + at + `,"isPrimaryAssociation":false},
			{"subscriptionType":"company.associationChange","associationType":"COMPANY_TO_CONTACT","fromObjectId":8,"toObjectId":7,` + at + `},
			{"subscriptionType":"contact.associationChange","associationType":"CONTACT_TO_COMPANY","fromObjectId":7,"toObjectId":8,` + at + `,"isPrimaryAssociation":true}]`,
			[]seen{{"contacts", "u", event.KeyOf("7"), "", 1742077073905, false, nil}}},
		{"an association told by the end without a field, by ourselves", `[{"subscriptionType":"company.associationChange","associationType":"COMPANY_TO_TICKET","fromObjectId":8,"toObjectId":7,` + at + `,"associationRemoved":true,"changeSource":"INTEGRATION","sourceId":"9393361"}]`,
			[]seen{{"tickets", "u", event.KeyOf("7"), "", 1742077073905, true, nil}}},
		{"a parent company", `[{"subscriptionType":"company.associationChange","associationType":"PARENT_COMPANY_TO_CHILD_COMPANY","fromObjectId":7,"toObjectId":8,` + at + `}]`,
			[]seen{{"companies", "u", event.KeyOf("7"), "", 1742077073905, false, nil}, {"companies", "u", event.KeyOf("8"), "", 1742077073905, false, nil}}},
		{"a generic association", `[{"subscriptionType":"object.associationChange","fromObjectTypeId":"0-3","toObjectTypeId":"0-2","fromObjectId":7,"toObjectId":8,` + at + `}]`,
			[]seen{{"deals", "u", event.KeyOf("7"), "", 1742077073905, false, nil}}},
		{"an association that does not say with what", `[{"subscriptionType":"contact.associationChange","fromObjectId":7,` + at + `}]`,
			[]seen{{"contacts", "u", event.KeyOf("7"), "", 1742077073905, false, nil}}},
		{"an association beside an edit of the same moment", `[{"subscriptionType":"contact.propertyChange","objectId":7,` + at + `,"propertyName":"a","propertyValue":"1"},
			{"subscriptionType":"contact.associationChange","associationType":"CONTACT_TO_COMPANY","fromObjectId":7,"toObjectId":8,` + at + `},
			{"subscriptionType":"contact.propertyChange","objectId":7,` + at + `,"propertyName":"b","propertyValue":"2"}]`,
			[]seen{{"contacts", "u", event.KeyOf("7"), "", 1742077073905, false, map[string]string{"a": "1", "b": "2"}}, {"contacts", "u", event.KeyOf("7"), "", 1742077073905, false, nil}}},
		{"associations that no field holds", `[{"subscriptionType":"deal.associationChange","associationType":"DEAL_TO_LINE_ITEM","fromObjectId":7,"toObjectId":8,` + at + `},
			{"subscriptionType":"contact.associationChange","associationType":"CONTACT_TO_ENGAGEMENT","fromObjectId":7,"toObjectId":8,` + at + `},
			{"subscriptionType":"object.associationChange","fromObjectTypeId":"2-345","toObjectTypeId":"2-346","fromObjectId":7,"toObjectId":8,` + at + `}]`, nil},
		{"what is not synchronised", `[{"subscriptionType":"contact.associationChange","objectId":7},{"subscriptionType":"conversation.newMessage","objectId":7},{"subscriptionType":"contact.danced"}]`, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			changes, err := described(t).Parse([]byte(c.body))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, look(changes)); diff != "" {
				t.Errorf("changes differ (-want +got):\n%s", diff)
			}
			for _, change := range changes {
				if change.Position.Major != uint64(change.At.UnixMicro()) || change.Connection != "crm" || change.Connector != Name || change.Seen.IsZero() {
					t.Errorf("got %+v", change)
				}
			}
		})
	}
}

func TestIgnoredEventsAreCounted(t *testing.T) {
	t.Parallel()
	c := described(t)
	if _, err := c.Parse([]byte(`[{"subscriptionType":"contact.associationChange"},{"subscriptionType":"contact.danced"},{"subscriptionType":"contact.creation","objectId":1,"occurredAt":1}]`)); err != nil {
		t.Fatal(err)
	}
	if got, want := c.HookStats(), (HookStats{Events: 3, Associations: 1, Unknown: 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestMalformedElementsAreNamed(t *testing.T) {
	t.Parallel()
	const good = `{"subscriptionType":"contact.creation","objectId":1,"occurredAt":1}`
	for body, want := range map[string]string{
		`{"subscriptionType":"contact.creation","objectId":1}`:                                                                    "element 1: occurredAt",
		`{"subscriptionType":"contact.creation","occurredAt":1}`:                                                                  "element 1: objectId",
		`{"subscriptionType":"contact.creation","objectId":-1,"occurredAt":1}`:                                                    "element 1: objectId",
		`{"subscriptionType":"contact.creation","objectId":1,"occurredAt":99999999999999999}`:                                     "element 1: occurredAt",
		`{"subscriptionType":"contact.propertyChange","objectId":1,"occurredAt":1}`:                                               "element 1: propertyName",
		`{"subscriptionType":"contact.merge","objectId":1,"occurredAt":1}`:                                                        "element 1: mergedObjectIds",
		`{"subscriptionType":"object.creation","objectId":1,"occurredAt":1}`:                                                      "element 1: objectTypeId",
		`{"objectId":1,"occurredAt":1}`:                                                                                           "element 1: subscriptionType",
		`{"subscriptionType":"contact.creation","objectId":"ann@example.com","occurredAt":1}`:                                     "element 1: objectId",
		`{"subscriptionType":"contact.propertyChange","objectId":1,"occurredAt":1,"propertyValue":{"ann":"lee"}}`:                 "element 1",
		`{"subscriptionType":"contact.associationChange","associationType":"CONTACT_TO_COMPANY","toObjectId":1,"occurredAt":1}`:   "element 1: fromObjectId",
		`{"subscriptionType":"company.associationChange","associationType":"COMPANY_TO_CONTACT","fromObjectId":1,"occurredAt":1}`: "element 1: fromObjectId or toObjectId",
		`{"subscriptionType":"contact.associationChange","associationType":"CONTACT_TO_COMPANY","fromObjectId":1,"toObjectId":2}`: "element 1: occurredAt",
		`7`: "element 1",
	} {
		changes, err := described(t).Parse([]byte("[" + good + "," + body + "]"))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "ann") || changes != nil {
			t.Errorf("%s: got %v, %v, want an error with %q and nobody's data", body, changes, err, want)
		}
	}
}

func TestEventsOfAnObjectThatCannotBeDescribedNowAreSentAgain(t *testing.T) {
	t.Parallel()
	_, err := described(t).Parse([]byte(`[{"subscriptionType":"deal.propertyChange","objectId":1,"occurredAt":1,"propertyName":"closedate","propertyValue":"1723741753648"}]`))
	var fault *event.Fault
	if !errors.As(err, &fault) || fault.Class != event.Transient {
		t.Errorf("got %v, want a transient fault: a value in the wrong form would pass for an edit", err)
	}
}

func FuzzParse(f *testing.F) {
	c := described(f)
	f.Add([]byte(`[{"subscriptionType":"contact.propertyChange","objectId":7,"occurredAt":1742077073905,"propertyName":"signed_at","propertyValue":"1723741753648"}]`))
	f.Add([]byte(`{"subscriptionType":"contact.merge","objectId":9,"occurredAt":1,"primaryObjectId":1,"mergedObjectIds":[1,2],"newObjectId":9}`))
	f.Add([]byte(`[{"subscriptionType":"company.associationChange","associationType":"COMPANY_TO_COMPANY","fromObjectId":1,"toObjectId":2,"occurredAt":1,"associationRemoved":true}]`))
	f.Add([]byte(`[{"subscriptionType":"object.restore","objectTypeId":"2-1","objectId":1,"occurredAt":1},null]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		changes, err := c.Parse(body)
		if err != nil {
			if changes != nil {
				t.Fatalf("an error and %d changes", len(changes))
			}
			return
		}
		for _, change := range changes {
			if change.Key.ID() == "" || change.Object == "" || change.Op == 0 || change.At.IsZero() {
				t.Fatalf("got %+v", change)
			}
			back, err := event.ParseChange(event.AppendChange(nil, &change))
			if err != nil || back.Key != change.Key || back.Position != change.Position {
				t.Fatalf("change does not survive its envelope: %+v, %v", change, err)
			}
		}
	})
}
