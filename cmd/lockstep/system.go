package main

import (
	"context"
	"encoding/json"
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
	journal     *journal.Journal
	connections *sides
	sides       map[string]bridge.Side
	engine      *bridge.Engine
	sources     []*source
	intake      *writeback.Intake
}

// assemble checks the configuration against what it points to and wires the
// system. It waits for connections that cannot be reached; problems that a
// person has to solve are an error with exit code 2, all of them at once, and
// nothing was touched then. It returns nil when ctx ends first.
func assemble(ctx context.Context, cfg *config.Config, gaps []string, j *journal.Journal, b *board, log zerolog.Logger) (*system, error) {
	connections, err := openSides(cfg, log)
	if err != nil {
		return nil, &exitError{exitProblem, err}
	}
	for {
		sys, err := try(ctx, cfg, gaps, j, connections, log)
		if err == nil {
			return sys, nil
		}
		var exit *exitError
		if asExit(err, &exit) || !passing(err) {
			connections.close()
			return nil, err
		}
		if ctx.Err() != nil {
			connections.close()
			return nil, nil
		}
		log.Warn().Err(err).Msg("waiting for a connection")
		b.starting(err.Error())
		timer := time.NewTimer(time.Second)
		select {
		case <-ctx.Done():
			timer.Stop()
			connections.close()
			return nil, nil
		case <-timer.C:
		}
	}
}

func try(ctx context.Context, cfg *config.Config, gaps []string, j *journal.Journal, connections *sides, log zerolog.Logger) (*system, error) {
	mappings, problems, err := compileMappings(ctx, cfg, connections, storedShapes{j})
	if err != nil {
		return nil, err
	}
	want := wants(cfg, mappings)
	if len(problems) == 0 {
		found, err := checkDatabases(ctx, cfg, want, j)
		if err != nil {
			return nil, err
		}
		problems = append(problems, found...)
	}
	if len(problems) > 0 {
		return nil, &exitError{exitProblem, problems}
	}
	sys := &system{journal: j, connections: connections, sides: connections.all}
	if sys.engine, err = bridge.New(bridge.Options{Journal: j, Sides: connections.all, Mappings: plain(mappings), Clock: time.Now, Log: log}); err != nil {
		return nil, err
	}
	for _, name := range usedConnections(cfg) {
		if w, ok := want[name]; ok {
			sys.sources = append(sys.sources, newSource(cfg, w, mappings, sys, slices.Contains(gaps, name), log))
		}
	}
	sys.intake = writeback.NewIntake(connections.sources, sys.engine.Route, j)
	sys.intake.Log = log
	return sys, nil
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
	s := &source{name: w.Connection, url: c.URL.Reveal(), want: w, journal: sys.journal, route: cdc.RouteFunc(sys.engine.Route), acceptGap: acceptGap, log: log,
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
func (s *system) run(ctx context.Context) error {
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
	group.Go(func() error { <-reading.Done(); return nil })
	err := group.Wait()
	stopEngine()
	if engineErr := <-ended; engineErr != nil {
		return engineErr
	}
	return err
}

// storedShapes keeps the shapes of objects in STATE.
type storedShapes struct{ j *journal.Journal }

func shapeKey(connection, object string) string {
	return "shape." + connection + "." + event.KeyOf(object).Token()
}

func (s storedShapes) load(ctx context.Context, connection, object string) (o event.Object, found bool, err error) {
	data, found, err := s.j.Load(ctx, shapeKey(connection, object))
	if err != nil || !found {
		return o, false, err
	}
	return o, true, json.Unmarshal(data, &o)
}

func (s storedShapes) save(ctx context.Context, connection string, o event.Object) error {
	data, err := json.Marshal(o)
	if err != nil {
		return err
	}
	return s.j.Store(ctx, journal.Put{Key: shapeKey(connection, o.Name), Data: data})
}

func plain(mappings []compiled) []*mapping.Mapping {
	out := make([]*mapping.Mapping, len(mappings))
	for i, m := range mappings {
		out[i] = m.Mapping
	}
	return out
}
