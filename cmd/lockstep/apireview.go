package main

import (
	"errors"
	"fmt"

	"github.com/lockstep-sync/lockstep/bridge"
)

func (q *asked) reviewFilter() (bridge.ReviewFilter, error) {
	v := q.URL.Query()
	limit, err := q.limit(0)
	return bridge.ReviewFilter{Mapping: v.Get("mapping"), Kind: v.Get("kind"), Field: v.Get("field"), Ref: q.ref(), Limit: limit}, err
}

func listReviews(q *asked) (any, error) {
	f, err := q.reviewFilter()
	if err != nil {
		return nil, err
	}
	out, err := q.desk.Reviews(q.Context(), f)
	if out == nil {
		out = []bridge.Review{}
	}
	return out, err
}

func oneReview(q *asked) (any, error) {
	all, err := q.desk.Reviews(q.Context(), bridge.ReviewFilter{})
	if err != nil {
		return nil, err
	}
	for _, r := range all {
		if r.ID == q.PathValue("id") {
			return r, nil
		}
	}
	return nil, fmt.Errorf("review %s: it was decided, or settled itself: %w", q.PathValue("id"), bridge.ErrNotFound)
}

// decision is the body of a decision about one or many reviews.
type decision struct {
	Mapping string  `json:"mapping,omitempty"` // of many: all that match are decided
	Kind    string  `json:"kind,omitempty"`
	Field   string  `json:"field,omitempty"`
	Choice  string  `json:"choice"`
	Value   *string `json:"value,omitempty"` // of the choice value; null, or none, is null
	By      string  `json:"by"`
}

func chooseOne(q *asked) (any, error) {
	var d decision
	if err := q.read(&d); err != nil {
		return nil, err
	}
	return q.desk.Choose(q.Context(), bridge.Choice{ID: q.PathValue("id"), Choice: d.Choice, Value: d.Value, By: d.By})
}

// tally is what became of an order about many records.
type tally struct {
	Done    int       `json:"done"`
	Already int       `json:"already"`
	Failed  []failure `json:"failed"`
}

type failure struct {
	ID    string `json:"id"`
	Error string `json:"error"`
}

func (t *tally) count(id string, out bridge.Outcome, err error) {
	switch {
	case err != nil:
		t.Failed = append(t.Failed, failure{id, err.Error()})
	case out.Already:
		t.Already++
	default:
		t.Done++
	}
}

func chooseMany(q *asked) (any, error) {
	var d decision
	if err := q.read(&d); err != nil {
		return nil, err
	}
	if d.Mapping == "" && d.Kind == "" {
		return nil, fmt.Errorf("say which reviews: name a mapping or a kind: %w", bridge.ErrInvalid)
	}
	all, err := q.desk.Reviews(q.Context(), bridge.ReviewFilter{Mapping: d.Mapping, Kind: d.Kind, Field: d.Field})
	if err != nil {
		return nil, err
	}
	t := tally{Failed: []failure{}}
	for _, r := range all {
		out, err := q.desk.Choose(q.Context(), bridge.Choice{ID: r.ID, Choice: d.Choice, Value: d.Value, By: d.By})
		if q.Context().Err() != nil {
			return nil, q.Context().Err()
		}
		t.count(r.ID, out, err)
	}
	return t, nil
}

func (q *asked) parkedFilter() (bridge.ParkedFilter, error) {
	v := q.URL.Query()
	limit, err := q.limit(0)
	return bridge.ParkedFilter{Mapping: v.Get("mapping"), Kind: v.Get("kind"), Ref: q.ref(), Limit: limit}, err
}

func listParked(q *asked) (any, error) {
	f, err := q.parkedFilter()
	if err != nil {
		return nil, err
	}
	out, err := q.desk.Parked(q.Context(), f)
	if out == nil {
		out = []bridge.ParkedRecord{}
	}
	return out, err
}

// parkedOrder is the body of an order about one or many parked records.
type parkedOrder struct {
	Mapping string `json:"mapping,omitempty"`
	Kind    string `json:"kind,omitempty"`
	Order   string `json:"order,omitempty"` // of many: retry or drop
	By      string `json:"by"`
}

func (q *asked) obey(id, order, by string) (bridge.Outcome, error) {
	switch order {
	case "retry":
		return q.desk.Retry(q.Context(), id, by)
	case "drop":
		return q.desk.Drop(q.Context(), id, by)
	}
	return bridge.Outcome{}, fmt.Errorf("%q is no order: retry or drop: %w", order, bridge.ErrInvalid)
}

func orderParked(q *asked) (any, error) {
	var o parkedOrder
	if err := q.read(&o); err != nil {
		return nil, err
	}
	return q.obey(q.PathValue("id"), q.PathValue("order"), o.By)
}

func orderManyParked(q *asked) (any, error) {
	var o parkedOrder
	if err := q.read(&o); err != nil {
		return nil, err
	}
	if o.Mapping == "" {
		return nil, fmt.Errorf("say of which mapping: %w", bridge.ErrInvalid)
	}
	return q.obeyAll(o)
}

func (q *asked) obeyAll(o parkedOrder) (any, error) {
	all, err := q.desk.Parked(q.Context(), bridge.ParkedFilter{Mapping: o.Mapping, Kind: o.Kind})
	if err != nil {
		return nil, err
	}
	t := tally{Failed: []failure{}}
	for _, p := range all {
		out, err := q.obey(p.ID, o.Order, o.By)
		if q.Context().Err() != nil {
			return nil, q.Context().Err()
		}
		if errors.Is(err, bridge.ErrNotFound) {
			out.Already, err = true, nil // it went on meanwhile
		}
		t.count(p.ID, out, err)
	}
	return t, nil
}
