package bridge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/lockstep-sync/lockstep/bridge/journal"
	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/bridge/merge"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

var errEnding = errors.New("lockstep is ending: ask again when it runs")

// visit lets f work on a record, in memory or not, as the lane's changes do
// (B1), and then goes on with the record.
func (l *lane) visit(id recordID, f func(r *record)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return errEnding
	}
	if l.mapping.paused != "" {
		return fmt.Errorf("mapping %s is paused (%s): %w", l.mapping.Name(), l.mapping.paused, ErrInvalid)
	}
	r, err := l.record(id)
	if err != nil {
		return err
	}
	f(r)
	r.advance()
	return nil
}

// order carries a person's order about one record out, and returns when it is on
// disk. What follows from it happens afterwards, over crashes (B7).
func (l *lane) order(ctx context.Context, id recordID, f func(r *record) ([]journal.Put, error)) error {
	done := make(chan error, 1)
	err := l.visit(id, func(r *record) {
		r.order(func() {
			puts, err := f(r)
			if err != nil {
				done <- err
				r.advance()
				return
			}
			if err := r.encode(); err != nil {
				l.fail(err)
				return
			}
			r.remind()
			audit := r.audit
			puts = append(r.puts, puts...)
			r.audit, r.puts, r.dirty = nil, nil, false
			r.busy++
			r.persist(audit, puts, func() {
				done <- nil
				r.unsaved = false
				r.busy--
				r.advance()
			})
		})
	})
	if err != nil {
		return err
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("the order is taken and carried out as soon as the journal takes it: %w", ctx.Err())
	}
}

func (m *mappingRun) lane(id recordID) *lane { return m.lanes[id.key.Lane(len(m.lanes))] }

// fuseReview is a blown fuse as a person sees it.
func (m *mappingRun) fuseReview(side mapping.Side, b *blown) Review {
	r := Review{ID: reviewID(m.Name(), "fuse-"+side.String(), "fuse", b.Since), Mapping: m.Name(), Kind: "fuse", Message: b.Message, Since: b.Since,
		Choices: []string{ChoiceConfirm, ChoiceReject}, Held: int(m.counts.held.Load())}
	if b.Truncate != nil {
		r.Held = int(m.counts.records.Load())
	}
	if b.Decision != "" {
		r.Message += fmt.Sprintf("; %s by %s is being carried out", b.Decision, b.By)
	}
	return r
}

// chooseFuse decides about all deletions that a blown fuse holds. The decision
// is on disk when it returns, and is carried out record by record after that,
// over restarts too.
func (e *Engine) chooseFuse(ctx context.Context, m *mappingRun, side mapping.Side, c Choice) (Outcome, error) {
	if c.Choice != ChoiceConfirm && c.Choice != ChoiceReject {
		return Outcome{}, fmt.Errorf("%q is no choice for deletions: confirm or reject: %w", c.Choice, ErrInvalid)
	}
	b := m.fuses[side].state()
	if b == nil {
		return e.decidedBefore(ctx, m, c)
	}
	held := m.fuseReview(side, b).Held
	if b.Decision != "" {
		if b.Decision != c.Choice {
			return Outcome{}, fmt.Errorf("%s by %s is being carried out: %w", b.Decision, b.By, ErrDecided)
		}
		return Outcome{ID: c.ID, Mapping: m.Name(), Done: b.Decision + " is being carried out", Already: true, Records: held}, nil
	}
	b.Decision, b.By = c.Choice, c.By
	data, err := json.Marshal(b)
	if err != nil {
		return Outcome{}, err
	}
	yes, err := json.Marshal(decided{c.Choice, nil, c.By, e.clock().UTC()})
	if err != nil {
		return Outcome{}, err
	}
	kind := map[string]string{ChoiceConfirm: "confirmed", ChoiceReject: "rejected"}[c.Choice]
	if err := e.journal.Audit(ctx, journal.AuditEntry{At: e.clock().UTC(), Mapping: m.Name(), Kind: kind, By: c.By, Text: b.Message}); err != nil {
		return Outcome{}, err
	}
	if err := e.journal.Store(ctx, put(fuseName(m.Name(), side), data), put(decidedName(c.ID), yes)); err != nil {
		return Outcome{}, err
	}
	m.fuses[side].set(b)
	e.errand(func(ctx context.Context) error { return e.carryOut(ctx, m, side) })
	return Outcome{ID: c.ID, Mapping: m.Name(), Done: c.Choice + " is carried out for every record", Records: held}, nil
}

// carryOut does what a person decided about a blown fuse, for every record, and
// resets the fuse. It may be repeated.
func (e *Engine) carryOut(ctx context.Context, m *mappingRun, side mapping.Side) error {
	b := m.fuses[side].state()
	if b == nil || m.paused != "" { // the decision is on disk: it is carried out when the mapping runs again
		return nil
	}
	if b.Truncate != nil {
		if err := e.sweep(ctx, m, side.Other(), b); err != nil {
			return err
		}
	}
	if err := e.decideHeld(ctx, m, side, b); err != nil {
		return err
	}
	if b.Decision == ChoiceReject {
		for _, left := range b.Carried {
			if err := e.visitRoom(ctx, m, recordID{mapping.Left, left}, func(r *record) { r.takeBack(b.By) }); err != nil {
				return err
			}
		}
	}
	if err := e.journal.Store(ctx, put(fuseName(m.Name(), side), nil)); err != nil {
		return err
	}
	m.fuses[side].reset()
	return e.decideHeld(ctx, m, side, b) // those that were held while the others were decided
}

// decideHeld decides about every deletion that is held for a side.
func (e *Engine) decideHeld(ctx context.Context, m *mappingRun, side mapping.Side, b *blown) error {
	var ids []recordID
	err := e.scanParked(ctx, m, func(p *ParkedRecord) error {
		if p.Kind == merge.ParkedHeld && p.Side == side.String() {
			ids = append(ids, recordID{mapping.Left, event.Key(p.Left)})
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, id := range ids {
		err := e.visitRoom(ctx, m, id, func(r *record) {
			if p := r.link.Parked; p == nil || p.Kind != merge.ParkedHeld {
				return
			}
			if _, err := r.decideDeletion(b.Decision, b.By); err != nil {
				r.lane.fail(err)
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// takeBack brings a record back whose deletion had been carried over.
func (r *record) takeBack(by string) {
	l := r.link
	if l.State != merge.Deleted && l.Gone == [2]bool{} {
		return
	}
	if l.State == merge.New || l.State == merge.Reviving {
		return
	}
	r.tellOf(journal.AuditEntry{Kind: "rejected", By: by, Text: "the deletion is taken back on both sides"})
	r.bringBack(mapping.Right, "the deletion was rejected by "+by)
}

// visitRoom visits a record as soon as its lane has room.
func (e *Engine) visitRoom(ctx context.Context, m *mappingRun, id recordID, f func(r *record)) error {
	l := m.lane(id)
	stop := context.AfterFunc(ctx, func() { l.mu.Lock(); defer l.mu.Unlock(); l.room.Broadcast() })
	defer stop()
	l.mu.Lock()
	for ctx.Err() == nil && len(l.records) >= maxRecords {
		l.room.Wait()
	}
	l.mu.Unlock()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return l.visit(id, f)
}

// errand lets a long piece of work run until it is done, again and again while
// the journal does not take it.
func (e *Engine) errand(work func(context.Context) error) {
	e.mu.Lock()
	e.errands = append(e.errands, work)
	e.mu.Unlock()
	select {
	case e.errandWake <- struct{}{}:
	default:
	}
}

// runErrands works the errands off, one after the other.
func (e *Engine) runErrands(ctx context.Context) error {
	for {
		e.mu.Lock()
		var next func(context.Context) error
		if e.busy = len(e.errands) > 0; e.busy {
			next, e.errands = e.errands[0], e.errands[1:]
		}
		e.mu.Unlock()
		if next == nil {
			select {
			case <-ctx.Done():
				return nil
			case <-e.errandWake:
			}
			continue
		}
		for err := next(ctx); err != nil; err = next(ctx) {
			if ctx.Err() != nil {
				return nil
			}
			e.troubled(nil, err)
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(500 * time.Millisecond):
			}
		}
	}
}
