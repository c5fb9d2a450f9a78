package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/lockstep-sync/lockstep/bridge"
	"github.com/lockstep-sync/lockstep/bridge/merge"
)

func listReviews(q *asked) (any, error) {
	v := q.URL.Query()
	limit, err := q.limit()
	if err != nil {
		return nil, err
	}
	ref, err := q.ref()
	if err != nil {
		return nil, err
	}
	out, err := q.desk.Reviews(q.Context(), bridge.ReviewFilter{Mapping: v.Get("mapping"), Kind: v.Get("kind"), Field: v.Get("field"), Ref: ref, Limit: limit})
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
	return nil, fmt.Errorf("review %s: %w", q.PathValue("id"), bridge.ErrNotFound)
}

// decision is the body of a decision about one or many reviews.
type decision struct {
	Mapping string          `json:"mapping,omitempty"` // of many: all that match are decided
	Kind    string          `json:"kind,omitempty"`
	Field   string          `json:"field,omitempty"`
	Choice  string          `json:"choice"`
	Value   json.RawMessage `json:"value,omitempty"` // of the choice value: a text, or null
	By      string          `json:"by"`
}

// choice checks a decision. A value that was forgotten must not become null on
// both sides, so null has to be written.
func (d *decision) choice() (bridge.Choice, error) {
	c := bridge.Choice{Choice: d.Choice, By: d.By}
	if err := author(d.By); err != nil {
		return c, err
	}
	switch d.Choice {
	case merge.ChooseLeft, merge.ChooseRight, bridge.ChoiceConfirm, bridge.ChoiceReject:
		if d.Value != nil {
			return c, fmt.Errorf(`"value" goes with the choice %q alone: %w`, merge.ChooseValue, bridge.ErrInvalid)
		}
		return c, nil
	case merge.ChooseValue:
	default:
		return c, fmt.Errorf("%q is no choice: left, right or value for a field, confirm or reject for deletions: %w", d.Choice, bridge.ErrInvalid)
	}
	if d.Value == nil {
		return c, fmt.Errorf(`the choice value needs "value": a text in the left side's form, or null: %w`, bridge.ErrInvalid)
	}
	if bytes.Equal(d.Value, []byte("null")) {
		return c, nil
	}
	var text string
	if json.Unmarshal(d.Value, &text) != nil {
		return c, fmt.Errorf(`"value" is no text and not null: write "5", not 5: %w`, bridge.ErrInvalid)
	}
	c.Value = &text
	return c, nil
}

func chooseOne(q *asked) (any, error) {
	var d decision
	if err := q.read(&d); err != nil {
		return nil, err
	}
	c, err := d.choice()
	if err != nil {
		return nil, err
	}
	if d.Mapping != "" || d.Kind != "" || d.Field != "" {
		return nil, fmt.Errorf("mapping, kind and field are for many reviews: leave them out, or POST to /api/reviews: %w", bridge.ErrInvalid)
	}
	c.ID = q.PathValue("id")
	return q.order(func(ctx context.Context) (bridge.Outcome, error) { return q.desk.Choose(ctx, c) })
}

func chooseMany(q *asked) (any, error) {
	var d decision
	if err := q.read(&d); err != nil {
		return nil, err
	}
	c, err := d.choice()
	if err != nil {
		return nil, err
	}
	if d.Mapping == "" && d.Kind == "" {
		return nil, fmt.Errorf("say which reviews: name a mapping or a kind: %w", bridge.ErrInvalid)
	}
	all, err := q.desk.Reviews(q.Context(), bridge.ReviewFilter{Mapping: d.Mapping, Kind: d.Kind, Field: d.Field})
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(all))
	for i, r := range all {
		ids[i] = r.ID
	}
	return q.many(d.Mapping, ids, func(ctx context.Context, id string) (bridge.Outcome, error) {
		c := c
		c.ID = id
		return q.desk.Choose(ctx, c)
	})
}
