package bridge

import (
	"errors"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/bridge/mapping"
)

func TestAPausedMappingTakesChangesAndCarriesNone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	paused := map[string]string{}
	w.make = func() (*Engine, error) {
		return New(Options{Journal: w.journal, Sides: map[string]Side{"db": w.db, "crm": w.crm}, Mappings: []*mapping.Mapping{w.mapping}, Paused: paused, Clock: time.Now})
	}
	w.build()
	w.start()
	w.db.create("email", "ada@x", "name", "Ada")
	w.settle()
	paused["people"] = "its name is gone"
	w.restart()
	w.db.edit(w.db.key("email", "ada@x"), "name", "Lady Ada")
	w.db.create("email", "bob@x", "name", "Bob")
	eventually(t, "both changes wait on disk", func() bool {
		m := w.status().Mappings[0]
		return m.Waiting == 2 && m.UnderWay == 0
	})
	if m := w.status().Mappings[0]; m.State != "paused" || m.Problem != "its name is gone" || w.current().Paused("people") != m.Problem {
		t.Errorf("got state %s, problem %q; want it paused, and why", m.State, m.Problem)
	}
	w.want(list("ada@x Lady Ada", "bob@x Bob"), list("ada@x Ada"))
	low, err := w.current().low(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.journal.Prune(t.Context(), low); err != nil {
		t.Fatal(err)
	}
	if _, err := w.current().Replay(t.Context(), "people", RecordRef{Left: w.db.key("email", "ada@x")}, "eve"); !errors.Is(err, ErrInvalid) {
		t.Errorf("an order for a record of it: got %v, want it refused", err)
	}
	delete(paused, "people")
	w.restart()
	w.settle()
	w.want(list("ada@x Lady Ada", "bob@x Bob"), list("ada@x Lady Ada", "bob@x Bob"))
}

func TestAHeldMappingTakesInNothingUntilItIsReleased(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	w.start()
	w.db.create("email", "ada@x", "name", "Ada")
	w.settle()
	first, second := w.current().Hold("people"), w.current().Hold("people")
	w.current().Hold("nobody")()
	before := w.status().Mappings[0].Changes
	w.db.create("email", "bob@x", "name", "Bob")
	eventually(t, "the change is on disk", func() bool { return w.db.published() })
	first()
	first() // a second time says nothing
	if m := w.status().Mappings[0]; m.Changes != before || m.State != "running" {
		t.Errorf("got %d changes taken in and state %s, want %d and running: one hold is left", m.Changes, m.State, before)
	}
	w.want(list("ada@x Ada", "bob@x Bob"), list("ada@x Ada"))
	second()
	w.settle()
	w.want(list("ada@x Ada", "bob@x Bob"), list("ada@x Ada", "bob@x Bob"))
	w.current().Hold("people")
	if err := w.stop(); err != nil {
		t.Errorf("a held mapping keeps the engine from ending: %v", err)
	}
}
