package bridge

import (
	"errors"
	"fmt"
	"testing"

	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

func TestEngineDeletes(t *testing.T) {
	t.Parallel()
	policy := func(kind mapping.DeleteKind) worldOptions {
		return worldOptions{spec: func(s *mapping.Spec) { s.DeleteToRight.Kind, s.DeleteToLeft.Kind = kind, kind }}
	}
	pair := func(t *testing.T, kind mapping.DeleteKind) (w *world, row, contact event.Key) {
		w = newWorld(t, policy(kind))
		w.start()
		row = w.db.create("email", "ada@x", "name", "Ada")
		w.settle()
		return w, row, w.crm.key("mail", "ada@x")
	}
	for _, from := range mapping.Sides {
		remove := func(w *world, row, contact event.Key) {
			if from == mapping.Left {
				w.db.remove(row)
			} else {
				w.crm.remove(contact)
			}
			w.settle()
		}
		left := func(stays bool) (rows, contacts []string) {
			rows, contacts = list(), list()
			if stays && from == mapping.Left {
				contacts = list("ada@x Ada")
			} else if stays {
				rows = list("ada@x Ada")
			}
			return rows, contacts
		}
		t.Run(fmt.Sprintf("propagate carries a deletion from the %s side and leaves a tombstone against late changes", from), func(t *testing.T) {
			t.Parallel()
			w, row, contact := pair(t, mapping.DeletePropagate)
			late, at := w.crm.moment()
			remove(w, row, contact)
			w.want(left(false))
			err := w.publish(t.Context(), event.Change{Connection: "crm", Connector: "test", Object: "contact", Op: event.Update, Key: contact,
				After: fields("title", "late"), Position: late, At: at, Seen: at})
			if err != nil {
				t.Fatal(err)
			}
			w.settle()
			w.want(left(false))
			w.wantParked()
			w.db.createAs(row, "email", "ada@x", "name", "Ada the second")
			w.settle()
			w.want(list("ada@x Ada the second"), list("ada@x Ada the second"))
		})
		t.Run(fmt.Sprintf("ignore leaves the other record of a deletion on the %s side, and never creates its half again", from), func(t *testing.T) {
			t.Parallel()
			w, row, contact := pair(t, mapping.DeleteIgnore)
			remove(w, row, contact)
			w.want(left(true))
			if from == mapping.Left {
				w.crm.edit(contact, "title", "Edited")
			} else {
				w.db.edit(row, "name", "Edited")
			}
			w.settle()
			if rows, contacts := len(w.db.show("email")), len(w.crm.show("mail")); rows+contacts != 1 {
				t.Errorf("%d rows and %d contacts after an edit of the record that stayed, want it alone", rows, contacts)
			}
		})
		t.Run(fmt.Sprintf("unlink leaves the other record of a deletion on the %s side free", from), func(t *testing.T) {
			t.Parallel()
			w, row, contact := pair(t, mapping.DeleteUnlink)
			remove(w, row, contact)
			w.want(left(true))
			if from == mapping.Left {
				w.crm.edit(contact, "title", "Edited")
			} else {
				w.db.edit(row, "name", "Edited")
			}
			w.settle()
			w.want(list("ada@x Edited"), list("ada@x Edited"))
		})
		t.Run(fmt.Sprintf("confirm parks a deletion on the %s side, once, also over a restart", from), func(t *testing.T) {
			t.Parallel()
			w, row, contact := pair(t, mapping.DeleteConfirm)
			remove(w, row, contact)
			w.want(left(true))
			w.wantHeld(1)
			w.repeat()
			w.want(left(true))
			w.wantHeld(1)
			if got := w.audit("parked"); got != 1 {
				t.Errorf("the audit tells %d times that the record waits, want once", got)
			}
		})
		t.Run(fmt.Sprintf("a confirmed deletion on the %s side is carried over", from), func(t *testing.T) {
			t.Parallel()
			w, row, contact := pair(t, mapping.DeleteConfirm)
			remove(w, row, contact)
			out := w.choose(w.reviews("delete")[0].ID, ChoiceConfirm)
			if out.Already {
				t.Errorf("the first decision says that it had been made: %+v", out)
			}
			w.settle()
			w.want(left(false))
			w.wantHeld(0)
			if again := w.choose(out.ID, ChoiceConfirm); !again.Already {
				t.Errorf("the same decision again = %+v, want that it says so", again)
			}
			if _, err := w.current().Choose(t.Context(), Choice{ID: out.ID, Choice: ChoiceReject, By: "bob"}); !errors.Is(err, ErrDecided) {
				t.Errorf("another decision later = %v, want %v", err, ErrDecided)
			}
		})
		t.Run(fmt.Sprintf("a rejected deletion on the %s side brings the record back", from), func(t *testing.T) {
			t.Parallel()
			w, row, contact := pair(t, mapping.DeleteConfirm)
			remove(w, row, contact)
			if from == mapping.Left {
				w.crm.edit(contact, "title", "Edited")
			} else {
				w.db.edit(row, "name", "Edited")
			}
			w.settle()
			w.choose(w.reviews("delete")[0].ID, ChoiceReject)
			w.settle()
			// The edit made meanwhile gave way to the deletion, and is in the audit; it stands
			// on its own side all the same, and the record that comes back has what was last
			// known there.
			w.wantHeld(0)
			if from == mapping.Left {
				if got := w.db.key("email", "ada@x"); got != row {
					t.Errorf("the row came back as %s, want its old key %s", got, row)
				}
				w.crm.edit(contact, "title", "Later")
			} else {
				w.db.edit(row, "name", "Later")
			}
			w.settle()
			w.want(list("ada@x Later"), list("ada@x Later"))
			w.repeat()
			w.want(list("ada@x Later"), list("ada@x Later"))
		})
	}
}
