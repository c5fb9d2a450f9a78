package event

import "time"

// Op says what happened to the record, in Debezium's letters.
type Op byte

const (
	Insert   Op = 'c' // created
	Update   Op = 'u' // changed; After names at least what changed
	Delete   Op = 'd' // deleted or archived
	Truncate Op = 't' // every record of the object is gone; Key is zero
	Observed Op = 'r' // read, not changed: an initial load, a poll, a look at one record
	Restored Op = 'o' // a deleted record is back (a SaaS only)
	Merged   Op = 'm' // OldKey was merged into Key, which lives on (a SaaS only)
)

// Origin tells that Lockstep itself made a change: the connection whose edit
// the write carried, and the id of that edit. The zero Origin means somebody
// else made it.
type Origin struct {
	Connection string
	Change     string
}

// OwnWrite is the Origin.Connection of a change that Lockstep wrote itself where
// the source does not tell whose edit the write carried (a SaaS knows the app,
// not the reason).
const OwnWrite = "*"

// IsZero tells whether somebody other than Lockstep made the change.
func (o Origin) IsZero() bool { return o == Origin{} }

// Change is one change of one record on one side.
//
// After is the record as the change left it, as far as the source tells; what
// it does not tell is Unchanged. Before is what the source tells of the state
// before: the whole row under REPLICA IDENTITY FULL, else the old key or
// nothing. OldKey is set only where the change gave the record another key.
type Change struct {
	Connection string // the connection's name in the configuration
	Connector  string // postgresql, hubspot, …: Debezium's source.connector
	Object     string // schema.table, or the SaaS object's name
	Op         Op
	Key        Key
	OldKey     Key
	Before     Record
	After      Record
	Position   Position  // order within the connection; what a restart resumes from
	Tx         uint64    // transaction id, 0 where there is none
	At         time.Time // commit time, or the vendor's event time
	Seen       time.Time // when Lockstep read it
	Origin     Origin
}

// ID names the change for audits and tracing: connection and position, and the
// key where positions alone (a SaaS's clock) do not tell changes apart.
func (c *Change) ID() string {
	id := c.Connection + ":" + c.Position.String()
	if c.Position.Minor == 0 {
		id += ":" + c.Key.Token()
	}
	return id
}
