package bridge

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/lockstep-sync/lockstep/bridge/journal"
	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

// counts is what a mapping has done since the process started, and how many of
// its records are parked.
type counts struct {
	changes, conflicts, oneWay, misses, retries atomic.Uint64
	edits                                       [2]atomic.Uint64
	writes                                      [2][4]atomic.Uint64
	refused                                     [8]atomic.Uint64
	parked                                      atomic.Int64
}

func (c *counts) edit(side mapping.Side)                    { c.edits[side].Add(1) }
func (c *counts) wrote(side mapping.Side, op event.WriteOp) { c.writes[side][op].Add(1) }
func (c *counts) refuse(class event.Class)                  { c.refused[class].Add(1) }
func (c *counts) conflict(kind string) {
	if kind == "conflict" {
		c.conflicts.Add(1)
	} else {
		c.oneWay.Add(1)
	}
}

// MappingStatus is a mapping as status and metrics show it. Counts are since
// the process started.
type MappingStatus struct {
	Name        string            `json:"name"`
	Left        string            `json:"left"`
	Right       string            `json:"right"`
	State       string            `json:"state"` // running, attention
	Problem     string            `json:"problem,omitempty"`
	Waiting     uint64            `json:"waiting"`   // changes in CHANGES that no lane has read yet
	UnderWay    int               `json:"under_way"` // changes read and not done
	Changes     uint64            `json:"changes"`
	LeftEdits   uint64            `json:"left_edits"`
	RightEdits  uint64            `json:"right_edits"`
	LeftWrites  map[string]uint64 `json:"left_writes"`
	RightWrites map[string]uint64 `json:"right_writes"`
	Conflicts   uint64            `json:"conflicts"`
	GuardMisses uint64            `json:"guard_misses"`
	Retries     uint64            `json:"retries"`
	Parked      int64             `json:"parked"`
}

// Status is the engine as a whole.
type Status struct {
	Mappings    []MappingStatus    `json:"mappings"`
	Connections []ConnectionStatus `json:"connections"`
	Parked      []ParkedRecord     `json:"parked,omitempty"` // the first few
	Problem     string             `json:"problem,omitempty"`
}

// parkedShown bounds the parked records that Status lists.
const parkedShown = 20

// Status tells how every mapping and connection stands.
func (e *Engine) Status(ctx context.Context) (Status, error) {
	var s Status
	for _, m := range e.mappings {
		ms, err := m.status(ctx, e)
		if err != nil {
			return s, err
		}
		s.Mappings = append(s.Mappings, ms)
		if ms.Parked > 0 && len(s.Parked) < parkedShown {
			if err := e.listParked(ctx, m.Name(), &s.Parked); err != nil {
				return s, err
			}
		}
	}
	for _, c := range e.sides {
		cs := c.outbox.health.status()
		cs.Waiting = c.outbox.waiting()
		s.Connections = append(s.Connections, cs)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.stopped != nil {
		s.Problem = e.stopped.Error()
	} else if e.trouble != "" && e.clock().Sub(e.troubledAt) < 5*time.Second {
		s.Problem = e.trouble
	}
	return s, nil
}

func (m *mappingRun) status(ctx context.Context, e *Engine) (MappingStatus, error) {
	c := &m.counts
	s := MappingStatus{Name: m.Name(), State: "running", Changes: c.changes.Load(), LeftEdits: c.edits[0].Load(), RightEdits: c.edits[1].Load(),
		LeftWrites: c.written(mapping.Left), RightWrites: c.written(mapping.Right), Conflicts: c.conflicts.Load(), GuardMisses: c.misses.Load(),
		Retries: c.retries.Load(), Parked: c.parked.Load()}
	left, right := m.End(mapping.Left), m.End(mapping.Right)
	s.Left, s.Right = left.Connection+"/"+left.Object, right.Connection+"/"+right.Object
	for _, l := range m.lanes {
		l.mu.Lock()
		next, open := l.window.next, l.window.open
		l.mu.Unlock()
		s.UnderWay += open
		n, err := e.journal.Backlog(ctx, m.Name(), l.number, next)
		if err != nil {
			return s, err
		}
		s.Waiting += n
	}
	m.mu.Lock()
	s.Problem = m.problem
	m.mu.Unlock()
	if s.Problem != "" {
		s.State = "attention"
	}
	return s, nil
}

func (c *counts) written(side mapping.Side) map[string]uint64 {
	out := map[string]uint64{}
	for _, op := range []event.WriteOp{event.DoCreate, event.DoUpdate, event.DoDelete} {
		out[op.String()] = c.writes[side][op].Load()
	}
	return out
}

func (e *Engine) listParked(ctx context.Context, mapping string, dst *[]ParkedRecord) error {
	return e.journal.Scan(ctx, parkedPrefix(mapping), func(_ string, data []byte) error {
		if len(*dst) >= parkedShown {
			return nil
		}
		var p ParkedRecord
		if err := json.Unmarshal(data, &p); err != nil {
			return fmt.Errorf("read parked record of mapping %s: %w", mapping, err)
		}
		*dst = append(*dst, p)
		return nil
	})
}

// recover reads what the last run left behind: how many records are parked,
// and problems that a person has not dealt with yet.
func (e *Engine) recover(ctx context.Context) error {
	for _, m := range e.mappings {
		err := e.journal.Scan(ctx, parkedPrefix(m.Name()), func(string, []byte) error {
			m.counts.parked.Add(1)
			return nil
		})
		if err != nil {
			return fmt.Errorf("count parked records of mapping %s: %w", m.Name(), err)
		}
		data, found, err := e.journal.Load(ctx, problemName(m.Name()))
		if err != nil {
			return fmt.Errorf("read problem of mapping %s: %w", m.Name(), err)
		}
		if found {
			m.mu.Lock()
			m.problem = string(data)
			m.mu.Unlock()
		}
	}
	return nil
}

// troubled notes that the journal cannot take something now. The work is
// repeated until it can; status shows the reason meanwhile.
func (e *Engine) troubled(m *mappingRun, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.trouble, e.troubledAt = err.Error(), e.clock()
	log := e.log.Warn().Err(err)
	if m != nil {
		log = log.Str("mapping", m.Name())
	}
	log.Msg("the journal does not take this now; trying again")
}

// truncated refuses to carry a TRUNCATE to the other side: it would delete
// every record there. The mapping goes on with later changes, and says so.
func (e *Engine) truncated(m *mappingRun, c *event.Change) {
	text := fmt.Sprintf("%s was truncated at %s: its records on the other side were left as they are", c.Object, c.At.UTC().Format(time.RFC3339))
	m.mu.Lock()
	m.problem = text
	m.mu.Unlock()
	e.log.Warn().Str("mapping", m.Name()).Msg(text)
	e.journal.StoreAsync([]journal.Put{put(problemName(m.Name()), []byte(text))}, func(err error) {
		if err != nil {
			e.troubled(m, err)
		}
	})
}
