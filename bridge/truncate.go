package bridge

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/bridge/journal"
	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/bridge/merge"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

// truncation is a TRUNCATE as STATE keeps it until every record knows of it.
type truncation struct {
	Position event.Position `json:"position"`
	At       time.Time      `json:"at"`
	Object   string         `json:"object"`
}

// truncated takes in a TRUNCATE: every record of that side is gone. It passes
// through the fuse as one burst. The entry is done when what is to be done is on
// disk; the records are visited after that.
func (l *lane) truncated(side mapping.Side, seq uint64, c *event.Change) error {
	e, m, to := l.engine, l.mapping, side.Other()
	records := m.counts.records.Load()
	b := &blown{Since: e.clock().UTC(), Truncate: &truncation{c.Position, c.At, c.Object}}
	b.Message = fmt.Sprintf("%s was truncated at %s: %d records of the %s side would follow", c.Object, c.At.UTC().Format(time.RFC3339), records, to)
	if before := m.fuses[to].state(); before != nil {
		b.Carried, b.Message = before.Carried, before.Message+"; "+b.Message
		if before.Truncate != nil && !before.Truncate.Position.Before(c.Position) {
			l.done([]uint64{seq}) // B3: seen before
			return nil
		}
	} else if !exceeded(m.Fuse(), int(records), records) {
		b.Decision, b.By = ChoiceConfirm, "the fuse: it is within its limit"
	}
	data, err := json.Marshal(b)
	if err != nil {
		return err
	}
	m.fuses[to].set(b)
	e.log.Warn().Str("mapping", m.Name()).Msg(b.Message)
	audit := []journal.AuditEntry{{At: e.clock().UTC(), Mapping: m.Name(), Kind: "truncated", Text: b.Message, By: b.By}}
	l.persist(audit, []journal.Put{put(fuseName(m.Name(), to), data)}, func() {
		l.done([]uint64{seq})
		if b.Decision != "" {
			e.errand(func(ctx context.Context) error { return e.carryOut(ctx, m, to) })
		}
	})
	return nil
}

// sweep tells every record of a truncated side that it is gone there, unless it
// was inserted again since. It may be repeated.
func (e *Engine) sweep(ctx context.Context, m *mappingRun, side mapping.Side, b *blown) error {
	var keys []event.Key
	err := e.journal.Scan(ctx, linkPrefix(m.Name()), func(_ string, data []byte) error {
		link, err := merge.Decode(m.Mapping, data)
		if err != nil {
			return err
		}
		if link.State != merge.Deleted && link.Seen[side].Before(b.Truncate.Position) && !link.Keys[side].IsZero() {
			keys = append(keys, link.Keys[mapping.Left])
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, key := range keys {
		err := e.visitRoom(ctx, m, recordID{mapping.Left, key}, func(r *record) { r.swept(side, b) })
		if err != nil {
			return err
		}
	}
	return nil
}

// swept takes a TRUNCATE into one record, and what a person decided about it.
func (r *record) swept(side mapping.Side, b *blown) {
	l := r.link
	if l.State == merge.Deleted || l.State == merge.Reviving || !l.Seen[side].Before(b.Truncate.Position) {
		return
	}
	l.Seen[side], l.Gone[side], l.Why = b.Truncate.Position, true, merge.GoneDeleted
	r.dirty, r.fresh = true, true
	r.cause[side] = strings.TrimSpace("truncate at " + b.Truncate.At.UTC().Format(time.RFC3339))
	if b.Decision == ChoiceConfirm {
		l.Confirmed = true
		return
	}
	r.tellOf(journal.AuditEntry{Kind: "rejected", By: b.By, Text: "the truncation is taken back"})
	r.bringBack(side.Other(), "the truncation was rejected by "+b.By)
}
