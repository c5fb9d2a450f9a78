package bridge

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/bridge/merge"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

func list(s ...string) []string { return append([]string{}, s...) }

func TestEngineCreates(t *testing.T) {
	t.Parallel()
	for _, ambiguous := range []bool{false, true} {
		t.Run(fmt.Sprintf("a record of either side is created on the other once; the match value is unique: %v", !ambiguous), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, worldOptions{ambiguous: ambiguous})
			w.start()
			w.db.create("email", "ada@x", "name", "Ada")
			w.settle()
			w.crm.create("mail", "bob@x", "title", "Bob")
			w.settle()
			w.want(list("ada@x Ada", "bob@x Bob"), list("ada@x Ada", "bob@x Bob"))
			w.db.edit(w.db.key("email", "bob@x"), "name", "Bobby")
			w.crm.edit(w.crm.key("mail", "ada@x"), "title", "Lady Ada")
			w.settle()
			w.want(list("ada@x Lady Ada", "bob@x Bobby"), list("ada@x Lady Ada", "bob@x Bobby"))
			for _, s := range []*store{w.db, w.crm} {
				if got := s.count(event.DoCreate); got != 1 {
					t.Errorf("creations on %s = %d, want 1", s.connection, got)
				}
				if got := s.count(event.DoUpdate); got != 1 {
					t.Errorf("updates on %s = %d, want 1: nothing echoes", s.connection, got)
				}
			}
		})
		t.Run(fmt.Sprintf("two that appear at the same moment become one pair; the match value is unique: %v", !ambiguous), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, worldOptions{ambiguous: ambiguous})
			w.start()
			const n = 30
			for i := range n {
				mail := fmt.Sprintf("p%d@x", i)
				w.db.create("email", mail, "name", "same")
				w.crm.create("mail", mail, "title", "same")
			}
			w.settle()
			for _, s := range []*store{w.db, w.crm} {
				if got := s.count(event.DoCreate); got != 0 {
					t.Errorf("creations on %s = %d, want 0", s.connection, got)
				}
			}
			w.wantParked()
			for i := range n {
				w.db.edit(w.db.key("email", fmt.Sprintf("p%d@x", i)), "name", "changed")
			}
			w.settle()
			if got := w.crm.count(event.DoUpdate); got != n {
				t.Errorf("edits that reached the other half = %d, want %d", got, n)
			}
		})
	}
}

func TestEngineMatches(t *testing.T) {
	t.Parallel()
	t.Run("a duplicate answer links the existing record", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, worldOptions{})
		w.crm.seed("mail", "ada@x", "title", "NULL")
		w.start()
		w.db.create("email", "ada@x", "name", "Ada")
		w.settle()
		w.want(list("ada@x Ada"), list("ada@x Ada"))
		if got := w.crm.count(event.DoCreate); got != 0 {
			t.Errorf("creations = %d, want 0", got)
		}
		w.crm.edit(w.crm.key("mail", "ada@x"), "title", "Countess")
		w.settle()
		w.want(list("ada@x Countess"), list("ada@x Countess"))
		if got := w.audit("linked"); got != 1 {
			t.Errorf("audit tells %d times of the link, want 1", got)
		}
	})
	t.Run("a match value that two records share parks the record until one is gone", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, worldOptions{ambiguous: true})
		w.crm.seed("mail", "ada@x", "title", "one")
		second := w.crm.seed("mail", "ada@x", "title", "two")
		w.start()
		row := w.db.create("email", "ada@x", "name", "one")
		other := w.db.create("email", "bob@x", "name", "Bob")
		w.settle()
		w.wantParked("ambiguous")
		w.want(list("ada@x one", "bob@x Bob"), list("ada@x one", "ada@x two", "bob@x Bob")) // B5
		w.crm.remove(second)
		w.settle()
		w.db.edit(row, "name", "Ada")
		w.db.edit(other, "name", "Robert")
		w.settle()
		w.wantParked()
		w.want(list("ada@x Ada", "bob@x Robert"), list("ada@x Ada", "bob@x Robert"))
	})
	t.Run("a record without a match value is parked, also over a restart, and goes on when it gets one", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, worldOptions{})
		w.start()
		row := w.db.create("name", "Ada")
		contact := w.crm.create("title", "Bob")
		w.settle()
		w.wantParked("unmatched", "unmatched")
		w.want(list("NULL Ada"), list("NULL Bob"))
		w.restart()
		w.settle()
		w.wantParked("unmatched", "unmatched")
		w.db.edit(row, "email", "ada@x")
		w.crm.edit(contact, "mail", "bob@x")
		w.settle()
		w.wantParked()
		w.want(list("ada@x Ada", "bob@x Bob"), list("bob@x Bob", "ada@x Ada"))
		if got := w.status().Mappings[0].Parked; got != 0 {
			t.Errorf("parked records counted = %d, want 0", got)
		}
	})
}

func TestEngineRekey(t *testing.T) {
	t.Parallel()
	t.Run("a row's new key keeps its link while edits under it race", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, worldOptions{})
		w.start()
		const n = 20
		var keys, contacts []event.Key
		for i := range n {
			keys = append(keys, w.db.create("email", fmt.Sprintf("p%d@x", i), "name", "start"))
		}
		w.settle()
		for i, old := range keys {
			key := event.KeyOf(fmt.Sprint(1000 + i))
			contacts = append(contacts, w.crm.key("mail", fmt.Sprintf("p%d@x", i)))
			w.db.rekey(old, key, "name", "with the key")
			w.db.edit(key, "name", "after the key")
		}
		w.settle()
		for i := range n {
			w.crm.edit(contacts[i], "mail", fmt.Sprintf("new%d@x", i))
		}
		w.settle()
		var want []string
		for i := range n {
			want = append(want, fmt.Sprintf("new%d@x after the key", i))
		}
		w.want(want, want)
		w.wantParked()
		if got := w.crm.count(event.DoCreate); got != n {
			t.Errorf("creations = %d, want %d", got, n)
		}
	})
	t.Run("a parked row that gets another key is parked once, under the new one", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, worldOptions{})
		w.start()
		old, key := w.db.create("name", "Ada"), event.KeyOf("1000")
		w.settle()
		w.wantParked("unmatched")
		w.db.rekey(old, key)
		w.settle()
		w.wantParked("unmatched")
		w.db.edit(key, "email", "ada@x")
		w.settle()
		w.wantParked()
		w.want(list("ada@x Ada"), list("ada@x Ada"))
	})
	t.Run("the history of a row that got another key may repeat", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, worldOptions{})
		w.start()
		old, key := w.db.create("email", "ada@x", "name", "Ada"), event.KeyOf("1000")
		w.settle()
		w.db.edit(old, "email", "countess@x")
		w.settle()
		w.db.rekey(old, key, "name", "Countess")
		w.settle()
		for _, c := range w.db.history() { // one by one: nothing of what follows is known yet
			if err := w.publish(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			w.settle()
		}
		w.repeat()
		w.want(list("countess@x Countess"), list("countess@x Countess"))
		w.wantParked()
		if got := w.crm.count(event.DoCreate); got != 1 {
			t.Errorf("creations = %d, want 1", got)
		}
		w.db.createAs(old, "email", "next@x", "name", "the old key's next row")
		w.settle()
		w.crm.edit(w.crm.key("mail", "countess@x"), "title", "Lovelace")
		w.crm.edit(w.crm.key("mail", "next@x"), "title", "Next")
		w.settle()
		w.want(list("countess@x Lovelace", "next@x Next"), list("countess@x Lovelace", "next@x Next"))
	})
}

// repeat runs a new engine on the journal from its very first change, as if no
// cursor had ever been stored.
func (w *world) repeat() {
	w.t.Helper()
	if err := w.stop(); err != nil {
		w.t.Fatalf("Run = %v", err)
	}
	for lane := range w.journal.Lanes() {
		if err := w.journal.Store(w.t.Context(), put(cursorName("people", lane), nil)); err != nil {
			w.t.Fatal(err)
		}
	}
	w.build()
	w.start()
	w.settle()
}

func TestEngineRestart(t *testing.T) {
	t.Parallel()
	t.Run("changes that repeat write nothing and change nothing", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, worldOptions{})
		w.start()
		var rows []event.Key
		for i := range 20 {
			rows = append(rows, w.db.create("email", fmt.Sprintf("r%d@x", i), "name", "Row"))
			w.crm.create("mail", fmt.Sprintf("c%d@x", i), "title", "Contact")
		}
		w.settle()
		for i, key := range rows {
			w.db.edit(key, "name", "Edited")
			w.crm.edit(w.crm.key("mail", fmt.Sprintf("c%d@x", i)), "title", "Edited")
		}
		w.db.remove(rows[7])
		w.settle()
		rowsBefore, contactsBefore := w.db.show("email", "name"), w.crm.show("mail", "title")
		writes := len(w.db.writes) + len(w.crm.writes)
		w.repeat()
		w.want(rowsBefore, contactsBefore)
		if got := len(w.db.writes) + len(w.crm.writes); got != writes {
			t.Errorf("repeated changes led to %d more writes: %+v", got-writes, append(w.db.writes, w.crm.writes...)[writes:])
		}
		w.wantParked()
		w.db.edit(rows[3], "name", "Later")
		w.settle()
		if got := w.crm.show("mail", "title"); !strings.Contains(fmt.Sprint(got), "r3@x Later") {
			t.Errorf("an edit after the repetition did not arrive: %q", got)
		}
	})
	t.Run("changes of the time in between arrive after it, and nothing else is read again", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, worldOptions{})
		w.start()
		row := w.db.create("email", "ada@x", "name", "Ada")
		w.settle()
		if err := w.stop(); err != nil {
			t.Fatal(err)
		}
		w.db.edit(row, "name", "Edited")
		eventually(t, "the edit is published", w.db.published)
		w.build()
		w.start()
		w.settle()
		w.want(list("ada@x Edited"), list("ada@x Edited"))
		if got := w.status().Mappings[0].Changes; got != 2 {
			t.Errorf("changes read after the restart = %d, want the edit and its echo", got)
		}
	})
}

func TestEngineOwnCreation(t *testing.T) {
	t.Parallel()
	t.Run("its webhook may arrive before its answer", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, worldOptions{})
		answer, applied := make(chan struct{}), make(chan struct{})
		w.crm.after = func(wr event.Write, res event.Result) event.Result {
			if wr.Op == event.DoCreate {
				close(applied)
				<-answer
			}
			return res
		}
		w.start()
		w.db.create("email", "ada@x", "name", "Ada")
		<-applied
		eventually(t, "the webhooks wait for the answer", func() bool { return w.status().Mappings[0].Changes == 3 && w.awaiting() == 1 })
		close(answer)
		w.settle()
		w.want(list("ada@x Ada"), list("ada@x Ada"))
		if got := len(w.db.writes) + len(w.crm.writes); got != 1 {
			t.Errorf("writes = %d, want the creation alone: %+v", got, w.db.writes)
		}
	})
	for _, ambiguous := range []bool{false, true} {
		lose := func(wr event.Write, res event.Result) event.Result {
			if wr.Op == event.DoCreate && res.Err == nil {
				return event.Result{Err: &event.Fault{Class: event.InDoubt, Message: "no answer"}}
			}
			return res
		}
		t.Run(fmt.Sprintf("whose answer is lost is found again, not repeated; the match value is unique: %v", !ambiguous), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, worldOptions{ambiguous: ambiguous})
			w.crm.after = lose
			w.start()
			row := w.db.create("email", "ada@x", "name", "Ada")
			w.settle()
			w.db.edit(row, "name", "Edited")
			w.settle()
			w.want(list("ada@x Edited"), list("ada@x Edited"))
			if got := w.crm.count(event.DoCreate); got != 1 {
				t.Errorf("creations = %d, want 1", got)
			}
		})
		t.Run(fmt.Sprintf("whose answer a crash lost is found again; the match value is unique: %v", !ambiguous), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, worldOptions{ambiguous: ambiguous})
			w.crm.hold(true)
			applied, crash := make(chan struct{}), make(chan struct{})
			w.crm.after = func(wr event.Write, res event.Result) event.Result {
				if wr.Op == event.DoCreate {
					close(applied)
					<-crash
				}
				return lose(wr, res)
			}
			w.start()
			w.db.create("email", "ada@x", "name", "Ada")
			<-applied
			link, err := w.link(event.KeyOf("1"))
			if err != nil || link == nil || link.State != merge.Creating {
				t.Errorf("while the creation is under way the link on disk is %+v, %v, want its intent", link, err) // B4
			}
			w.end()
			close(crash)
			if err := w.stop(); err != nil {
				t.Fatal(err)
			}
			w.crm.after = nil
			w.crm.hold(false)
			w.build()
			w.start()
			w.settle()
			w.want(list("ada@x Ada"), list("ada@x Ada"))
			if got := w.crm.count(event.DoCreate); got != 1 {
				t.Errorf("creations = %d, want 1", got)
			}
		})
	}
}

func TestEngineRefuses(t *testing.T) {
	t.Parallel()
	t.Run("a change of an object that the mapping does not have", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, worldOptions{})
		c := event.Change{Connection: "db", Object: "firms", Op: event.Update, Key: event.KeyOf("1"), After: fields("name", "x"), Position: event.Position{Major: 16, Minor: 1}}
		if routes, err := w.current().Route(t.Context(), &c, nil); err != nil || len(routes) != 0 {
			t.Errorf("Route = %v, %v, want no mapping", routes, err)
		}
		err := w.journal.Append(t.Context(), []event.Entry{{Connection: "db", Mapping: "people", Position: c.Position, Data: event.AppendChange(nil, &c)}})
		if err != nil {
			t.Fatal(err)
		}
		err = w.current().Run(t.Context())
		if err == nil || !strings.Contains(err.Error(), "db/firms") || !strings.Contains(err.Error(), "people") {
			t.Errorf("Run = %v, want an error that names the object and the mapping", err)
		}
		if low, err := w.current().loadCursor(t.Context(), "people", 0); err != nil || low > 1 {
			t.Errorf("the cursor passed the change: %d, %v", low, err) // B2
		}
	})
	t.Run("a mapping whose side nobody serves", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, worldOptions{})
		_, err := New(Options{Journal: w.journal, Sides: map[string]Side{"db": w.db}, Mappings: []*mapping.Mapping{w.mapping}})
		if err == nil || !strings.Contains(err.Error(), "crm") {
			t.Errorf("New = %v, want an error that names the connection", err)
		}
	})
}

// link is a pair's link as it is on disk.
func (w *world) link(left event.Key) (*merge.Link, error) {
	data, found, err := w.journal.Load(context.Background(), linkName("people", left))
	if err != nil || !found {
		return nil, err
	}
	return merge.Decode(w.mapping, data)
}

// awaiting is the number of right records that wait for a link.
func (w *world) awaiting() int {
	e := w.current()
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.awaiting)
}
