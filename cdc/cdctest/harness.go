package cdctest

import (
	"testing"

	"github.com/lockstep-sync/lockstep/cdc"
	"github.com/lockstep-sync/lockstep/schemas/event"
	"github.com/lockstep-sync/lockstep/testenv"
)

// Harness makes databases of one kind and version. What it makes is gone when
// the test ends; what goes wrong ends the test.
type Harness interface {
	// Shared makes an empty database on a server that other tests use too.
	Shared(t testing.TB) Database
	// Own makes one on a server of its own, and the way to restart that server.
	Own(t testing.TB) (db Database, restart func())
}

// Database is one database under test.
type Database interface {
	// Exec runs statements, each in a transaction of its own.
	Exec(t testing.TB, statements ...string)
	// Transaction runs them in one.
	Transaction(t testing.TB, statements ...string)
	// Install prepares the log for these tables, which exist.
	Install(t testing.TB, tables ...string)
	// Reader makes a reader for what Install prepared, as a new process would. It
	// connects through Network. columns is as in the reader's own options.
	Reader(t testing.TB, columns map[string][]string) cdc.Reader
	// Network is what stands between reader and server.
	Network() *testenv.Proxy
	// Confirmed is what the server takes for confirmed, End where its log ends.
	Confirmed(t testing.TB) event.Position
	End(t testing.TB) event.Position
	// Dialect says how this database spells things.
	Dialect() Dialect
}

// Dialect is what differs between databases in the suite's statements.
type Dialect struct {
	Object     func(table string) string              // the table as event.Change.Object names it
	Quote      func(name string) string               // an identifier
	Rename     func(table, from, to string) string    // a column
	FullImages func(table string) string              // a statement that makes old rows complete, "" where they are
	Many       func(table string, from, n int) string // inserts rows (id, name) from..from+n-1, name of 1,000 bytes
	Origin     func(o event.Origin) string            // a statement that tags what follows it in its transaction
	Elsewhere  []string                               // statements that write log of no interest to the reader
	Types      []Type
}

// Type is a column's type with values to pass through the log unharmed.
type Type struct {
	Name   string // in SQL
	Kind   event.Kind
	Values []Text
}

// Text is a value as SQL spells it and as it must arrive.
type Text struct{ SQL, Want string }
