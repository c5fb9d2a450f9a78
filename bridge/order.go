package bridge

import (
	"errors"
	"time"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// What a person asks for can fail in three ways; the error says more.
var (
	ErrNotFound = errors.New("there is no such thing")
	ErrDecided  = errors.New("it was decided otherwise")
	ErrInvalid  = errors.New("this cannot be asked for")
)

// RecordRef names a record by the key of one of its sides.
type RecordRef struct{ Left, Right event.Key }

// Review is one decision that waits for a person.
type Review struct {
	ID         string    `json:"id"`
	Mapping    string    `json:"mapping"`
	Left       string    `json:"left,omitempty"`
	Right      string    `json:"right,omitempty"`
	Field      string    `json:"field,omitempty"`
	Kind       string    `json:"kind"` // conflict, breaker, merge, delete, fuse
	Message    string    `json:"message"`
	LeftValue  string    `json:"left_value,omitempty"`
	RightValue string    `json:"right_value,omitempty"`
	Base       string    `json:"base,omitempty"`
	LeftAt     time.Time `json:"left_at,omitzero"`
	RightAt    time.Time `json:"right_at,omitzero"`
	Since      time.Time `json:"since"`
	Choices    []string  `json:"choices"`
	Held       int       `json:"held,omitempty"` // of a fuse: how many deletions wait
}

// ReviewFilter chooses reviews; a zero field chooses all.
type ReviewFilter struct {
	Mapping, Kind, Field string
	Ref                  RecordRef
	Limit                int
}

// Choice is what a person decided about one review.
type Choice struct {
	ID     string  `json:"id"`
	Choice string  `json:"choice"`          // left, right, value; confirm, reject
	Value  *string `json:"value,omitempty"` // of the choice value, in the left side's form; nil is null
	By     string  `json:"by"`
}

// Outcome is what became of an order.
type Outcome struct {
	ID      string `json:"id,omitempty"`
	Mapping string `json:"mapping"`
	Left    string `json:"left,omitempty"`
	Right   string `json:"right,omitempty"`
	Done    string `json:"done"`              // what was done, in words
	Already bool   `json:"already,omitempty"` // it had been done before
	Records int    `json:"records"`
}

// ParkedFilter chooses parked records; a zero field chooses all.
type ParkedFilter struct {
	Mapping, Kind string
	Ref           RecordRef
	Limit         int
}

// RecordState is what is known of one pair of records.
type RecordState struct {
	Mapping string        `json:"mapping"`
	Left    string        `json:"left,omitempty"`
	Right   string        `json:"right,omitempty"`
	State   string        `json:"state"`
	Gone    []string      `json:"gone,omitempty"` // the sides on which it does not exist any more
	Fields  []FieldState  `json:"fields"`
	Reviews []Review      `json:"reviews,omitempty"`
	Parked  *ParkedRecord `json:"parked,omitempty"`
}

// FieldState is one field of a pair, as both sides are believed to hold it.
type FieldState struct {
	Field   string    `json:"field"`
	Left    string    `json:"left"`
	Right   string    `json:"right"`
	LeftAt  time.Time `json:"left_at,omitzero"`
	RightAt time.Time `json:"right_at,omitzero"`
	Pending string    `json:"pending,omitempty"` // why the two differ: an edit is on its way, waits, is frozen
}
