package saastest

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// Connector is what a connector offers the engine, the check and the intake.
type Connector interface {
	Side
	Hooks
	Describe(ctx context.Context, object string) (event.Object, error)
}

// Side writes and reads records.
type Side interface {
	Apply(ctx context.Context, writes []event.Write) []event.Result
	Read(ctx context.Context, object string, keys []event.Key, fields []string) ([]event.Snapshot, error)
	Lookup(ctx context.Context, object, field string, values []string, fields []string) ([]event.Snapshot, error)
	Limits(object string) event.Limits
}

// Hooks reads webhooks.
type Hooks interface {
	Verify(r *http.Request, body []byte, now time.Time) error
	Parse(body []byte) ([]event.Change, error)
}

// Harness is what the suite needs to know of a vendor. Values are canonical.
type Harness struct {
	Connection string // the name that Start's connectors go by
	Object     string // an object with all the fields below
	Unique     string // a unique text field
	Value      func(n int) string
	Text       string                     // a text field that is not unique, of any length up to 65,000
	Number     string                     // an exact number
	Computed   string                     // a field that the vendor alone writes
	Forms      []Form                     // what the vendor stores of what it is sent
	Bad        Pair                       // a value that the vendor refuses and names
	Lag        bool                       // a lookup by a field that is not unique may miss the newest writes
	Describes  []event.Field              // some fields as Describe shows them: Name, Kind, ReadOnly, Unique, Options and Reference are compared
	Reference  event.Field                // a field that holds another record's id: Name and Reference; zero = the object has none. The account is a Linker then
	Skews      bool                       // the vendor's clock can be set, and the connector measures it: the account is a Clock then, the connector a Clocked
	Start      func(t *testing.T) Account // a new, empty, healthy account without limits, closed with the test
}

// Pair is a field and a value for it.
type Pair struct{ Field, Value string }

// Form is a value as it is sent and as the vendor stores it.
type Form struct{ Field, Sent, Stored string }

// Trouble is a way in which a vendor fails.
type Trouble int

// Ways to fail.
const (
	Healthy       Trouble = iota
	Down                  // every call is refused with a server error, nothing is applied
	Throttling            // calls are refused for their number
	ApplyThenFail         // writes are applied, and the answer is lost
)

// Account is a simulated account and what can happen in it.
type Account interface {
	People
	Connector() Connector
	Stranger() Connector             // a connector with credentials that were revoked
	Trouble(t Trouble)               // how calls fail from now on
	Calls() int                      // calls answered since the start, of any outcome
	SendTo(url string)               // where webhooks go from now on
	Delivered(context.Context) error // waits until every webhook was sent
}

// Linker is an account whose records refer to others, which people link too.
type Linker interface {
	Target() (id string, err error)                    // a new record that can be referred to
	Link(id, target string, main bool) error           // main: the field holds target from now on; else it stands beside
	Unlink(id, target string) error                    // ends it
	Linked(id string) (target string, others []string) // what the field holds, "" = nothing, and what else the record is linked with
}

// Clock is an account whose clock can be set.
type Clock interface {
	Skew(d time.Duration) // its clock is this far ahead of ours from now on
}

// Clocked is a connector that measures its vendor's clock.
type Clocked interface {
	ClockOffset() (offset, uncertainty time.Duration, known bool)
}

// People edit records in the vendor's own pages. Values are in the vendor's form.
type People interface {
	Create(values map[string]string) (id string, err error)
	Edit(id string, values map[string]string) error
	Archive(id string) error
	Merge(survivor, loser string) (id string, err error)
	Held(id string) (values map[string]string, live bool) // what the vendor holds, past every cache
	Live() int                                            // records that are not archived
}
