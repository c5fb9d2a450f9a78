package journal

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
)

// Options says where a journal lives and how it behaves. Only Dir has no
// default.
type Options struct {
	Dir       string                           // the data directory; created when absent
	Key       string                           // encrypts everything at rest; "" = no encryption
	Lanes     int                              // lanes of every mapping, fixed for the life of the directory; default 8
	MinFree   uint64                           // bytes kept free on the disk; default 256 MiB
	Free      func(dir string) (uint64, error) // free bytes on the disk of dir; nil asks the file system
	NoSync    bool                             // acknowledge before fsync: only for proving that a power-cut test can see
	Retention time.Duration                    // how long handled changes stay readable by others; default 24 h
	MaxBytes  uint64                           // handled changes kept at most; default 1 GiB
	AuditFor  time.Duration                    // how long the audit is kept; default 400 days
	Scratch   string                           // memory file system on which batches are staged; default /dev/shm where it fits, "none" for the data directory
	Log       zerolog.Logger                   // the zero value logs nothing
}

func (o Options) withDefaults() Options {
	if o.Lanes == 0 {
		o.Lanes = 8
	}
	if o.MinFree == 0 {
		o.MinFree = 256 << 20
	}
	if o.Free == nil {
		o.Free = freeBytes
	}
	if o.Retention == 0 {
		o.Retention = 24 * time.Hour
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = 1 << 30
	}
	if o.AuditFor == 0 {
		o.AuditFor = 400 * 24 * time.Hour
	}
	return o
}

// ErrClosed answers every call on a journal that is closed or closing.
var ErrClosed = errors.New("the journal is closed")

// Journal is an open data directory. All methods are safe for concurrent use.
type Journal struct {
	opts    Options
	log     zerolog.Logger
	lock    *dirLock
	srv     *server.Server
	scratch *scratch
	gets    *nats.Conn // single reads: the server answers them in this connection's own loop, so they have it alone
	reads   *nats.Conn // consumers and everything else
	js      jetstream.JetStream
	space   *space
	hub     *hub
	changes *committer
	state   *committer
	audit   *committer
	lost    uint64 // entries found missing in the middle of CHANGES when it was opened

	closing   context.Context // ends when Close begins
	stop      context.CancelFunc
	closeOnce sync.Once
	closeErr  error
}

// Open takes the data directory for this process, starts the server on it and
// creates or checks the streams. It fails, with words for a person, when
// another process runs on the directory, when the encryption key is wrong,
// missing or unexpected, when the number of lanes changed, or when a stream is
// gone. The caller closes the journal.
func Open(ctx context.Context, opts Options) (*Journal, error) {
	opts = opts.withDefaults()
	if opts.Lanes < 1 || opts.Lanes > 1024 {
		return nil, fmt.Errorf("open journal: lanes is %d; choose a number from 1 to 1024", opts.Lanes)
	}
	dir, err := filepath.Abs(opts.Dir)
	if err != nil || opts.Dir == "" {
		return nil, fmt.Errorf("open journal: data directory %q is no usable path", opts.Dir)
	}
	opts.Dir = dir
	j := &Journal{opts: opts, log: opts.Log, hub: newHub()}
	j.closing, j.stop = context.WithCancel(context.Background())
	if err := j.open(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open journal %s: %w", dir, err), j.Close())
	}
	return j, nil
}

func (j *Journal) open(ctx context.Context) (err error) {
	if j.lock, err = lockDir(j.opts.Dir); err != nil {
		return err
	}
	seal, err := readSeal(j.opts.Dir)
	if err != nil {
		return err
	}
	if err := seal.check(j.opts.Dir, j.opts.Key); err != nil {
		return err
	}
	if seal.isZero() {
		if seal, err = newSeal(j.opts.Dir, j.opts.Key); err != nil {
			return err
		}
	}
	j.space = newSpace(j.opts, j.log)
	if err := j.serve(); err != nil {
		return err
	}
	if err := j.connect(); err != nil {
		return err
	}
	if err := j.prepareStreams(ctx, !seal.Ready); err != nil {
		return err
	}
	if err := j.startCommitters(ctx); err != nil {
		return err
	}
	if err := j.checkLanes(ctx, !seal.Ready); err != nil {
		return err
	}
	if err := j.repair(ctx); err != nil {
		return err
	}
	if seal.Ready {
		return nil
	}
	// Only now may a missing stream be taken for damage instead of a first start.
	seal.Ready = true
	return seal.write(j.opts.Dir)
}

func (j *Journal) startCommitters(ctx context.Context) (err error) {
	j.scratch = openScratch(j.opts, j.log)
	for _, c := range []struct {
		to      **committer
		stream  string
		reserve uint64
		batch   int
		stored  func(*message, uint64)
		reset   func(uint64)
	}{
		{&j.changes, streamChanges, j.opts.MinFree, 1000, j.hub.deliver, j.hub.reset},
		{&j.audit, streamAudit, j.opts.MinFree / 2, 1000, nil, nil},
		// A batch holds up the reads of its stream while it commits, and every
		// change reads its link: small batches keep that wait short.
		{&j.state, streamState, j.opts.MinFree / 4, 250, nil, nil},
	} {
		j.scratch.stage(c.stream)
		if *c.to, err = j.newCommitter(ctx, c.stream); err != nil {
			return err
		}
		(*c.to).reserve, (*c.to).batchMax = c.reserve, c.batch
		if c.stored != nil {
			(*c.to).stored, (*c.to).reset = c.stored, c.reset
			c.reset((*c.to).last)
		}
		(*c.to).start()
	}
	return nil
}

// Lanes is the number of lanes of every mapping.
func (j *Journal) Lanes() int { return j.opts.Lanes }

// Close stops Follow calls, stores what was already handed over, stops the
// server and gives the directory free. Calls that come later get ErrClosed.
// Nothing acknowledged depends on it: a killed process loses nothing either.
func (j *Journal) Close() error {
	j.closeOnce.Do(func() {
		j.stop()
		for _, c := range []*committer{j.changes, j.audit, j.state} {
			if c != nil {
				c.close()
			}
		}
		for _, nc := range []*nats.Conn{j.gets, j.reads} {
			if nc != nil {
				nc.Close()
			}
		}
		if j.srv != nil {
			j.srv.Shutdown()
			j.srv.WaitForShutdown()
		}
		j.scratch.remove()
		if j.lock != nil {
			j.closeErr = j.lock.release()
		}
	})
	return j.closeErr
}

// bound gives ctx a deadline that no healthy server exceeds, and ends it when
// the journal closes, so that no call hangs on a server that went away.
func (j *Journal) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	stop := context.AfterFunc(j.closing, cancel)
	return ctx, func() { stop(); cancel() }
}

// explain turns the end of the journal's own context into ErrClosed.
func (j *Journal) explain(err error) error {
	if err != nil && j.closing.Err() != nil {
		return ErrClosed
	}
	return err
}
