package bridge

import (
	"context"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// Side is one connection as the engine writes to it and reads from it: a
// database applier or a SaaS connector. It is safe for concurrent use. It
// classifies failures and returns them; whether, when and how to try again is
// decided here, for all sides alike.
type Side interface {
	// Apply carries out the writes and returns as many results, in their order.
	// Every result stands for itself: one write's fault is not its neighbour's.
	Apply(ctx context.Context, writes []event.Write) []event.Result
	// Read returns the records that exist among keys, with the named fields. An
	// error is an *event.Fault.
	Read(ctx context.Context, object string, keys []event.Key, fields []string) ([]event.Snapshot, error)
	// Lookup returns the records whose field holds one of the canonical values.
	Lookup(ctx context.Context, object, field string, values []string, fields []string) ([]event.Snapshot, error)
	// Limits tells how much one call may hold.
	Limits(object string) event.Limits
}
