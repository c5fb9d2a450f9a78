package main_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestATriggerAndAFlowThatAnswerEachOtherAreEnded(t *testing.T) {
	t.Parallel()
	r := newRig(t, rigOptions{mappings: plainMapping})
	r.start()
	_, id := r.pair("ada@example.com")
	r.exec(`CREATE FUNCTION lower_later() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		UPDATE customers SET first_name = lower(NEW.first_name) WHERE id = NEW.id AND first_name <> lower(first_name); RETURN NULL; END $$`)
	r.exec(`CREATE TRIGGER lower_later AFTER INSERT OR UPDATE ON customers FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION lower_later()`)
	ctx, end := context.WithCancel(t.Context())
	flow := make(chan struct{})
	go func() { // a flow in the CRM writes the name large again, whoever made it small
		defer close(flow)
		for {
			var small string
			err := r.crm.WaitFor(ctx, func() bool {
				c, ok := r.crm.Record("contacts", id)
				small = c.Properties["firstname"]
				return ok && small != "" && small != strings.ToUpper(small)
			})
			if err != nil || r.crm.Edit("contacts", id, map[string]string{"firstname": strings.ToUpper(small)}) != nil {
				return
			}
		}
	}()
	r.crm.ResetRequests()
	r.exec(`UPDATE customers SET first_name = 'bob'`)
	r.within(time.Minute, "the field is frozen", func() error {
		if all := listed(t, r.order(0, "review", "list", "--kind", "breaker", "--json")); len(all) != 1 {
			return fmt.Errorf("%d are frozen", len(all))
		}
		return nil
	})
	r.settled()
	calls := r.crm.Requests().Writes.Calls
	if calls > 12 {
		t.Errorf("the storm made %d calls before it was ended, want at most 12", calls)
	}
	r.crm.Edit("contacts", id, map[string]string{"firstname": "small"}) // the flow answers, nobody else does
	r.settled()
	if got := r.crm.Requests().Writes.Calls; got != calls {
		t.Errorf("the frozen field made %d further calls, want none", got-calls)
	}
	end()
	<-flow
	r.order(0, "review", "choose", "--kind", "breaker", "left", "--all", "--by", "ann")
	r.equals("both sides agree", "bob bob", func() string {
		return r.column("ada@example.com", "first_name") + " " + r.property("ada@example.com", "firstname")
	})
}

func TestATriggerThatChangesWhatIsWrittenIsNoEdit(t *testing.T) {
	t.Parallel()
	r := newRig(t, rigOptions{mappings: plainMapping})
	r.start()
	_, id := r.pair("ada@example.com")
	r.exec(`CREATE FUNCTION lower_now() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.first_name := lower(NEW.first_name); RETURN NEW; END $$`)
	r.exec(`CREATE TRIGGER lower_now BEFORE INSERT OR UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION lower_now()`)
	r.crm.ResetRequests()
	for _, name := range []string{"Bob", "CYD"} {
		if err := r.crm.Edit("contacts", id, map[string]string{"firstname": name}); err != nil {
			t.Fatal(err)
		}
		r.equals("the row has it small", strings.ToLower(name), func() string { return r.column("ada@example.com", "first_name") })
		r.settled()
		if got := r.property("ada@example.com", "firstname"); got != name {
			t.Errorf("the contact has %q, want %q: two forms of one value", got, name)
		}
	}
	if got := r.crm.Requests().Writes.Calls; got != 0 {
		t.Errorf("it went back to the CRM in %d calls, want none", got)
	}
}
