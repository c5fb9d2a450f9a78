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
	Problems    []string                             `json:"problems"` // each says what to do
	Sources     []sourceReport                       `json:"sources"`
	Connections []connectionReport                   `json:"connections"`
	Mappings    []bridge.MappingStatus               `json:"mappings"`
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
	Notices      []string   `json:"notices,omitempty"`
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
}

func newBoard(now time.Time) *board { return &board{started: now, state: "starting"} }

func (b *board) starting(why string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting = why
}

func (b *board) running(s *system) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.state, b.waiting, b.system = "running", "", s
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
	waiting, s := b.waiting, b.system
	b.mu.Unlock()
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
	r.Mappings, r.Parked = engine.Mappings, engine.Parked
	for _, m := range engine.Mappings {
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
	for _, n := range st.Notices {
		r.Notices = append(r.Notices, fmt.Sprintf("%s.%s: %s; %s", n.Object, n.Column, n.What, n.Remedy))
	}
	return r
}
