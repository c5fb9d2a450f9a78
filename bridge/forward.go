package bridge

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/lockstep-sync/lockstep/bridge/journal"
	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

func put(key string, data []byte) journal.Put { return journal.Put{Key: key, Data: data} }

func (r *record) dropIndex(right event.Key) {
	if !right.IsZero() {
		r.puts = append(r.puts, put(indexName(r.mapping().Name(), right), nil))
	}
}

func (r *record) dropLink(left event.Key) {
	if !left.IsZero() {
		r.puts = append(r.puts, put(linkName(r.mapping().Name(), left), nil))
	}
}

// forward gives changes to the lane that their record belongs to now: first
// what is to be stored goes to disk, then the changes are appended to CHANGES
// again. The record's own entries are done after that (B2).
func (r *record) forward(changes []event.Change, side mapping.Side) {
	r.forwardThen(changes, side, func() {})
}

// forwardThen is forward; stored runs once what is to be stored is on disk.
func (r *record) forwardThen(changes []event.Change, side mapping.Side, stored func()) {
	audit, puts := r.audit, r.puts
	r.audit, r.puts, r.dirty = nil, nil, false
	r.busy++
	publish := func() {
		r.unlock()
		stored()
		go func() {
			err := r.lane.engine.republish(r.lane.mapping, side, changes)
			r.lane.locked(func() {
				if err != nil {
					r.lane.fail(err)
					return
				}
				r.busy--
				r.advance()
			})
		}()
	}
	if len(audit)+len(puts) == 0 {
		publish()
		return
	}
	r.persist(audit, puts, publish)
}

// forwarded stands in a subject for the connection of a change that the engine
// appends again. It is no name that a connection can have, so that a reader
// which resumes after its own last entry does not take this one for it.
const forwarded = "_forwarded"

// republish appends changes under the lanes that they belong to now, until the
// journal has them or the engine ends.
func (e *Engine) republish(m *mappingRun, side mapping.Side, changes []event.Change) error {
	entries := make([]event.Entry, len(changes))
	for i := range changes {
		c := &changes[i]
		lane, err := e.laneOf(e.ctx, m, side, c)
		if err != nil {
			return err
		}
		entries[i] = event.Entry{Connection: forwarded, Mapping: m.Name(), Lane: lane, Position: c.Position, Origin: c.Origin, Data: event.AppendChange(nil, c)}
	}
	for len(entries) > 0 {
		err := e.journal.Append(e.ctx, entries)
		if err == nil || e.ctx.Err() != nil {
			return err
		}
		e.troubled(m, err)
		select {
		case <-e.ctx.Done():
			return e.ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
	}
	return nil
}

// laneOf is the lane of a change: its left record's, found through the link
// for a change of the right side (B1).
func (e *Engine) laneOf(ctx context.Context, m *mappingRun, side mapping.Side, c *event.Change) (int, error) {
	key := c.Key
	if !c.OldKey.IsZero() {
		key = c.OldKey
	}
	if side == mapping.Right {
		left, err := e.leftOf(ctx, m.Name(), key)
		if err != nil {
			return 0, err
		}
		if !left.IsZero() {
			key = left
		}
	}
	return key.Lane(e.lanes), nil
}

// ParkedRecord is a record that waits for a person or for its next change.
type ParkedRecord struct {
	ID      string    `json:"id"`
	Mapping string    `json:"mapping"`
	Left    string    `json:"left,omitempty"`
	Right   string    `json:"right,omitempty"`
	Side    string    `json:"side"`
	Kind    string    `json:"kind"`
	Field   string    `json:"field,omitempty"`
	Message string    `json:"message"`
	Since   time.Time `json:"since"`

	WaitsFor []reference `json:"waits_for,omitempty"`
}

func (r *record) parkedPut(waits []reference) journal.Put {
	p := r.link.Parked
	data, err := json.Marshal(ParkedRecord{ID: r.mapping().Name() + "." + r.id.token(), Mapping: r.mapping().Name(), Left: string(r.link.Keys[mapping.Left]),
		Right: string(r.link.Keys[mapping.Right]), Side: p.Side.String(), Kind: p.Kind, Field: p.Field, Message: p.Message, Since: p.At, WaitsFor: waits})
	if err != nil {
		r.lane.fail(fmt.Errorf("encode parked record: %w", err))
	}
	return put(parkedName(r.mapping().Name(), r.id), data)
}
