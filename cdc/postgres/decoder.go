package postgres

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"github.com/lockstep-sync/lockstep/cdc"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

// decoder turns the messages of one stream, in order, into calls of the sink.
// It keeps the relations it was told of and two rows' worth of values.
type decoder struct {
	connection string
	columns    map[string][]string // see Options.Columns
	catalog    catalog
	sink       cdc.Sink
	logger     zerolog.Logger
	seen       func() time.Time

	relations map[uint32]*relation
	shapes    map[string]string // by object: its fingerprint as last described, over all streams
	open      bool
	rows      uint64 // of the open transaction so far
	change    event.Change
	after     []event.Value
	before    []event.Value
	texts     []string // scratch for keys
}

func newDecoder(o Options, c catalog, sink cdc.Sink, shapes map[string]string, seen func() time.Time) *decoder {
	return &decoder{shapes: shapes, connection: o.Connection, columns: o.Columns, catalog: c, sink: sink, logger: o.Logger, seen: seen,
		relations: map[uint32]*relation{}, texts: make([]string, 0, 8), change: event.Change{Connection: o.Connection, Connector: "postgresql"}}
}

// message takes one message of pgoutput. An error that is the sink's, ctx's or
// the catalog's comes as it is; what cannot be understood is errDecode.
func (d *decoder) message(ctx context.Context, data []byte) error {
	if len(data) == 0 {
		return decodeError{errShort}
	}
	switch data[0] {
	case 'I', 'U', 'D':
		return d.row(ctx, data)
	}
	w := wire{in: data[1:]}
	switch data[0] {
	case 'B':
		return d.begin(&w)
	case 'C':
		return d.commit(ctx, &w)
	case 'R':
		return d.relation(&w)
	case 'T':
		return d.truncate(ctx, &w)
	case 'M':
		return d.logical(&w)
	case 'O', 'Y': // a replication origin, a type's name: the catalog tells more
		return nil
	}
	return decodeError{fmt.Errorf("message of unknown kind %q", data[0])}
}

func (d *decoder) begin(w *wire) error {
	final, at, xid := w.uint64(), w.time(), w.uint32()
	if w.err != nil || d.open {
		return decodeError{orElse(w.err, "BEGIN within a transaction")}
	}
	d.open, d.rows = true, 0
	d.change.Position, d.change.At, d.change.Tx = event.Position{Major: final}, at, uint64(xid)
	d.change.Origin = event.Origin{}
	return nil
}

func (d *decoder) commit(ctx context.Context, w *wire) error {
	_, at, end, _ := w.byte(), w.uint64(), w.uint64(), w.uint64()
	if w.err != nil || !d.open || at != d.change.Position.Major {
		return decodeError{orElse(w.err, "COMMIT that does not belong to its BEGIN")}
	}
	d.open = false
	p := event.Position{Major: end}
	return d.sink.Commit(ctx, cdc.Checkpoint{End: p, Head: p, At: d.change.At})
}

// logical takes a message of pg_logical_emit_message. Ours tags the row changes
// that follow it, up to the next of ours or the end of the transaction.
func (d *decoder) logical(w *wire) error {
	transactional, _, prefix := w.byte() == 1, w.uint64(), w.text()
	content := w.take(int(w.uint32()))
	if w.err != nil {
		return decodeError{w.err}
	}
	if !transactional || prefix != originPrefix || !d.open {
		return nil
	}
	origin, err := parseOrigin(content)
	if err != nil {
		// Anybody may emit such a message: it must not stop the stream. Its rows count
		// as somebody else's, and the shadows tell whether they are an edit.
		d.logger.Warn().Err(err).Str("connection", d.connection).Msg("a message bears our prefix and is not ours")
	}
	d.change.Origin = origin
	return nil
}

func (d *decoder) relation(w *wire) error {
	r, err := parseRelation(w)
	if err != nil {
		return decodeError{fmt.Errorf("relation: %w", err)}
	}
	_, named := d.columns[r.object]
	r.wanted = named || d.columns == nil
	d.relations[r.id] = r
	if named {
		lacks := missing(r, d.columns[r.object])
		d.sink.Notice(r.object, lacks)
		before, known := d.shapes[r.object]
		d.shapes[r.object] = r.fingerprint()
		if len(lacks) > 0 || known && before != d.shapes[r.object] {
			d.sink.Reshaped(r.object)
		}
	}
	return nil
}

// missing says which wanted columns the log does not carry.
func missing(r *relation, wanted []string) []cdc.Notice {
	var out []cdc.Notice
	for _, name := range wanted {
		if !r.has(name) {
			out = append(out, cdc.Notice{Object: r.object, Column: name,
				What:   fmt.Sprintf("column %s of table %s is no longer in the log: it was renamed or dropped, or taken out of the publication", name, r.object),
				Remedy: "bring the column or its place in the publication back, or change the mapping; changes go on without it"})
		}
	}
	return out
}

// settle looks up key and types of a relation, before its first row only: the leaves of a partitioned table are described and never used.
func (d *decoder) settle(ctx context.Context, r *relation) error {
	s, err := d.catalog.shape(ctx, r)
	if err != nil {
		return err
	}
	r.settle(s, d.columns[r.object])
	if len(r.key) == 0 {
		d.logger.Warn().Str("connection", d.connection).Str("table", r.object).Msg("table has no key: its changes name no record")
	}
	for len(d.after) < len(r.names) {
		d.after, d.before = append(d.after, event.Value{}), append(d.before, event.Value{})
	}
	return nil
}

// row takes an insert, update or delete.
func (d *decoder) row(ctx context.Context, data []byte) error {
	if len(data) < 5 {
		return decodeError{errShort}
	}
	r := d.relations[binary.BigEndian.Uint32(data[1:])]
	if r == nil || !d.open {
		return decodeError{fmt.Errorf("row of a table that was not described, or outside a transaction")}
	}
	// Every row counts, wanted or not: positions stay the same when the
	// configuration changes.
	d.rows++
	if !r.wanted {
		return nil
	}
	if !r.ready {
		if err := d.settle(ctx, r); err != nil {
			return err
		}
	}
	w := wire{in: data[5:]}
	c := &d.change
	c.Key, c.OldKey, c.Before, c.After = "", "", event.Record{}, event.Record{}
	if err := d.images(&w, r, data[0]); err != nil {
		return decodeError{fmt.Errorf("row %d of the transaction, table %s: %w", d.rows, r.object, err)}
	}
	return d.emit(ctx, r.object)
}

func (d *decoder) emit(ctx context.Context, object string) error {
	c := &d.change
	c.Object, c.Position.Minor, c.Seen = object, d.rows, d.seen()
	return d.sink.Change(ctx, c)
}

func (d *decoder) truncate(ctx context.Context, w *wire) error {
	n := int(w.uint32())
	w.byte() // CASCADE, RESTART IDENTITY
	for range n {
		r := d.relations[w.uint32()]
		if w.err != nil || r == nil || !d.open {
			return decodeError{orElse(w.err, "TRUNCATE of a table that was not described")}
		}
		d.rows++
		if !r.wanted {
			continue
		}
		c := &d.change
		c.Op, c.Key, c.OldKey, c.Before, c.After = event.Truncate, "", "", event.Record{}, event.Record{}
		if err := d.emit(ctx, r.object); err != nil {
			return err
		}
	}
	return nil
}
