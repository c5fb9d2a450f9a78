package hubspot_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/bridge/saas/hubspot"
	"github.com/lockstep-sync/lockstep/bridge/saas/saastest"
	"github.com/lockstep-sync/lockstep/schemas/event"
	sim "github.com/lockstep-sync/lockstep/testenv/hubspot"
)

// custom are properties beside the standard ones, so that every kind is there.
func custom() []sim.Property {
	return []sim.Property{
		{Name: "visited_on", Type: "date"},
		{Name: "signed_at", Type: "datetime"},
		{Name: "active", Type: "bool", FieldType: "booleancheckbox"},
		{Name: "external_id", Type: "string", HasUniqueValue: true},
		{Name: "colours", Type: "enumeration", FieldType: "checkbox", Options: []sim.Option{{Label: "Red", Value: "r"}, {Label: "Green", Value: "g"}, {Label: "Blue", Value: "b"}}},
		{Name: "tier", Type: "enumeration", FieldType: "select", Options: []sim.Option{{Label: "Free", Value: "F"}, {Label: "Pro", Value: "P"}}},
	}
}

func start(t *testing.T, o sim.Options) *sim.Server {
	t.Helper()
	if o.Limit == 0 {
		o.Limit = -1
	}
	if o.SearchLimit == 0 {
		o.SearchLimit = -1
	}
	o.Properties = map[string][]sim.Property{"contacts": custom()}
	s, err := sim.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close simulator: %v", err)
		}
	})
	return s
}

func options(s *sim.Server) hubspot.Options {
	return hubspot.Options{Connection: "crm", BaseURL: s.URL(), Token: s.Token(), WebhookSecret: s.WebhookSecret(), AppID: s.AppID()}
}

func connect(t *testing.T, o hubspot.Options) *hubspot.Connector {
	t.Helper()
	c, err := hubspot.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// account is a simulated account as the suite wants it.
type account struct {
	t *testing.T
	s *sim.Server
}

func (a account) Connector() saastest.Connector { return connect(a.t, options(a.s)) }

func (a account) Stranger() saastest.Connector {
	o := options(a.s)
	o.Token = "pat-na1-revoked"
	return connect(a.t, o)
}

func (a account) Trouble(trouble saastest.Trouble) {
	faults := map[saastest.Trouble]sim.Faults{
		saastest.Healthy: {}, saastest.Down: {Down: true}, saastest.Throttling: {ThrottlePer10s: 1}, saastest.ApplyThenFail: {ApplyThenFailRate: 1},
	}[trouble]
	if err := a.s.SetFaults(faults); err != nil {
		a.t.Fatal(err)
	}
}

func (a account) Calls() int { return a.s.Requests().Total }

func (a account) SendTo(url string) {
	if err := a.s.SetWebhook(url); err != nil {
		a.t.Fatal(err)
	}
}

func (a account) Delivered(ctx context.Context) error { return a.s.WaitDelivered(ctx) }

func (a account) Create(values map[string]string) (string, error) {
	return a.s.Create("contacts", values)
}
func (a account) Edit(id string, values map[string]string) error {
	return a.s.Edit("contacts", id, values)
}
func (a account) Archive(id string) error { return a.s.Archive("contacts", id) }
func (a account) Merge(survivor, loser string) (string, error) {
	return a.s.Merge("contacts", survivor, loser)
}

func (a account) Held(id string) (map[string]string, bool) {
	r, ok := a.s.Record("contacts", id)
	return r.Properties, ok && !r.Archived
}

func (a account) Target() (string, error) {
	return a.s.Create("companies", map[string]string{"name": "x"})
}
func (a account) Link(id, target string, main bool) error {
	if main {
		return a.s.AssociateMain("contacts", id, "companies", target)
	}
	return a.s.Associate("contacts", id, "companies", target)
}
func (a account) Unlink(id, target string) error {
	return a.s.Dissociate("contacts", id, "companies", target)
}

func (a account) Linked(id string) (target string, others []string) {
	for _, l := range a.s.Associations("contacts", id, "companies") {
		if l.Main {
			target = l.ID
		} else {
			others = append(others, l.ID)
		}
	}
	return target, others
}

func (a account) Skew(d time.Duration) {
	f := a.s.Faults()
	f.ClockSkewMS = d.Milliseconds()
	if err := a.s.SetFaults(f); err != nil {
		a.t.Fatal(err)
	}
}

func (a account) Live() int {
	n := 0
	for _, r := range a.s.Records("contacts") {
		if !r.Archived {
			n++
		}
	}
	return n
}

// harness is the suite's view of contacts.
func harness(assumptions sim.Assumptions) saastest.Harness {
	return saastest.Harness{
		Connection: "crm", Object: "contacts", Unique: "email", Text: "jobtitle", Number: "annualrevenue", Computed: "hubspotscore",
		Value: func(n int) string { return "person" + strconv.Itoa(n) + "@example.com" },
		Bad:   saastest.Pair{Field: "tier", Value: "no such tier"},
		Forms: []saastest.Form{
			{Field: "email", Sent: "Ann.Lee@Example.COM", Stored: "ann.lee@example.com"},
			{Field: "visited_on", Sent: "2024-02-29", Stored: "2024-02-29"},
			{Field: "signed_at", Sent: "2024-08-15T17:09:13.648Z", Stored: "2024-08-15T17:09:13.648Z"},
			{Field: "signed_at", Sent: "2024-08-15T17:09:13.648999Z", Stored: "2024-08-15T17:09:13.648Z"},
			{Field: "signed_at", Sent: "2024-08-15T17:09:13Z", Stored: "2024-08-15T17:09:13Z"},
			{Field: "signed_at", Sent: "2024-08-15T19:09:13.5+02:00", Stored: "2024-08-15T17:09:13.5Z"},
			{Field: "active", Sent: "true", Stored: "true"},
			{Field: "active", Sent: "false", Stored: "false"},
			{Field: "colours", Sent: "g;r", Stored: "g;r"},
			{Field: "tier", Sent: "P", Stored: "P"},
			{Field: "annualrevenue", Sent: "1e3", Stored: "1000"},
		},
		Describes: []event.Field{
			{Name: "hs_object_id", Kind: event.Decimal, ReadOnly: true, Unique: true},
			{Name: "email", Kind: event.Text, Unique: true},
			{Name: "external_id", Kind: event.Text, Unique: true},
			{Name: "phone", Kind: event.Text},
			{Name: "annualrevenue", Kind: event.Decimal},
			{Name: "hubspotscore", Kind: event.Decimal, ReadOnly: true},
			{Name: "visited_on", Kind: event.Date},
			{Name: "signed_at", Kind: event.Instant},
			{Name: "active", Kind: event.Bool},
			{Name: "colours", Kind: event.Multi, Options: []string{"r", "g", "b"}},
			{Name: "tier", Kind: event.Enum, Options: []string{"F", "P"}},
			{Name: "lastmodifieddate", Kind: event.Instant, ReadOnly: true},
		},
		Reference: event.Field{Name: "associations.companies", Reference: "companies"},
		Skews:     true,
		Start: func(t *testing.T) saastest.Account {
			return account{t, start(t, sim.Options{Assumptions: &assumptions})}
		},
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	saastest.Run(t, harness(sim.DefaultAssumptions()))
}

// What HubSpot does not document must not matter.
func TestConformanceUnderTheOppositeAssumptions(t *testing.T) {
	t.Parallel()
	a := sim.DefaultAssumptions()
	a.DeleteOfArchivedIs204 = false
	a.PatchReturnsAllProperties = true
	a.WebhookNullForCleared = true
	a.EventTimeEqualsUpdatedAt = false
	a.CreationSendsPropertyChanges = false
	a.ClearedReadsEmpty = true
	a.NoopTouchesModified = true
	a.MergeReturnsNewID = true
	a.OmitsZeroMillis = true
	a.FirstCompanyIsPrimary = false
	a.RemovedPrimaryPassesOn = true
	a.NewParentReplaces = false
	a.NoAssociationsIsError = false
	a.RestoreBringsAssociations = false
	a.ArchiveSendsAssociationChanges = true
	a.MergeSendsAssociationChanges = true
	saastest.Run(t, harness(a))
}
