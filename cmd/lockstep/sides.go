package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
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
	watch   atomic.Pointer[driftWatch] // told when a call finds that an object is not what it was
}

func openSides(cfg *config.Config, log zerolog.Logger) (*sides, error) {
	s := &sides{all: map[string]bridge.Side{}, sources: map[string]writeback.Source{}}
	for _, name := range usedConnections(cfg) {
		c := cfg.Connections[name]
		switch c.Type {
		case config.TypePostgres:
			applier, err := postgres.New(postgres.Options{Connection: name, URL: c.Postgres.URL.Reveal(), Log: log,
				Outdated: func(string) {
					if w := s.watch.Load(); w != nil {
						w.kick(name)
					}
				}})
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

const describeWait = 30 * time.Second

// see asks the end's side how the object looks now. The error is that of a
// connection that cannot be asked.
func (s *sides) see(ctx context.Context, end config.End) (sighting, error) {
	ctx, cancel := context.WithTimeout(ctx, describeWait)
	defer cancel()
	o, err := s.all[end.Connection].(describer).Describe(ctx, end.Object)
	var fault *event.Fault
	if errors.As(err, &fault) && (fault.Class == event.Rejected || fault.Class == event.Gone) {
		return sighting{gone: end.Connection + "/" + end.Object + ": " + fault.Message}, nil
	}
	return sighting{shape: o}, err
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

// compiled is a checked mapping, and what its databases have to offer for it.
type compiled struct {
	*mapping.Mapping
	filters  [2]string   // the row filters as SQL, "" where one has no exact translation
	hidden   [2][]string // columns that the log need not carry now
	absent   [2]bool     // the object is not there at all
	standing bool        // it is paused, and compiled against what it stands on
}

// filtersOf translates a mapping's row filters.
func filtersOf(m config.Mapping, shapes [2]event.Object) (out [2]string) {
	for side, filter := range [2]string{m.Filter.Left, m.Filter.Right} {
		if sql, _, ok := mapping.FilterSQL(filter, shapes[side].Fields); ok && filter != "" {
			out[side] = sql
		}
	}
	return out
}

// seer tells how an object looks now.
type seer interface {
	see(ctx context.Context, end config.End) (sighting, error)
}

// compileMappings checks every mapping against both live shapes, whatever they
// were before. Problems name the file's line. The error is that of a connection
// that cannot be asked now.
func compileMappings(ctx context.Context, cfg *config.Config, s seer) ([]compiled, config.Problems, error) {
	var out []compiled
	var problems config.Problems
	for i, m := range cfg.Mappings {
		base := fmt.Sprintf("mappings[%d]", i)
		var shapes [2]event.Object
		ok := true
		for side, end := range [2]config.End{m.Left, m.Right} {
			now, err := s.see(ctx, end)
			if err != nil && passing(err) {
				return nil, nil, fmt.Errorf("connection %s: describe %s: %w", end.Connection, end.Object, err)
			}
			if err != nil {
				now.gone = describeFailed(err)
			}
			if now.gone != "" {
				problems = append(problems, problemAt(cfg, base+"."+mapping.Side(side).String(), now.gone, describeRemedy(cfg, end)))
				ok = false
			}
			shapes[side] = now.shape
		}
		if !ok {
			continue
		}
		one, found := mapping.Compile(specOf(m), shapes[0], shapes[1])
		for _, p := range found {
			problems = append(problems, mappingProblem(cfg, base, p))
		}
		if len(found) > 0 {
			continue
		}
		out = append(out, compiled{Mapping: one, filters: filtersOf(m, shapes)})
	}
	return out, append(problems, checkReferences(cfg, out)...), nil
}

// checkReferences finds references between mappings that do not fit. A paused
// mapping is not judged by what its objects were.
func checkReferences(cfg *config.Config, mappings []compiled) (problems config.Problems) {
	specs := make([]mapping.Spec, len(cfg.Mappings))
	for i, m := range cfg.Mappings {
		specs[i] = specOf(m)
	}
	for i, found := range mapping.CheckReferences(plain(mappings), specs) {
		at := slices.IndexFunc(cfg.Mappings, func(m config.Mapping) bool { return m.Name == mappings[i].Name() })
		if at < 0 || mappings[i].standing {
			continue
		}
		for _, p := range found {
			problems = append(problems, problemAt(cfg, fmt.Sprintf("mappings[%d].%s", at, p.Path), p.What, p.Remedy))
		}
	}
	return problems
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

// mappingProblem places a mapping's problem in the file; base is the mapping's
// path. One inside an expression has the place there.
func mappingProblem(cfg *config.Config, base string, p mapping.Problem) config.Problem {
	path := base + "." + p.Path
	out := problemAt(cfg, path, p.What, p.Remedy)
	if p.Line > 0 {
		at := cfg.Within(path, p.Line, p.Column)
		out.Line, out.Column = at.Line, at.Column
	}
	return out
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
			if !m.absent[side] {
				columns := slices.DeleteFunc(m.Columns(side), func(name string) bool { return slices.Contains(m.hidden[side], name) })
				w.Tables = append(w.Tables, ddl.TableWant{Name: end.Object, Columns: columns, Filter: m.filters[side], Write: writesTo(m.Mapping, side)})
			}
			out[end.Connection] = w
		}
	}
	return out
}

// writesTo tells whether anything of the mapping is written to the side.
func writesTo(m *mapping.Mapping, side mapping.Side) bool {
	return slices.ContainsFunc(m.Fields(), func(f *mapping.Field) bool { return f.Writes(side) })
}
