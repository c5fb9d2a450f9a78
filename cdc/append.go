package cdc

import (
	"context"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// appendAll is the second goroutine of Run: it appends one batch after the other
// and confirms what has become durable.
func (p *Pump) appendAll(ctx context.Context) {
	for {
		b, err := p.queue.take(ctx)
		if err != nil {
			return
		}
		if p.store(ctx, b.entries) != nil {
			return // ctx ended: nothing of this batch is confirmed
		}
		if b.marked {
			// I1: the entries of this batch and of all before it are on disk.
			p.reader.Confirm(b.mark)
		}
		p.status.stored(p.Now(), b)
		p.queue.done(b)
		p.status.settle(p.Now(), p.queue.settled())
	}
}

// store appends the entries and does not give up while ctx lasts: a full disk
// stops the confirming, and the source keeps what we cannot take.
func (p *Pump) store(ctx context.Context, entries []event.Entry) error {
	failures := 0
	for len(entries) > 0 {
		err := p.log.Append(ctx, entries)
		if err == nil {
			break
		}
		for err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if p.status.unstored(err) {
				p.Logger.Error().Str("connection", p.connection).Err(err).Int("entries", len(entries)).
					Msg("changes cannot be stored: confirming nothing until they can")
			}
			if err := pause(ctx, p.Retry.delay(failures, p.Random())); err != nil {
				return err
			}
			failures++
			entries, err = p.missing(ctx, entries)
		}
	}
	if failures > 0 {
		p.Logger.Info().Str("connection", p.connection).Msg("changes are stored again")
	}
	return nil
}

// missing drops the entries that a failed Append has stored all the same (I2).
func (p *Pump) missing(ctx context.Context, entries []event.Entry) ([]event.Entry, error) {
	tails := map[string]event.Position{}
	for _, e := range entries {
		if _, asked := tails[e.Mapping]; asked {
			continue
		}
		tail, err := p.log.Tail(ctx, p.connection, e.Mapping)
		if err != nil {
			return entries, err
		}
		tails[e.Mapping] = tail
	}
	left := entries[:0]
	for _, e := range entries {
		if tails[e.Mapping].Before(e.Position) {
			left = append(left, e)
		}
	}
	return left, nil
}
