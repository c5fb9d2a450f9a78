package bridge

import (
	"sync"
	"testing"

	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

func TestAnAnsweredOrderOutlivesACrash(t *testing.T) { // B7
	t.Parallel()
	confirm := worldOptions{spec: func(s *mapping.Spec) { s.DeleteToRight.Kind = mapping.DeleteConfirm }}
	deleted := func(w *world, row, _ event.Key) { w.db.remove(row) }
	edited := func(w *world, row, contact event.Key) { w.collide(row, contact, "Left", "Right") }
	for name, c := range map[string]struct {
		o                     worldOptions
		happens               func(w *world, row, contact event.Key)
		choice                string
		interrupted           func(*world) *store
		wantRows, wantContact []string
	}{
		"a deletion that was rejected":  {confirm, deleted, ChoiceReject, func(w *world) *store { return w.db }, list("ada@x Ada"), list("ada@x Ada")},
		"a deletion that was confirmed": {confirm, deleted, ChoiceConfirm, func(w *world) *store { return w.crm }, list(), list()},
		"a value that was chosen":       {ruled(mapping.Review), edited, "left", func(w *world) *store { return w.crm }, list("ada@x Left"), list("ada@x Left")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, row, contact := ada(t, c.o)
			c.happens(w, row, contact)
			w.settle()
			reached, crash := make(chan struct{}), make(chan struct{})
			var once sync.Once
			side := c.interrupted(w)
			side.before = func(event.Write) *event.Fault { // the call never gets there
				once.Do(func() { close(reached) })
				<-crash
				return &event.Fault{Class: event.Transient, Message: "cut off"}
			}
			waiting := w.reviews("")
			if len(waiting) != 1 {
				t.Fatalf("reviews = %+v, want one", waiting)
			}
			w.choose(waiting[0].ID, c.choice)
			<-reached
			w.end()
			close(crash)
			if err := w.stop(); err != nil {
				t.Fatal(err)
			}
			side.before = nil
			w.build()
			w.start()
			eventually(t, "the note is gone", func() bool { return w.notes() == 0 })
			w.settle()
			w.want(c.wantRows, c.wantContact)
			if left := w.reviews(""); len(left) > 0 {
				t.Errorf("reviews left = %+v", left)
			}
		})
	}
}

func TestWhatWasLearntByALookIsOnDiskBeforeItIsWritten(t *testing.T) { // B6
	t.Parallel()
	w, row, contact := ada(t, worldOptions{})
	w.crm.hold(true) // its events are late
	w.crm.edit(contact, "title", "Countess")
	var known string
	w.db.before = func(event.Write) *event.Fault {
		link, err := w.link(row)
		if err != nil || link == nil {
			t.Errorf("link = %v, %v", link, err)
			return nil
		}
		known = link.Fields[1].Cell[mapping.Right].Now.Display()
		return nil
	}
	if _, err := w.current().Replay(t.Context(), "people", RecordRef{Left: row}, "ann"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the row has it", func() bool { return w.db.value(row, "name") == "Countess" })
	w.settle()
	if known != "Countess" {
		t.Errorf("when the row was written the link on disk knew %q of the contact, want Countess", known)
	}
}

// notes is how many orders are not carried out yet.
func (w *world) notes() (n int) {
	w.t.Helper()
	if err := w.journal.Scan(w.t.Context(), todoPrefix("people"), func(string, []byte) error { n++; return nil }); err != nil {
		w.t.Fatal(err)
	}
	return n
}
