package main

import (
	"context"
	"fmt"

	"github.com/lockstep-sync/lockstep/bridge"
)

func listParked(q *asked) (any, error) {
	v := q.URL.Query()
	limit, err := q.limit()
	if err != nil {
		return nil, err
	}
	ref, err := q.ref()
	if err != nil {
		return nil, err
	}
	out, err := q.desk.Parked(q.Context(), bridge.ParkedFilter{Mapping: v.Get("mapping"), Kind: v.Get("kind"), Ref: ref, Limit: limit})
	if out == nil {
		out = []bridge.ParkedRecord{}
	}
	return out, err
}

func oneParked(q *asked) (any, error) {
	all, err := q.desk.Parked(q.Context(), bridge.ParkedFilter{})
	if err != nil {
		return nil, err
	}
	for _, p := range all {
		if p.ID == q.PathValue("id") {
			return p, nil
		}
	}
	return nil, fmt.Errorf("parked record %s: %w", q.PathValue("id"), bridge.ErrNotFound)
}

// parkedOrder is the body of an order about one or many parked records.
type parkedOrder struct {
	Mapping string `json:"mapping,omitempty"` // of many: all that match
	Kind    string `json:"kind,omitempty"`
	Order   string `json:"order,omitempty"` // of many: retry or drop
	By      string `json:"by"`
}

// what finds out which order is meant.
func (q *asked) what(order string) (func(ctx context.Context, id, by string) (bridge.Outcome, error), error) {
	switch order {
	case "retry":
		return q.desk.Retry, nil
	case "drop":
		return q.desk.Drop, nil
	}
	return nil, fmt.Errorf("%q is no order: retry or drop: %w", order, bridge.ErrInvalid)
}

func orderParked(q *asked) (any, error) {
	var o parkedOrder
	if err := q.read(&o); err != nil {
		return nil, err
	}
	give, err := q.what(q.PathValue("order"))
	if err != nil {
		return nil, err
	}
	if err := author(o.By); err != nil {
		return nil, err
	}
	if o.Mapping != "" || o.Kind != "" || o.Order != "" {
		return nil, fmt.Errorf("mapping, kind and order are for many records: leave them out, or POST to /api/parked: %w", bridge.ErrInvalid)
	}
	return q.order(func(ctx context.Context) (bridge.Outcome, error) { return give(ctx, q.PathValue("id"), o.By) })
}

func orderManyParked(q *asked) (any, error) {
	var o parkedOrder
	if err := q.read(&o); err != nil {
		return nil, err
	}
	if o.Mapping == "" {
		return nil, fmt.Errorf("say of which mapping: %w", bridge.ErrInvalid)
	}
	return q.orderAll(o)
}

func (q *asked) orderAll(o parkedOrder) (any, error) {
	give, err := q.what(o.Order)
	if err != nil {
		return nil, err
	}
	if err := author(o.By); err != nil {
		return nil, err
	}
	all, err := q.desk.Parked(q.Context(), bridge.ParkedFilter{Mapping: o.Mapping, Kind: o.Kind})
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(all))
	for i, p := range all {
		ids[i] = p.ID
	}
	return q.many(o.Mapping, ids, func(ctx context.Context, id string) (bridge.Outcome, error) { return give(ctx, id, o.By) })
}
