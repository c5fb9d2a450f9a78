package bridge

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/lockstep-sync/lockstep/bridge/journal"
	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/bridge/merge"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

// counts is what a mapping has done since the process started, and how many of
// its records are parked.
type counts struct {
	changes, conflicts, oneWay, misses, retries atomic.Uint64
	edits                                       [2]atomic.Uint64
	writes                                      [2][4]atomic.Uint64
	refused                                     [8]atomic.Uint64
	parked, held, reviews                       atomic.Int64
	records, recordsStored                      atomic.Int64 // linked pairs; on disk
}

func (c *counts) edit(side mapping.Side)                    { c.edits[side].Add(1) }
func (c *counts) wrote(side mapping.Side, op event.WriteOp) { c.writes[side][op].Add(1) }
func (c *counts) refuse(class event.Class)                  { c.refused[class].Add(1) }
func (c *counts) decided(kind string) {
	switch kind {
	case "conflict", "review":
		c.conflicts.Add(1)
	case "one-way":
		c.oneWay.Add(1)
	}
}

// park counts a parked record; deletions that wait for a person are counted apart.
func (c *counts) park(kind string, n int64) {
	if (&merge.Parked{Kind: kind}).Deletion() {
		c.held.Add(n)
	} else {
		c.parked.Add(n)
	}
}

// MappingStatus is a mapping as status and metrics show it. Counts are since
// the process started.
type MappingStatus struct {
	Name        string            `json:"name"`
	Left        string            `json:"left"`
	Right       string            `json:"right"`
	State       string            `json:"state"` // running, attention, paused
	Problem     string            `json:"problem,omitempty"`
	Waiting     uint64            `json:"waiting"`   // changes in CHANGES that no lane has read yet
	UnderWay    int               `json:"under_way"` // changes read and not done, and orders
	Changes     uint64            `json:"changes"`
	LeftEdits   uint64            `json:"left_edits"`
	RightEdits  uint64            `json:"right_edits"`
	LeftWrites  map[string]uint64 `json:"left_writes"`
	RightWrites map[string]uint64 `json:"right_writes"`
	Conflicts   uint64            `json:"conflicts"`
	GuardMisses uint64            `json:"guard_misses"`
	Retries     uint64            `json:"retries"`
	Parked      int64             `json:"parked"`
	Held        int64             `json:"held"`    // deletions that wait for a person
	Reviews     int64             `json:"reviews"` // fields that wait for a person
	Records     int64             `json:"records"` // linked pairs
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
			if err := e.listParked(ctx, m, &s.Parked); err != nil {
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
	s := MappingStatus{Name: m.Name(), Changes: c.changes.Load(), LeftEdits: c.edits[0].Load(), RightEdits: c.edits[1].Load(),
		LeftWrites: c.written(mapping.Left), RightWrites: c.written(mapping.Right), Conflicts: c.conflicts.Load(), GuardMisses: c.misses.Load(),
		Retries: c.retries.Load(), Parked: c.parked.Load(), Held: c.held.Load(), Reviews: c.reviews.Load(), Records: c.records.Load()}
	left, right := m.End(mapping.Left), m.End(mapping.Right)
	s.Left, s.Right = left.Connection+"/"+left.Object, right.Connection+"/"+right.Object
	for _, l := range m.lanes {
		l.mu.Lock()
		next, open := l.window.next, l.window.open
		for _, r := range l.records {
			if len(r.seqs) == 0 {
				open++ // no change of a side, but a person's order
			}
		}
		l.mu.Unlock()
		s.UnderWay += open
		n, err := e.journal.Backlog(ctx, m.Name(), l.number, next)
		if err != nil {
			return s, err
		}
		s.Waiting += n
	}
	s.State, s.Problem = m.state()
	for _, side := range mapping.Sides {
		if b := m.fuses[side].state(); b != nil && b.Decision == "" && m.paused == "" {
			s.State, s.Problem = "attention", b.Message+": deletions are held until a person confirms or rejects them (lockstep review list)"
		}
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

func (e *Engine) listParked(ctx context.Context, m *mappingRun, dst *[]ParkedRecord) error {
	return e.scanParked(ctx, m, func(p *ParkedRecord) error {
		if len(*dst) < parkedShown && !p.deletion() {
			*dst = append(*dst, *p)
		}
		return nil
	})
}

func (e *Engine) scanParked(ctx context.Context, m *mappingRun, each func(*ParkedRecord) error) error {
	return e.journal.Scan(ctx, parkedPrefix(m.Name()), func(_ string, data []byte) error {
		var p ParkedRecord
		if err := json.Unmarshal(data, &p); err != nil {
			return fmt.Errorf("read parked record of mapping %s: %w", m.Name(), err)
		}
		return each(&p)
	})
}

// recover reads what the last run left behind: how many records there are, are
// parked and wait for a person, who waits for whom, and fuses that have blown.
func (e *Engine) recover(ctx context.Context) error {
	for _, m := range e.mappings {
		err := e.scanParked(ctx, m, func(p *ParkedRecord) error {
			m.counts.park(p.Kind, 1)
			e.recoverWaiter(m, p)
			return nil
		})
		if err != nil {
			return fmt.Errorf("count parked records of mapping %s: %w", m.Name(), err)
		}
		if err := e.recoverReviews(ctx, m); err != nil {
			return fmt.Errorf("count reviews of mapping %s: %w", m.Name(), err)
		}
		if err := e.recoverFuses(ctx, m); err != nil {
			return err
		}
		if err := e.recoverTodo(ctx, m); err != nil {
			return fmt.Errorf("read what is to be done in mapping %s: %w", m.Name(), err)
		}
		data, found, err := e.journal.Load(ctx, countName(m.Name()))
		if err != nil {
			return fmt.Errorf("read count of mapping %s: %w", m.Name(), err)
		}
		if found && len(data) == 8 {
			n := int64(binary.BigEndian.Uint64(data))
			m.counts.records.Store(n)
			m.counts.recordsStored.Store(n)
		}
	}
	return nil
}

func (e *Engine) recoverReviews(ctx context.Context, m *mappingRun) error {
	return e.journal.Scan(ctx, reviewPrefix(m.Name()), func(_ string, data []byte) error {
		var stored storedReview
		if err := json.Unmarshal(data, &stored); err != nil {
			return err
		}
		link, err := m.lanes[0].loadLink(stored.Left)
		if link != nil {
			m.counts.reviews.Add(int64(link.Frozen()))
		}
		return err
	})
}

// recoverWaiter lets a record that waited for another one ask again: what it
// waits for may have come while nobody listened.
func (e *Engine) recoverWaiter(m *mappingRun, p *ParkedRecord) {
	if p.Kind != merge.ParkedWaiting || m.paused != "" {
		return
	}
	id := p.id("l")
	if p.Left == "" {
		id = p.id("r")
	}
	e.errand(func(ctx context.Context) error {
		return e.visitRoom(ctx, m, id, func(r *record) { r.fresh = true })
	})
}

// countsMoved returns the counts that differ from those on disk.
func (e *Engine) countsMoved() []journal.Put {
	var puts []journal.Put
	for _, m := range e.mappings {
		if n := m.counts.records.Load(); n != m.counts.recordsStored.Swap(n) {
			puts = append(puts, put(countName(m.Name()), binary.BigEndian.AppendUint64(nil, uint64(n))))
		}
	}
	return puts
}

func countName(mapping string) string { return "count." + mapping }

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
