package config

import (
	"time"
)

// Defaults of keys that are left out.
const (
	DefaultData     = "lockstep-data"
	DefaultListen   = "127.0.0.1:8080"
	DefaultLanes    = 8
	DefaultMinFree  = 256 << 20
	DefaultLogLevel = "info"

	DefaultKeepChanges = 24 * time.Hour
	DefaultMaxChanges  = 1 << 30
	DefaultKeepAudit   = 400 * 24 * time.Hour

	DefaultHubSpotURL = "https://api.hubapi.com"

	DefaultPostgresPrecision = time.Microsecond
	DefaultHubSpotPrecision  = time.Millisecond

	DefaultFuseCount     = 500
	DefaultFuseShare     = 0.2
	DefaultFuseWindow    = 10 * time.Minute
	DefaultBreakerFlips  = 8
	DefaultBreakerWithin = time.Minute
)

// Config is a complete configuration: defaults are filled in, secrets are read,
// and every name that a mapping uses exists. It does not change after Load.
type Config struct {
	Data          string // the data directory
	Listen        string // host:port of webhooks and the status page
	PublicURL     string // how vendors reach Listen; "" where webhooks are not signed over a URL, or not used
	EncryptionKey Secret // encrypts the data directory; zero: not encrypted
	Lanes         int
	MinFree       uint64 // bytes kept free on the data directory's disk
	LogLevel      string // debug, info, warn or error
	Retention     Retention
	Connections   map[string]Connection
	Mappings      []Mapping

	places func() *places // a function, so that printing a Config never prints the file
}

// Retention is how long what has been handled is kept.
type Retention struct {
	Changes    time.Duration // changes that every mapping has handled stay readable
	MaxChanges uint64        // bytes of them at most
	Audit      time.Duration
}

// Types of connections.
const (
	TypePostgres = "postgres"
	TypeHubSpot  = "hubspot"
)

// Connection is one system. The pointer of its type is set, the other nil.
type Connection struct {
	Name      string
	Type      string
	Precision time.Duration // how exact its times are: edits closer than this count as simultaneous
	Postgres  *Postgres
	HubSpot   *HubSpot
}

// Postgres is a PostgreSQL database. Slot and Publication are "" for the names
// that Lockstep gives.
type Postgres struct {
	URL         Secret
	ReadURL     Secret // a replica to read from; zero: URL
	Slot        string
	Publication string
}

// HubSpot is a HubSpot account.
type HubSpot struct {
	URL           string // of the API
	Token         Secret
	WebhookSecret Secret // zero: webhooks are refused
	AppID         string // decimal; "" where not given
	Limit         int    // requests in ten seconds; 0: what HubSpot's answers tell
}

// End is one side of a mapping.
type End struct{ Connection, Object string }

// Pair is one word for each side.
type Pair struct{ Left, Right string }

// Mapping joins two objects, field by field.
type Mapping struct {
	Name      string
	Left      End
	Right     End
	Match     Pair
	Filter    Pair // expressions; "" takes every record
	Leave     Leave
	Fields    []Field // references too, after the fields
	Constants []Constant
	Conflict  Conflict
	Delete    Delete
	Guard     string // none or read
	Fuse      Fuse
	Breaker   Breaker
	Drift     string // pause or ignore
}

// Leave is what happens to the other side's record when one leaves its side's
// filter; nil: as when it is deleted.
type Leave struct{ ToRight, ToLeft *DeletePolicy }

// Fuse bounds deletions; zero is off.
type Fuse struct {
	Count  int
	Share  float64 // 0 to 1
	Window time.Duration
}

// Breaker bounds changes of a field's direction; zero is off.
type Breaker struct {
	Flips  int
	Within time.Duration
}

// Constant is what a field that only one side has gets when a record is created.
type Constant struct {
	Path  string // where it stands, below its mapping
	Left  bool   // the side that has it
	Field string
	Value string
}

// Field is one line of a mapping.
type Field struct {
	Path         string // where it stands, below its mapping: fields[2], references[0]
	Left, Right  string // "" on a side that has several parts
	LeftParts    []string
	RightParts   []string
	Direction    string // both, left, right, or "" when it follows from the expressions
	ToRight      string // expressions; "" for none
	ToLeft       string
	ToRightParts []string // one for each part
	ToLeftParts  []string
	WhenToRight  string // conditions; "" for none
	WhenToLeft   string
	Sensitive    bool
	Mapping      string // of a reference: the mapping whose links translate it
	Values       []Pair // in the file's order
	DefaultLeft  *string
	DefaultRight *string
	Conflict     *Conflict // nil: the mapping's
}

// Conflict is a rule for two edits that collide: one of its fields is set, or
// none for newest.
type Conflict struct {
	Prefer string // the connection that wins
	Merge  string // an expression over left, right and base
	Review bool   // both values wait for a person
}

// Delete is what a deletion does to the other side's record, by direction, and
// what becomes of a record of a side whose partner was merged into another
// record's partner (nil: it is kept).
type Delete struct {
	ToRight, ToLeft         DeletePolicy
	MergedRight, MergedLeft *DeletePolicy // keep, archive, delete or confirm
}

// DeletePolicy is propagate, archive, unlink, ignore or confirm. Set is what
// archive writes, in the file's order.
type DeletePolicy struct {
	Policy string
	Set    []Assignment
}

// Assignment sets a field to a constant, to null (nil) or to now().
type Assignment struct {
	Field string
	Value *string
}
