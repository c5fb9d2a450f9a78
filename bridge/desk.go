package bridge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/bridge/journal"
	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/bridge/merge"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

// byOrder finds a mapping that an order is about.
func (e *Engine) mappingOf(name string) (*mappingRun, error) {
	if m := e.byName[name]; m != nil {
		return m, nil
	}
	return nil, fmt.Errorf("mapping %q: %w", name, ErrNotFound)
}

// Reviews lists what waits for a person, oldest first.
func (e *Engine) Reviews(ctx context.Context, f ReviewFilter) ([]Review, error) {
	var out []Review
	for _, m := range e.mappings {
		if f.Mapping != "" && f.Mapping != m.Name() {
			continue
		}
		if err := e.reviews(ctx, m, &f, &out); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(out, func(a, b Review) int { return a.Since.Compare(b.Since) })
	if f.Limit > 0 && len(out) > f.Limit {
		out = out[:f.Limit]
	}
	return out, nil
}

func (f *ReviewFilter) takes(r *Review) bool {
	left, right, _ := strings.Cut(r.Field, "=")
	return (f.Kind == "" || f.Kind == r.Kind) && (f.Field == "" || f.Field == r.Field || f.Field == left || f.Field == right) &&
		(f.Ref.Left.IsZero() || string(f.Ref.Left) == r.Left) && (f.Ref.Right.IsZero() || string(f.Ref.Right) == r.Right)
}

func (e *Engine) reviews(ctx context.Context, m *mappingRun, f *ReviewFilter, out *[]Review) error {
	add := func(r Review) {
		if f.takes(&r) {
			*out = append(*out, r)
		}
	}
	for _, side := range mapping.Sides {
		if b := m.fuses[side].state(); b != nil {
			add(m.fuseReview(side, b))
		}
	}
	of := func(left event.Key) error {
		link, err := m.lanes[0].loadLink(left)
		if err != nil || link == nil {
			return err
		}
		for _, r := range m.reviewsOf(link) {
			add(r)
		}
		return nil
	}
	seen := map[event.Key]bool{}
	err := e.journal.Scan(ctx, reviewPrefix(m.Name()), func(_ string, data []byte) error {
		var stored storedReview
		if err := json.Unmarshal(data, &stored); err != nil {
			return fmt.Errorf("read review of mapping %s: %w", m.Name(), err)
		}
		seen[stored.Left] = true
		return of(stored.Left)
	})
	if err != nil {
		return err
	}
	return e.scanParked(ctx, m, func(p *ParkedRecord) error {
		if left := event.Key(p.Left); p.deletion() && !seen[left] {
			return of(left)
		}
		return nil
	})
}

func (p *ParkedRecord) deletion() bool { return (&merge.Parked{Kind: p.Kind}).Deletion() }

// Choose carries a person's decision out.
func (e *Engine) Choose(ctx context.Context, c Choice) (Outcome, error) {
	name, token, err := byID(c.ID)
	if err != nil {
		return Outcome{}, err
	}
	m, err := e.mappingOf(name)
	if err != nil {
		return Outcome{}, err
	}
	if c.By == "" {
		return Outcome{}, fmt.Errorf("a decision needs the name of who made it: %w", ErrInvalid)
	}
	for _, side := range mapping.Sides {
		if b := m.fuses[side].state(); b != nil && m.fuseReview(side, b).ID == c.ID {
			return e.chooseFuse(ctx, m, side, c)
		}
	}
	id, err := e.reviewed(ctx, m, token)
	if err != nil {
		return Outcome{}, err
	}
	if id == (recordID{}) {
		return e.decidedBefore(ctx, m, c)
	}
	var out Outcome
	err = m.lane(id).order(ctx, id, func(r *record) ([]journal.Put, error) {
		var err error
		out, err = r.choose(c)
		if err != nil {
			return nil, err
		}
		data, err := json.Marshal(decided{c.Choice, c.Value, c.By, e.clock().UTC()})
		return []journal.Put{put(decidedName(c.ID), data)}, err
	})
	if errors.Is(err, ErrNotFound) {
		return e.decidedBefore(ctx, m, c)
	}
	return out, err
}

// reviewed finds the record behind a review's id.
func (e *Engine) reviewed(ctx context.Context, m *mappingRun, token string) (recordID, error) {
	data, found, err := e.journal.Load(ctx, reviewPrefix(m.Name())+token)
	if err != nil {
		return recordID{}, err
	}
	if found {
		var stored storedReview
		err := json.Unmarshal(data, &stored)
		return recordID{mapping.Left, stored.Left}, err
	}
	p, err := e.parkedRecord(ctx, m, token)
	if err != nil || p == nil {
		return recordID{}, err
	}
	return p.id(token), nil
}

// decidedBefore answers a decision that is not open any more.
func (e *Engine) decidedBefore(ctx context.Context, m *mappingRun, c Choice) (Outcome, error) {
	data, found, err := e.journal.Load(ctx, decidedName(c.ID))
	if err != nil {
		return Outcome{}, err
	}
	if !found {
		return Outcome{}, fmt.Errorf("review %s: it may have settled itself: %w", c.ID, ErrNotFound)
	}
	var d decided
	if err := json.Unmarshal(data, &d); err != nil {
		return Outcome{}, fmt.Errorf("read decision %s: %w", c.ID, err)
	}
	same := d.Choice == c.Choice && (d.Value == nil) == (c.Value == nil) && (d.Value == nil || *d.Value == *c.Value)
	text := fmt.Sprintf("%s chose %s at %s", d.By, d.Choice, d.At.Format(time.RFC3339))
	if !same {
		return Outcome{}, fmt.Errorf("%s: %w", text, ErrDecided)
	}
	return Outcome{ID: c.ID, Mapping: m.Name(), Done: text, Already: true}, nil
}

// choose carries a decision about one record out.
func (r *record) choose(c Choice) (Outcome, error) {
	l, m := r.link, r.lane.mapping
	out := Outcome{ID: c.ID, Mapping: m.Name(), Left: string(l.Keys[mapping.Left]), Right: string(l.Keys[mapping.Right]), Records: 1}
	_, token, err := byID(c.ID)
	if err != nil {
		return out, err
	}
	if p := l.Parked; p.Deletion() && reviewID(m.Name(), token, p.Kind, p.At) == c.ID {
		out.Done, err = r.decideDeletion(c.Choice, c.By)
		return out, err
	}
	for i, f := range m.Fields() {
		frozen := l.Fields[i].Frozen
		if frozen == nil || reviewID(m.Name(), token, fieldName(f), frozen.Since) != c.ID {
			continue
		}
		v := event.Value{State: event.Null}
		if c.Value != nil {
			v = event.String(*c.Value)
		}
		entry, err := l.Choose(m.Mapping, i, c.Choice, v, c.By, r.facts())
		if err != nil {
			return out, fmt.Errorf("%s: %w: %w", fieldName(f), err, ErrInvalid)
		}
		r.note([]merge.Entry{entry})
		r.fresh = true
		out.Done = fmt.Sprintf("%s: %s goes to both sides", fieldName(f), map[string]string{"left": "the left value", "right": "the right value", "value": "the value given"}[c.Choice])
		return out, nil
	}
	return out, ErrNotFound
}

// decideDeletion lets a held deletion go on, or brings the record back.
func (r *record) decideDeletion(choice, by string) (string, error) {
	gone := mapping.Left
	if !r.link.Gone[gone] {
		gone = mapping.Right
	}
	switch choice {
	case ChoiceConfirm:
		r.unpark()
		r.link.Confirmed, r.dirty, r.fresh = true, true, true
		r.tellOf(journal.AuditEntry{Kind: "confirmed", By: by, Text: "the deletion is carried over"})
		return "the deletion is carried over to the " + gone.Other().String() + " side", nil
	case ChoiceReject:
		r.tellOf(journal.AuditEntry{Kind: "rejected", By: by, Text: "the deletion is taken back"})
		r.bringBack(gone.Other(), "the deletion was rejected by "+by)
		return "the record is brought back on the " + gone.String() + " side", nil
	}
	return "", fmt.Errorf("%q is no choice for a deletion: confirm or reject: %w", choice, ErrInvalid)
}

// Parked lists the records that cannot go on by themselves; deletions that wait
// for a person are reviews.
func (e *Engine) Parked(ctx context.Context, f ParkedFilter) ([]ParkedRecord, error) {
	var out []ParkedRecord
	for _, m := range e.mappings {
		if f.Mapping != "" && f.Mapping != m.Name() {
			continue
		}
		err := e.scanParked(ctx, m, func(p *ParkedRecord) error {
			if !p.deletion() && (f.Kind == "" || f.Kind == p.Kind) && (f.Ref.Left.IsZero() || string(f.Ref.Left) == p.Left) &&
				(f.Ref.Right.IsZero() || string(f.Ref.Right) == p.Right) && (f.Limit == 0 || len(out) < f.Limit) {
				out = append(out, *p)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(out, func(a, b ParkedRecord) int { return a.Since.Compare(b.Since) })
	return out, nil
}

// parkedRecord loads what is parked under a token; nil when nothing is.
func (e *Engine) parkedRecord(ctx context.Context, m *mappingRun, token string) (*ParkedRecord, error) {
	data, found, err := e.journal.Load(ctx, parkedPrefix(m.Name())+token)
	if err != nil || !found {
		return nil, err
	}
	var p ParkedRecord
	if err := json.Unmarshal(data, &p); err != nil {
		return nil, fmt.Errorf("read parked record of mapping %s: %w", m.Name(), err)
	}
	return &p, nil
}

func (p *ParkedRecord) id(token string) recordID {
	if strings.HasPrefix(token, "r") {
		return recordID{mapping.Right, event.Key(p.Right)}
	}
	return recordID{mapping.Left, event.Key(p.Left)}
}

// parkedOrder lets f work on a parked record.
func (e *Engine) parkedOrder(ctx context.Context, id, by string, f func(r *record) string) (Outcome, error) {
	name, token, ok := strings.Cut(id, ".")
	if !ok {
		return Outcome{}, fmt.Errorf("%q is no id of a parked record: %w", id, ErrInvalid)
	}
	if by == "" {
		return Outcome{}, fmt.Errorf("an order needs the name of who gives it: %w", ErrInvalid)
	}
	m, err := e.mappingOf(name)
	if err != nil {
		return Outcome{}, err
	}
	out := Outcome{ID: id, Mapping: name}
	p, err := e.parkedRecord(ctx, m, token)
	if err != nil {
		return out, err
	}
	if p == nil {
		return out, fmt.Errorf("parked record %s: it went on, or was dropped: %w", id, ErrNotFound)
	}
	if p.deletion() {
		return out, fmt.Errorf("record %s waits for a decision (lockstep review): %w", id, ErrInvalid)
	}
	out.Left, out.Right, out.Records = p.Left, p.Right, 1
	rid := p.id(token)
	err = m.lane(rid).order(ctx, rid, func(r *record) ([]journal.Put, error) {
		out.Done = f(r)
		return nil, nil
	})
	return out, err
}

// Retry tries a parked record again now.
func (e *Engine) Retry(ctx context.Context, id, by string) (Outcome, error) {
	return e.parkedOrder(ctx, id, by, func(r *record) string {
		r.tellOf(journal.AuditEntry{Kind: "retried", By: by, Text: "tried again by a person"})
		r.fresh, r.matched, r.checked = true, false, false
		return "it is tried again"
	})
}

// Drop gives up what a parked record waits to write; it goes to the audit.
func (e *Engine) Drop(ctx context.Context, id, by string) (Outcome, error) {
	return e.parkedOrder(ctx, id, by, func(r *record) string {
		if r.link.State == merge.Linked {
			r.note(r.link.Abandon(r.mapping(), by))
		}
		r.tellOf(journal.AuditEntry{Kind: "dropped", By: by, Text: "given up: its next change is taken as usual"})
		r.unpark()
		return "given up; its next change is taken as usual"
	})
}

// Replay reads both sides of a record again and merges them.
func (e *Engine) Replay(ctx context.Context, name string, ref RecordRef, by string) (Outcome, error) {
	m, link, err := e.found(ctx, name, ref)
	if err != nil {
		return Outcome{}, err
	}
	if by == "" {
		return Outcome{}, fmt.Errorf("an order needs the name of who gives it: %w", ErrInvalid)
	}
	out := Outcome{Mapping: name, Left: string(link.Keys[mapping.Left]), Right: string(link.Keys[mapping.Right]), Records: 1, Done: "both sides are read and merged"}
	id := recordID{mapping.Left, link.Keys[mapping.Left]}
	err = m.lane(id).order(ctx, id, func(r *record) ([]journal.Put, error) {
		r.tellOf(journal.AuditEntry{Kind: "replayed", By: by, Text: "both sides are read again"})
		for _, side := range mapping.Sides {
			r.look[side] = !r.link.Keys[side].IsZero() && !r.link.Gone[side]
		}
		r.fresh, r.matched, r.checked = true, false, false
		return nil, nil
	})
	return out, err
}

// found loads the link that a person names by either side's key.
func (e *Engine) found(ctx context.Context, name string, ref RecordRef) (*mappingRun, *merge.Link, error) {
	m, err := e.mappingOf(name)
	if err != nil {
		return nil, nil, err
	}
	where := reference{name, mapping.Left, ref.Left}
	if ref.Left.IsZero() {
		where = reference{name, mapping.Right, ref.Right}
	}
	if where.Key.IsZero() {
		return nil, nil, fmt.Errorf("a record is named by its left or its right key: %w", ErrInvalid)
	}
	link, err := e.linkOf(m, where)
	if err == nil && link == nil {
		err = fmt.Errorf("no record %s %s is known in mapping %s: %w", where.Side, where.Key, name, ErrNotFound)
	}
	return m, link, err
}

// Record tells what is known of one pair of records.
func (e *Engine) Record(ctx context.Context, name string, ref RecordRef) (RecordState, error) {
	m, link, err := e.found(ctx, name, ref)
	if err != nil {
		return RecordState{}, err
	}
	s := RecordState{Mapping: name, Left: string(link.Keys[mapping.Left]), Right: string(link.Keys[mapping.Right]), State: link.State.String(), Reviews: m.reviewsOf(link)}
	for _, side := range mapping.Sides {
		if link.Gone[side] {
			s.Gone = append(s.Gone, side.String())
		}
	}
	for i, f := range m.Fields() {
		s.Fields = append(s.Fields, fieldState(f, &link.Fields[i]))
	}
	if p := link.Parked; p != nil && !p.Deletion() {
		token := recordID{mapping.Left, link.Keys[mapping.Left]}.token()
		s.Parked = &ParkedRecord{ID: name + "." + token, Mapping: name, Left: s.Left, Right: s.Right, Side: p.Side.String(), Kind: p.Kind, Field: p.Field, Message: p.Message, Since: p.At}
	}
	return s, nil
}

func fieldState(f *mapping.Field, field *merge.Field) FieldState {
	left, right := field.Cell[mapping.Left], field.Cell[mapping.Right]
	s := FieldState{Field: fieldName(f), Left: show(f, left.Now), Right: show(f, right.Now), LeftAt: left.At, RightAt: right.At}
	switch {
	case field.Frozen != nil:
		s.Pending = "frozen: waits for a person"
	case field.Settled != nil:
		s.Pending = "a decided value is on its way to both sides"
	case left.Edited() && right.Edited():
		s.Pending = "edited on both sides"
	case left.Edited():
		s.Pending = "the left edit is on its way or waits"
	case right.Edited():
		s.Pending = "the right edit is on its way or waits"
	}
	return s
}
