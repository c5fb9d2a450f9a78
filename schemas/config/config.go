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
	Name     string
	Type     string
	Postgres *Postgres
	HubSpot  *HubSpot
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
	Name     string
	Left     End
	Right    End
	Match    Pair
	Filter   Pair // expressions; "" takes every record
	Fields   []Field
	Conflict Conflict
	Delete   Delete
	Guard    string // none or read
}

// Field is one line of a mapping.
type Field struct {
	Left, Right  string
	Direction    string // both, left, right, or "" when it follows from the expressions
	ToRight      string // expressions; "" for none
	ToLeft       string
	Values       []Pair // in the file's order
	DefaultLeft  *string
	DefaultRight *string
	Conflict     *Conflict // nil: the mapping's
}

// Conflict is a rule for two edits that collide: Prefer names the connection
// that wins; "" is newest.
type Conflict struct{ Prefer string }

// Delete is what a deletion does to the other side's record, by direction.
type Delete struct{ ToRight, ToLeft DeletePolicy }

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
