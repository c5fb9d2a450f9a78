package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/rs/zerolog"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// Options say which database to write to, and how patiently.
type Options struct {
	// Connection is the connection's name in the configuration, for messages.
	Connection string

	// URL names the primary, as pgx reads it. With default_query_exec_mode=exec
	// in it no statement is prepared, for poolers that cannot keep them.
	URL string

	Connections int           // at most, opened when needed; 0 = 4
	LockTimeout time.Duration // how long a write waits for the application's row locks, while it holds none itself; 0 = 2 s
	Timeout     time.Duration // for one statement on the server; 0 = 30 s
	Patience    time.Duration // for one whole call, also when the network is silent; 0 = 60 s

	// Outdated is told that calls ask for a table or a column that the database
	// does not have: its shape has changed. It is called from any goroutine, maybe
	// often, and must not block; nil tells nobody.
	Outdated func(object string)

	Now func() time.Time // time.Now
	Log zerolog.Logger   // the zero Logger is silent
}

func (o Options) withDefaults() Options {
	if o.Connections <= 0 {
		o.Connections = 4
	}
	if o.LockTimeout <= 0 {
		o.LockTimeout = 2 * time.Second
	}
	if o.Timeout <= 0 {
		o.Timeout = 30 * time.Second
	}
	if o.Patience <= 0 {
		o.Patience = time.Minute
	}
	if o.Outdated == nil {
		o.Outdated = func(string) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Applier writes to and reads from one database. It is safe for concurrent use.
// After Close every call fails.
type Applier struct {
	options Options
	pool    *pool
	clock   *clock
	tune    statement // a transaction's settings
	sharing statement // the same, where it holds other rows' locks while it waits for one
	hurried statement // the same, once a lock has been waited for in vain

	mu     sync.Mutex
	tables map[string]*table // by object; as described last
}

// New returns an Applier that has not connected yet. The error never repeats
// the URL, which may hold a password.
func New(o Options) (*Applier, error) {
	o = o.withDefaults()
	cfg, err := pgx.ParseConfig(o.URL)
	if err != nil {
		// The cause may quote the URL.
		return nil, fmt.Errorf("connection %s: its url cannot be read as PostgreSQL's: write postgres://user:password@host:5432/database, "+
			"with special characters in the password percent-encoded, and see that files named in it can be read", o.Connection)
	}
	if cfg.RuntimeParams["application_name"] == "" {
		cfg.RuntimeParams["application_name"] = "lockstep"
	}
	cfg.RuntimeParams["client_encoding"] = "UTF8"
	unnamed := cfg.DefaultQueryExecMode == pgx.QueryExecModeExec || cfg.DefaultQueryExecMode == pgx.QueryExecModeSimpleProtocol
	c := &clock{now: o.Now}
	return &Applier{options: o, clock: c, pool: newPool(&cfg.Config, o.Connections, unnamed, c), tables: map[string]*table{},
		tune: tuning(o, o.LockTimeout), sharing: tuning(o, min(holding, o.LockTimeout)), hurried: tuning(o, min(hurry, o.LockTimeout))}, nil
}

// Close closes the connections that are idle now, and the others when their
// calls return.
func (a *Applier) Close() { a.pool.close() }

// Limits tells that a hundred writes of any kind fit one transaction: more
// would hold row locks for longer, and gain little.
func (a *Applier) Limits(string) event.Limits {
	return event.Limits{Batch: 100, Mixed: true, Concurrency: a.options.Connections}
}

// Forget drops what is known of the table's columns, so that the next call
// looks again. Statements that fail because the table has changed do so by
// themselves.
func (a *Applier) Forget(object string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.tables, object)
}

// with runs f with a session and the call's own deadline. When a session that
// had been idle turns out to be dead, f runs once more with a new one: f must
// return errLost only while nothing can have been committed.
func (a *Applier) with(ctx context.Context, f func(context.Context, *session) error) error {
	ctx, cancel := context.WithTimeout(ctx, a.options.Patience)
	defer cancel()
	for {
		s, err := a.pool.take(ctx)
		if err != nil {
			return err
		}
		reused := s.used
		err = f(ctx, s)
		a.pool.give(s)
		var lost *lostError
		if !reused || !errors.As(err, &lost) || ctx.Err() != nil {
			return err
		}
		a.pool.dropIdle() // whatever cut one of them has cut them all
		a.options.Log.Debug().Str("connection", a.options.Connection).Err(lost.err).Msg("an idle database connection was dead: connecting again")
	}
}

// table returns the object's description, asking the catalog when it is not
// known yet. A missing or unfit table is a *event.Fault.
func (a *Applier) table(ctx context.Context, s *session, object string) (*table, error) {
	a.mu.Lock()
	t := a.tables[object]
	a.mu.Unlock()
	if t != nil {
		return t, nil
	}
	t, err := describe(ctx, s, a.tune, object)
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	a.tables[object] = t
	a.mu.Unlock()
	return t, nil
}

// Describe asks the database for the table's shape, now. An error is an
// *event.Fault: Rejected where there is no such table, or none that can be
// written by key.
func (a *Applier) Describe(ctx context.Context, object string) (event.Object, error) {
	a.Forget(object)
	var out event.Object
	err := a.with(ctx, func(ctx context.Context, s *session) error {
		t, err := a.table(ctx, s, object)
		if err == nil {
			out = t.object()
		}
		return err
	})
	if err != nil {
		return event.Object{}, faultOf(err)
	}
	return out, nil
}
