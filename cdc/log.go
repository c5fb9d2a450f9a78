package cdc

import (
	"context"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// Log is the durable log that the Pump appends to; bridge/journal implements it.
type Log interface {
	// Append returns nil only when every entry is on disk, in the given order.
	// On an error any number of them may be there: the Pump asks Tail and goes on
	// after it. The entries and their Data belong to the Pump again when Append
	// returns.
	Append(ctx context.Context, entries []event.Entry) error

	// Tail is the position of the last entry appended for the mapping of the
	// connection, zero when there is none.
	Tail(ctx context.Context, connection, mapping string) (event.Position, error)
}

// RouteFunc appends to dst a Route for each mapping that takes the change, and
// returns it; nothing appended means that nobody wants it. It is called for one
// change at a time, in order, and must decide the same for the same change each
// time. It keeps nothing of the change but texts. After an error the Pump asks
// again: the stream waits.
type RouteFunc func(ctx context.Context, c *event.Change, dst []event.Route) ([]event.Route, error)
