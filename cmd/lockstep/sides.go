package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/lockstep-sync/lockstep/bridge"
	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/bridge/saas/hubspot"
	"github.com/lockstep-sync/lockstep/schemas/config"
	"github.com/lockstep-sync/lockstep/schemas/ddl"
	"github.com/lockstep-sync/lockstep/schemas/event"
	"github.com/lockstep-sync/lockstep/writeback"
	"github.com/lockstep-sync/lockstep/writeback/postgres"
)

// describer tells the shape of a connection's objects.
type describer interface {
	Describe(ctx context.Context, object string) (event.Object, error)
}

// sides are the connections that a configuration's mappings use. This is the
// table of connection types.
type sides struct {
	all     map[string]bridge.Side
	sources map[string]writeback.Source // those that send webhooks
	closers []func()
}

func openSides(cfg *config.Config, log zerolog.Logger) (*sides, error) {
	s := &sides{all: map[string]bridge.Side{}, sources: map[string]writeback.Source{}}
	for _, name := range usedConnections(cfg) {
		c := cfg.Connections[name]
		switch c.Type {
		case config.TypePostgres:
			applier, err := postgres.New(postgres.Options{Connection: name, URL: c.Postgres.URL.Reveal(), Log: log})
			if err != nil {
				return nil, err
			}
			s.all[name] = applier
			s.closers = append(s.closers, applier.Close)
		case config.TypeHubSpot:
			h := c.HubSpot
			connector, err := hubspot.New(hubspot.Options{Connection: name, BaseURL: h.URL, Token: h.Token.Reveal(), WebhookSecret: h.WebhookSecret.Reveal(),
				AppID: h.AppID, PublicURL: cfg.PublicURL, Limit: h.Limit, Log: log})
			if err != nil {
				return nil, err
			}
			s.all[name], s.sources[name] = connector, connector
		default:
			return nil, fmt.Errorf("connection %s has the unknown type %q", name, c.Type)
		}
	}
	return s, nil
}

func (s *sides) close() {
	for _, f := range s.closers {
		f()
	}
}

// usedConnections are those that a mapping names, sorted.
func usedConnections(cfg *config.Config) []string {
	var out []string
	for _, m := range cfg.Mappings {
		out = append(out, m.Left.Connection, m.Right.Connection)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// shapeCache keeps what was last described, so that a restart during an outage
// of the SaaS goes on with the log. nil keeps nothing.
type shapeCache interface {
	load(ctx context.Context, connection, object string) (event.Object, bool, error)
	save(ctx context.Context, connection string, o event.Object) error
}

const describeWait = 30 * time.Second

// describe asks a connection for an object's shape, and falls back to the last
// known one while the connection cannot be reached.
func (s *sides) describe(ctx context.Context, end config.End, cache shapeCache) (event.Object, error) {
	ctx, cancel := context.WithTimeout(ctx, describeWait)
	defer cancel()
	o, err := s.all[end.Connection].(describer).Describe(ctx, end.Object)
	if cache == nil {
		return o, err
	}
	if err == nil {
		return o, cache.save(ctx, end.Connection, o)
	}
	if !passing(err) {
		return o, err
	}
	known, found, loadErr := cache.load(context.WithoutCancel(ctx), end.Connection, end.Object)
	if loadErr != nil || !found {
		return o, errors.Join(err, loadErr)
	}
	return known, nil
}

// passing tells whether an error is of the connection's moment and not of what
// was asked.
func passing(err error) bool {
	var fault *event.Fault
	if errors.As(err, &fault) {
		return fault.Class == event.Transient || fault.Class == event.Throttled || fault.Class == event.InDoubt
	}
	return errors.Is(err, context.DeadlineExceeded)
}

// compiled is a checked mapping with its row filters as SQL, "" where a filter
// has no exact translation.
type compiled struct {
	*mapping.Mapping
	filters [2]string
}

// compileMappings checks every mapping against both live shapes. Problems name
// the file's line. The error is that of a connection that cannot be asked now.
func compileMappings(ctx context.Context, cfg *config.Config, s *sides, cache shapeCache) ([]compiled, config.Problems, error) {
	var out []compiled
	var problems config.Problems
	for i, m := range cfg.Mappings {
		base := fmt.Sprintf("mappings[%d]", i)
		var shapes [2]event.Object
		ok := true
		for side, end := range [2]config.End{m.Left, m.Right} {
			o, err := s.describe(ctx, end, cache)
			if err != nil && passing(err) {
				return nil, nil, fmt.Errorf("connection %s: describe %s: %w", end.Connection, end.Object, err)
			}
			if err != nil {
				problems = append(problems, problemAt(cfg, base+"."+mapping.Side(side).String(), describeFailed(err), describeRemedy(cfg, end)))
				ok = false
				continue
			}
			shapes[side] = o
		}
		if !ok {
			continue
		}
		one, found := mapping.Compile(specOf(m), shapes[0], shapes[1])
		for _, p := range found {
			problems = append(problems, within(problemAt(cfg, base+"."+p.Path, p.What, p.Remedy), p))
		}
		if len(found) > 0 {
			continue
		}
		c := compiled{Mapping: one}
		for side, filter := range [2]string{m.Filter.Left, m.Filter.Right} {
			if sql, _, ok := mapping.FilterSQL(filter, shapes[side].Fields); ok && filter != "" {
				c.filters[side] = sql
			}
		}
		out = append(out, c)
	}
	return out, problems, nil
}

func describeFailed(err error) string {
	var fault *event.Fault
	if errors.As(err, &fault) {
		return fault.Message
	}
	return err.Error()
}

func describeRemedy(cfg *config.Config, end config.End) string {
	c := cfg.Connections[end.Connection]
	if c.Type == config.TypeHubSpot {
		return "check the token, its scopes and the object's name (contacts, companies, deals, tickets)"
	}
	return "check the address, the user's privileges and the table's name, as schema.table"
}

func problemAt(cfg *config.Config, path, what, remedy string) config.Problem {
	at := cfg.At(path)
	return config.Problem{File: at.File, Line: at.Line, Column: at.Column, Path: path, What: what, Remedy: remedy}
}

// within adds the place inside an expression to a problem.
func within(p config.Problem, m mapping.Problem) config.Problem {
	if m.Line > 0 {
		p.What = fmt.Sprintf("%s (line %d, column %d of the expression)", p.What, m.Line, m.Column)
	}
	return p
}

// wants is what each database has to offer for the mappings that use it.
func wants(cfg *config.Config, mappings []compiled) map[string]ddl.Want {
	out := map[string]ddl.Want{}
	for _, m := range mappings {
		for _, side := range mapping.Sides {
			end := m.End(side)
			c := cfg.Connections[end.Connection]
			if c.Type != config.TypePostgres {
				continue
			}
			w := out[end.Connection]
			w.Connection, w.Slot, w.Publication = end.Connection, c.Postgres.Slot, c.Postgres.Publication
			w.Tables = append(w.Tables, ddl.TableWant{Name: end.Object, Columns: m.Columns(side), Filter: m.filters[side], Write: writesTo(m.Mapping, side)})
			out[end.Connection] = w
		}
	}
	return out
}

// writesTo tells whether anything of the mapping is written to the side.
func writesTo(m *mapping.Mapping, side mapping.Side) bool {
	return slices.ContainsFunc(m.Fields(), func(f *mapping.Field) bool { return f.Writes(side) })
}
