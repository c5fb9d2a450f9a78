package hubspot

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// fault is a refused call, or a refused input of a batch.
type fault struct {
	status   int
	category string
	message  string

	subCategory string              // where the vendor gives one
	context     map[string][]string // what it is about: ids, objectWriteTraceId
	code        string              // errors[].code, where the vendor gives one
	policy      string              // policyName of a 429
}

func (f *fault) Error() string { return f.category + ": " + f.message }

// issue is one bad property value; a validation fault embeds a list of them.
type issue struct {
	IsValid   bool   `json:"isValid"`
	Message   string `json:"message"`
	Error     string `json:"error"`
	Name      string `json:"name"`
	Localized string `json:"localizedErrorMessage"`
}

func badValue(name, code, message string) *issue {
	return &issue{Message: message, Error: code, Name: name, Localized: message}
}

// invalidValues is the vendor's VALIDATION_ERROR: a sentence with JSON in it.
func invalidValues(issues []*issue) *fault {
	list, _ := json.Marshal(issues) // strings and bools: cannot fail
	return invalid("Property values were not valid: " + string(list))
}

func invalid(message string) *fault {
	return &fault{status: http.StatusBadRequest, category: "VALIDATION_ERROR", message: message}
}

func notFound() *fault {
	return &fault{status: http.StatusNotFound, category: "OBJECT_NOT_FOUND", message: "resource not found"}
}

// missing tells that ids of a batch are not there.
func missing(k *kind, ids ...string) *fault {
	return &fault{
		status: http.StatusNotFound, category: "OBJECT_NOT_FOUND",
		message: "Could not get some " + k.upper + " objects, they may be deleted or not exist. Check that ids are valid.",
		context: map[string][]string{"ids": ids},
	}
}

// taken tells that the email of a contact belongs to another one.
func taken(k *kind, existing int64) *fault {
	return &fault{
		status: http.StatusConflict, category: "CONFLICT",
		message: k.title + " already exists. Existing ID: " + strconv.FormatInt(existing, 10),
	}
}

// errorBody is the vendor's error body.
type errorBody struct {
	Status        string        `json:"status"`
	Message       string        `json:"message"`
	CorrelationID string        `json:"correlationId"`
	Category      string        `json:"category,omitempty"`
	ErrorType     string        `json:"errorType,omitempty"`
	PolicyName    string        `json:"policyName,omitempty"`
	RequestID     string        `json:"requestId,omitempty"`
	Errors        []errorDetail `json:"errors,omitempty"`
	Context       contexts      `json:"context,omitempty"`
}

type errorDetail struct {
	Message string `json:"message"`
	Code    string `json:"code,omitempty"`
}

type contexts map[string][]string

// body renders the fault for a response of its own.
func (f *fault) body(d *dice) []byte {
	body := errorBody{Status: "error", Message: f.message, CorrelationID: d.uuid(), Category: f.category, Context: f.context}
	if f.policy != "" {
		body.Category, body.ErrorType, body.PolicyName, body.RequestID = "", "RATE_LIMIT", f.policy, d.uuid()
	}
	if f.code != "" {
		body.Errors = []errorDetail{{Message: f.message, Code: f.code}}
	}
	text, _ := json.Marshal(body) // strings only: cannot fail
	return text
}

// batchError is one entry of errors[] in a 207.
type batchError struct {
	Status   string        `json:"status"`
	Category string        `json:"category"`
	Sub      string        `json:"subCategory,omitempty"`
	Message  string        `json:"message"`
	Errors   []errorDetail `json:"errors,omitempty"`
	Context  contexts      `json:"context"`
}

// inBatch renders the fault for errors[]; trace may be empty.
func (f *fault) inBatch(trace string) batchError {
	e := batchError{Status: "error", Category: f.category, Sub: f.subCategory, Message: f.message, Context: contexts{}}
	for name, values := range f.context {
		e.Context[name] = values
	}
	if trace != "" {
		e.Context["objectWriteTraceId"] = []string{trace}
	}
	if f.code != "" {
		e.Errors = []errorDetail{{Message: f.message, Code: f.code}}
	}
	return e
}
