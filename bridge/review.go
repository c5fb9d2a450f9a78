package bridge

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/bridge/journal"
	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/bridge/merge"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

// Choices that a person has.
const (
	ChoiceConfirm = "confirm"
	ChoiceReject  = "reject"
)

func reviewName(mapping string, id recordID) string { return "review." + mapping + "." + id.token() }
func reviewPrefix(mapping string) string            { return "review." + mapping + "." }
func decidedName(id string) string                  { return "decided." + id }

// storedReview leads from the list of reviews to the link, which holds the rest.
type storedReview struct {
	Left event.Key `json:"left"`
}

// decided is what STATE keeps of a person's decision, so that asking for it
// again changes nothing.
type decided struct {
	Choice string    `json:"choice"`
	Value  *string   `json:"value,omitempty"`
	By     string    `json:"by"`
	At     time.Time `json:"at"`
}

// reviewID names one decision: mapping, record, and a digest of what is to be
// decided and since when.
func reviewID(mapping, token, what string, since time.Time) string {
	sum := sha256.Sum256([]byte(what + "\x00" + since.UTC().Format(time.RFC3339Nano)))
	return mapping + "." + token + "." + base64.RawURLEncoding.EncodeToString(sum[:8])
}

// putReview keeps the list of reviews as the link is.
func (r *record) putReview() error {
	n := r.link.Frozen()
	if n == 0 && r.reviews == 0 {
		return nil
	}
	var data []byte
	if n > 0 {
		var err error
		if data, err = json.Marshal(storedReview{r.link.Keys[mapping.Left]}); err != nil {
			return err
		}
	}
	id := recordID{mapping.Left, r.link.Keys[mapping.Left]}
	r.puts = append(r.puts, journal.Put{Key: reviewName(r.mapping().Name(), id), Data: data})
	r.lane.mapping.counts.reviews.Add(int64(n - r.reviews))
	r.reviews = n
	return nil
}

// reviewsOf lists what of a link waits for a person.
func (m *mappingRun) reviewsOf(l *merge.Link) []Review {
	var out []Review
	left, right := l.Keys[mapping.Left], l.Keys[mapping.Right]
	token := recordID{mapping.Left, left}.token()
	for i, f := range m.Fields() {
		field := &l.Fields[i]
		if field.Frozen == nil {
			continue
		}
		one := Review{ID: reviewID(m.Name(), token, fieldName(f), field.Frozen.Since), Mapping: m.Name(), Left: string(left), Right: string(right), Field: fieldName(f),
			Kind: field.Frozen.Kind, Message: m.mask(l, field.Frozen.Message), Since: field.Frozen.Since, Choices: []string{merge.ChooseLeft, merge.ChooseRight, merge.ChooseValue},
			LeftAt: field.Cell[mapping.Left].At, RightAt: field.Cell[mapping.Right].At}
		one.LeftValue, one.RightValue = show(f, field.Cell[mapping.Left].Now), show(f, field.Cell[mapping.Right].Now)
		if base := field.Cell[mapping.Left].Shadow; !base.IsUnchanged() {
			one.Base = show(f, base)
		}
		out = append(out, one)
	}
	if p := l.Parked; p.Deletion() {
		out = append(out, Review{ID: reviewID(m.Name(), token, p.Kind, p.At), Mapping: m.Name(), Left: string(left), Right: string(right), Kind: "delete",
			Message: p.Message, Since: p.At, Choices: []string{ChoiceConfirm, ChoiceReject}})
	}
	return out
}

func fieldName(f *mapping.Field) string { return f.Name(mapping.Left) + "=" + f.Name(mapping.Right) }

// masked stands for the value of a sensitive field.
const masked = "•••"

// show is a field's value for people.
func show(f *mapping.Field, v event.Value) string {
	if f.Sensitive() && v.IsSet() {
		return masked
	}
	return v.Display()
}

// mask takes the values of sensitive fields out of a text that others wrote,
// such as a vendor's error message.
func (m *mappingRun) mask(l *merge.Link, text string) string {
	if !m.sensitive || l == nil {
		return text
	}
	for i, f := range m.Fields() {
		if !f.Sensitive() {
			continue
		}
		for _, cell := range l.Fields[i].Cell {
			for _, v := range []event.Value{cell.Now, cell.Shadow} {
				if v.IsSet() && len(v.Text) > 1 {
					text = strings.ReplaceAll(text, v.Text, masked)
				}
			}
		}
	}
	return text
}

// note keeps decisions for the audit.
func (r *record) note(entries []merge.Entry) {
	for _, e := range entries {
		r.dirty = true
		r.lane.mapping.counts.decided(e.Kind)
		f := r.field(e.Field)
		one := journal.AuditEntry{At: r.lane.engine.clock().UTC(), Mapping: r.mapping().Name(), Key: string(r.auditKey()),
			Kind: e.Kind, Field: e.Field, Rule: e.Rule, Winner: e.Winner, Left: show(f, e.Left), Right: show(f, e.Right), Change: r.causes(), By: e.By,
			Text: r.lane.mapping.mask(r.link, e.Text)}
		if !e.Loser.IsUnchanged() {
			one.Text += "; lost: " + show(f, e.Loser)
		}
		if !e.Merged.IsUnchanged() {
			one.Text += "; value: " + show(f, e.Merged)
		}
		r.audit = append(r.audit, one)
	}
}

func (r *record) field(name string) *mapping.Field {
	for _, f := range r.mapping().Fields() {
		if fieldName(f) == name {
			return f
		}
	}
	return r.mapping().Fields()[0]
}

// auditKey is the key under which the record's history is found: the left one,
// as soon as it is known.
func (r *record) auditKey() event.Key {
	if r.link != nil && !r.link.Keys[mapping.Left].IsZero() {
		return r.link.Keys[mapping.Left]
	}
	return r.id.key
}

func (r *record) causes() string {
	return strings.TrimSpace(r.cause[mapping.Left] + " " + r.cause[mapping.Right])
}

// tell adds one line to the record's history in the audit.
func (r *record) tell(kind, text string) { r.tellOf(journal.AuditEntry{Kind: kind, Text: text}) }

// tellCarried adds a write that stands, with the values of both sides.
func (r *record) tellCarried(kind, text string, side mapping.Side, plan merge.Plan) {
	e := journal.AuditEntry{Kind: kind, Text: text, Winner: side.Other().String(), Source: r.mapping().End(side.Other()).Connection}
	for _, c := range plan.Carried(r.link) {
		f := r.mapping().Fields()[c.Field]
		e.Values = append(e.Values, journal.AuditValue{Field: fieldName(f), Left: show(f, c.Left), Right: show(f, c.Right)})
	}
	r.tellOf(e)
}

func (r *record) tellOf(e journal.AuditEntry) {
	if r.link != nil {
		e.Left, e.Right = string(r.link.Keys[mapping.Left]), string(r.link.Keys[mapping.Right])
		e.Text = r.lane.mapping.mask(r.link, e.Text)
	}
	e.At, e.Mapping, e.Key, e.Change = r.lane.engine.clock().UTC(), r.mapping().Name(), string(r.auditKey()), r.causes()
	r.audit = append(r.audit, e)
}

// byID splits the name of a decision.
func byID(id string) (mapping, token string, err error) {
	parts := strings.Split(id, ".")
	if len(parts) != 3 {
		return "", "", fmt.Errorf("%q is no id of a review: %w", id, ErrInvalid)
	}
	return parts[0], parts[1], nil
}
