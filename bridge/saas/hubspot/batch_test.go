package hubspot

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

const someProperties = `{"results":[{"name":"email","type":"string","fieldType":"text"},{"name":"signed_at","type":"datetime","fieldType":"date"}]}`

// fake is a connector to a HubSpot that answers writes as a test wants.
func fake(t *testing.T, answer func(batch batchBody) (int, string)) (*Connector, *atomic.Int32) {
	t.Helper()
	var calls atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/crm/v3/properties/") {
			io.WriteString(w, someProperties) //nolint:errcheck // the connector notices
			return
		}
		calls.Add(1)
		var batch batchBody
		if err := json.NewDecoder(r.Body).Decode(&batch); err != nil {
			t.Error(err)
		}
		status, body := answer(batch)
		w.WriteHeader(status)
		io.WriteString(w, body) //nolint:errcheck // the connector notices
	}))
	t.Cleanup(server.Close)
	c, err := New(Options{Connection: "crm", BaseURL: server.URL, Token: "token"})
	if err != nil {
		t.Fatal(err)
	}
	return c, &calls
}

func creates(n int) []event.Write {
	writes := make([]event.Write, n)
	for i := range writes {
		writes[i] = event.Write{Op: event.DoCreate, Object: "contacts", Set: event.Record{Names: []string{"email"}, Values: []event.Value{event.String(strconv.Itoa(i))}}}
	}
	return writes
}

func updates(n int) []event.Write {
	writes := creates(n)
	for i := range writes {
		writes[i].Op, writes[i].Key = event.DoUpdate, event.KeyOf(strconv.Itoa(100+i))
	}
	return writes
}

// all answers that every input of a batch was written.
func all(batch batchBody, traced bool) string {
	var results []string
	for _, in := range batch.Inputs {
		trace := ""
		if traced {
			trace = `,"objectWriteTraceId":"` + in.Trace + `"`
		}
		id := in.ID
		if id == "" {
			id = "9" + in.Properties["email"]
		}
		results = append(results, fmt.Sprintf(`{"id":%q,"properties":{"email":%q},"updatedAt":"2024-08-15T17:09:13.648Z"%s}`, id, in.Properties["email"], trace))
	}
	slices.Reverse(results) // HubSpot promises no order
	return `{"status":"COMPLETE","results":[` + strings.Join(results, ",") + `]}`
}

func TestABatchRefusedAsAWholeIsIsolated(t *testing.T) {
	t.Parallel()
	for _, names := range []bool{true, false} {
		c, calls := fake(t, func(batch batchBody) (int, string) {
			for _, in := range batch.Inputs {
				if in.Properties["email"] == "7" {
					context := ""
					if names {
						context = `,"context":{"objectWriteTraceId":["` + in.Trace + `"]}`
					}
					return 409, `{"category":"CONFLICT","message":"Contact already exists. Existing ID: 55"` + context + `}`
				}
			}
			return 201, all(batch, true)
		})
		results := c.Apply(context.Background(), creates(100))
		for i, r := range results {
			switch {
			case i == 7 && (r.Err == nil || r.Err.Class != event.Duplicate || r.Err.Existing != event.KeyOf("55")):
				t.Errorf("the bad input: got %v, want a duplicate of 55", r.Err)
			case i != 7 && (r.Err != nil || r.Key != event.KeyOf("9"+strconv.Itoa(i))):
				t.Errorf("input %d: got %s, %v", i, r.Key, r.Err)
			}
		}
		if got, most := calls.Load(), map[bool]int32{true: 2, false: 15}[names]; got > most {
			t.Errorf("named %v: %d calls, want at most %d", names, got, most)
		}
	}
}

func TestARefusalOfTheConnectionIsNotDivided(t *testing.T) {
	t.Parallel()
	for _, status := range []int{401, 403, 423, 429, 500, 503} {
		c, calls := fake(t, func(batchBody) (int, string) { return status, `{"category":"X","message":"no"}` })
		results := c.Apply(context.Background(), creates(10))
		for _, r := range results {
			if r.Err == nil || r.Err.Class == event.Gone {
				t.Errorf("status %d: got %v", status, r.Err)
			}
		}
		results[0].Err.Message = "changed by its owner"
		if results[1].Err.Message == results[0].Err.Message {
			t.Errorf("status %d: results share one fault", status)
		}
		if calls.Load() != 1 {
			t.Errorf("status %d: %d calls, want 1", status, calls.Load())
		}
	}
}

func TestResultsWithoutTraceIDs(t *testing.T) {
	t.Parallel()
	c, _ := fake(t, func(batch batchBody) (int, string) { return 200, all(batch, false) })
	for i, r := range c.Apply(context.Background(), updates(5)) {
		if r.Err != nil || r.Key != event.KeyOf(strconv.Itoa(100+i)) || r.After.Get("email").Text != strconv.Itoa(i) {
			t.Errorf("update %d: got %+v, want it by its id", i, r)
		}
	}
	for _, r := range c.Apply(context.Background(), creates(2)) {
		if r.Err == nil || r.Err.Class != event.InDoubt {
			t.Errorf("a create that no result can be told to be of: got %+v, want it in doubt", r)
		}
	}
	if r := c.Apply(context.Background(), creates(1))[0]; r.Err != nil || r.Key != event.KeyOf("90") {
		t.Errorf("a lone create: got %+v", r)
	}
}

func TestAnAnswerThatLeavesInputsOut(t *testing.T) {
	t.Parallel()
	c, _ := fake(t, func(batch batchBody) (int, string) {
		batch.Inputs = batch.Inputs[:1]
		return 207, strings.TrimSuffix(all(batch, true), "}") + `,"errors":[{"category":"INTERNAL_ERROR","message":"oops"}]}`
	})
	results := c.Apply(context.Background(), updates(2))
	if results[0].Err != nil || results[1].Err == nil || results[1].Err.Class != event.Transient || results[1].Err.Code != "INTERNAL_ERROR" {
		t.Errorf("one fault, one input: got %v, %v", results[0].Err, results[1].Err)
	}
	results = c.Apply(context.Background(), updates(3))
	for _, r := range results[1:] {
		if r.Err == nil || r.Err.Class != event.InDoubt {
			t.Errorf("one fault, two inputs: got %v, want in doubt", r.Err)
		}
	}
}

func TestAfterTakesWhatTheAnswerLeavesOutForCleared(t *testing.T) {
	t.Parallel()
	c, _ := fake(t, func(batch batchBody) (int, string) {
		return 200, `{"results":[{"id":"100","properties":{"hs_object_id":"100"},"objectWriteTraceId":"` + batch.Inputs[0].Trace + `"}]}`
	})
	w := updates(1)
	w[0].Set = event.Record{}
	w[0].Set.Put("email", event.NullOf(event.Text))
	w[0].Set.Put("signed_at", event.String("2024-08-15T17:09:13Z"))
	r := c.Apply(context.Background(), w)[0]
	if r.Err != nil || !r.After.Get("email").IsNull() || !r.After.Get("signed_at").IsUnchanged() || !r.At.IsZero() {
		t.Errorf("got %+v, %v", r, r.Err)
	}
}

func TestAKeyThatIsNoIDIsRejectedAlone(t *testing.T) {
	t.Parallel()
	c, _ := fake(t, func(batch batchBody) (int, string) { return 200, all(batch, true) })
	w := updates(2)
	w[0].Key = event.KeyOf("../contacts")
	results := c.Apply(context.Background(), w)
	if results[0].Err == nil || results[0].Err.Class != event.Rejected || results[1].Err != nil {
		t.Errorf("got %v, %v", results[0].Err, results[1].Err)
	}
}

func TestAReadThatFailsInPartFails(t *testing.T) {
	t.Parallel()
	c, _ := fake(t, func(batchBody) (int, string) {
		return 207, `{"results":[],"errors":[{"category":"INTERNAL_ERROR","message":"oops"}]}`
	})
	if _, err := c.Read(context.Background(), "contacts", []event.Key{event.KeyOf("1")}, []string{"email"}); err == nil {
		t.Errorf("records that could not be read pass for absent")
	}
}

func TestArchivingWhatIsNotThereIsDone(t *testing.T) {
	t.Parallel()
	for _, answer := range []struct {
		status int
		body   string
	}{
		{204, ""},
		{404, `{"category":"OBJECT_NOT_FOUND","message":"m"}`},
		{404, `{"category":"OBJECT_NOT_FOUND","message":"m","context":{"ids":["100"]}}`},
		{207, `{"errors":[{"category":"OBJECT_NOT_FOUND","message":"m","context":{"ids":["100"]}}]}`},
	} {
		c, _ := fake(t, func(batch batchBody) (int, string) {
			for _, in := range batch.Inputs {
				if in.ID == "" || in.Properties != nil {
					t.Errorf("got input %+v, want an id", in)
				}
				if in.ID == "100" {
					return answer.status, answer.body
				}
			}
			return 204, ""
		})
		w := updates(3)
		for i := range w {
			w[i].Op = event.DoDelete
		}
		for i, r := range c.Apply(context.Background(), w) {
			if r.Err != nil || r.Key != w[i].Key {
				t.Errorf("answer %d %s: write %d: got %s, %v", answer.status, answer.body, i, r.Key, r.Err)
			}
		}
	}
}

func TestWhatCouldNotBeArchivedIsTold(t *testing.T) {
	t.Parallel()
	for context, want := range map[string]int{`{"ids":["101"]}`: 1, `{}`: 3} {
		c, _ := fake(t, func(batchBody) (int, string) {
			return 207, `{"errors":[{"category":"VALIDATION_ERROR","message":"it is locked","context":` + context + `}]}`
		})
		w := updates(3)
		for i := range w {
			w[i].Op = event.DoDelete
		}
		failed := 0
		for _, r := range c.Apply(t.Context(), w) {
			if r.Err != nil && r.Err.Class == event.Rejected {
				failed++
			}
		}
		if failed != want {
			t.Errorf("context %s: %d archives failed, want %d", context, failed, want)
		}
	}
}

func TestAPropertyThatIsNotDescribedIsNoNull(t *testing.T) {
	t.Parallel()
	c, _ := fake(t, func(batchBody) (int, string) {
		return 200, `{"results":[{"id":"1","properties":{"email":null,"vanished":null},"updatedAt":"2024-08-15T17:09:13.648Z"}]}`
	})
	found, err := c.Read(context.Background(), "contacts", []event.Key{event.KeyOf("1")}, []string{"email", "vanished"})
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	if got := found[0].Record; !got.Get("email").IsNull() || !got.Get("vanished").IsUnchanged() {
		t.Errorf("got %+v, want nothing said of the property that is gone", got)
	}
}

func TestABatchRefusedForOneAssociationIsIsolated(t *testing.T) {
	t.Parallel()
	c, calls := fake(t, func(batch batchBody) (int, string) {
		for _, in := range batch.Inputs {
			if len(in.Associations) > 0 && in.Associations[0].To.ID == "77" {
				return 404, `{"category":"OBJECT_NOT_FOUND","message":"Could not get some COMPANY objects","context":{"ids":["77"]}}`
			}
		}
		return 201, all(batch, true)
	})
	writes := creates(100)
	writes[7].Set.Put("associations.companies", event.String("77"))
	for i, r := range c.Apply(context.Background(), writes) {
		switch {
		case i == 7 && (r.Err == nil || r.Err.Class != event.Rejected || r.Err.Field != "associations.companies" || !strings.Contains(r.Err.Message, "77")):
			t.Errorf("the bad input: got %v, want the association rejected", r.Err)
		case i != 7 && r.Err != nil:
			t.Errorf("input %d: got %v", i, r.Err)
		}
	}
	if calls.Load() != 2 {
		t.Errorf("%d calls, want 2: HubSpot names what it is about", calls.Load())
	}
}
