package journal

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// ErrTooLarge says that a single message is larger than the journal can store.
var ErrTooLarge = errors.New("larger than the journal can store")

// Append stores the entries in CHANGES, in their order, and returns nil when
// all of them are on disk (fsynced). Entries of one change (same connection and
// position) are kept in one atomic batch where batches are used. Concurrent
// calls share fsyncs; each call's entries stay together in its own order.
//
// After an error the first entries may be stored, never later ones without
// those before: ask Tail and go on from there. ErrDiskFull means that nothing
// more was stored and that the same call succeeds once there is room.
// The entries' memory is the caller's again when Append returns.
func (j *Journal) Append(ctx context.Context, entries []event.Entry) error {
	msgs := make([]message, len(entries))
	for i := range entries {
		e := &entries[i]
		if err := j.checkEntry(e); err != nil {
			return fmt.Errorf("append change %s of %s for mapping %s: %w", e.Position, e.Connection, e.Mapping, err)
		}
		msgs[i] = message{subject: changeSubject(e.Connection, e.Mapping, strconv.Itoa(e.Lane)), data: e.Data, entry: e}
		if i > 0 {
			p := &entries[i-1]
			msgs[i].joined = p.Position == e.Position && p.Connection == e.Connection
		}
	}
	return j.changes.write(ctx, msgs)
}

func (j *Journal) checkEntry(e *event.Entry) error {
	switch {
	case !isToken(e.Connection):
		return fmt.Errorf("connection %q cannot stand in a subject: use letters, digits, - and _", e.Connection)
	case !isToken(e.Mapping):
		return fmt.Errorf("mapping %q cannot stand in a subject: use letters, digits, - and _", e.Mapping)
	case e.Lane < 0 || e.Lane >= j.opts.Lanes:
		return fmt.Errorf("lane %d is outside 0 to %d", e.Lane, j.opts.Lanes-1)
	case len(e.Data) > maxPayload-1024:
		return fmt.Errorf("%d bytes: %w (%d bytes)", len(e.Data), ErrTooLarge, maxPayload-1024)
	}
	return nil
}

func changeSubject(connection, mapping, lane string) string {
	return "changes." + connection + "." + mapping + "." + lane
}

// isToken tells whether s can be one token of a subject.
func isToken(s string) bool {
	if s == "" || len(s) > 128 {
		return false
	}
	for i := range len(s) {
		switch b := s[i]; {
		case b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z', b >= '0' && b <= '9', b == '-', b == '_':
		default:
			return false
		}
	}
	return true
}

// readEntry makes an entry of a stored message. It shares the message's memory.
func readEntry(m *nats.Msg, subject string) (event.Entry, error) {
	parts := strings.Split(subject, ".")
	if len(parts) != 4 {
		return event.Entry{}, fmt.Errorf("subject %s has not four parts", subject)
	}
	lane, err := strconv.Atoi(parts[3])
	if err != nil {
		return event.Entry{}, fmt.Errorf("subject %s does not end in a lane", subject)
	}
	e := event.Entry{Connection: parts[1], Mapping: parts[2], Lane: lane, Data: m.Data,
		Origin: event.Origin{Connection: m.Header.Get(headOrigin), Change: m.Header.Get(headChange)}}
	e.Position, err = event.ParsePosition(m.Header.Get(headPosition))
	return e, err
}

// Tail is the position of the last entry appended for a mapping from a
// connection, the zero Position when there never was one. It survives pruning. After a failed
// Append it waits until it is certain what of that is stored.
func (j *Journal) Tail(ctx context.Context, connection, mapping string) (event.Position, error) {
	if !isToken(connection) || !isToken(mapping) {
		return event.Position{}, fmt.Errorf("tail of %q for %q: not names that can stand in a subject", connection, mapping)
	}
	if err := j.changes.settled(ctx); err != nil {
		return event.Position{}, err
	}
	t, err := j.lastOf(ctx, connection, mapping)
	if err == nil && t.seq == 0 {
		return j.rememberedTail(ctx, connection, mapping)
	}
	return t.position, err
}

// tail is the last message of a connection and mapping that is still there.
type tail struct {
	seq      uint64
	position event.Position
}

func (j *Journal) lastOf(ctx context.Context, connection, mapping string) (tail, error) {
	m, err := j.get(ctx, streamChanges, getRequest{Last: changeSubject(connection, mapping, "*")})
	if err != nil || m == nil {
		return tail{}, err
	}
	seq, err := strconv.ParseUint(m.Header.Get("Nats-Sequence"), 10, 64)
	if err != nil {
		return tail{}, fmt.Errorf("read tail of %s for %s: %w", connection, mapping, err)
	}
	e, err := readEntry(m, m.Header.Get("Nats-Subject"))
	if err != nil {
		return tail{}, fmt.Errorf("read tail of %s for %s: %w", connection, mapping, err)
	}
	return tail{seq, e.Position}, nil
}

func tailKey(connection, mapping string) string { return "journal.tail." + connection + "." + mapping }

func (j *Journal) rememberedTail(ctx context.Context, connection, mapping string) (event.Position, error) {
	data, found, err := j.Load(ctx, tailKey(connection, mapping))
	if err != nil || !found {
		return event.Position{}, err
	}
	return event.ParsePosition(string(data))
}
