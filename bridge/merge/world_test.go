package merge_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/bridge/merge"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

// world is the oracle: two sides that really hold a value, a log of the left
// one, events of the right one that come repeated and in any order, writes that
// take time, a guard on the left, and crashes. It knows nothing of shadows.
type world struct {
	t   *rapid.T
	m   *mapping.Mapping
	now time.Time

	value    [2]string
	replaced map[string]bool // values that a person saw on a side and edited
	edits    [2][]string     // by people, in order
	log      []event.Change
	events   []event.Change
	lsn      uint64

	changes []entry // the lane, in order
	logged  int     // of log: published
	sent    []bool  // of events: published at least once

	link   *merge.Link
	read   int // of changes
	flight [2]*flight
	lost   map[string]bool // values the audit names

	disk struct { // what a crash leaves
		link []byte
		read int
	}
}

type entry struct {
	side   mapping.Side
	change event.Change
}

type flight struct {
	plan     merge.Plan
	executed bool
	missed   bool
	result   event.Result
}

func newWorld(t *rapid.T, rule mapping.Rule) *world {
	object := func(name string) event.Object {
		return event.Object{Name: name, Key: []string{"id"}, Fields: []event.Field{{Name: "id", Kind: event.Int}, {Name: "key", Unique: true}, {Name: "f", Nullable: true}}}
	}
	m, problems := mapping.Compile(mapping.Spec{Name: "m", Left: mapping.End{Connection: "l", Object: "t"}, Right: mapping.End{Connection: "r", Object: "o"},
		MatchLeft: "key", MatchRight: "key", Fields: []mapping.FieldSpec{{Left: "key", Right: "key", Conflict: &mapping.Rule{}}, {Left: "f", Right: "f"}}, Conflict: rule}, object("t"), object("o"))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	w := &world{t: t, m: m, now: time.UnixMicro(1_700_000_000_000_000).UTC(), value: [2]string{"start", "start"}, lost: map[string]bool{}, replaced: map[string]bool{}}
	w.link = merge.NewLink(m, mapping.Left, event.KeyOf("1"))
	w.link.Keys[mapping.Right], w.link.State = event.KeyOf("77"), merge.Linked
	for _, side := range mapping.Sides {
		for i, v := range []string{"k", "start"} {
			w.link.Fields[i].Cell[side] = merge.Cell{Shadow: event.String(v), Now: event.String(v)}
		}
	}
	w.save()
	return w
}

func (w *world) facts() merge.Facts { return merge.Facts{Now: w.now, Precision: time.Millisecond} }

func (w *world) tick() {
	w.now = w.now.Add(time.Duration(rapid.IntRange(1, 2).Draw(w.t, "ms")) * time.Millisecond)
}

func (w *world) edit(side mapping.Side) {
	w.tick()
	v := fmt.Sprintf("%s%d", side, len(w.edits[side]))
	w.replaced[w.value[side]] = true
	w.edits[side] = append(w.edits[side], v)
	w.set(side, v, event.Origin{})
}

// set changes what a side really holds, and tells of it as that side does.
func (w *world) set(side mapping.Side, v string, origin event.Origin) {
	w.value[side] = v
	c := event.Change{Op: event.Update, At: w.now, Origin: origin, After: record(v)}
	if side == mapping.Left {
		w.lsn += 10
		c.Position = event.Position{Major: w.lsn, Minor: 1}
		w.log = append(w.log, c)
		return
	}
	c.Position = event.Position{Major: uint64(w.now.UnixMicro())}
	w.events, w.sent = append(w.events, c), append(w.sent, false)
}

func record(v string) event.Record {
	return event.Record{Names: []string{"f"}, Values: []event.Value{event.String(v)}}
}

// publishLeft and publishRight append to the lane: the log in order, events in
// any order and as often as they like.
func (w *world) publishLeft() {
	if w.logged < len(w.log) {
		w.changes = append(w.changes, entry{mapping.Left, w.log[w.logged]})
		w.logged++
	}
}

func (w *world) publishRight(i int) {
	w.changes, w.sent[i] = append(w.changes, entry{mapping.Right, w.events[i]}), true
}

// consume takes the lane's next change, unless it is of a side that is being
// written to: then it waits until that write is complete, and the rest with it.
func (w *world) consume() {
	if w.read == len(w.changes) {
		return
	}
	e := w.changes[w.read]
	if w.flight[e.side] != nil {
		return // it waits, and what comes after it with it
	}
	w.read++
	w.observe(e.side, &e.change)
}

func (w *world) observe(side mapping.Side, c *event.Change) {
	unsure, lost := w.link.Observe(w.m, side, c, w.facts())
	w.audit(lost)
	if unsure {
		snap := event.Snapshot{Record: record(w.value[side]), At: w.now}
		w.audit(w.link.Look(w.m, side, &snap, []event.Change{*c}, w.facts()))
	}
}

func (w *world) audit(entries []merge.Entry) {
	for _, e := range entries {
		w.lost[e.Loser.Text] = true
		if e.Rule == "merge" || e.Kind == "review" { // both values are in the entry
			w.lost[e.Left.Text], w.lost[e.Right.Text] = true, true
		}
	}
}

func (w *world) send() {
	d := w.link.Resolve(w.m, w.facts())
	w.audit(d.Audit)
	if d.Fault != nil {
		w.t.Fatalf("resolve: %v", d.Fault)
	}
	if len(d.Audit) > 0 { // what was decided is on disk before anything of it is sent
		w.save()
		if w.flight != [2]*flight{} {
			return // the engine waits for the calls under way, and stores it then
		}
	}
	for _, side := range mapping.Sides {
		if w.flight[side] == nil && !d.Plans[side].IsZero() {
			w.flight[side] = &flight{plan: d.Plans[side]}
		}
	}
}

// execute lets the side carry out what is under way; complete brings the answer.
func (w *world) execute(side mapping.Side) {
	f := w.flight[side]
	if f == nil || f.executed {
		return
	}
	w.tick()
	f.executed = true
	v := f.plan.Set.Get("f")
	if side == mapping.Left {
		if guard := f.plan.Guard.Get("f"); guard.IsSet() && w.value[side] != guard.Text && w.value[side] != v.Text {
			f.missed = true
			return
		}
		f.result = event.Result{Floor: event.Position{Major: w.lsn + 1}, After: f.plan.Set}
		if w.value[side] == v.Text {
			return // it stands already: no row is written
		}
	} else {
		f.result = event.Result{At: w.now, After: f.plan.Set}
	}
	w.set(side, v.Text, event.Origin{Connection: event.OwnWrite})
}

func (w *world) complete(side mapping.Side) {
	f := w.flight[side]
	if f == nil || !f.executed {
		return
	}
	w.flight[side] = nil
	if !f.missed {
		w.link.Applied(w.m, side, f.plan, f.result, w.facts())
	}
}

// save is what the engine does when a record comes to rest; crash is SIGKILL.
func (w *world) save() {
	if w.flight != [2]*flight{} {
		return
	}
	data, err := w.link.Encode(w.m)
	if err != nil {
		w.t.Fatal(err)
	}
	w.disk.link, w.disk.read = data, w.read
}

func (w *world) crash() {
	link, err := merge.Decode(w.m, w.disk.link)
	if err != nil {
		w.t.Fatal(err)
	}
	w.link, w.read, w.flight = link, w.disk.read, [2]*flight{}
}

// rest lets everything arrive and everything be written.
func (w *world) rest() {
	for range 200 {
		for _, side := range mapping.Sides {
			w.execute(side)
			w.complete(side)
		}
		for w.logged < len(w.log) {
			w.publishLeft()
		}
		for i := range w.events {
			if !w.sent[i] {
				w.publishRight(i)
			}
		}
		for w.read < len(w.changes) {
			w.consume()
		}
		w.send()
		if w.flight != [2]*flight{} {
			continue
		}
		if w.link.Fields[1].Frozen == nil {
			return
		}
		w.choose()
	}
	w.t.Fatalf("it does not come to rest: left %q, right %q, link %+v", w.value[0], w.value[1], w.link.Fields[1])
}

// choose is a person who decides about a frozen field.
func (w *world) choose() {
	choice := rapid.SampledFrom([]string{merge.ChooseLeft, merge.ChooseRight, merge.ChooseValue}).Draw(w.t, "choice")
	e, err := w.link.Choose(w.m, 1, choice, event.String("chosen"), "ann", w.facts())
	if err != nil {
		w.t.Fatal(err)
	}
	w.audit([]merge.Entry{e})
	w.lost[e.Left.Text], w.lost[e.Right.Text] = true, true
	w.save()
}

func TestEveryEditIsAccountedFor(t *testing.T) {
	t.Parallel()
	for name, rule := range map[string]mapping.Rule{"newest": {Kind: mapping.Newest}, "prefer left": {Kind: mapping.Prefer, Side: mapping.Left},
		"prefer right": {Kind: mapping.Prefer, Side: mapping.Right}, "review": {Kind: mapping.Review}, "merge": {Kind: mapping.Merge, Expression: "left + '&' + right"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				w := newWorld(t, rule)
				for range rapid.IntRange(1, 60).Draw(t, "steps") {
					w.step()
				}
				w.rest()
				w.check()
			})
		})
	}
}

func (w *world) step() {
	side := mapping.Side(rapid.IntRange(0, 1).Draw(w.t, "side"))
	switch rapid.IntRange(0, 12).Draw(w.t, "action") {
	case 0, 1:
		w.edit(side)
	case 2:
		w.publishLeft()
	case 3, 4:
		if len(w.events) > 0 {
			w.publishRight(rapid.IntRange(0, len(w.events)-1).Draw(w.t, "event"))
		}
	case 5:
		w.send()
	case 6:
		w.execute(side)
	case 7:
		w.complete(side)
	case 8:
		w.save()
	case 9:
		w.crash()
	case 10:
		if w.link.Fields[1].Frozen != nil && w.flight == [2]*flight{} {
			w.choose()
		}
	default:
		w.consume()
	}
}

// check is the sentence: no edit is ever lost silently.
func (w *world) check() {
	if w.value[mapping.Left] != w.value[mapping.Right] {
		w.t.Fatalf("the sides differ: left %q, right %q; link %+v", w.value[0], w.value[1], w.link.Fields[1])
	}
	for _, side := range mapping.Sides {
		if n := len(w.edits[side]); n > 0 {
			last := w.edits[side][n-1] // earlier ones were superseded on their own side
			if last != w.value[side] && !w.lost[last] && !w.replaced[last] {
				w.t.Fatalf("edit %q of the %s side is lost: the sides hold %q, the audit has %v", last, side, w.value[side], w.lost)
			}
		}
	}
}
