package cdc

import (
	"context"
	"time"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// Reader reads one source's log. cdc/postgres has one; any Reader must pass
// cdc/cdctest.
type Reader interface {
	// Stream connects, resumes where the source knows it was confirmed, and hands
	// everything to the sink, in commit order and from the calling goroutine,
	// until ctx ends, a sink method fails or the connection does. It always
	// returns an error: the sink's own, ctx's, a *Problem for a condition that
	// retrying alone does not cure, or whatever else went wrong, which means try
	// again. It may be called again after it returned, never twice at a time.
	//
	// newest is the position of the newest change that the Log holds, zero for
	// none. Changes at or before it may be handed over again. A source whose log
	// ends before it was restored to an earlier state: that is a *Problem.
	Stream(ctx context.Context, newest event.Position, sink Sink) error

	// Confirm tells that everything before the checkpoint is durable. It does not
	// block and is safe beside Stream and before it; a checkpoint at or before an
	// earlier one says nothing new. The source hears of it soon, or when Stream
	// next connects.
	Confirm(Checkpoint)
}

// Sink takes what a Reader reads. Only Stream's goroutine calls it. A method
// that blocks holds up the stream, not the connection: the Reader goes on telling
// the source that it lives.
type Sink interface {
	// Change hands over one row change of the open transaction, the first of
	// which opens it. The change, its records and their slices belong to the
	// Reader and are valid during the call; the texts may be kept.
	Change(ctx context.Context, c *event.Change) error

	// Commit ends a transaction, also one that had no row changes.
	Commit(ctx context.Context, c Checkpoint) error

	// Idle tells, outside transactions, that the source has nothing for us before
	// the checkpoint. The first call says that the stream stands.
	Idle(ctx context.Context, c Checkpoint) error

	// Pause tells that all that has arrived is handed on and that the Reader is
	// about to wait for more. What was handed on may stay in memory until then.
	Pause()

	// Notice replaces what is to be said about an object's shape; nil clears it.
	Notice(object string, notices []Notice)

	// Reshaped tells that the rows of an object that follow are not of the shape
	// of those before, or lack a column that is wanted. Nothing of them is handed
	// over before it returns.
	Reshaped(object string)
}

// Checkpoint is a place between transactions from which reading can resume.
type Checkpoint struct {
	// End is where the next transaction may start: for PostgreSQL, Major is the
	// LSN after the commit record; for MySQL, file number and offset.
	End event.Position

	// Resume is what End does not say, in the Reader's own form: the executed
	// GTID set of MySQL and MariaDB. PostgreSQL leaves it empty.
	Resume string

	// Head is the end of the source's own log when it last told; zero: unknown.
	Head event.Position

	// At is the commit time; zero for Idle.
	At time.Time
}

// Notice says what changed in the shape of an object that a mapping reads,
// while the stream goes on without it.
type Notice struct {
	Object, Column string
	What, Remedy   string
}
