package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/lockstep-sync/lockstep/bridge"
	"github.com/lockstep-sync/lockstep/bridge/journal"
	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/cdc"
	pgcdc "github.com/lockstep-sync/lockstep/cdc/postgres"
	"github.com/lockstep-sync/lockstep/schemas/config"
	"github.com/lockstep-sync/lockstep/schemas/ddl"
	"github.com/lockstep-sync/lockstep/schemas/event"
	"github.com/lockstep-sync/lockstep/writeback"
)

// system is everything that runs, wired.
type system struct {
	journal *journal.Journal
	sides   map[string]bridge.Side
	engine  *bridge.Engine
	sources []*source
	intake  *writeback.Intake
	watch   *driftWatch
	drift   *driftBook
}

// assembly puts systems together: the first one, and another one whenever an
// object has changed its shape so that mappings have to be compiled anew. The
// connections stay open in between.
type assembly struct {
	cfg     *config.Config
	gaps    []string // connections whose lost slot is made anew, the first time only
	times   watchTimes
	journal *journal.Journal
	sides   *sides
	drift   *driftBook
	board   *board
	log     zerolog.Logger
	again   bool // a system has run in this process
}

func newAssembly(cfg *config.Config, gaps []string, times watchTimes, j *journal.Journal, b *board, log zerolog.Logger) (*assembly, error) {
	connections, err := openSides(cfg, log)
	if err != nil {
		return nil, &exitError{exitProblem, err}
	}
	a := &assembly{cfg: cfg, gaps: gaps, times: times, journal: j, sides: connections, drift: newDriftBook(j, log), board: b, log: log}
	b.reports(a.drift)
	return a, nil
}

// next checks the configuration against what it points to and wires a system.
// It waits for connections that cannot be reached; problems that a person has
// to solve are an error with exit code 2, all of them at once, and nothing was
// touched then. It returns nil when ctx ends first.
func (a *assembly) next(ctx context.Context) (*system, error) {
	for {
		sys, err := a.try(ctx)
		if err == nil {
			a.gaps, a.again = nil, true
			return sys, nil
		}
		if ctx.Err() != nil {
			return nil, nil // whatever was cut short is done again at the next start
		}
		var exit *exitError
		if asExit(err, &exit) || !passing(err) {
			return nil, err
		}
		a.log.Warn().Err(err).Msg("waiting for a connection")
		a.board.starting(err.Error())
		timer := time.NewTimer(time.Second)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, nil
		case <-timer.C:
		}
	}
}

func (a *assembly) try(ctx context.Context) (*system, error) {
	verdicts, problems, err := a.judge(ctx)
	if err != nil {
		return nil, err
	}
	mappings, paused := make([]compiled, len(verdicts)), map[string]string{}
	for i := range verdicts {
		mappings[i] = verdicts[i].compiled
		paused[verdicts[i].Name()] = verdicts[i].paused
	}
	problems = append(problems, checkReferences(a.cfg, mappings)...)
	want := wants(a.cfg, mappings)
	if len(problems) == 0 {
		found, err := checkDatabases(ctx, a.cfg, want, a.journal)
		if err != nil {
			return nil, err
		}
		problems = append(problems, found...)
	}
	if len(problems) > 0 {
		return nil, &exitError{exitProblem, problems}
	}
	for i := range verdicts {
		if err := a.enter(ctx, &verdicts[i]); err != nil {
			return nil, err
		}
	}
	sys := &system{journal: a.journal, sides: a.sides.all, drift: a.drift}
	if sys.engine, err = bridge.New(bridge.Options{Journal: a.journal, Sides: a.sides.all, Mappings: plain(mappings), Paused: paused, Clock: time.Now, Log: a.log,
		Precision: precisions(a.cfg)}); err != nil {
		return nil, err
	}
	sys.watch = newDriftWatch(a.cfg, a.sides, sys.engine, a.drift, a.times, verdicts)
	for _, name := range usedConnections(a.cfg) {
		if w, ok := want[name]; ok {
			sys.sources = append(sys.sources, newSource(a.cfg, w, mappings, sys, slices.Contains(a.gaps, name), a.log))
		}
	}
	sys.intake = writeback.NewIntake(a.sides.sources, sys.engine.Route, a.journal)
	sys.intake.Log = a.log
	return sys, nil
}

// enter puts a verdict on record. What links know of renamed fields is renamed
// first: if that is cut short, it is done again.
func (a *assembly) enter(ctx context.Context, v *verdict) error {
	for _, side := range mapping.Sides {
		if len(v.renames[side]) == 0 {
			continue
		}
		if err := bridge.RenameFields(ctx, a.journal, v.spec.Name, side, v.renames[side], v.fingerprint); err != nil {
			return err
		}
	}
	return a.drift.enter(ctx, v, "")
}

// judge looks at both sides of every mapping and judges it. Problems name the
// file's line. The error is that of a connection that cannot be asked now.
func (a *assembly) judge(ctx context.Context) ([]verdict, config.Problems, error) {
	var out []verdict
	var problems config.Problems
	for i, m := range a.cfg.Mappings {
		base := fmt.Sprintf("mappings[%d]", i)
		spec := specOf(m)
		fingerprint, err := fingerprintOf(spec)
		if err != nil {
			return nil, nil, err
		}
		stood, err := a.drift.shapes.standing(ctx, m.Name)
		if err != nil {
			return nil, nil, err
		}
		if stood != nil && stood.Ends != endsOf(m) {
			stood = nil // it joins other objects now
		}
		var now [2]sighting
		failed := false
		for side, end := range [2]config.End{m.Left, m.Right} {
			s, err := a.see(ctx, end)
			if err != nil && passing(err) {
				return nil, nil, fmt.Errorf("connection %s: describe %s: %w", end.Connection, end.Object, err)
			}
			if err != nil || s.gone != "" && stood == nil {
				what := s.gone
				if err != nil {
					what = describeFailed(err)
				}
				problems = append(problems, problemAt(a.cfg, base+"."+mapping.Side(side).String(), what, describeRemedy(a.cfg, end)))
				failed = true
			}
			now[side] = s
		}
		if failed {
			continue
		}
		v := judge(spec, fingerprint, stood, now)
		for _, p := range v.problems {
			problems = append(problems, mappingProblem(a.cfg, base, p))
		}
		if v.Mapping == nil {
			for side, s := range now {
				if s.gone != "" {
					problems = append(problems, problemAt(a.cfg, base+"."+mapping.Side(side).String(), s.gone, ""))
				}
			}
			continue
		}
		if v.paused == "" { // else everything comes, and is filtered once the mapping goes on
			v.filters = filtersOf(m, v.shapes)
		}
		out = append(out, v)
	}
	return out, problems, nil
}

// see is how an object looks now, or looked last while its side cannot be asked:
// a restart during an outage of the SaaS goes on with the log.
func (a *assembly) see(ctx context.Context, end config.End) (sighting, error) {
	s, err := a.sides.see(ctx, end)
	if err == nil {
		if s.gone == "" {
			err = a.drift.shapes.save(ctx, end.Connection, s.shape)
		}
		return s, err
	}
	if !passing(err) && !a.again {
		return s, err
	}
	known, found, loadErr := a.drift.shapes.load(context.WithoutCancel(ctx), end.Connection, end.Object)
	if loadErr != nil || !found {
		return s, errors.Join(err, loadErr)
	}
	return sighting{shape: known}, nil
}

func newSource(cfg *config.Config, w ddl.Want, mappings []compiled, sys *system, acceptGap bool, log zerolog.Logger) *source {
	c := cfg.Connections[w.Connection].Postgres
	columns := map[string][]string{}
	for _, t := range w.Tables {
		columns[t.Name] = append(columns[t.Name], t.Columns...)
	}
	for _, list := range columns {
		slices.Sort(list)
	}
	s := &source{name: w.Connection, url: c.URL.Reveal(), want: w, journal: sys.journal, route: cdc.RouteFunc(sys.engine.Route),
		suspect: func(object string) { sys.watch.suspect(w.Connection, object) }, acceptGap: acceptGap, log: log,
		options: pgcdc.Options{Connection: w.Connection, URL: c.URL.Reveal(), ReadURL: c.ReadURL.Reveal(), Publication: c.Publication, Slot: c.Slot, Columns: columns, Logger: log}}
	for _, m := range mappings {
		if m.End(mapping.Left).Connection == w.Connection || m.End(mapping.Right).Connection == w.Connection {
			s.mappings = append(s.mappings, m.Name())
		}
	}
	return s
}

// checkDatabases looks at every database that Lockstep has not been installed on
// before. One that it has is looked at by its source all the time.
func checkDatabases(ctx context.Context, cfg *config.Config, want map[string]ddl.Want, j *journal.Journal) (config.Problems, error) {
	var problems config.Problems
	for _, name := range usedConnections(cfg) {
		w, ok := want[name]
		if !ok {
			continue
		}
		if j != nil {
			s := &source{name: name, journal: j}
			if _, had, err := s.before(ctx); err != nil || had {
				if err != nil {
					return nil, err
				}
				continue
			}
		}
		found, err := ddl.Check(ctx, cfg.Connections[name].Postgres.URL.Reveal(), w)
		if err != nil {
			return nil, &event.Fault{Class: event.Transient, Message: fmt.Sprintf("connection %s: %v", name, err), Err: err}
		}
		for _, p := range found {
			problems = append(problems, problemAt(cfg, "connections."+name, p.String(), ""))
		}
	}
	return problems, nil
}

// run runs everything until ctx ends; see keepInStep for the order of the end.
// again is why the system is to be put together anew, "" when it is not.
func (s *system) run(ctx context.Context) (again string, err error) {
	engine, stopEngine := context.WithCancel(context.WithoutCancel(ctx))
	defer stopEngine()
	ended := make(chan error, 1)
	reading, stopReading := context.WithCancel(ctx)
	defer stopReading()
	go func() {
		ended <- s.engine.Run(engine)
		stopReading() // an engine that stopped by itself ends the process
	}()
	group, reading := errgroup.WithContext(reading)
	for _, src := range s.sources {
		group.Go(func() error { return src.Run(reading) })
	}
	group.Go(func() error { return s.watch.Run(reading) })
	group.Go(func() error {
		select {
		case <-reading.Done():
		case again = <-s.watch.rewire:
			stopReading()
		}
		return nil
	})
	err = group.Wait()
	stopEngine()
	if engineErr := <-ended; engineErr != nil && !errors.Is(engineErr, context.Canceled) {
		return "", engineErr
	}
	return again, err
}

func plain(mappings []compiled) []*mapping.Mapping {
	out := make([]*mapping.Mapping, len(mappings))
	for i, m := range mappings {
		out[i] = m.Mapping
	}
	return out
}
