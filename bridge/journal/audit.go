package journal

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// AuditEntry is one thing that Lockstep decided or did about a record.
type AuditEntry struct {
	At      time.Time    `json:"at"`
	Mapping string       `json:"mapping,omitempty"`
	Key     string       `json:"key,omitempty"` // the left record's key
	Kind    string       `json:"kind"`          // conflict, carried, parked, created, linked, deleted, …
	Field   string       `json:"field,omitempty"`
	Rule    string       `json:"rule,omitempty"`
	Winner  string       `json:"winner,omitempty"`
	Left    string       `json:"left,omitempty"`
	Right   string       `json:"right,omitempty"`
	Values  []AuditValue `json:"values,omitempty"` // of an entry about several fields
	Change  string       `json:"change,omitempty"` // the id of the change that led to it
	Source  string       `json:"source,omitempty"` // the connection whose edit it was
	By      string       `json:"by,omitempty"`     // the person who decided it
	Text    string       `json:"text,omitempty"`
}

// AuditValue is one field of an entry, as both sides hold it afterwards.
type AuditValue struct {
	Field string `json:"field"`
	Left  string `json:"left"`
	Right string `json:"right"`
}

// AuditFilter chooses entries of the audit; a zero field chooses all.
type AuditFilter struct {
	Mapping string
	Key     string
	Kind    string
	Field   string    // of the entry, or of one of its values
	Since   time.Time // at or after
	Until   time.Time // before
	Limit   int       // only the newest so many, held in memory
}

// Audit writes the entries and returns nil when they are on disk, in order.
func (j *Journal) Audit(ctx context.Context, entries ...AuditEntry) error {
	msgs, err := auditMessages(entries)
	if err != nil {
		return err
	}
	return j.audit.write(ctx, msgs)
}

// AuditAsync is Audit without waiting, under StoreAsync's terms.
func (j *Journal) AuditAsync(entries []AuditEntry, done func(error)) {
	msgs, err := auditMessages(entries)
	if err != nil {
		done(err)
		return
	}
	j.audit.writeAsync(msgs, done)
}

func auditMessages(entries []AuditEntry) ([]message, error) {
	msgs := make([]message, len(entries))
	for i, e := range entries {
		data, err := json.Marshal(e)
		if err != nil {
			return nil, fmt.Errorf("write audit entry: %w", err)
		}
		msgs[i] = message{subject: auditSubject(token(e.Mapping), bucket(e.Key), token(e.Kind)), data: data}
	}
	return msgs, nil
}

func auditSubject(mapping, bucket, kind string) string {
	return "audit." + mapping + "." + bucket + "." + kind
}

// bucket spreads records over subjects without a subject for each: the
// server holds every subject in memory.
func bucket(key string) string {
	if key == "" {
		return "_"
	}
	return event.Key(key).Token()[:2]
}

// token is s as part of a subject, "_" for what cannot stand there; the entry
// itself always holds the exact text.
func token(s string) string {
	if !isToken(s) {
		return "_"
	}
	return s
}

func (f *AuditFilter) takes(e *AuditEntry) bool {
	return (f.Field == "" || e.about(f.Field)) && (f.Mapping == "" || e.Mapping == f.Mapping) && (f.Key == "" || e.Key == f.Key) && (f.Kind == "" || e.Kind == f.Kind) &&
		(f.Since.IsZero() || !e.At.Before(f.Since)) && (f.Until.IsZero() || e.At.Before(f.Until))
}

// about tells whether the entry speaks of a field, named left=right, or by
// either side's name alone.
func (e *AuditEntry) about(field string) bool {
	is := func(name string) bool {
		left, right, _ := strings.Cut(name, "=")
		return name == field || left == field || right == field
	}
	return e.Field != "" && is(e.Field) || slices.ContainsFunc(e.Values, func(v AuditValue) bool { return is(v.Field) })
}
