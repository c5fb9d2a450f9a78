package postgres

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// stale is the idle time after which a session is not trusted: firewalls drop
// silent connections without a word.
const stale = time.Minute

var errClosed = errors.New("the connection has been closed")

// pool keeps a few sessions. It opens them when they are asked for, and runs
// nothing by itself.
type pool struct {
	config  *pgconn.Config
	unnamed bool
	clock   *clock
	tickets chan struct{} // one for each session that may be open

	mu     sync.Mutex
	idle   []*session // the last one used last
	closed bool
}

func newPool(config *pgconn.Config, size int, unnamed bool, c *clock) *pool {
	return &pool{config: config, unnamed: unnamed, clock: c, tickets: make(chan struct{}, size)}
}

// take waits for its turn and returns an idle session or a new one. Who takes
// gives back.
func (p *pool) take(ctx context.Context) (*session, error) {
	select {
	case p.tickets <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	s, err := p.newest()
	if s == nil && err == nil {
		s, err = connect(ctx, p.config, p.unnamed, p.clock)
	}
	if err != nil {
		<-p.tickets
		return nil, err
	}
	return s, nil
}

// newest returns the session used last, or nil.
func (p *pool) newest() (*session, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errClosed
	}
	for len(p.idle) > 0 {
		s := p.idle[len(p.idle)-1]
		p.idle = p.idle[:len(p.idle)-1]
		if time.Since(s.returned) < stale && !s.conn.IsClosed() {
			return s, nil
		}
		s.close()
	}
	return nil, nil
}

// give takes a session back. One that is dead, or still inside a transaction,
// is closed: the server then rolls back.
func (p *pool) give(s *session) {
	defer func() { <-p.tickets }()
	p.mu.Lock()
	keep := !p.closed && !s.conn.IsClosed() && s.conn.TxStatus() == 'I'
	if keep {
		s.used, s.returned = true, time.Now()
		p.idle = append(p.idle, s)
	}
	p.mu.Unlock()
	if !keep {
		s.close()
	}
}

func (p *pool) dropIdle() {
	p.mu.Lock()
	idle := p.idle
	p.idle = nil
	p.mu.Unlock()
	for _, s := range idle {
		s.close()
	}
}

func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.dropIdle()
}
