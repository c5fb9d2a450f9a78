package postgres

import (
	"errors"
	"fmt"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// decodeError is what the decoder does not understand: never passed over.
type decodeError struct{ error }

func (e decodeError) Unwrap() error { return e.error }

func orElse(err error, text string) error {
	if err != nil {
		return err
	}
	return errors.New(text)
}

// images reads the tuples of a row message into the change.
func (d *decoder) images(w *wire, r *relation, kind byte) error {
	after, before := d.after[:len(r.names)], d.before[:len(r.names)]
	c := &d.change
	var old byte // 'O' the whole old row, 'K' its identity, 0 nothing
	part := w.byte()
	if part == 'O' || part == 'K' {
		old = part
		if err := r.tuple(w, before, part == 'K'); err != nil {
			return err
		}
		c.Before = event.Record{Names: r.names, Values: before}
		if kind == 'U' {
			part = w.byte()
		}
	}
	switch {
	case kind == 'D' && old != 0:
		c.Op = event.Delete
	case (kind == 'U' || kind == 'I' && old == 0) && part == 'N':
		c.Op = event.Insert
		if kind == 'U' {
			c.Op = event.Update
		}
		if err := r.tuple(w, after, false); err != nil {
			return err
		}
		if old != 0 {
			fill(after, before)
		}
		c.After = event.Record{Names: r.names, Values: after}
	default:
		return fmt.Errorf("%q message with tuples %q and %q", kind, old, part)
	}
	return d.keys(r, old != 0)
}

// keys sets the change's key, and the old one where it was another.
func (d *decoder) keys(r *relation, old bool) error {
	c := &d.change
	var before, after event.Key
	var ok bool
	if old {
		if before, ok = r.keyIn(c.Before.Values, d.texts); !ok {
			return errors.New("the old row lacks a column of the key")
		}
	}
	if c.Op == event.Delete {
		c.Key = before
		return nil
	}
	if after, ok = r.keyIn(c.After.Values, d.texts); !ok {
		return errors.New("the row lacks a column of the key")
	}
	c.Key = after
	if old && before != after {
		c.OldKey = before
	}
	return nil
}

// fill takes what the new row left out as unchanged from the old one. An old
// NULL says nothing: what is stored out of line is never NULL, so a NULL here
// comes from a partition whose replica identity is narrower than its root's.
func fill(after, before []event.Value) {
	for i := range after {
		if after[i].IsUnchanged() && before[i].IsSet() {
			after[i] = before[i]
		}
	}
}

// tuple reads a row into values, by slot. In the tuple of an identity the other
// columns say nothing, though the wire calls them null.
func (r *relation) tuple(w *wire, values []event.Value, identity bool) error {
	if n := w.uint16(); n != len(r.columns) {
		return fmt.Errorf("a row of %d columns where the table has %d", n, len(r.columns))
	}
	for i := range r.columns {
		c := &r.columns[i]
		var v event.Value
		switch kind := w.byte(); kind {
		case 'n':
			if !identity || c.ident {
				v = event.NullOf(c.form.Kind)
			}
		case 'u': // stored out of line and not touched
		case 't':
			text := w.take(int(w.uint32()))
			if c.slot >= 0 && w.err == nil {
				v = c.form.Value(text)
			}
		default:
			return fmt.Errorf("column %s: value of unknown kind %q", c.name, kind)
		}
		if c.slot >= 0 {
			values[c.slot] = v
		}
	}
	return w.err
}
