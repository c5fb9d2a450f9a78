package bridge

import (
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
			w.wantParked("confirm-delete")
			w.repeat()
			w.want(left(true))
			w.wantParked("confirm-delete")
			if got := w.audit("parked"); got != 1 {
				t.Errorf("the audit tells %d times that the record waits, want once", got)
			}
		})
	}
}
