package bridge

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// store is a side that really keeps records. As a database (log) it has one
// ordered log, honours guards and answers writes with a floor; as a SaaS it has
// times, ignores guards, and tells of a creation before it tells the values.
type store struct {
	connection, object string
	log                bool
	columns            []string // what a record has; those of people when it is nil
	unique             string   // a field of which no two records hold the same value

	// before is asked ahead of a write, without any lock held: a fault keeps the
	// write from happening. after sees what became of it and may lose the answer.
	before func(event.Write) *event.Fault
	after  func(event.Write, event.Result) event.Result

	mu     sync.Mutex
	rows   map[event.Key]row
	ids    int
	clock  uint64
	feed   []event.Change // what the pump has not published yet
	told   []event.Change // all that it ever told
	held   bool           // the pump waits
	busy   bool           // the pump publishes
	wake   chan struct{}
	writes []event.Write // carried out
}

type row struct {
	values map[string]event.Value
	at     time.Time
}

// tick is the next position, and its time. The mutex is held.
func (s *store) tick() (event.Position, time.Time) {
	now := time.Now().UTC()
	if s.log {
		s.clock += 16
		return event.Position{Major: s.clock, Minor: 1}, now
	}
	s.clock = max(s.clock+1, uint64(now.UnixMicro()))
	return event.Position{Major: s.clock}, time.UnixMicro(int64(s.clock)).UTC()
}

// tell puts a change into the feed. The mutex is held.
func (s *store) tell(c event.Change) {
	c.Connection, c.Connector, c.Object, c.Seen = s.connection, "test", s.object, c.At
	s.feed, s.told = append(s.feed, c), append(s.told, c)
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func fields(pairs ...string) (r event.Record) {
	for i := 0; i < len(pairs); i += 2 {
		v := event.String(pairs[i+1])
		if pairs[i+1] == "NULL" {
			v = event.NullOf(event.Text)
		}
		r.Put(pairs[i], v)
	}
	return r
}

// image is the whole record for a log, what was set for a SaaS.
func (s *store) image(r row, set event.Record) (out event.Record) {
	if !s.log {
		return set
	}
	names := make([]string, 0, len(r.values))
	for name := range r.values {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		out.Put(name, r.values[name])
	}
	return out
}

// create, edit, remove and rekey are what people do.
func (s *store) create(pairs ...string) event.Key {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ids++
	key := event.KeyOf(strconv.Itoa(s.ids))
	s.put(event.Insert, key, fields(pairs...), event.Origin{})
	return key
}

// seed makes a record that was there before anybody listened.
func (s *store) seed(pairs ...string) event.Key {
	key := s.create(pairs...)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.feed = nil
	return key
}

func (s *store) createAs(key event.Key, pairs ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ids++
	s.put(event.Insert, key, fields(pairs...), event.Origin{})
}

func (s *store) edit(key event.Key, pairs ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(event.Update, key, fields(pairs...), event.Origin{})
}

func (s *store) remove(key event.Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(key, event.Origin{})
}

func (s *store) truncate() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.rows)
	p, at := s.tick()
	s.tell(event.Change{Op: event.Truncate, Position: p, At: at})
}

// moment is a position and time at which nothing happens.
func (s *store) moment() (event.Position, time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tick()
}

func (s *store) rekey(old, key event.Key, pairs ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rows[old]
	delete(s.rows, old)
	for i := 0; i < len(pairs); i += 2 {
		r.values[pairs[i]] = event.String(pairs[i+1])
	}
	s.rows[key] = r
	p, at := s.tick()
	s.tell(event.Change{Op: event.Update, Key: key, OldKey: old, After: s.image(r, event.Record{}), Position: p, At: at})
}

// restore brings a deleted record back with the fields, as a person does in a SaaS.
func (s *store) restore(key event.Key, pairs ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	set := fields(pairs...)
	p, at := s.tick()
	r := row{values: map[string]event.Value{}, at: at}
	for _, name := range s.names() {
		r.values[name] = set.Get(name)
	}
	s.rows[key] = r
	s.tell(event.Change{Op: event.Restored, Key: key, Position: p, At: at})
}

// merge lets one record live on in another one, as a person does in a SaaS.
func (s *store) merge(loser, survivor event.Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.rows, loser)
	p, at := s.tick()
	s.tell(event.Change{Op: event.Merged, OldKey: loser, Key: survivor, Position: p, At: at})
}

// put stores the fields and tells of it. The mutex is held.
func (s *store) put(op event.Op, key event.Key, set event.Record, by event.Origin) (event.Position, time.Time) {
	r, ok := s.rows[key]
	if !ok {
		r = row{values: map[string]event.Value{}}
		for _, name := range s.names() {
			r.values[name] = event.NullOf(event.Text)
		}
	}
	for i, name := range set.Names {
		r.values[name] = set.Values[i]
	}
	p, at := s.tick()
	r.at = at
	s.rows[key] = r
	if op == event.Insert && !s.log { // a creation first, then its properties
		s.tell(event.Change{Op: event.Insert, Key: key, Position: p, At: at, Origin: by})
		op = event.Update
	}
	s.tell(event.Change{Op: op, Key: key, After: s.image(r, set), Position: p, At: at, Origin: by})
	return p, at
}

func (s *store) names() []string {
	if s.columns != nil {
		return s.columns
	}
	if s.log {
		return []string{"email", "name"}
	}
	return []string{"mail", "title"}
}

func (s *store) drop(key event.Key, by event.Origin) (event.Position, time.Time) {
	delete(s.rows, key)
	p, at := s.tick()
	s.tell(event.Change{Op: event.Delete, Key: key, Position: p, At: at, Origin: by})
	return p, at
}

// Apply carries writes out as its kind of side does.
func (s *store) Apply(_ context.Context, writes []event.Write) []event.Result {
	out := make([]event.Result, len(writes))
	for i, w := range writes {
		if s.before != nil {
			if out[i].Err = s.before(w); out[i].Err != nil {
				continue
			}
		}
		out[i] = s.apply(w)
		if s.after != nil {
			out[i] = s.after(w, out[i])
		}
	}
	return out
}

func (s *store) apply(w event.Write) event.Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	by := event.Origin{Connection: event.OwnWrite}
	if s.log {
		by = event.Origin{Connection: w.Origin, Change: w.ID}
	}
	key := w.Key
	if w.Op == event.DoCreate {
		if s.ids++; !s.log || key.IsZero() { // a database brings a row back under its key
			key = event.KeyOf(strconv.Itoa(s.ids))
		} else if _, exists := s.rows[key]; exists {
			return event.Result{Err: &event.Fault{Class: event.Duplicate, Message: "the row exists", Existing: key}}
		}
	} else if fault := s.guard(w); fault != nil {
		return event.Result{Err: fault}
	}
	if s.unique != "" && w.Op != event.DoDelete {
		if existing := s.find(s.unique, w.Set.Get(s.unique)); len(existing) > 0 && existing[0] != key {
			return event.Result{Err: &event.Fault{Class: event.Duplicate, Message: "exists already", Existing: existing[0]}}
		}
	}
	var p event.Position
	var at time.Time
	switch w.Op {
	case event.DoCreate:
		p, at = s.put(event.Insert, key, w.Set, by)
	case event.DoUpdate:
		p, at = s.put(event.Update, key, w.Set, by)
	default:
		p, at = s.drop(key, by)
	}
	s.writes = append(s.writes, w)
	res := event.Result{Key: key, After: w.Set}
	if s.log {
		res.Floor = event.Position{Major: p.Major} // under the row's lock: every earlier change of it is below
	} else {
		res.At = at
	}
	return res
}

func (s *store) guard(w event.Write) *event.Fault {
	r, ok := s.rows[w.Key]
	if !ok {
		return &event.Fault{Class: event.Gone, Message: "does not exist"}
	}
	for i, name := range w.Guard.Names {
		if want := w.Guard.Values[i]; s.log && !want.IsUnchanged() && !r.values[name].Equal(want) {
			return &event.Fault{Class: event.GuardMissed, Message: name + " holds another value", Field: name}
		}
	}
	return nil
}

func (s *store) find(field string, v event.Value) (keys []event.Key) {
	if !v.IsSet() {
		return nil
	}
	for key, r := range s.rows {
		if r.values[field].Equal(v) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// Read returns the records that exist.
func (s *store) Read(_ context.Context, _ string, keys []event.Key, names []string) ([]event.Snapshot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []event.Snapshot
	for _, key := range keys {
		if r, ok := s.rows[key]; ok {
			out = append(out, s.snapshot(key, key, r, names))
		}
	}
	return out, nil
}

// Lookup returns the records that hold one of the values.
func (s *store) Lookup(_ context.Context, _, field string, values []string, names []string) ([]event.Snapshot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []event.Snapshot
	for _, v := range values {
		for _, key := range s.find(field, event.String(v)) {
			out = append(out, s.snapshot(key, event.KeyOf(v), s.rows[key], names))
		}
	}
	return out, nil
}

func (s *store) snapshot(key, asked event.Key, r row, names []string) event.Snapshot {
	snap := event.Snapshot{Key: key, Asked: asked, At: r.at}
	for _, name := range names {
		snap.Record.Put(name, r.values[name])
	}
	if s.log {
		snap.Floor = event.Position{Major: s.clock + 1}
	}
	return snap
}

// Limits allows small batches, so that there are several.
func (s *store) Limits(string) event.Limits {
	return event.Limits{Batch: 10, Mixed: s.log, Concurrency: 2}
}

// pump publishes the feed in order until ctx ends.
func (s *store) pump(ctx context.Context, w *world) error {
	for {
		s.mu.Lock()
		batch := s.feed
		if s.held {
			batch = nil
		} else {
			s.feed, s.busy = nil, len(batch) > 0
		}
		s.mu.Unlock()
		if len(batch) == 0 {
			select {
			case <-ctx.Done():
				return nil
			case <-s.wake:
				continue
			}
		}
		if err := w.publish(ctx, batch...); err != nil {
			return err
		}
		s.mu.Lock()
		s.busy = false
		s.mu.Unlock()
	}
}

// publish appends changes as readers and intakes do.
func (w *world) publish(ctx context.Context, changes ...event.Change) error {
	var entries []event.Entry
	for i := range changes {
		c := &changes[i]
		routes, err := w.current().Route(ctx, c, nil)
		if err != nil {
			return err
		}
		for _, r := range routes {
			entries = append(entries, event.Entry{Connection: c.Connection, Mapping: r.Mapping, Lane: r.Lane, Position: c.Position, Origin: c.Origin, Data: event.AppendChange(nil, c)})
		}
	}
	return w.journal.Append(ctx, entries)
}

// hold stops publishing, or lets it go on.
func (s *store) hold(held bool) {
	s.mu.Lock()
	s.held = held
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *store) published() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.busy && (s.held || len(s.feed) == 0)
}

// history is all that the store ever told.
func (s *store) history() []event.Change {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.told)
}

// count is the number of writes of a kind that were carried out.
func (s *store) count(op event.WriteOp) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.writes {
		if w.Op == op {
			n++
		}
	}
	return n
}

// show lists the records, the named fields of each in one text, sorted.
func (s *store) show(names ...string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []string{}
	for _, r := range s.rows {
		text := ""
		for i, name := range names {
			if i > 0 {
				text += " "
			}
			text += r.values[name].Display()
		}
		out = append(out, text)
	}
	slices.Sort(out)
	return out
}

// value is what a record holds in a field.
func (s *store) value(key event.Key, field string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rows[key].values[field].Text
}

func (s *store) key(field, value string) event.Key {
	s.mu.Lock()
	defer s.mu.Unlock()
	if keys := s.find(field, event.String(value)); len(keys) > 0 {
		return keys[0]
	}
	panic(fmt.Sprintf("%s has no record with %s %s", s.connection, field, value))
}
