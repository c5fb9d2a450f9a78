package journal

import (
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
)

const (
	// answerWithin is how long the server may take for one answer. A disk that
	// stalls for longer is broken.
	answerWithin = 30 * time.Second
	// maxPayload is the largest change that can be stored (the most that the
	// protocol allows).
	maxPayload = 64 << 20
)

// serve starts the embedded server: no port, no signal handler, no output of
// its own, everything on disk before it is acknowledged.
func (j *Journal) serve() error {
	opts := &server.Options{
		ServerName: "lockstep",
		DontListen: true,
		NoSigs:     true,
		NoLog:      true,
		JetStream:  true,
		StoreDir:   j.opts.Dir,
		// Invariant: acknowledged means fsynced (DESIGN.md, "Durable").
		SyncAlways:             !j.opts.NoSync,
		JetStreamKey:           j.opts.Key,
		JetStreamCipher:        server.ChaCha,
		DisableJetStreamBanner: true,
		// The disk is watched by space.go; the server's own rule (75 % of what
		// is free at the start) would refuse work while there is room.
		JetStreamMaxStore:  1 << 60,
		JetStreamMaxMemory: 64 << 20,
		MaxPayload:         maxPayload,
		MaxPending:         4 * maxPayload,
	}
	srv, err := server.NewServer(opts)
	if err != nil {
		return fmt.Errorf("start embedded server: %w", err)
	}
	srv.SetLoggerV2(serverLog{j.log.With().Str("part", "jetstream").Logger()}, false, false, false)
	j.srv = srv
	srv.Start()
	if !srv.ReadyForConnections(answerWithin) {
		return fmt.Errorf("start embedded server: not ready within %s", answerWithin)
	}
	if !srv.JetStreamEnabled() {
		return fmt.Errorf("start embedded server: it cannot use the folder; its log says why (is it writable, and on a local disk?)")
	}
	return nil
}

func (j *Journal) connect() (err error) {
	if j.gets, err = j.dial("gets"); err != nil {
		return err
	}
	if j.reads, err = j.dial("reads"); err != nil {
		return err
	}
	j.js, err = jetstream.New(j.reads, jetstream.WithDefaultTimeout(answerWithin))
	return err
}

// dial opens an in-process connection. It never buffers what it could not
// send: a committer must know what the server has.
func (j *Journal) dial(name string) (*nats.Conn, error) {
	nc, err := nats.Connect("", nats.InProcessServer(j.srv), nats.Name("lockstep "+name), nats.MaxReconnects(-1),
		nats.ReconnectWait(50*time.Millisecond), nats.ReconnectBufSize(-1), nats.PingInterval(time.Hour),
		nats.ErrorHandler(func(_ *nats.Conn, sub *nats.Subscription, err error) {
			j.log.Warn().Err(err).Str("connection", name).Msg("journal connection")
		}))
	if err != nil {
		return nil, fmt.Errorf("connect to embedded server: %w", err)
	}
	return nc, nil
}

// serverLog routes what the server says into our log. Its notices are detail
// to us; its fatal errors are ours to judge, never a reason to exit.
type serverLog struct{ log zerolog.Logger }

func (l serverLog) Noticef(format string, v ...any) { l.log.Debug().Msg(line(format, v)) }
func (l serverLog) Debugf(format string, v ...any)  { l.log.Trace().Msg(line(format, v)) }
func (l serverLog) Tracef(format string, v ...any)  { l.log.Trace().Msg(line(format, v)) }

// Warnf passes warnings on, but for the one about the payload limit at every
// start: the limit is what it is so that no row is too large for CHANGES.
func (l serverLog) Warnf(format string, v ...any) {
	if strings.HasPrefix(format, "Maximum payloads over") {
		l.log.Debug().Msg(line(format, v))
		return
	}
	l.log.Warn().Msg(line(format, v))
}

func (l serverLog) Errorf(format string, v ...any) { l.log.Error().Msg(line(format, v)) }
func (l serverLog) Fatalf(format string, v ...any) { l.log.Error().Msg(line(format, v)) }

func line(format string, v []any) string { return strings.TrimSpace(fmt.Sprintf(format, v...)) }
