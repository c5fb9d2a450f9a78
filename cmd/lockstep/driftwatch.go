package main

import (
	"context"
	"fmt"
	"reflect"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lockstep-sync/lockstep/bridge"
	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/schemas/config"
)

// watchTimes is how often objects are looked at without being asked to.
type watchTimes struct{ database, saas time.Duration }

func (w watchTimes) of(c config.Connection) time.Duration {
	if c.Type == config.TypePostgres {
		return w.database
	}
	return w.saas
}

// driftWatch looks at the objects of all mappings now and then, and at once when
// a log or a write finds that one is not what it was. It judges what it sees:
// what is only news is put on record, for everything else the system is to be
// put together anew.
type driftWatch struct {
	cfg    *config.Config
	sides  *sides
	engine *bridge.Engine
	book   *driftBook
	times  watchTimes
	rewire chan string          // why the system is to be put together anew
	kicks  map[string]chan bool // by connection; one token each

	mu       sync.Mutex
	verdicts []verdict
	seen     map[config.End]sighting
	holds    map[string][]func() // by connection: what a look that finds nothing releases
}

func newDriftWatch(cfg *config.Config, s *sides, engine *bridge.Engine, book *driftBook, times watchTimes, verdicts []verdict) *driftWatch {
	w := &driftWatch{cfg: cfg, sides: s, engine: engine, book: book, times: times, rewire: make(chan string, 1), kicks: map[string]chan bool{},
		verdicts: verdicts, seen: map[config.End]sighting{}, holds: map[string][]func(){}}
	for _, name := range usedConnections(cfg) {
		w.kicks[name] = make(chan bool, 1)
	}
	for i := range verdicts {
		for side, end := range [2]config.End{config.End(verdicts[i].spec.Left), config.End(verdicts[i].spec.Right)} {
			w.seen[end] = verdicts[i].now[side]
		}
	}
	return w
}

// suspect lets nothing of the object's mappings be taken in from here on, until
// a look has shown that all is well, or the system is put together anew. It does
// not wait for the look.
func (w *driftWatch) suspect(connection, object string) {
	w.mu.Lock()
	for i := range w.verdicts {
		v := &w.verdicts[i]
		for _, side := range mapping.Sides {
			if end := v.End(side); end.Connection == connection && end.Object == object {
				w.holds[connection] = append(w.holds[connection], w.engine.Hold(v.Name()))
			}
		}
	}
	w.mu.Unlock()
	w.kick(connection)
}

// kick asks for a look soon.
func (w *driftWatch) kick(connection string) {
	select {
	case w.kicks[connection] <- true:
	default:
	}
}

// Run looks until ctx ends.
func (w *driftWatch) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { w.retries(ctx); return nil })
	group.Go(func() error { w.refusals(ctx); return nil })
	for name := range w.kicks {
		group.Go(func() error { w.connection(ctx, name); return nil })
	}
	return group.Wait()
}

// lookAgain is the pause after a look that failed while lanes are held.
const lookAgain = 250 * time.Millisecond

func (w *driftWatch) connection(ctx context.Context, name string) {
	every := w.times.of(w.cfg.Connections[name])
	next := every
	for {
		timer := time.NewTimer(next)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		case <-w.kicks[name]:
			timer.Stop()
		}
		held := w.held(name)
		next = every
		again, err := w.look(ctx, name)
		switch {
		case ctx.Err() != nil || again:
			return // held lanes stay held: the engine ends
		case err != nil:
			w.book.log.Debug().Str("connection", name).Err(err).Msg("objects cannot be looked at now")
			if len(held) > 0 {
				w.hold(name, held)
				next = min(every, lookAgain)
			}
		default:
			for _, release := range held {
				release()
			}
		}
	}
}

// held takes the holds that a look beginning now may release: those that come
// later are of what it may not have seen.
func (w *driftWatch) held(connection string) []func() {
	w.mu.Lock()
	defer w.mu.Unlock()
	held := w.holds[connection]
	w.holds[connection] = nil
	return held
}

func (w *driftWatch) hold(connection string, held []func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.holds[connection] = append(held, w.holds[connection]...)
}

// look sees every object of the connection and judges the mappings of those that
// are not as they were seen before. again tells that the system is to be put
// together anew.
func (w *driftWatch) look(ctx context.Context, connection string) (again bool, err error) {
	for _, end := range w.ends(connection) {
		now, err := w.sides.see(ctx, end)
		if err != nil {
			return false, err
		}
		w.mu.Lock()
		same := reflect.DeepEqual(w.seen[end], now)
		w.mu.Unlock()
		if same {
			continue
		}
		if why, err := w.judge(ctx, end, now); err != nil || why != "" {
			if why != "" {
				w.anew(why)
			}
			return why != "", err
		}
	}
	return false, nil
}

func (w *driftWatch) ends(connection string) []config.End {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []config.End
	for end := range w.seen {
		if end.Connection == connection {
			out = append(out, end)
		}
	}
	return out
}

// judge judges all mappings of an end that looks different now. why is set when
// that makes a difference to how one of them runs; what is only news is on
// record then.
func (w *driftWatch) judge(ctx context.Context, end config.End, now sighting) (why string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if now.gone == "" {
		if err := w.book.shapes.save(ctx, end.Connection, now.shape); err != nil {
			return "", err
		}
	}
	w.seen[end] = now
	for i := range w.verdicts {
		old := &w.verdicts[i]
		ends := [2]config.End{config.End(old.spec.Left), config.End(old.spec.Right)}
		if ends[0] != end && ends[1] != end {
			continue
		}
		v := judge(old.spec, old.fingerprint, old.stood, [2]sighting{w.seen[ends[0]], w.seen[ends[1]]})
		if v.Mapping == nil || !v.same(old) {
			delete(w.seen, end) // the next system looks for itself
			return fmt.Sprintf("mapping %s: %s", old.spec.Name, shapeNews(&v)), nil
		}
		v.compiled = old.compiled
		if err := w.book.enter(ctx, &v, ""); err != nil {
			delete(w.seen, end)
			return "", err
		}
		*old = v
	}
	return "", nil
}

func shapeNews(v *verdict) string {
	if len(v.news) == 0 {
		return "the shapes are again what they were"
	}
	return v.news[0]
}

// anew asks for another system; one reason is enough.
func (w *driftWatch) anew(why string) {
	select {
	case w.rewire <- why:
	default:
	}
}

// verdict returns what became of a mapping.
func (w *driftWatch) verdict(name string) (verdict, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, v := range w.verdicts {
		if v.spec.Name == name {
			return v, true
		}
	}
	return verdict{}, false
}
