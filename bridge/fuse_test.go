package bridge

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

// reviews lists what waits for a person.
func (w *world) reviews(kind string) []Review {
	w.t.Helper()
	all, err := w.current().Reviews(w.t.Context(), ReviewFilter{Kind: kind})
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

func (w *world) choose(id, choice string) Outcome {
	w.t.Helper()
	out, err := w.current().Choose(w.t.Context(), Choice{ID: id, Choice: choice, By: "ann"})
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

func (w *world) wantHeld(n int) {
	w.t.Helper()
	if got, listed := w.status().Mappings[0].Held, len(w.reviews("delete")); got != int64(n) || listed != n {
		w.t.Errorf("deletions held = %d, listed %d, want %d", got, listed, n)
	}
}

func everybody(n int) (rows []string) {
	rows = list()
	for i := range n {
		rows = append(rows, fmt.Sprintf("p%d@x Person", i))
	}
	slices.Sort(rows)
	return rows
}

func TestFuse(t *testing.T) {
	t.Parallel()
	const people, limit = 60, 10
	crowd := func(t *testing.T, o worldOptions) (w *world, keys [2][]event.Key) {
		inner := o.spec
		o.spec = func(s *mapping.Spec) {
			s.Fuse = mapping.Fuse{Count: limit, Share: 1, Window: time.Hour}
			if inner != nil {
				inner(s)
			}
		}
		w = newWorld(t, o)
		w.start()
		for i := range people {
			keys[mapping.Left] = append(keys[mapping.Left], w.db.create("email", fmt.Sprintf("p%d@x", i), "name", "Person"))
		}
		w.settle()
		for i := range people {
			keys[mapping.Right] = append(keys[mapping.Right], w.crm.key("mail", fmt.Sprintf("p%d@x", i)))
		}
		return w, keys
	}
	for _, from := range mapping.Sides {
		burst := func(w *world, keys [2][]event.Key) {
			for _, key := range keys[from] {
				if from == mapping.Left {
					w.db.remove(key)
				} else {
					w.crm.remove(key)
				}
			}
			w.settle()
		}
		other := func(w *world) *store {
			if from == mapping.Left {
				return w.crm
			}
			return w.db
		}
		t.Run(fmt.Sprintf("a burst of deletions on the %s side is stopped, and a rejection brings everything back", from), func(t *testing.T) {
			t.Parallel()
			w, keys := crowd(t, worldOptions{})
			burst(w, keys)
			if got := other(w).count(event.DoDelete); got != limit {
				t.Errorf("deletions carried before the fuse blew = %d, want %d", got, limit)
			}
			w.wantHeld(people - limit)
			w.restart()
			w.settle()
			w.wantHeld(people - limit)
			fuses := w.reviews("fuse")
			if len(fuses) != 1 || fuses[0].Held != people-limit || w.status().Mappings[0].State != "attention" {
				t.Fatalf("fuses = %+v, status %+v, want one that holds the rest", fuses, w.status().Mappings[0])
			}
			w.choose(fuses[0].ID, ChoiceReject)
			w.settleErrands()
			w.want(everybody(people), everybody(people))
			w.wantHeld(0)
			w.repeat()
			w.want(everybody(people), everybody(people))
			if again, err := w.current().Choose(t.Context(), Choice{ID: fuses[0].ID, Choice: ChoiceReject, By: "ann"}); err != nil || !again.Already {
				t.Errorf("the same decision again = %+v, %v, want that it was made", again, err)
			}
			if _, err := w.current().Choose(t.Context(), Choice{ID: fuses[0].ID, Choice: ChoiceConfirm, By: "ann"}); !errors.Is(err, ErrDecided) {
				t.Errorf("the other decision later = %v, want %v", err, ErrDecided)
			}
		})
		t.Run(fmt.Sprintf("a burst of deletions on the %s side is carried over once it is confirmed, and edits go on meanwhile", from), func(t *testing.T) {
			t.Parallel()
			w, keys := crowd(t, worldOptions{})
			stays := keys[mapping.Left][0]
			keys[mapping.Left], keys[mapping.Right] = keys[mapping.Left][1:], keys[mapping.Right][1:]
			burst(w, keys)
			w.db.edit(stays, "name", "Edited")
			w.settle()
			if got := w.crm.value(w.crm.key("mail", "p0@x"), "title"); got != "Edited" {
				t.Errorf("an edit while the fuse is blown arrived as %q, want Edited", got)
			}
			w.choose(w.reviews("fuse")[0].ID, ChoiceConfirm)
			w.settleErrands()
			w.want(list("p0@x Edited"), list("p0@x Edited"))
			w.wantHeld(0)
			if got := w.reviews(""); len(got) != 0 {
				t.Errorf("reviews left = %+v, want none", got)
			}
		})
	}
	t.Run("a record that is back before anybody decided needs no decision", func(t *testing.T) {
		t.Parallel()
		w, keys := crowd(t, worldOptions{})
		for _, key := range keys[mapping.Left] {
			w.db.remove(key)
		}
		w.settle()
		for i, key := range keys[mapping.Left] {
			w.db.createAs(key, "email", fmt.Sprintf("p%d@x", i), "name", "Person")
		}
		w.settle()
		w.want(everybody(people), everybody(people))
		w.wantHeld(0)
	})
	for _, choice := range []string{ChoiceConfirm, ChoiceReject} {
		t.Run("a TRUNCATE waits for a person: "+choice, func(t *testing.T) {
			t.Parallel()
			w, _ := crowd(t, worldOptions{})
			w.db.truncate()
			w.settle()
			if choice == ChoiceConfirm { // a new row takes over the contact of the one that is gone
				w.db.create("email", "p1@x", "name", "Person")
				w.settle()
				w.want(list("p1@x Person"), everybody(people))
			}
			w.restart()
			w.settle()
			fuses := w.reviews("fuse")
			if len(fuses) != 1 || !strings.Contains(fuses[0].Message, "people was truncated") {
				t.Fatalf("fuses = %+v, want one that tells of the TRUNCATE", fuses)
			}
			w.choose(fuses[0].ID, choice)
			w.settleErrands()
			if choice == ChoiceConfirm {
				w.want(list("p1@x Person"), list("p1@x Person"))
				return
			}
			w.wantParked()
			w.want(everybody(people), everybody(people))
		})
	}
	t.Run("a TRUNCATE of a few records is within the limit and is carried over", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, worldOptions{})
		w.start()
		w.db.create("email", "ada@x", "name", "Ada")
		w.settle()
		w.db.truncate()
		w.settle()
		w.settleErrands()
		w.want(list(), list())
	})
}

// settleErrands waits until the engine's own long work is done, too.
func (w *world) settleErrands() {
	w.t.Helper()
	eventually(w.t, "no errand is left", func() bool {
		e := w.current()
		e.mu.Lock()
		defer e.mu.Unlock()
		return len(e.errands) == 0 && !e.busy
	})
	w.settle()
}
