package postgres

import (
	"cmp"
	"time"

	"github.com/rs/zerolog"

	"github.com/lockstep-sync/lockstep/schemas/ddl"
)

// Options say what to read. Connection and URL have no default.
type Options struct {
	Connection string // the connection's name in the configuration
	URL        string // the primary's
	ReadURL    string // the server to read from, where that is another; the slot is on it

	Publication string // ddl.Name(Connection)
	Slot        string // ddl.Name(Connection)

	// SystemID is the server that the slot was made on (ddl.Installed.SystemID);
	// "" takes the first that answers. Another one is a Problem.
	SystemID string

	// Shared says that other processes read this slot in turn, into the same Log.
	// Without it a slot that others have moved is a Problem.
	Shared bool

	// Columns names, for each object to hand on, the columns that mappings need;
	// an empty list is all of them. nil hands on every table of the publication.
	// Key columns always come too.
	Columns map[string][]string

	StatusInterval time.Duration // between status updates to the server; 10 s
	SilenceLimit   time.Duration // without a byte from the server, after which the connection is given up; 60 s
	ConnectTimeout time.Duration // 30 s

	Logger zerolog.Logger
	Now    func() time.Time
}

func (o Options) settled() Options {
	o.Publication = cmp.Or(o.Publication, ddl.Name(o.Connection))
	o.Slot = cmp.Or(o.Slot, ddl.Name(o.Connection))
	o.ReadURL = cmp.Or(o.ReadURL, o.URL)
	o.StatusInterval = cmp.Or(o.StatusInterval, 10*time.Second)
	o.SilenceLimit = cmp.Or(o.SilenceLimit, time.Minute)
	o.ConnectTimeout = cmp.Or(o.ConnectTimeout, 30*time.Second)
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}
