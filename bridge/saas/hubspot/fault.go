package hubspot

import (
	"bytes"
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/bridge/saas"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

const (
	rateWindow = 10 * time.Second
	// dailyPause is how long a connection rests whose daily limit is used up.
	// The limit is renewed at midnight in the account's time zone, which the
	// answer does not tell.
	dailyPause = time.Hour
	lockPause  = 2 * time.Second // 423 lasts that long
	maxMove    = 24 * time.Hour  // 477, the account is being moved, lasts at most that long
)

// problem is HubSpot's error, as a body or as an entry of errors in a 207. Every
// member is optional.
type problem struct {
	Category   string              `json:"category"`
	Message    string              `json:"message"`
	ErrorType  string              `json:"errorType"`
	PolicyName string              `json:"policyName"`
	Errors     []problemDetail     `json:"errors"`
	Context    map[string][]string `json:"context"`
}

type problemDetail struct {
	Message string              `json:"message"`
	Code    string              `json:"code"`
	Context map[string][]string `json:"context"`
}

// invalid is one of the issues in the message of a VALIDATION_ERROR.
type invalid struct {
	Message string `json:"message"`
	Error   string `json:"error"`
	Name    string `json:"name"`
}

var (
	existingID    = regexp.MustCompile(`Existing ID:\s*(\d+)`)
	takenValue    = regexp.MustCompile(`(\d+) already has that value`)
	takenProperty = regexp.MustCompile(`propertyName=([A-Za-z0-9_]+)`)
)

// Classify says what an answer of HubSpot means.
func (v vendor) Classify(a saas.Answer) *event.Fault {
	f := saas.FaultOf(a, v.now())
	var p problem
	known := json.Unmarshal(a.Body, &p) == nil && (p.Category != "" || p.Message != "" || p.ErrorType != "")
	if known {
		f.Message, f.Code = p.Message, p.code(f.Code)
	}
	switch a.Status {
	case http.StatusTooManyRequests:
		f.RetryAfter = throttledFor(p.PolicyName, f.RetryAfter)
	case http.StatusLocked:
		f.RetryAfter = lockPause
	case 477: // the account is being moved between data centres
		f.Class, f.RetryAfter = event.Transient, min(f.RetryAfter, maxMove)
	case http.StatusForbidden:
		p.forbidden(f)
	case http.StatusNotFound:
		if !known { // HubSpot's own 404 is JSON: this one does not come from the CRM
			f.Class = event.Rejected
			f.Message = "there is no such API path: check the object's name and the connection's base URL"
		}
	case http.StatusBadRequest, http.StatusConflict:
		p.refine(f)
	}
	if a.Status >= 500 && !known && bytes.Contains(a.Body, []byte("<")) {
		f.Message += " (a gateway's page, not the CRM's answer)"
	}
	return f
}

// throttledFor is how long a 429 means. HubSpot's Retry-After is not dependable
// and at times in milliseconds: no wait longer than the limit's own window.
func throttledFor(policy string, retryAfter time.Duration) time.Duration {
	switch policy {
	case "DAILY":
		return dailyPause
	case "SECONDLY":
		return time.Second
	}
	if retryAfter > rateWindow {
		retryAfter /= 1000
	}
	if retryAfter <= 0 || retryAfter > rateWindow {
		return rateWindow
	}
	return retryAfter
}

// fault classifies an entry of errors in a 207: that input was not applied.
func (p *problem) fault() *event.Fault {
	f := &event.Fault{Class: event.Rejected, Code: p.code(""), Message: p.Message}
	switch category := p.code(""); {
	case strings.HasPrefix(category, "RATE_LIMIT"):
		f.Class, f.RetryAfter = event.Throttled, throttledFor(p.PolicyName, 0)
	case category == "OBJECT_NOT_FOUND":
		f.Class = event.Gone
	case strings.Contains(category, "INTERNAL"), strings.Contains(category, "TIMEOUT"), strings.Contains(category, "UNAVAILABLE"):
		f.Class = event.Transient
	default:
		p.refine(f)
	}
	return f
}

// code is the category, or what stands in for it.
func (p *problem) code(fallback string) string {
	switch {
	case p.Category != "":
		return p.Category
	case p.ErrorType != "":
		return p.ErrorType
	}
	return fallback
}

// refine finds duplicates and the field at fault.
func (p *problem) refine(f *event.Fault) {
	conflict := p.Category == "CONFLICT" || p.Category == "OBJECT_ALREADY_EXISTS"
	for _, detail := range p.Errors {
		conflict = conflict || detail.Code == "CONFLICTING_UNIQUE_VALUE"
	}
	for _, pattern := range []*regexp.Regexp{existingID, takenValue} {
		if m := pattern.FindStringSubmatch(p.Message); m != nil {
			conflict = true
			if n, err := strconv.ParseUint(m[1], 10, 64); err == nil && n > 0 { // 0 stands for an input of the same batch
				f.Existing = event.KeyOf(m[1])
			}
		}
	}
	if conflict {
		f.Class = event.Duplicate
		if m := takenProperty.FindStringSubmatch(p.Message); m != nil {
			f.Field = m[1]
		}
		return
	}
	f.Class = event.Rejected
	if issues := p.issues(); len(issues) > 0 {
		f.Field = issues[0].Name
		var texts []string
		for _, issue := range issues {
			texts = append(texts, issue.Name+": "+issue.Message+" ("+issue.Error+")")
		}
		f.Message = strings.Join(texts, "; ")
	} else if names := p.Context["properties"]; len(names) > 0 {
		f.Field = names[0]
		f.Message += " [" + strings.Join(names, ", ") + "]"
	}
}

// issues reads the JSON that the message of a VALIDATION_ERROR ends in.
func (p *problem) issues() []invalid {
	start := strings.Index(p.Message, "[{")
	if start < 0 {
		return nil
	}
	var issues []invalid
	if json.NewDecoder(strings.NewReader(p.Message[start:])).Decode(&issues) != nil {
		return nil // the message as it is says it all
	}
	return issues
}

// missingScopes is how HubSpot says that the token may not do this at all.
const missingScopes = "MISSING_SCOPES"

// forbidden classifies a 403. One for missing scopes is no record's own: the
// next one would be refused the same way, so the connection waits for whoever
// can grant them, instead of parking one record after the other.
func (p *problem) forbidden(f *event.Fault) {
	var missing []string
	for _, detail := range p.Errors {
		missing = append(missing, detail.Context["requiredGranularScopes"]...)
		missing = append(missing, detail.Context["requiredScopes"]...)
	}
	if p.Category == missingScopes || len(missing) > 0 {
		f.Class, f.Code = event.Unauthorized, missingScopes
	}
	if len(missing) > 0 {
		f.Message += " (grant the app these scopes: " + strings.Join(missing, ", ") + ")"
	}
}
