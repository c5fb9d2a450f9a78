package bridge

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/bridge/journal"
	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

// patience bounds every wait of these tests.
const patience = 15 * time.Second

// eventually waits until the condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(patience)
	for !holds() {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("waited %s in vain: %s", patience, what)
		}
	}
}

func openJournal(t *testing.T) *journal.Journal {
	t.Helper()
	j, err := journal.Open(t.Context(), journal.Options{Dir: t.TempDir(), Lanes: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := j.Close(); err != nil {
			t.Errorf("close the journal: %v", err)
		}
	})
	return j
}

// peopleSpec joins a table with an object, both matched by their email.
func peopleSpec() mapping.Spec {
	return mapping.Spec{Name: "people", Left: mapping.End{Connection: "db", Object: "people"}, Right: mapping.End{Connection: "crm", Object: "contact"},
		MatchLeft: "email", MatchRight: "mail", Fields: []mapping.FieldSpec{{Left: "email", Right: "mail"}, {Left: "name", Right: "title"}}}
}

func people(t *testing.T, spec mapping.Spec, unique bool) *mapping.Mapping {
	t.Helper()
	left := event.Object{Name: "people", Key: []string{"id"}, Fields: []event.Field{{Name: "id", Kind: event.Int, Generated: true}, {Name: "email", Nullable: true, Unique: true}, {Name: "name", Nullable: true}}}
	right := event.Object{Name: "contact", Key: []string{"cid"}, Fields: []event.Field{{Name: "cid", ReadOnly: true}, {Name: "mail", Nullable: true, Unique: unique}, {Name: "title", Nullable: true}}}
	m, problems := mapping.Compile(spec, left, right)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return m
}

// world is an engine with a table and a SaaS object that really hold records.
type world struct {
	t       *testing.T
	journal *journal.Journal
	mapping *mapping.Mapping
	db, crm *store
	make    func() (*Engine, error) // nil: one engine for the one mapping
	stores  []*store

	mu     sync.Mutex
	engine *Engine
	end    context.CancelFunc
	ended  chan error
}

type worldOptions struct {
	spec      func(*mapping.Spec)
	ambiguous bool // the SaaS object's match field is not unique
}

func newWorld(t *testing.T, o worldOptions) *world {
	t.Helper()
	spec := peopleSpec()
	if o.spec != nil {
		o.spec(&spec)
	}
	w := &world{t: t, journal: openJournal(t), mapping: people(t, spec, !o.ambiguous)}
	w.db = &store{connection: "db", object: "people", log: true, unique: "email", rows: map[event.Key]row{}, wake: make(chan struct{}, 1)}
	w.crm = &store{connection: "crm", object: "contact", rows: map[event.Key]row{}, wake: make(chan struct{}, 1)}
	if !o.ambiguous {
		w.crm.unique = "mail"
	}
	w.build()
	w.pump(w.db, w.crm)
	return w
}

// pump publishes what the stores tell, for as long as the test runs.
func (w *world) pump(stores ...*store) {
	t := w.t
	w.stores = stores
	ctx, cancel := context.WithCancel(context.Background())
	var pumps sync.WaitGroup
	for _, s := range stores {
		pumps.Go(func() {
			if err := s.pump(ctx, w); err != nil && ctx.Err() == nil {
				t.Errorf("publish the changes of %s: %v", s.connection, err)
			}
		})
	}
	t.Cleanup(func() { w.stop(); cancel(); pumps.Wait() })
}

// build makes a new engine on the same journal, as a new process does.
func (w *world) build() {
	w.t.Helper()
	if w.make == nil {
		w.make = func() (*Engine, error) {
			return New(Options{Journal: w.journal, Sides: map[string]Side{"db": w.db, "crm": w.crm}, Mappings: []*mapping.Mapping{w.mapping}, Clock: time.Now})
		}
	}
	e, err := w.make()
	if err != nil {
		w.t.Fatal(err)
	}
	w.mu.Lock()
	w.engine = e
	w.mu.Unlock()
}

func (w *world) start() {
	ctx, cancel := context.WithCancel(context.Background())
	w.end, w.ended = cancel, make(chan error, 1)
	go func(e *Engine) { w.ended <- e.Run(ctx) }(w.current())
}

// stop ends the engine and returns what Run returned.
func (w *world) stop() error {
	if w.end == nil {
		return nil
	}
	w.end()
	w.end = nil
	return <-w.ended
}

func (w *world) restart() {
	w.t.Helper()
	if err := w.stop(); err != nil {
		w.t.Fatalf("Run = %v", err)
	}
	w.build()
	w.start()
}

func (w *world) current() *Engine {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.engine
}

func (w *world) status() Status {
	w.t.Helper()
	s, err := w.current().Status(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// settle waits until everything that has happened has been worked through.
func (w *world) settle() {
	w.t.Helper()
	quiet := func() (uint64, bool) {
		changes, still := uint64(0), true
		for _, m := range w.status().Mappings {
			changes += m.Changes
			still = still && m.Waiting == 0 && m.UnderWay == 0
		}
		for _, s := range w.stores {
			still = still && s.published()
		}
		return changes, still
	}
	eventually(w.t, "everything is worked through", func() bool {
		// Twice: a change may pass from one lane to another while they are counted.
		first, ok := quiet()
		if !ok {
			return false
		}
		second, ok := quiet()
		return ok && first == second
	})
}

func (w *world) parked() (kinds []string) {
	for _, p := range w.status().Parked {
		kinds = append(kinds, p.Kind)
	}
	return kinds
}

func (w *world) wantParked(kinds ...string) {
	w.t.Helper()
	if got := w.parked(); fmt.Sprint(got) != fmt.Sprint(kinds) {
		w.t.Errorf("parked records = %v, want %v: %+v", got, kinds, w.status().Parked)
	}
}

func (w *world) audit(kind string) (n int) {
	w.t.Helper()
	if err := w.journal.ReadAudit(w.t.Context(), journal.AuditFilter{Kind: kind}, func(journal.AuditEntry) error { n++; return nil }); err != nil {
		w.t.Fatal(err)
	}
	return n
}

// want compares both stores' records, each as "email name", in any order.
func (w *world) want(rows, contacts []string) {
	w.t.Helper()
	slices.Sort(rows)
	slices.Sort(contacts)
	if got := w.db.show("email", "name"); fmt.Sprint(got) != fmt.Sprint(rows) {
		w.t.Errorf("rows = %q, want %q", got, rows)
	}
	if got := w.crm.show("mail", "title"); fmt.Sprint(got) != fmt.Sprint(contacts) {
		w.t.Errorf("contacts = %q, want %q", got, contacts)
	}
}
