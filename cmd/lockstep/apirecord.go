package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/lockstep-sync/lockstep/bridge"
	"github.com/lockstep-sync/lockstep/bridge/journal"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

// maxReplay bounds the records of one replay, whose keys are held in memory.
const maxReplay = 250_000

func oneRecord(q *asked) (any, error) {
	ref, err := q.ref()
	if err == nil {
		err = oneOf(ref)
	}
	if err != nil {
		return nil, err
	}
	return q.desk.Record(q.Context(), q.PathValue("name"), ref)
}

// replayOrder is the body of a replay: one record, all parked ones, or every one
// that the audit or the log of changes speaks of since a time.
type replayOrder struct {
	Left   string `json:"left,omitempty"`
	Right  string `json:"right,omitempty"`
	Parked bool   `json:"parked,omitempty"`
	Since  string `json:"since,omitempty"`
	By     string `json:"by"`
}

func replay(q *asked) (any, error) {
	var o replayOrder
	if err := q.read(&o); err != nil {
		return nil, err
	}
	if err := author(o.By); err != nil {
		return nil, err
	}
	name := q.PathValue("name")
	left, right, err := q.ends(name)
	if err != nil {
		return nil, err
	}
	ref, err := refOf(o.Left, o.Right)
	if err != nil {
		return nil, err
	}
	one := ref != bridge.RecordRef{}
	switch {
	case one && !o.Parked && o.Since == "":
		if err := oneOf(ref); err != nil {
			return nil, err
		}
		return q.order(func(ctx context.Context) (bridge.Outcome, error) { return q.desk.Replay(ctx, name, ref, o.By) })
	case o.Parked && !one && o.Since == "":
		return q.orderAll(parkedOrder{Mapping: name, Order: "retry", By: o.By})
	case o.Since != "" && !one && !o.Parked:
		return q.replaySince(name, left, right, o)
	}
	return nil, fmt.Errorf("say what to replay: one record by left or right, parked, or since: %w", bridge.ErrInvalid)
}

// ends tells what a mapping joins, as connection/object.
func (q *asked) ends(name string) (left, right string, err error) {
	s, err := q.desk.Status(q.Context())
	if err != nil {
		return "", "", err
	}
	for _, m := range s.Mappings {
		if m.Name == name {
			return m.Left, m.Right, nil
		}
	}
	return "", "", fmt.Errorf("mapping %q: %w", name, bridge.ErrNotFound)
}

func (q *asked) replaySince(name, left, right string, o replayOrder) (any, error) {
	since, err := moment(o.Since, time.Now())
	if err != nil {
		return nil, err
	}
	keys, rights := touched{}, touched{}
	err = q.archive.ReadAudit(q.Context(), journal.AuditFilter{Mapping: name, Since: since}, func(e journal.AuditEntry) error { return keys.note(event.Key(e.Key)) })
	if err != nil {
		return nil, err
	}
	// Changes that led to nothing, for a rule that was wrong, say, are in no audit.
	err = q.archive.ChangesSince(q.Context(), name, since, func(c *event.Change) error {
		switch c.Connection + "/" + c.Object {
		case left:
			return keys.note(c.Key)
		case right:
			return rights.note(c.Key)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for right := range rights {
		key, err := q.leftOf(name, right)
		if err = errors.Join(err, keys.note(key)); err != nil {
			return nil, err
		}
	}
	ids := make([]string, 0, len(keys))
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		ids = append(ids, string(key))
	}
	return q.many(name, ids, func(ctx context.Context, key string) (bridge.Outcome, error) {
		return q.desk.Replay(ctx, name, bridge.RecordRef{Left: event.Key(key)}, o.By)
	})
}

// touched are the keys of records that something was told of.
type touched map[event.Key]bool

func (t touched) note(key event.Key) error {
	if !key.IsZero() {
		t[key] = true
	}
	if len(t) > maxReplay {
		return fmt.Errorf("more than %d records since then: choose a later time: %w", maxReplay, bridge.ErrInvalid)
	}
	return nil
}

// leftOf is the left key of the pair that a right record is in, none when it is
// in no pair.
func (q *asked) leftOf(name string, right event.Key) (event.Key, error) {
	s, err := q.desk.Record(q.Context(), name, bridge.RecordRef{Right: right})
	if errors.Is(err, bridge.ErrNotFound) {
		return "", nil
	}
	return event.Key(s.Left), err
}

func resumeMapping(q *asked) (any, error) {
	var o struct {
		By string `json:"by"`
	}
	if err := q.read(&o); err != nil {
		return nil, err
	}
	if err := author(o.By); err != nil {
		return nil, err
	}
	name := q.PathValue("name")
	if err := q.resume(q.Context(), name, o.By); err != nil {
		return nil, err
	}
	return bridge.Outcome{Mapping: name, Done: "the shapes of now are accepted, and the mapping goes on"}, nil
}
