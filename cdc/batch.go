package cdc

import (
	"time"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// keepBytes bounds the buffer that a batch keeps for its next use: one row of a
// hundred megabytes must not stay allocated for ever.
const keepBytes = 4 << 20

// batch is what one Append takes: entries, and the newest checkpoint that
// everything in it and before it reaches. Its buffers are used again.
type batch struct {
	entries []event.Entry
	spans   []span // the Data of each entry; set as slices only when data grows no more
	data    []byte
	mark    Checkpoint
	marked  bool
}

type span struct{ from, to int }

func (b *batch) empty() bool { return len(b.entries) == 0 && !b.marked }

// add encodes the change once, however many mappings take it.
func (b *batch) add(connection string, c *event.Change, routes []event.Route) {
	s := span{from: len(b.data)}
	b.data = event.AppendChange(b.data, c)
	s.to = len(b.data)
	for _, r := range routes {
		b.entries = append(b.entries, event.Entry{Connection: connection, Mapping: r.Mapping, Lane: r.Lane,
			Position: c.Position, Origin: c.Origin})
		b.spans = append(b.spans, s)
	}
}

// checkpoint moves the mark on, never back: after a reconnect the source starts
// before what is queued already. What the last one knew and this one does not
// stays.
func (b *batch) checkpoint(c Checkpoint) {
	if c.End.Before(b.mark.End) {
		c.End, c.Resume = b.mark.End, b.mark.Resume
	}
	if c.At.IsZero() {
		c.At = b.mark.At
	}
	if c.Head.Before(b.mark.Head) {
		c.Head = b.mark.Head
	}
	b.mark, b.marked = c, true
}

// seal gives each entry its Data.
func (b *batch) seal() {
	for i, s := range b.spans {
		b.entries[i].Data = b.data[s.from:s.to:s.to]
	}
}

func (b *batch) reset() {
	clear(b.entries) // lets go of the texts
	b.entries, b.spans, b.data = b.entries[:0], b.spans[:0], b.data[:0]
	if cap(b.data) > keepBytes {
		b.data = nil
	}
	b.mark, b.marked = Checkpoint{}, false
}

// newest is the commit time and position of the last of the batch.
func (b *batch) newest() (event.Position, time.Time) {
	if n := len(b.entries); n > 0 {
		return b.entries[n-1].Position, b.mark.At
	}
	return event.Position{}, b.mark.At
}
