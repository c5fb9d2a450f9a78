package bridge

import (
	"testing"

	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

func TestRestored(t *testing.T) {
	t.Parallel()
	t.Run("a restored contact brings its row back under the old key", func(t *testing.T) {
		t.Parallel()
		w, row, contact := ada(t, worldOptions{})
		w.crm.remove(contact)
		w.settle()
		w.want(list(), list())
		w.crm.restore(contact, "mail", "ada@x", "title", "Ada")
		w.settle()
		w.want(list("ada@x Ada"), list("ada@x Ada"))
		if got := w.db.key("email", "ada@x"); got != row {
			t.Errorf("the row came back as %s, want its old key %s", got, row)
		}
		w.crm.edit(contact, "title", "Countess")
		w.settle()
		w.db.edit(row, "email", "countess@x")
		w.settle()
		w.want(list("countess@x Countess"), list("countess@x Countess"))
		w.repeat()
		w.want(list("countess@x Countess"), list("countess@x Countess"))
	})
	t.Run("a contact that is restored with another value brings that one", func(t *testing.T) {
		t.Parallel()
		w, _, contact := ada(t, worldOptions{})
		w.crm.remove(contact)
		w.settle()
		w.crm.restore(contact, "mail", "ada@x", "title", "Countess")
		w.settle()
		w.want(list("ada@x Countess"), list("ada@x Countess"))
	})
	t.Run("a row that is inserted again under its key gets a contact again", func(t *testing.T) {
		t.Parallel()
		w, row, _ := ada(t, worldOptions{})
		w.db.remove(row)
		w.settle()
		w.want(list(), list())
		w.db.createAs(row, "email", "ada@x", "name", "Ada again")
		w.settle()
		w.want(list("ada@x Ada again"), list("ada@x Ada again"))
	})
	t.Run("a killed engine brings a record back once", func(t *testing.T) {
		t.Parallel()
		w, row, contact := ada(t, worldOptions{spec: func(s *mapping.Spec) { s.DeleteToRight.Kind = mapping.DeleteConfirm }})
		w.db.remove(row)
		w.settle()
		crash := make(chan struct{})
		w.db.after = func(wr event.Write, res event.Result) event.Result {
			if wr.Op == event.DoCreate {
				<-crash // carried out, and the answer is never heard
			}
			return res
		}
		w.choose(w.reviews("delete")[0].ID, ChoiceReject)
		eventually(t, "the row is back", func() bool { return len(w.db.show("email")) == 1 })
		w.end()
		close(crash)
		if err := w.stop(); err != nil {
			t.Fatal(err)
		}
		w.db.after = nil
		w.build()
		w.start()
		w.settle()
		w.crm.edit(contact, "title", "Countess")
		w.settle()
		w.want(list("ada@x Countess"), list("ada@x Countess"))
		if got := w.db.count(event.DoCreate); got != 1 {
			t.Errorf("rows brought back = %d, want 1", got)
		}
	})
}

func TestMergedLoser(t *testing.T) {
	t.Parallel()
	for kind, want := range map[mapping.DeleteKind][]string{mapping.DeleteIgnore: list("ada@x Ada", "bob@x Bob"), mapping.DeletePropagate: list("ada@x Ada"), mapping.DeleteConfirm: list("ada@x Ada", "bob@x Bob")} {
		t.Run("the row of a contact that was merged into another one's: "+kind.String(), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, worldOptions{spec: func(s *mapping.Spec) { s.MergedLeft = &mapping.DeleteSpec{Kind: kind} }})
			w.start()
			w.db.create("email", "ada@x", "name", "Ada")
			bob := w.db.create("email", "bob@x", "name", "Bob")
			w.settle()
			survivor, loser := w.crm.key("mail", "ada@x"), w.crm.key("mail", "bob@x")
			w.crm.merge(loser, survivor)
			w.settle()
			w.want(want, list("ada@x Ada"))
			if kind == mapping.DeleteConfirm {
				w.wantHeld(1)
				w.choose(w.reviews("delete")[0].ID, ChoiceConfirm)
				w.settle()
				w.want(list("ada@x Ada"), list("ada@x Ada"))
			}
			if kind == mapping.DeleteIgnore {
				w.db.edit(bob, "name", "Robert") // the row stays, and is nobody's
				w.settle()
				w.want(list("ada@x Ada", "bob@x Robert"), list("ada@x Ada"))
			}
			w.crm.edit(survivor, "title", "Both")
			w.settle()
			if got := w.db.value(w.db.key("email", "ada@x"), "name"); got != "Both" {
				t.Errorf("the survivor's row holds %q, want Both", got)
			}
			w.wantParked()
		})
	}
	t.Run("a merge into a record that nobody has leads the link there", func(t *testing.T) {
		t.Parallel()
		w, row, contact := ada(t, worldOptions{})
		w.crm.mu.Lock()
		survivor := event.KeyOf("500")
		w.crm.rows[survivor] = w.crm.rows[contact]
		w.crm.mu.Unlock()
		w.crm.merge(contact, survivor)
		w.settle()
		w.db.edit(row, "name", "Countess")
		w.settle()
		w.want(list("ada@x Countess"), list("ada@x Countess"))
	})
}
