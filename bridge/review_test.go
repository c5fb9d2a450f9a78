package bridge

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/bridge/journal"
	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

func ruled(kind mapping.RuleKind) worldOptions {
	return worldOptions{spec: func(s *mapping.Spec) {
		s.Fields[1].Conflict = &mapping.Rule{Kind: kind}
		if kind == mapping.Merge {
			s.Fields[1].Conflict.Expression = "left + '&' + right"
		}
	}}
}

// collide makes both sides edit one field before either hears of the other.
func (w *world) collide(row, contact event.Key, left, right string) {
	w.db.hold(true)
	w.crm.hold(true)
	w.db.edit(row, "name", left)
	w.crm.edit(contact, "title", right)
	w.crm.hold(false)
	w.db.hold(false)
	w.settle()
}

func ada(t *testing.T, o worldOptions) (w *world, row, contact event.Key) {
	t.Helper()
	w = newWorld(t, o)
	w.start()
	row = w.db.create("email", "ada@x", "name", "Ada")
	w.settle()
	return w, row, w.crm.key("mail", "ada@x")
}

func TestReview(t *testing.T) {
	t.Parallel()
	value := "Countess"
	for choice, want := range map[string]string{"left": "Left", "right": "Right", "value": value} {
		t.Run("both values wait until a person chooses "+choice, func(t *testing.T) {
			t.Parallel()
			w, row, contact := ada(t, ruled(mapping.Review))
			w.collide(row, contact, "Left", "Right")
			w.want(list("ada@x Left"), list("ada@x Right"))
			w.repeat()
			w.want(list("ada@x Left"), list("ada@x Right"))
			all := w.reviews("conflict")
			if len(all) != 1 || all[0].LeftValue != "Left" || all[0].RightValue != "Right" || all[0].Field != "name=title" || w.status().Mappings[0].Reviews != 1 {
				t.Fatalf("reviews = %+v, want one with both values", all)
			}
			w.db.edit(row, "email", "countess@x") // other fields go on
			w.settle()
			w.want(list("countess@x Left"), list("countess@x Right"))
			c := Choice{ID: all[0].ID, Choice: choice, By: "ann"}
			if choice == "value" {
				c.Value = &value
			}
			if _, err := w.current().Choose(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			w.settle()
			w.want(list("countess@x "+want), list("countess@x "+want))
			if left := w.reviews(""); len(left) != 0 || w.status().Mappings[0].Reviews != 0 {
				t.Errorf("reviews left = %+v, want none", left)
			}
			if again, err := w.current().Choose(t.Context(), c); err != nil || !again.Already {
				t.Errorf("the same choice again = %+v, %v, want that it was made", again, err)
			}
			w.repeat()
			w.want(list("countess@x "+want), list("countess@x "+want))
			w.wantStory(row, "review", "chosen")
		})
	}
	t.Run("an edit that comes after the choice, and before it is carried out, is not overwritten by it", func(t *testing.T) {
		t.Parallel()
		w, row, contact := ada(t, ruled(mapping.Review))
		w.collide(row, contact, "Left", "Right")
		w.db.hold(true)
		w.db.edit(row, "name", "Later")
		w.choose(w.reviews("conflict")[0].ID, "right")
		w.db.hold(false)
		w.settle()
		// The guard sees that the row holds another value than the person saw.
		w.want(list("ada@x Later"), list("ada@x Right"))
		if all := w.reviews("conflict"); len(all) != 1 || all[0].LeftValue != "Later" || all[0].RightValue != "Right" {
			t.Errorf("reviews = %+v, want the later edit and the one it did not know", all)
		}
		w.wantStory(row, "review", "chosen", "review")
	})
	t.Run("what agrees again by itself waits for nobody", func(t *testing.T) {
		t.Parallel()
		w, row, contact := ada(t, ruled(mapping.Review))
		w.collide(row, contact, "Left", "Right")
		w.crm.edit(contact, "title", "Left")
		w.settle()
		if left := w.reviews(""); len(left) != 0 || w.status().Mappings[0].Reviews != 0 {
			t.Errorf("reviews left = %+v, want none", left)
		}
		w.db.edit(row, "name", "Next")
		w.settle()
		w.want(list("ada@x Next"), list("ada@x Next"))
	})
	t.Run("unknown and malformed orders say what is wrong", func(t *testing.T) {
		t.Parallel()
		w, row, contact := ada(t, ruled(mapping.Review))
		w.collide(row, contact, "Left", "Right")
		id := w.reviews("")[0].ID
		for _, c := range []struct {
			Choice
			want error
		}{
			{Choice{ID: "x", Choice: "left", By: "ann"}, ErrInvalid}, {Choice{ID: "nobody.l1.x", Choice: "left", By: "ann"}, ErrNotFound},
			{Choice{ID: "people.lx.x", Choice: "left", By: "ann"}, ErrNotFound}, {Choice{ID: id, Choice: "both", By: "ann"}, ErrInvalid}, {Choice{ID: id, Choice: "left"}, ErrInvalid},
		} {
			if _, err := w.current().Choose(t.Context(), c.Choice); !errors.Is(err, c.want) {
				t.Errorf("Choose(%+v) = %v, want %v", c.Choice, err, c.want)
			}
		}
		w.want(list("ada@x Left"), list("ada@x Right"))
	})
}

func TestMergeRule(t *testing.T) {
	t.Parallel()
	w, row, contact := ada(t, ruled(mapping.Merge))
	w.collide(row, contact, "Left", "Right")
	w.want(list("ada@x Left&Right"), list("ada@x Left&Right"))
	w.repeat()
	w.want(list("ada@x Left&Right"), list("ada@x Left&Right"))
	w.wantStory(row, "conflict")
}

func TestBreaker(t *testing.T) {
	t.Parallel()
	w, row, contact := ada(t, worldOptions{spec: func(s *mapping.Spec) { s.Breaker = mapping.Breaker{Flips: 8, Within: time.Minute} }})
	for i := range 30 {
		w.crm.edit(contact, "title", fmt.Sprint("Right", i))
		w.settle()
		w.db.edit(row, "name", fmt.Sprint("Left", i))
		w.settle()
	}
	if got := w.crm.count(event.DoUpdate) + w.db.count(event.DoUpdate); got > 12 {
		t.Errorf("writes to a field that goes back and forth = %d, want them bounded", got)
	}
	all := w.reviews("breaker")
	if len(all) != 1 || !strings.Contains(all[0].Message, "back and forth") {
		t.Fatalf("reviews = %+v, want the frozen field", all)
	}
	w.choose(all[0].ID, "left")
	w.settle()
	w.want(list("ada@x Left29"), list("ada@x Left29"))
	w.crm.edit(contact, "title", "On")
	w.settle()
	w.want(list("ada@x On"), list("ada@x On"))
}

func TestParkedOrders(t *testing.T) {
	t.Parallel()
	refuse := func(w *world) {
		w.crm.before = func(wr event.Write) *event.Fault {
			if wr.Set.Get("title").Text == "Bad" {
				return &event.Fault{Class: event.Rejected, Message: "title Bad is not allowed", Field: "title"}
			}
			return nil
		}
	}
	parked := func(t *testing.T) (w *world, row, contact event.Key, id string) {
		w = newWorld(t, worldOptions{})
		refuse(w)
		w.start()
		row = w.db.create("email", "ada@x", "name", "Ada")
		w.settle()
		contact = w.crm.key("mail", "ada@x")
		w.db.edit(row, "name", "Bad")
		w.settle()
		all, err := w.current().Parked(t.Context(), ParkedFilter{Mapping: "people"})
		if err != nil || len(all) != 1 || all[0].Kind != "rejected" || all[0].Left != string(row) {
			t.Fatalf("parked = %+v, %v, want the record", all, err)
		}
		return w, row, contact, all[0].ID
	}
	t.Run("retry tries again now, as often as asked", func(t *testing.T) {
		t.Parallel()
		w, _, _, id := parked(t)
		for range 2 {
			if _, err := w.current().Retry(t.Context(), id, "ann"); err != nil {
				t.Fatal(err)
			}
			w.settle()
			w.wantParked("rejected")
		}
		if err := w.stop(); err != nil {
			t.Fatal(err)
		}
		w.crm.before = nil
		w.build()
		w.start()
		w.settle()
		if _, err := w.current().Retry(t.Context(), id, "ann"); err != nil {
			t.Fatal(err)
		}
		w.settle()
		w.wantParked()
		w.want(list("ada@x Bad"), list("ada@x Bad"))
		if _, err := w.current().Retry(t.Context(), id, "ann"); !errors.Is(err, ErrNotFound) {
			t.Errorf("retry of what went on = %v, want %v", err, ErrNotFound)
		}
	})
	t.Run("drop gives the edit up, says so in the audit, and takes later ones", func(t *testing.T) {
		t.Parallel()
		w, row, _, id := parked(t)
		if _, err := w.current().Drop(t.Context(), id, "ann"); err != nil {
			t.Fatal(err)
		}
		w.settle()
		w.wantParked()
		w.want(list("ada@x Bad"), list("ada@x Ada"))
		w.repeat()
		w.want(list("ada@x Bad"), list("ada@x Ada"))
		w.wantStory(row, "parked", "conflict", "dropped")
		w.db.edit(row, "name", "Good")
		w.settle()
		w.want(list("ada@x Good"), list("ada@x Good"))
	})
	t.Run("replay reads both sides and mends what nobody told", func(t *testing.T) {
		t.Parallel()
		w, row, contact := ada(t, worldOptions{})
		w.crm.mu.Lock()
		w.crm.rows[contact].values["title"] = event.String("Untold")
		w.crm.mu.Unlock()
		if _, err := w.current().Replay(t.Context(), "people", RecordRef{Right: contact}, "ann"); err != nil {
			t.Fatal(err)
		}
		w.settle()
		w.want(list("ada@x Untold"), list("ada@x Untold"))
		s, err := w.current().Record(t.Context(), "people", RecordRef{Left: row})
		if err != nil || s.State != "linked" || s.Right != string(contact) || len(s.Fields) != 2 || s.Fields[1].Left != "Untold" {
			t.Errorf("record = %+v, %v, want the linked pair", s, err)
		}
		if _, err := w.current().Replay(t.Context(), "people", RecordRef{Left: event.KeyOf("99")}, "ann"); !errors.Is(err, ErrNotFound) {
			t.Errorf("replay of an unknown record = %v, want %v", err, ErrNotFound)
		}
	})
}

// wantStory looks whether the audit tells these kinds of the record, in order.
func (w *world) wantStory(row event.Key, kinds ...string) {
	w.t.Helper()
	var story []string
	left := kinds
	err := w.journal.ReadAudit(w.t.Context(), journal.AuditFilter{Mapping: "people", Key: string(row), Since: time.Now().Add(-time.Hour)}, func(e journal.AuditEntry) error {
		story = append(story, fmt.Sprintf("%s %s %s %s|%s %s %s", e.Kind, e.Field, e.Rule, e.Left, e.Right, e.By, e.Text))
		if len(left) > 0 && e.Kind == left[0] {
			left = left[1:]
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	if len(left) > 0 {
		w.t.Errorf("the audit does not tell %v:\n%s", left, strings.Join(story, "\n"))
	}
}
