package event

import (
	"fmt"
	"time"
)

// Class is the one classification of failed deliveries. What follows from a
// class is decided in one place, the delivery of package bridge.
type Class uint8

const (
	Transient    Class = iota // try again later: network, 5xx, deadlock, restart
	Throttled                 // the side asks for patience: wait RetryAfter, then go on
	Rejected                  // will fail again until a person changes data or configuration: park the record
	Unauthorized              // the whole connection is refused: stop sending, say so, try now and then
	Gone                      // the record is not there any more
	Duplicate                 // a record with this key or match value exists already: Existing names it when the side tells
	GuardMissed               // the record does not hold what Guard says: another edit came first
	InDoubt                   // the write may or may not have happened (a timeout after it was sent)
)

var classNames = [...]string{"transient", "throttled", "rejected", "unauthorized", "gone", "duplicate", "guard missed", "in doubt"}

func (c Class) String() string {
	if int(c) < len(classNames) {
		return classNames[c]
	}
	return "unknown"
}

// Fault is a failed delivery: its class, and a message for the person on call
// that says what the side said. It never holds a secret.
type Fault struct {
	Class      Class
	Message    string        // what the side said, bounded, fit to show
	Code       string        // the side's own error code: 23505, VALIDATION_ERROR
	Field      string        // the field at fault, where the side tells
	Existing   Key           // Duplicate: the record that is there already
	RetryAfter time.Duration // Throttled, Transient: the side's wish; 0 = none
	Alone      bool          // Transient: only this write's bad luck (a locked row, a deadlock); the side itself is well
	Err        error         // the cause, for errors.Is
}

func (f *Fault) Error() string {
	msg := f.Message
	if f.Code != "" {
		msg = f.Code + ": " + msg
	}
	return fmt.Sprintf("%s: %s", f.Class, msg)
}

// Unwrap returns the cause.
func (f *Fault) Unwrap() error { return f.Err }
