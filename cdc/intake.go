package cdc

import (
	"context"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// intake is the Pump as the Reader sees it: its Sink.
type intake Pump

// Change queues the change for the mappings that take it and do not have it yet.
func (in *intake) Change(ctx context.Context, c *event.Change) error {
	p := (*Pump)(in)
	routes, err := p.ask(ctx, c)
	if err != nil {
		return err
	}
	if !p.open {
		p.open = true
		p.status.begin(p.Now())
	}
	p.status.changes.Add(1)
	fresh := routes[:0]
	for _, r := range routes {
		last, err := p.tail(ctx, r.Mapping)
		if err != nil {
			return err
		}
		// I2: what the Log holds is not appended again, mapping by mapping: a crash
		// may have cut the last append between two of them.
		if c.Position.Compare(last) <= 0 {
			p.status.skipped.Add(1)
			continue
		}
		fresh = append(fresh, r)
	}
	if len(fresh) == 0 {
		return nil
	}
	if err := p.queue.add(ctx, p.connection, c, fresh); err != nil {
		return err
	}
	for _, r := range fresh {
		p.last[r.Mapping] = c.Position
	}
	return nil
}

// ask routes the change and does not give up while ctx lasts (I3): the error is
// of the state behind the router, not of the source's connection.
func (p *Pump) ask(ctx context.Context, c *event.Change) ([]event.Route, error) {
	for failures := 0; ; failures++ {
		routes, err := p.route(ctx, c, p.routes[:0])
		if err == nil {
			if failures > 0 {
				p.status.routed()
			}
			p.routes = routes
			return routes, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if p.status.unrouted(err) {
			p.Logger.Warn().Str("connection", p.connection).Str("change", c.ID()).Err(err).Msg("change cannot be routed yet")
		}
		if err := pause(ctx, p.Retry.delay(failures, p.Random())); err != nil {
			return nil, err
		}
	}
}

// Commit queues the checkpoint behind the transaction's changes. A transaction
// of which nobody took a change is confirmed all the same.
func (in *intake) Commit(_ context.Context, c Checkpoint) error {
	in.open = false
	in.status.commit(in.Now(), c)
	in.queue.checkpoint(c)
	return nil
}

// Idle queues the checkpoint behind everything before it (I1): confirmed at once
// when nothing is in flight, so that an idle publication beside busy tables
// holds no WAL.
func (in *intake) Idle(_ context.Context, c Checkpoint) error {
	if in.status.idle(c) {
		in.Logger.Info().Str("connection", in.connection).Stringer("from", c.End).Msg("streaming")
	}
	in.queue.checkpoint(c)
	return nil
}

// Pause lets the appender have what has arrived: not change by change, which
// would cost an append each at the head of every burst.
func (in *intake) Pause() { signal(in.queue.ready) }

// Notice shows what changed in an object's shape.
func (in *intake) Notice(object string, notices []Notice) {
	in.status.notice(object, notices)
	for _, n := range notices {
		in.Logger.Warn().Str("connection", in.connection).Str("object", n.Object).Str("column", n.Column).
			Str("remedy", n.Remedy).Msg(n.What)
	}
}

// Reshaped tells whoever has to look before the first such row is in the Log.
func (in *intake) Reshaped(object string) {
	if in.Suspect != nil {
		in.Suspect(object)
	}
}
