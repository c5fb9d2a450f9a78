package main

import (
	"context"
	"errors"
	"time"

	"github.com/lockstep-sync/lockstep/bridge"
	"github.com/lockstep-sync/lockstep/bridge/journal"
)

// refusedBefore is how long before a change of shape was noticed a side may have
// refused writes because of it.
const refusedBefore = 2 * time.Minute

// retryRefused tries the records again that were parked around and since a
// change of shape that is settled now: a property that was gone for an hour
// refused writes until that was noticed. It runs beside the engine, and once
// more after a restart if it was cut short.
func (b *driftBook) retryRefused(ctx context.Context, e *bridge.Engine, mapping string) error {
	var note driftNote
	had, err := loadJSON(ctx, b.journal, driftKey(mapping), &note)
	if err != nil || !had || !note.Resumed {
		return err
	}
	parked, err := e.Parked(ctx, bridge.ParkedFilter{Mapping: mapping, Kind: "rejected"})
	if err != nil {
		return err
	}
	for _, p := range parked {
		if p.Since.Before(note.Since.Add(-refusedBefore)) {
			continue
		}
		if _, err := e.Retry(ctx, p.ID, "lockstep"); err != nil && !errors.Is(err, bridge.ErrNotFound) && !errors.Is(err, bridge.ErrInvalid) {
			return err
		}
	}
	return b.journal.Store(ctx, journal.Put{Key: driftKey(mapping)})
}

// retries does it for all mappings, until it is done or ctx ends.
func (w *driftWatch) retries(ctx context.Context) {
	for _, m := range w.cfg.Mappings {
		for {
			err := w.book.retryRefused(ctx, w.engine, m.Name)
			if err == nil || ctx.Err() != nil {
				break
			}
			w.book.log.Debug().Str("mapping", m.Name).Err(err).Msg("refused records cannot be tried again now")
			timer := time.NewTimer(time.Second)
			select {
			case <-ctx.Done():
			case <-timer.C:
			}
			timer.Stop()
		}
	}
}

// refusals looks at once when a side begins to refuse writes: that may be for
// its shape, and a SaaS is not asked often.
func (w *driftWatch) refusals(ctx context.Context) {
	tick := time.NewTicker(w.times.database)
	defer tick.Stop()
	before := map[string]int64{}
	for first := true; ; first = false {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		s, err := w.engine.Status(ctx)
		if err != nil {
			continue // status itself says so
		}
		for _, m := range s.Mappings {
			if m.Parked > before[m.Name] && !first {
				w.kickEnds(m.Name)
			}
			before[m.Name] = m.Parked
		}
	}
}

// kickEnds asks for a look at both sides of a mapping.
func (w *driftWatch) kickEnds(mapping string) {
	for _, m := range w.cfg.Mappings {
		if m.Name == mapping {
			w.kick(m.Left.Connection)
			w.kick(m.Right.Connection)
		}
	}
}
