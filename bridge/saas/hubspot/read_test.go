package hubspot_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/schemas/event"
	sim "github.com/lockstep-sync/lockstep/testenv/hubspot"
)

func TestAReadTellsWhenAndByWhomEachPropertyWasSet(t *testing.T) {
	t.Parallel()
	d := newDesk(t, sim.Options{})
	id := d.contact("a@example.com")
	set := event.Record{}
	set.Put("firstname", event.String("ours"))
	set.Put("lastname", event.String("ours"))
	d.must(event.Write{Op: event.DoUpdate, Object: "contacts", Key: event.KeyOf(id), Set: set})
	if err := d.s.Edit("contacts", id, map[string]string{"lastname": "theirs"}); err != nil {
		t.Fatal(err)
	}
	found, err := d.c.Read(d.ctx, "contacts", []event.Key{event.KeyOf(id)}, []string{"email", "firstname", "lastname", "phone"})
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	s := found[0]
	if len(s.Own) != 1 || !s.Own["firstname"] {
		t.Errorf("own values are %v, want the first name alone", s.Own)
	}
	if s.FieldAt["lastname"].Before(s.FieldAt["firstname"]) || s.FieldAt["firstname"].Before(s.FieldAt["email"]) || s.FieldAt["email"].IsZero() {
		t.Errorf("times are %v, want email, first name, last name in this order", s.FieldAt)
	}
	if at, known := s.FieldAt["phone"]; known {
		t.Errorf("the phone was set at %s, want no time: it never was", at.Format(time.RFC3339))
	}
	if !s.Wrote([]string{"firstname"}) || s.Wrote([]string{"firstname", "lastname"}) {
		t.Error("want Wrote for the first name, not for both names")
	}
}

func TestAReadIsCutToWhatACallTakes(t *testing.T) {
	t.Parallel()
	d := newDesk(t, sim.Options{})
	var keys []event.Key
	for i := range 101 {
		keys = append(keys, event.KeyOf(d.contact(fmt.Sprintf("p%d@example.com", i))))
	}
	found, err := d.c.Read(d.ctx, "contacts", keys, []string{"email"})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != len(keys) {
		t.Errorf("found %d, want %d", len(found), len(keys))
	}
	if n := d.calls("/batch/read"); n != 3 {
		t.Errorf("calls = %d, want 3: fifty records each", n)
	}
}
