package cdc

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// Pump moves one connection's changes from its Reader to the Log. Make it with
// New, set what differs from the defaults, then call Run once; Status is safe at
// any time, from any goroutine.
type Pump struct {
	// Mappings are the names of the connection's mappings. Their tails are read
	// before the stream starts; a mapping that only RouteFunc names is looked up
	// when it first occurs.
	Mappings []string

	Logger     zerolog.Logger
	MaxEntries int           // entries in one Append; 1,000
	MaxBytes   int           // encoded bytes after which a batch takes no more; 1 MiB
	Retry      Backoff       // after failures that pass; 100 ms to 10 s
	Recheck    time.Duration // how often a Problem is looked at again; 15 s

	// Suspect is told when the rows of an object change their shape, before the
	// first row of the new one is queued. nil tells nobody.
	Suspect func(object string)

	Now    func() time.Time
	Random func() float64 // for jitter, 0 to 1

	connection string
	reader     Reader
	log        Log
	route      RouteFunc

	queue  *queue
	status *status

	// What follows belongs to the stream's goroutine.

	// last is, per mapping, the position of the last change queued or found in
	// the Log. The queue outlives a reconnect, so that what the source then sends
	// again is known here without asking the Log.
	last   map[string]event.Position
	routes []event.Route
	open   bool // within a transaction
}

// New makes a Pump of the connection. It starts nothing.
func New(connection string, reader Reader, log Log, route RouteFunc) *Pump {
	return &Pump{
		connection: connection, reader: reader, log: log, route: route,
		Logger: zerolog.Nop(), MaxEntries: 1000, MaxBytes: 1 << 20,
		Retry: Backoff{Min: 100 * time.Millisecond, Max: 10 * time.Second}, Recheck: 15 * time.Second,
		Now: time.Now, Random: rand.Float64,
		status: newStatus(), last: map[string]event.Position{},
	}
}

// Run pumps until ctx ends and then returns nil: every other failure is shown in
// Status and tried again. What was not yet confirmed is sent again by the source
// after the next start and skipped by its position.
func (p *Pump) Run(ctx context.Context) error {
	p.queue = newQueue(p.MaxEntries, p.MaxBytes)
	var appender sync.WaitGroup
	appender.Go(func() { p.appendAll(ctx) })
	defer appender.Wait()
	for failures := 0; ; failures++ {
		p.status.connecting()
		err := p.stream(ctx)
		if ctx.Err() != nil {
			p.status.ended(p.Now())
			return nil
		}
		if p.status.stood() {
			failures = 0
		}
		if pause(ctx, p.judge(err, failures)) != nil {
			return nil
		}
	}
}

// stream runs the Reader once.
func (p *Pump) stream(ctx context.Context) error {
	for _, m := range p.Mappings {
		if _, known := p.last[m]; !known {
			p.last[m] = event.Position{}
		}
	}
	var newest event.Position
	for m, queued := range p.last {
		// The Log may hold more than we queued: another process may have read this
		// source while we could not (I2).
		stored, err := p.log.Tail(ctx, p.connection, m)
		if err != nil {
			return fmt.Errorf("find the last change appended for mapping %s: %w", m, err)
		}
		if queued.Before(stored) {
			queued = stored
			p.last[m] = stored
		}
		if newest.Before(queued) {
			newest = queued
		}
	}
	p.open = false // what was cut comes again from its first change
	return p.reader.Stream(ctx, newest, (*intake)(p))
}

// judge shows why the stream ended and says when to try again.
func (p *Pump) judge(err error, failures int) time.Duration {
	var problem *Problem
	if errors.As(err, &problem) {
		if p.status.failed(p.Now(), problem) {
			p.Logger.Error().Str("connection", p.connection).Str("kind", string(problem.Kind)).
				Str("remedy", problem.Remedy).Msg(problem.What)
		}
		return p.Recheck
	}
	delay := p.Retry.delay(failures, p.Random())
	if p.status.interrupted(p.Now(), err) {
		p.Logger.Warn().Str("connection", p.connection).Err(err).Dur("again_in", delay).Msg("stream interrupted")
	}
	return delay
}

// tail is the last position of the mapping, looked up where it is not known.
func (p *Pump) tail(ctx context.Context, mapping string) (event.Position, error) {
	last, known := p.last[mapping]
	if known {
		return last, nil
	}
	last, err := p.log.Tail(ctx, p.connection, mapping)
	if err != nil {
		return event.Position{}, fmt.Errorf("find the last change appended for mapping %s: %w", mapping, err)
	}
	p.last[mapping] = last
	return last, nil
}
