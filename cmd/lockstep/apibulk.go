package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lockstep-sync/lockstep/bridge"
)

const (
	atOnce = 8   // orders of one request: they share the disk's answers
	stride = 200 // orders between two looks at how much is under way
	// crowd is how much more than before may be under way because of one request.
	crowd = 2_000
)

// tally is what became of an order about many records.
type tally struct {
	Done    int       `json:"done"`
	Already int       `json:"already"` // had been done before, or settled itself meanwhile
	Failed  []failure `json:"failed"`
}

type failure struct {
	ID    string `json:"id"`
	Error string `json:"error"`
}

func (t *tally) count(id string, out bridge.Outcome, err error) {
	switch {
	case errors.Is(err, bridge.ErrNotFound), err == nil && out.Already:
		t.Already++
	case err != nil:
		t.Failed = append(t.Failed, failure{id, reason(err)})
	default:
		t.Done++
	}
}

// many gives one order for each id and counts what became of them. What follows
// from the orders is awaited in between, so that a request about a hundred
// thousand records is not in memory at once. Cut short, it can be repeated.
func (q *asked) many(mapping string, ids []string, order func(ctx context.Context, id string) (bridge.Outcome, error)) (any, error) {
	t := tally{Failed: []failure{}}
	before, err := q.underWay(mapping)
	if err != nil {
		return nil, err
	}
	for part := range slices.Chunk(ids, stride) {
		if err := q.room(mapping, before+crowd); err != nil {
			return nil, fmt.Errorf("%d of %d orders were taken: %w", t.Done+t.Already+len(t.Failed), len(ids), err)
		}
		var mu sync.Mutex
		var group errgroup.Group
		group.SetLimit(atOnce)
		for _, id := range part {
			group.Go(func() error {
				out, err := q.order(func(ctx context.Context) (bridge.Outcome, error) { return order(ctx, id) })
				mu.Lock()
				defer mu.Unlock()
				t.count(id, out, err)
				return nil
			})
		}
		if err := errors.Join(group.Wait(), q.Context().Err()); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(t.Failed, func(a, b failure) int { return strings.Compare(a.ID, b.ID) })
	return t, nil
}

// room waits until less than this is under way in a mapping.
func (q *asked) room(mapping string, limit int) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	patient := time.NewTimer(patience)
	defer patient.Stop()
	for {
		n, err := q.underWay(mapping)
		if err != nil || n < limit {
			return err
		}
		select {
		case <-tick.C:
		case <-patient.C:
			return fmt.Errorf("%d changes of mapping %s are under way and do not get fewer: see lockstep status", n, mapping)
		case <-q.Context().Done():
			return q.Context().Err()
		}
	}
}

// underWay counts what a mapping, or all of them, have in hand.
func (q *asked) underWay(mapping string) (n int, err error) {
	s, err := q.desk.Status(q.Context())
	for _, m := range s.Mappings {
		if mapping == "" || m.Name == mapping {
			n += m.UnderWay
		}
	}
	return n, err
}
