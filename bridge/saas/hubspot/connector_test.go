package hubspot_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/bridge/saas/hubspot"
	"github.com/lockstep-sync/lockstep/schemas/event"
	sim "github.com/lockstep-sync/lockstep/testenv/hubspot"
)

func contact(email string) event.Write {
	return event.Write{Op: event.DoCreate, Object: "contacts", Set: event.Record{Names: []string{"email"}, Values: []event.Value{event.String(email)}}}
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	good := hubspot.Options{Connection: "crm", Token: "pat-secret-1"}
	if _, err := hubspot.New(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*hubspot.Options){
		"no connection":        func(o *hubspot.Options) { o.Connection = "" },
		"no token":             func(o *hubspot.Options) { o.Token = "" },
		"a token with newline": func(o *hubspot.Options) { o.Token += "\n" },
		"an app that is none":  func(o *hubspot.Options) { o.AppID = "my app" },
		"a public URL without": func(o *hubspot.Options) { o.PublicURL = "sync.example" },
		"a base URL without":   func(o *hubspot.Options) { o.BaseURL = "api.hubapi.com" },
	} {
		o := good
		change(&o)
		if _, err := hubspot.New(o); err == nil || strings.Contains(err.Error(), "pat-secret") {
			t.Errorf("%s: got %v, want an error without the token", name, err)
		}
	}
}

func TestTheDailyLimitStopsTheConnectionForAnHour(t *testing.T) {
	t.Parallel()
	s := start(t, sim.Options{DailyLimit: 2}) // the description and one write
	c := connect(t, options(s))
	if r := c.Apply(context.Background(), []event.Write{contact("a@example.com")})[0]; r.Err != nil {
		t.Fatal(r.Err)
	}
	for range 3 {
		f := c.Apply(context.Background(), []event.Write{contact("b@example.com")})[0].Err
		if f == nil || f.Class != event.Throttled || f.RetryAfter < 59*time.Minute {
			t.Errorf("got %v, want an hour's rest", f)
		}
	}
	if got := s.Requests().Total; got != 3 {
		t.Errorf("%d calls, want 3: one of them refused", got)
	}
	status := c.Status()
	if status.Budget.Daily != 2 || status.Budget.DailyRemaining != 0 || time.Until(status.ThrottledUntil) < 59*time.Minute || status.Throttled != 1 {
		t.Errorf("got status %+v", status)
	}
}

func TestCallsArePacedAtTheAdvertisedLimit(t *testing.T) {
	t.Parallel()
	s := start(t, sim.Options{Limit: 190})
	c := connect(t, options(s))
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	n := 0
	for ctx.Err() == nil {
		_, err := c.Read(ctx, "contacts", nil, nil)
		if err == nil {
			_, err = c.Lookup(ctx, "contacts", "email", []string{"a@example.com"}, nil)
		}
		var f *event.Fault
		if err != nil && (!errors.As(err, &f) || ctx.Err() == nil && f.Class != event.Throttled) {
			t.Fatal(err)
		}
		if err != nil {
			break
		}
		n++
	}
	// A burst of 19, then 17 a second: never near the 190 in ten seconds.
	if n < 20 || n > 70 {
		t.Errorf("%d calls in two seconds, want about 53", n)
	}
	for _, call := range s.Requests().Calls {
		if call.Status == 429 {
			t.Errorf("%d calls were refused for their number", call.Count)
		}
	}
}

func TestAConfiguredLimitOverridesTheAdvertisedOne(t *testing.T) {
	t.Parallel()
	o := options(start(t, sim.Options{Limit: 190}))
	o.Limit = 50
	c := connect(t, o)
	if _, err := c.Describe(context.Background(), "contacts"); err != nil {
		t.Fatal(err)
	}
	if got := c.Status(); got.Limit.Calls != 50 || got.Limit.Per != 10*time.Second || got.Budget.Max != 190 {
		t.Errorf("got %+v", got)
	}
}

func TestAnEmailOfAMergedContactFindsTheSurvivor(t *testing.T) {
	t.Parallel()
	s := start(t, sim.Options{})
	c := connect(t, options(s))
	made := c.Apply(context.Background(), []event.Write{contact("a@example.com"), contact("b@example.com")})
	survivor, err := s.Merge("contacts", made[0].Key.ID(), made[1].Key.ID())
	if err != nil {
		t.Fatal(err)
	}
	found, err := c.Lookup(context.Background(), "contacts", "email", []string{"B@example.com"}, []string{"email"})
	if err != nil || len(found) != 1 || found[0].Key != event.KeyOf(survivor) || found[0].Asked != event.KeyOf("B@example.com") {
		t.Fatalf("got %+v, %v, want the survivor %s", found, err, survivor)
	}
	if len(found[0].Record.Names) != 1 || found[0].Record.Get("email").Text != "a@example.com" {
		t.Errorf("got record %+v, want the fields asked for only", found[0].Record)
	}
}

func TestAWriteToAMergedContactNamesTheSurvivor(t *testing.T) {
	t.Parallel()
	s := start(t, sim.Options{})
	c := connect(t, options(s))
	made := c.Apply(context.Background(), []event.Write{contact("a@example.com"), contact("b@example.com")})
	survivor, err := s.Merge("contacts", made[0].Key.ID(), made[1].Key.ID())
	if err != nil {
		t.Fatal(err)
	}
	w := event.Write{Op: event.DoUpdate, Object: "contacts", Key: made[1].Key, Set: event.Record{Names: []string{"city"}, Values: []event.Value{event.String("Oslo")}}}
	if r := c.Apply(context.Background(), []event.Write{w})[0]; r.Err != nil || r.Key != event.KeyOf(survivor) {
		t.Errorf("got %s, %v, want the survivor %s", r.Key, r.Err, survivor)
	}
}

func TestStandardObjectsGoByOneName(t *testing.T) {
	t.Parallel()
	c := connect(t, options(start(t, sim.Options{})))
	for _, alias := range []string{"contact", "0-1"} {
		if _, err := c.Describe(context.Background(), alias); err == nil || !strings.Contains(err.Error(), "call it contacts") {
			t.Errorf("%s: got %v, want the name to use", alias, err)
		}
	}
}

func TestASelectionIsReplacedNotExtended(t *testing.T) {
	t.Parallel()
	s := start(t, sim.Options{})
	c := connect(t, options(s))
	key := c.Apply(context.Background(), []event.Write{contact("a@example.com")})[0].Key
	for _, value := range []string{"r;g", ";b"} {
		w := event.Write{Op: event.DoUpdate, Object: "contacts", Key: key, Set: event.Record{Names: []string{"colours"}, Values: []event.Value{event.String(value)}}}
		if r := c.Apply(context.Background(), []event.Write{w})[0]; r.Err != nil || r.After.Get("colours").Text != strings.Trim(value, ";") {
			t.Errorf("%q: got %s, %v", value, r.After.Get("colours").Display(), r.Err)
		}
	}
}
