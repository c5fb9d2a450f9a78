package bridge

import (
	"testing"

	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

func TestFilters(t *testing.T) {
	t.Parallel()
	filtered := func(side mapping.Side, leave *mapping.DeleteSpec) worldOptions {
		return worldOptions{spec: func(s *mapping.Spec) {
			if side == mapping.Left {
				s.FilterLeft, s.LeaveToRight = "row.name != 'Out'", leave
			} else {
				s.FilterRight, s.LeaveToLeft = "row.title != 'Out'", leave
			}
		}}
	}
	t.Run("a row that leaves is deleted there, and one that enters again is created again", func(t *testing.T) {
		t.Parallel()
		w, row, _ := ada(t, filtered(mapping.Left, nil))
		w.db.edit(row, "name", "Out")
		w.settle()
		w.want(list("ada@x Out"), list())
		w.db.edit(row, "email", "countess@x")
		w.settle()
		w.want(list("countess@x Out"), list())
		w.db.edit(row, "name", "In")
		w.settle()
		w.want(list("countess@x In"), list("countess@x In"))
		w.repeat()
		w.want(list("countess@x In"), list("countess@x In"))
	})
	t.Run("a row that leaves keeps its contact under unlink, and is linked with it again when it enters", func(t *testing.T) {
		t.Parallel()
		w, row, contact := ada(t, filtered(mapping.Left, &mapping.DeleteSpec{Kind: mapping.DeleteUnlink}))
		w.db.edit(row, "name", "Out")
		w.settle()
		w.crm.edit(contact, "title", "Alone")
		w.settle()
		w.want(list("ada@x Out"), list("ada@x Alone"))
		w.db.edit(row, "name", "In")
		w.settle()
		w.want(list("ada@x In"), list("ada@x In"))
	})
	t.Run("a contact that leaves and enters again, with a row that is deleted and created again", func(t *testing.T) {
		t.Parallel()
		w, _, contact := ada(t, filtered(mapping.Right, nil))
		w.crm.edit(contact, "title", "Out")
		w.settle()
		w.want(list(), list("ada@x Out"))
		w.crm.edit(contact, "mail", "countess@x")
		w.settle()
		w.want(list(), list("countess@x Out"))
		w.crm.edit(contact, "title", "In")
		w.settle()
		w.want(list("countess@x In"), list("countess@x In"))
	})
	t.Run("a contact that matches a row which the filter does not take is left alone, and so is the row", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, filtered(mapping.Left, nil))
		w.start()
		row := w.db.create("email", "ada@x", "name", "Out")
		w.settle()
		contact := w.crm.create("mail", "ada@x", "title", "Ada")
		w.settle()
		w.want(list("ada@x Out"), list("ada@x Ada"))
		w.crm.edit(contact, "title", "Countess")
		w.settle()
		w.want(list("ada@x Out"), list("ada@x Countess"))
		w.db.edit(row, "name", "In")
		w.settle()
		if got := w.db.count(event.DoCreate) + w.crm.count(event.DoCreate) + w.db.count(event.DoDelete) + w.crm.count(event.DoDelete); got != 0 {
			t.Errorf("creations and deletions = %d, want none", got)
		}
		w.want(list("ada@x In"), list("ada@x In"))
	})
}
