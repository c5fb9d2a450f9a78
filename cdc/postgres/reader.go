package postgres

import (
	"context"
	"fmt"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/lockstep-sync/lockstep/cdc"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

// Reader reads one slot. It is a cdc.Reader; see there for what its methods
// promise. Between streams it remembers what was confirmed and which server
// answered, so that it notices when either is not what it was.
type Reader struct {
	options Options
	config  *pgconn.Config
	kick    chan struct{}     // one token: something new to confirm
	shapes  map[string]string // the stream's: see decoder

	mu        sync.Mutex
	confirmed uint64 // durable, to be told to the server
	told      uint64 // the most that the server can know from us
	systemID  string
}

// New makes a Reader. It starts nothing and connects nowhere; the error is that
// of a URL that cannot be read, and shows no password.
func New(o Options) (*Reader, error) {
	o = o.settled()
	config, err := replicationConfig(o)
	if err != nil {
		return nil, fmt.Errorf("read the URL of connection %s: %w", o.Connection, err)
	}
	return &Reader{options: o, config: config, kick: make(chan struct{}, 1), shapes: map[string]string{}, systemID: o.SystemID}, nil
}

var _ cdc.Reader = (*Reader)(nil)

// Confirm is cdc.Reader's. The server hears of it within a tenth of a second.
func (r *Reader) Confirm(c cdc.Checkpoint) {
	r.mu.Lock()
	news := c.End.Major > r.confirmed
	if news {
		r.confirmed = c.End.Major
	}
	r.mu.Unlock()
	if news {
		select {
		case r.kick <- struct{}{}:
		default:
		}
	}
}

// tell returns what may be confirmed and notes that the server will know.
func (r *Reader) tell() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.told = max(r.told, r.confirmed)
	return r.confirmed
}

// began notes from where the slot, now ours, is read.
func (r *Reader) began(start uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.told = max(r.told, start)
}

// Stream is cdc.Reader's.
func (r *Reader) Stream(ctx context.Context, newest event.Position, sink cdc.Sink) error {
	link, err := r.connect(ctx)
	if err != nil {
		return err
	}
	defer link.close()
	start, head, err := r.attach(ctx, link, newest)
	if err != nil {
		return err
	}
	s := newStream(r, link, sink)
	return s.run(ctx, start, head)
}
