package main

import (
	"context"
	"fmt"
	"sort"
	"sync"
	"time"

	"github.com/lockstep-sync/lockstep/bridge"
	"github.com/lockstep-sync/lockstep/bridge/journal"
	"github.com/lockstep-sync/lockstep/bridge/saas"
	"github.com/lockstep-sync/lockstep/cdc"
	"github.com/lockstep-sync/lockstep/writeback"
)

// report is what /api/status answers: everything that a person on call asks.
type report struct {
	Version     string                               `json:"version"`
	Started     time.Time                            `json:"started"`
	State       string                               `json:"state"` // starting, running, stopping
	Ready       bool                                 `json:"ready"`
	Problems    []string                             `json:"problems"`          // each says what to do
	Notices     []string                             `json:"notices,omitempty"` // what is good to know, newest last
	Sources     []sourceReport                       `json:"sources"`
	Connections []connectionReport                   `json:"connections"`
	Mappings    []mappingReport                      `json:"mappings"`
	Parked      []bridge.ParkedRecord                `json:"parked,omitempty"`
	Webhooks    map[string]writeback.ConnectionStats `json:"webhooks,omitempty"`
	Journal     *journal.Stats                       `json:"journal,omitempty"`
}

// sourceReport is one log reader.
type sourceReport struct {
	Name         string     `json:"name"`
	State        string     `json:"state"`
	Problem      string     `json:"problem,omitempty"`
	Remedy       string     `json:"remedy,omitempty"`
	Position     string     `json:"position"`
	Confirmed    string     `json:"confirmed"`
	LagSeconds   float64    `json:"lag_seconds"`
	BehindBytes  uint64     `json:"behind_bytes"`
	Changes      int64      `json:"changes"`
	Transactions int64      `json:"transactions"`
	LastCommit   *time.Time `json:"last_commit,omitempty"`
}

// mappingReport is one mapping.
type mappingReport struct {
	bridge.MappingStatus
	Drift *driftReport `json:"drift,omitempty"` // while it does not fit the shapes of now
}

// driftReport says what a mapping's objects look like compared to what it stands
// on, and what became of the mapping for it.
type driftReport struct {
	Since   time.Time `json:"since"`
	News    []string  `json:"news"`
	Without []string  `json:"without,omitempty"` // lines that are left out
}

// connectionReport is one connection that takes writes.
type connectionReport struct {
	bridge.ConnectionStatus
	Limits *saas.Status `json:"limits,omitempty"`
}

// board collects the state of a run for the status page. It is safe for
// concurrent use; its parts appear as they start.
type board struct {
	started time.Time

	mu      sync.Mutex
	state   string
	waiting string // why it is still starting
	system  *system
	drift   *driftBook
}

func newBoard(now time.Time) *board { return &board{started: now, state: "starting"} }

// starting says why it is not running yet, or not any more for a moment.
func (b *board) starting(why string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.state, b.waiting = "starting", why
}

// reports shows the news of shapes.
func (b *board) reports(d *driftBook) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.drift = d
}

func (b *board) running(s *system) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.state, b.waiting, b.system = "running", "", s
}

// parts is what the API asks; nil while nothing runs.
func (b *board) parts() (desk, archive, func(ctx context.Context, mapping, by string) error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.system == nil || b.state != "running" {
		return nil, nil, nil
	}
	return b.system.engine, b.system.journal, b.system.resume
}

func (b *board) stopping() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.state = "stopping"
}

// report looks at everything now.
func (b *board) report(ctx context.Context) report {
	b.mu.Lock()
	r := report{Version: versionText(), Started: b.started.UTC(), State: b.state, Problems: []string{}}
	waiting, s, drift := b.waiting, b.system, b.drift
	b.mu.Unlock()
	if drift != nil {
		r.Notices = drift.notices()
	}
	if waiting != "" {
		r.Problems = append(r.Problems, waiting)
	}
	if s == nil {
		return r
	}
	r.Ready = r.State == "running"
	for _, src := range s.sources {
		one, blocking := src.report()
		r.Sources = append(r.Sources, one)
		r.Problems = append(r.Problems, src.problems(one)...)
		r.Ready = r.Ready && !blocking
	}
	engine, err := s.engine.Status(ctx)
	if err != nil {
		r.Ready = false
		r.Problems = append(r.Problems, "the engine's state cannot be read: "+err.Error())
	}
	if engine.Problem != "" {
		r.Ready = false
		r.Problems = append(r.Problems, "journal: "+engine.Problem)
	}
	r.Parked = engine.Parked
	r.addMappings(s, engine.Mappings)
	for _, m := range r.Mappings {
		if m.Problem != "" {
			r.Problems = append(r.Problems, "mapping "+m.Name+": "+m.Problem)
		}
	}
	r.addConnections(s, engine.Connections)
	r.Webhooks = s.intake.Stats().Connections
	if stats, err := s.journal.Stats(ctx); err == nil {
		r.Journal = &stats
		if stats.DiskFull {
			r.Ready = false
			r.Problems = append(r.Problems, "the disk of the data directory is full: make room; nothing is confirmed or answered until there is, and nothing is lost")
		}
	} else {
		r.Ready = false
		r.Problems = append(r.Problems, "the journal's state cannot be read: "+err.Error())
	}
	return r
}

// addMappings adds the mappings, with what their shapes say about them.
func (r *report) addMappings(s *system, mappings []bridge.MappingStatus) {
	for _, m := range mappings {
		one := mappingReport{MappingStatus: m}
		if v, ok := s.watch.verdict(m.Name); ok && v.unsettled() {
			one.Drift = &driftReport{News: v.news, Without: v.without}
			one.Drift.Since, _ = s.drift.unsettledSince(m.Name)
			if text := v.attention(); text != "" && one.State == "running" {
				one.State, one.Problem = "attention", text
			} else if text != "" {
				r.Problems = append(r.Problems, "mapping "+m.Name+": "+text)
			}
		}
		r.Mappings = append(r.Mappings, one)
	}
}

func (r *report) addConnections(s *system, connections []bridge.ConnectionStatus) {
	for _, c := range connections {
		one := connectionReport{ConnectionStatus: c}
		if limited, ok := s.sides[c.Name].(interface{ Status() saas.Status }); ok {
			st := limited.Status()
			one.Limits = &st
		}
		r.Connections = append(r.Connections, one)
		if c.State == "unreachable" {
			r.Problems = append(r.Problems, fmt.Sprintf("connection %s does not take writes: %s; changes wait on disk and it is tried again by itself", c.Name, c.Problem))
		}
	}
	sort.Slice(r.Connections, func(i, j int) bool { return r.Connections[i].Name < r.Connections[j].Name })
}

func sourceOf(name string, st cdc.Status) sourceReport {
	r := sourceReport{Name: name, State: string(st.State), Problem: st.Problem, Remedy: st.Remedy, Position: st.LastPosition.String(), Confirmed: st.Confirmed.String(),
		LagSeconds: st.Lag.Seconds(), BehindBytes: st.Behind, Changes: st.Changes, Transactions: st.Transactions}
	if !st.LastCommitAt.IsZero() {
		at := st.LastCommitAt.UTC()
		r.LastCommit = &at
	}
	return r
}
