package hubspot

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/bridge/saas"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

func TestAnswersAreClassified(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, c := range []struct {
		name       string
		status     int
		retryAfter string
		body       string
		want       event.Fault // Message: a part of it
	}{
		{"a bad value", 400, "", `{"status":"error","message":"Property values were not valid: [{\"isValid\":false,\"message\":\"Email address x is invalid\",\"error\":\"INVALID_EMAIL\",\"name\":\"email\"},{\"isValid\":false,\"message\":\"no\",\"error\":\"INVALID_OPTION\",\"name\":\"tier\"}]","correlationId":"c","category":"VALIDATION_ERROR"}`,
			event.Fault{Class: event.Rejected, Code: "VALIDATION_ERROR", Field: "email", Message: "email: Email address x is invalid (INVALID_EMAIL); tier: no (INVALID_OPTION)"}},
		{"a bad value told otherwise", 400, "", `{"message":"[{ is what this is about","category":"VALIDATION_ERROR"}`,
			event.Fault{Class: event.Rejected, Code: "VALIDATION_ERROR", Message: "[{ is what this is about"}},
		{"a missing stage", 400, "", `{"message":"Some required properties were not set.","category":"VALIDATION_ERROR","context":{"properties":["dealstage"]}}`,
			event.Fault{Class: event.Rejected, Code: "VALIDATION_ERROR", Field: "dealstage", Message: "Some required properties were not set. [dealstage]"}},
		{"a contact that exists", 409, "", `{"message":"Contact already exists. Existing ID: 3401","category":"CONFLICT"}`,
			event.Fault{Class: event.Duplicate, Code: "CONFLICT", Existing: event.KeyOf("3401"), Message: "Existing ID: 3401"}},
		{"a contact that exists, unnamed", 409, "", `{"message":"Contact already exists.","category":"CONFLICT"}`,
			event.Fault{Class: event.Duplicate, Code: "CONFLICT", Message: "already exists"}},
		{"a unique value that is taken", 400, "", `{"message":"Cannot set PropertyValueCoordinates{objectTypeId=0-1, propertyName=external_id, value=7} on 12. 34 already has that value.","category":"VALIDATION_ERROR","errors":[{"message":"m","code":"CONFLICTING_UNIQUE_VALUE"}]}`,
			event.Fault{Class: event.Duplicate, Code: "VALIDATION_ERROR", Field: "external_id", Existing: event.KeyOf("34"), Message: "34 already has"}},
		{"a unique value taken by the same batch", 400, "", `{"message":"Cannot set PropertyValueCoordinates{objectTypeId=0-1, propertyName=x, value=7} on a new record. 0 already has that value.","category":"VALIDATION_ERROR"}`,
			event.Fault{Class: event.Duplicate, Code: "VALIDATION_ERROR", Field: "x", Message: "0 already has"}},
		{"a record that is not there", 404, "", `{"message":"resource not found","category":"OBJECT_NOT_FOUND"}`,
			event.Fault{Class: event.Gone, Code: "OBJECT_NOT_FOUND", Message: "resource not found"}},
		{"a path that is not there", 404, "", `<html>404</html>`, event.Fault{Class: event.Rejected, Code: "404", Message: "check the object's name"}},
		{"an expired token", 401, "", `{"message":"The token expired","category":"EXPIRED_AUTHENTICATION"}`,
			event.Fault{Class: event.Unauthorized, Code: "EXPIRED_AUTHENTICATION", Message: "expired"}},
		{"a missing scope", 403, "", `{"message":"This app hasn't been granted all required scopes","category":"MISSING_SCOPES","errors":[{"message":"m","context":{"requiredGranularScopes":["crm.objects.contacts.write"]}}]}`,
			event.Fault{Class: event.Unauthorized, Code: "MISSING_SCOPES", Message: "grant the app these scopes: crm.objects.contacts.write"}},
		{"a scope that is named only", 403, "", `{"message":"no","errors":[{"message":"m","context":{"requiredScopes":["tickets"]}}]}`,
			event.Fault{Class: event.Unauthorized, Code: "MISSING_SCOPES", Message: "grant the app these scopes: tickets"}},
		{"a record that is not for this token", 403, "", `{"message":"no","category":"FORBIDDEN"}`, event.Fault{Class: event.Rejected, Code: "FORBIDDEN", Message: "no"}},
		{"ten seconds used up", 429, "", `{"message":"You have reached your ten_secondly_rolling limit.","errorType":"RATE_LIMIT","policyName":"TEN_SECONDLY_ROLLING"}`,
			event.Fault{Class: event.Throttled, Code: "RATE_LIMIT", RetryAfter: 10 * time.Second, Message: "ten_secondly"}},
		{"ten seconds used up, told in seconds", 429, "3", `{"policyName":"TEN_SECONDLY_ROLLING","errorType":"RATE_LIMIT"}`,
			event.Fault{Class: event.Throttled, Code: "RATE_LIMIT", RetryAfter: 3 * time.Second}},
		{"ten seconds used up, told in milliseconds", 429, "4500", `{"policyName":"TEN_SECONDLY_ROLLING","errorType":"RATE_LIMIT"}`,
			event.Fault{Class: event.Throttled, Code: "RATE_LIMIT", RetryAfter: 4500 * time.Millisecond}},
		{"a second used up", 429, "", `{"policyName":"SECONDLY","errorType":"RATE_LIMIT"}`, event.Fault{Class: event.Throttled, Code: "RATE_LIMIT", RetryAfter: time.Second}},
		{"the day used up", 429, "1", `{"policyName":"DAILY","errorType":"RATE_LIMIT"}`, event.Fault{Class: event.Throttled, Code: "RATE_LIMIT", RetryAfter: time.Hour}},
		{"too many calls, told by nobody", 429, "", ``, event.Fault{Class: event.Throttled, Code: "429", RetryAfter: 10 * time.Second, Message: "Too Many Requests"}},
		{"locked", 423, "", ``, event.Fault{Class: event.Transient, Code: "423", RetryAfter: 2 * time.Second, Message: "Locked"}},
		{"being moved", 477, "600", ``, event.Fault{Class: event.Transient, Code: "477", RetryAfter: 10 * time.Minute, Message: "477"}},
		{"a gateway", 502, "", `<html><h1>502</h1>`, event.Fault{Class: event.Transient, Code: "502", Message: "gateway"}},
		{"a shield", 521, "", ``, event.Fault{Class: event.Transient, Code: "521", Message: "521"}},
		{"an inner error", 500, "", `{"status":"error","message":"internal error"}`, event.Fault{Class: event.Transient, Code: "500", Message: "internal error"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := http.Header{}
			if c.retryAfter != "" {
				h.Set("Retry-After", c.retryAfter)
			}
			got := *vendor{now: func() time.Time { return now }}.Classify(saas.Answer{Status: c.status, Header: h, Body: []byte(c.body)})
			if !strings.Contains(got.Message, c.want.Message) {
				t.Errorf("got message %q, want %q in it", got.Message, c.want.Message)
			}
			got.Message = c.want.Message
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("fault differs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTheBudgetIsRead(t *testing.T) {
	t.Parallel()
	h := http.Header{}
	for name, value := range map[string]string{"Max": "190", "Remaining": "17", "Interval-Milliseconds": "10000", "Daily": "625000", "Daily-Remaining": "12"} {
		h.Set("X-HubSpot-RateLimit-"+name, value)
	}
	want := saas.Budget{Max: 190, Remaining: 17, Interval: 10 * time.Second, Daily: 625000, DailyRemaining: 12}
	if got := (vendor{}).Budget(h); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := (vendor{}).Budget(http.Header{"X-Hubspot-Ratelimit-Max": {"many"}}); got != (saas.Budget{}) {
		t.Errorf("garbled headers: got %+v, want none", got)
	}
}
