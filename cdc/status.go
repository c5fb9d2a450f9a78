package cdc

import (
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// State is what a Pump is doing.
type State string

// The states of a Pump.
const (
	Connecting State = "connecting" // not yet streaming
	Streaming  State = "streaming"
	Waiting    State = "waiting" // a failure that passes: it tries again by itself
	Failed     State = "failed"  // a Problem: it looks again now and then, a person has to act
)

// Status is what there is to know about a Pump at one moment.
type Status struct {
	State   State
	Kind    Kind   // of the Problem, in state Failed
	Problem string // what is wrong; empty while all is well
	Remedy  string // what to do about it, where a person can
	Notices []Notice

	LastPosition event.Position // of the newest change that is durable in the Log, or was confirmed without entries
	Confirmed    event.Position // the newest checkpoint handed to the source
	LastCommitAt time.Time      // commit time of the last transaction handled
	LastAppendAt time.Time

	Changes      int64 // row changes read since the start
	Transactions int64 // commits read
	Skipped      int64 // changes that a mapping had already
	Lag          time.Duration
	Behind       uint64 // of the source's log, not yet confirmed; bytes for PostgreSQL
}

// status is written by the stream and by the appender.
type status struct {
	changes, transactions, skipped atomic.Int64

	mu       sync.Mutex
	now      Status         // State and Problem as the stream sees them
	standing bool           // this connection has streamed
	idling   bool           // the last the source said was: nothing more
	level    bool           // idling, and all before it is durable: caught up
	synced   time.Time      // when we last were level
	head     event.Position // end of the source's log
	storing  error          // why the Log takes nothing
	routing  error          // why the router does not answer
	notices  map[string][]Notice
}

func newStatus() *status {
	return &status{now: Status{State: Connecting}, notices: map[string][]Notice{}}
}

// Status returns a copy. It is safe for concurrent use.
func (p *Pump) Status() Status {
	s := p.status
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.now
	out.Changes, out.Transactions, out.Skipped = s.changes.Load(), s.transactions.Load(), s.skipped.Load()
	for _, object := range slices.Sorted(maps.Keys(s.notices)) {
		out.Notices = append(out.Notices, s.notices[object]...)
	}
	switch {
	case s.storing != nil:
		out.State, out.Kind = Waiting, ""
		out.Problem, out.Remedy = "changes cannot be stored: "+s.storing.Error(), "make room or repair the data directory; nothing is lost, the database keeps its log meanwhile"
		var problem *Problem
		if errors.As(s.storing, &problem) {
			out.Problem, out.Remedy = problem.What, problem.Remedy
		}
	case s.routing != nil && out.State == Streaming:
		out.State, out.Problem = Waiting, "changes cannot be assigned to mappings: "+s.routing.Error()
	}
	if out.Confirmed.Before(s.head) && s.head.Major > out.Confirmed.Major {
		out.Behind = s.head.Major - out.Confirmed.Major
	}
	out.Lag = s.lag(p.Now())
	return out
}

// lag is how old what we have not got may be: 0 when caught up, else the time
// since the last commit handled or since we last were caught up.
func (s *status) lag(now time.Time) time.Duration {
	since := s.now.LastCommitAt
	if since.Before(s.synced) {
		since = s.synced
	}
	if s.level || since.IsZero() || now.Before(since) {
		return 0
	}
	return now.Sub(since)
}

func (s *status) connecting() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.standing = false
	if s.now.State != Failed { // a Problem stays visible until the stream stands
		s.now.State = Connecting
	}
}

func (s *status) stood() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.standing
}

func (s *status) ended(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.part(now)
	s.now.State = Connecting
}

// failed and interrupted tell whether this is news.
func (s *status) failed(now time.Time, p *Problem) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.part(now)
	news := s.now.State != Failed || s.now.Problem != p.What
	s.now.State, s.now.Kind, s.now.Problem, s.now.Remedy = Failed, p.Kind, p.What, p.Remedy
	return news
}

func (s *status) interrupted(now time.Time, err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.part(now)
	news := s.now.Problem != err.Error()
	s.now.State, s.now.Kind, s.now.Problem, s.now.Remedy = Waiting, "", err.Error(), ""
	return news
}

// part notes until when nothing was missing, as the stream breaks.
func (s *status) part(now time.Time) {
	if s.level {
		s.synced = now
	}
	s.idling, s.level = false, false
}

// begin notes that a transaction has come.
func (s *status) begin(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.part(now)
}

func (s *status) commit(now time.Time, c Checkpoint) {
	s.transactions.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.part(now)
	s.ahead(c)
}

// idle tells whether the stream has just come to stand.
func (s *status) idle(c Checkpoint) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := !s.standing
	s.standing, s.idling = true, !first // where the stream starts is not where the source ends
	s.now.State, s.now.Kind, s.now.Problem, s.now.Remedy = Streaming, "", "", ""
	s.ahead(c)
	return first
}

func (s *status) ahead(c Checkpoint) {
	for _, p := range [...]event.Position{c.End, c.Head} {
		if s.head.Before(p) {
			s.head = p
		}
	}
}

func (s *status) stored(now time.Time, b *batch) {
	position, at := b.newest()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.storing = nil
	if !position.IsZero() {
		s.now.LastPosition, s.now.LastAppendAt = position, now
	}
	if at.After(s.now.LastCommitAt) {
		s.now.LastCommitAt = at
	}
	if b.marked && s.now.Confirmed.Before(b.mark.End) {
		s.now.Confirmed = b.mark.End
	}
}

// settle notes a moment at which all that the source has is durable here.
func (s *status) settle(now time.Time, settled bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if settled && s.idling {
		s.synced, s.level = now, true
	}
}

func (s *status) unstored(err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	news := s.storing == nil || s.storing.Error() != err.Error()
	s.storing = err
	return news
}

func (s *status) unrouted(err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	news := s.routing == nil || s.routing.Error() != err.Error()
	s.routing = err
	return news
}

func (s *status) routed() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.routing = nil
}

func (s *status) notice(object string, n []Notice) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(n) == 0 {
		delete(s.notices, object)
		return
	}
	s.notices[object] = slices.Clone(n)
}
