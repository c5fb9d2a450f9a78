package bridge

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/lockstep-sync/lockstep/bridge/journal"
	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/bridge/merge"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

const (
	// maxOpen bounds the changes of a lane that are under way: beyond it the
	// lane stops reading, and changes wait in CHANGES on disk.
	maxOpen = 20_000
	// maxRecords bounds the records of a lane in memory.
	maxRecords = 1_500
)

// lane works through one lane of one mapping (B1).
type lane struct {
	engine  *Engine
	mapping *mappingRun
	number  int

	mu      sync.Mutex
	room    *sync.Cond
	records map[recordID]*record
	window  window
	stored  uint64 // the cursor on disk
	before  uint64 // entries up to here were there when the process started
	ended   bool
}

func newLane(e *Engine, m *mappingRun, number int) *lane {
	l := &lane{engine: e, mapping: m, number: number, records: map[recordID]*record{}}
	l.room = sync.NewCond(&l.mu)
	return l
}

// locked runs f with the lane's mutex, unless the lane has ended.
func (l *lane) locked(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.ended {
		f()
	}
}

// Run follows the lane from its cursor until ctx ends.
func (l *lane) Run(ctx context.Context) error {
	from, err := l.engine.loadCursor(ctx, l.mapping.Name(), l.number)
	if err != nil {
		return err
	}
	stats, err := l.engine.journal.Stats(ctx)
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.window.next, l.stored, l.before = from, from, stats.Changes.LastSeq
	l.mu.Unlock()
	if l.mapping.paused != "" { // its changes wait in CHANGES, and the cursor holds them there
		<-ctx.Done()
		return nil
	}
	stop := context.AfterFunc(ctx, func() { l.mu.Lock(); defer l.mu.Unlock(); l.room.Broadcast() })
	defer stop()
	if err := l.engine.journal.Follow(ctx, l.mapping.Name(), l.number, from, l.handle); err != nil && ctx.Err() == nil {
		return fmt.Errorf("follow lane %d of mapping %s: %w", l.number, l.mapping.Name(), err)
	}
	return nil
}

// end stops all further work on the lane's records.
func (l *lane) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
}

// handle takes in what has arrived. It returns only when there is room for
// more: its slowness is the back pressure.
func (l *lane) handle(ctx context.Context, deliveries []journal.Delivery) error {
	for _, d := range deliveries {
		c, err := event.ParseChange(d.Entry.Data)
		if err != nil {
			return fmt.Errorf("change %d of CHANGES: %w", d.Seq, err)
		}
		if err := l.accept(ctx, d.Seq, c); err != nil {
			return err
		}
	}
	return nil
}

func (l *lane) accept(ctx context.Context, seq uint64, c event.Change) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for ctx.Err() == nil && (l.mapping.holds.Load() > 0 || l.window.open >= maxOpen || len(l.records) >= maxRecords) {
		l.room.Wait()
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	l.window.add(seq)
	l.mapping.counts.changes.Add(1)
	side, ok := l.mapping.SideOf(c.Connection, c.Object)
	if !ok {
		return fmt.Errorf("change %d of CHANGES is of %s/%s, which mapping %s does not have", seq, c.Connection, c.Object, l.mapping.Name())
	}
	if c.Op == event.Truncate {
		return l.truncated(side, seq, &c)
	}
	if side == mapping.Left && rekeys(&c) {
		return l.rekeyed(side, seq, &c)
	}
	id, err := l.identity(side, &c)
	if err != nil {
		return err
	}
	return l.hand(id, side, &c, seq, true)
}

// hand gives a change to its record; with counts, the record says when the
// entry is done.
func (l *lane) hand(id recordID, side mapping.Side, c *event.Change, seq uint64, counts bool) error {
	rec, err := l.record(id)
	if err != nil {
		return err
	}
	if counts {
		rec.seqs = append(rec.seqs, seq)
	}
	rec.again = rec.again || seq <= l.before
	rec.held = append(rec.held, taken{side, *c})
	rec.advance()
	return nil
}

// identity names the pair that a change belongs to.
func (l *lane) identity(side mapping.Side, c *event.Change) (recordID, error) {
	key := c.Key
	if !c.OldKey.IsZero() {
		key = c.OldKey
	}
	if side == mapping.Left {
		return recordID{mapping.Left, key}, nil
	}
	left, err := l.engine.leftOf(l.engine.ctx, l.mapping.Name(), key)
	if err != nil || left.IsZero() {
		return recordID{mapping.Right, key}, err
	}
	if left.Lane(l.engine.lanes) != l.number {
		// Linked since it was routed: an unlinked record hands its changes over
		// to the lane of its link (B1).
		return recordID{mapping.Right, key}, nil
	}
	return recordID{mapping.Left, left}, nil
}

// record returns the record as it is in memory, or as its link says.
func (l *lane) record(id recordID) (*record, error) {
	if r := l.records[id]; r != nil {
		return r, nil
	}
	link, err := l.linkOf(id)
	if err != nil {
		return nil, err
	}
	r := &record{lane: l, id: id, link: link, doubt: link.State == merge.Creating || link.State == merge.Reviving, reviews: link.Frozen()}
	l.records[id] = r
	return r, nil
}

// linkOf loads the link of a pair, or returns a new one.
func (l *lane) linkOf(id recordID) (*merge.Link, error) {
	if id.side == mapping.Left {
		link, err := l.loadLink(id.key)
		if err != nil || link != nil {
			return link, err
		}
	}
	link := merge.NewLink(l.mapping.Mapping, id.side, id.key)
	_, parked, err := l.engine.journal.Load(l.engine.ctx, parkedName(l.mapping.Name(), id))
	if parked {
		link.Parked = &merge.Parked{Side: id.side}
	}
	return link, err
}

func (l *lane) loadLink(left event.Key) (*merge.Link, error) {
	data, found, err := l.engine.journal.Load(l.engine.ctx, linkName(l.mapping.Name(), left))
	if err != nil {
		return nil, fmt.Errorf("load link of %s in mapping %s: %w", left, l.mapping.Name(), err)
	}
	if !found {
		return nil, nil
	}
	return merge.Decode(l.mapping.Mapping, data)
}

// done lets the cursor pass entries. The mutex is held.
func (l *lane) done(seqs []uint64) {
	l.window.finish(seqs)
	l.room.Broadcast()
}

// cursor returns the sequence from which a restart has to read, and whether it
// differs from the one on disk.
func (l *lane) cursor() (low uint64, moved bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	low = l.window.low()
	return low, low != l.stored
}

// persist puts audit and state on disk, in this order, and then runs done with
// the lane's mutex held. A journal that cannot take them now is asked again
// until it can: nothing may pass what is not on disk (B2).
func (l *lane) persist(audit []journal.AuditEntry, puts []journal.Put, done func()) {
	store := func() {
		l.engine.journal.StoreAsync(puts, func(err error) {
			if err != nil {
				l.again(err, func() { l.persist(nil, puts, done) })
				return
			}
			l.locked(done)
		})
	}
	if len(audit) == 0 {
		store()
		return
	}
	l.engine.journal.AuditAsync(audit, func(err error) {
		if err != nil {
			l.again(err, func() { l.persist(audit, puts, done) })
			return
		}
		store()
	})
}

// again repeats f a little later, and says why in the meantime.
func (l *lane) again(err error, f func()) {
	l.engine.troubled(l.mapping, err)
	time.AfterFunc(500*time.Millisecond, func() { l.locked(f) })
}

// fail ends the engine: going on would risk a lost change. Everything not
// finished is read again after a restart.
func (l *lane) fail(err error) { l.engine.stop(err) }
