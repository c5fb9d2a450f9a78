package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pglogrepl"

	"github.com/lockstep-sync/lockstep/cdc"
	"github.com/lockstep-sync/lockstep/schemas/ddl"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

// attach makes sure that this is the server, the slot and the publication that
// we know, and says where to start and where the server's log ends.
func (r *Reader) attach(ctx context.Context, l *link, newest event.Position) (start, head uint64, err error) {
	id, err := pglogrepl.IdentifySystem(ctx, l.conn)
	if err != nil {
		return 0, 0, judge(fmt.Errorf("identify the server of %s: %w", r.options.Connection, err))
	}
	head = uint64(id.XLogPos)
	if err := r.known(ctx, l, id, newest); err != nil {
		return 0, 0, err
	}
	slot, err := r.slot(ctx, l, id.DBName)
	if err != nil {
		return 0, 0, err
	}
	if err := r.published(ctx, l); err != nil {
		return 0, 0, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	// Never a guess such as 0/0. What is confirmed here the server may have
	// forgotten in a crash: that needs no second reading.
	r.systemID = id.SystemID
	return max(uint64(slot.Confirmed), r.confirmed), head, nil
}

// known compares the server with the one that we read before.
func (r *Reader) known(ctx context.Context, l *link, id pglogrepl.IdentifySystemResult, newest event.Position) error {
	if r.systemID != "" && r.systemID != id.SystemID {
		return &cdc.Problem{Kind: cdc.SourceChanged,
			What:   fmt.Sprintf("another server answers for connection %s: its system identifier is %s and was %s", r.options.Connection, id.SystemID, r.systemID),
			Remedy: "correct the URL; if the database has moved there, uninstall, set up again and verify both sides"}
	}
	if uint64(id.XLogPos) >= newest.Major {
		return nil
	}
	standby, err := l.query(ctx, "SELECT pg_catalog.pg_is_in_recovery()::text")
	if err != nil {
		return judge(fmt.Errorf("look at the server: %w", err))
	}
	if string(standby) == "true" {
		return fmt.Errorf("the standby of %s has replayed its log up to %s only: waiting for it to reach %s",
			r.options.Connection, id.XLogPos, pglogrepl.LSN(newest.Major))
	}
	return &cdc.Problem{Kind: cdc.SourceBehind,
		What: fmt.Sprintf("the server of connection %s was restored or failed over to an earlier state: its log ends at %s, and changes up to %s were read from it",
			r.options.Connection, id.XLogPos, pglogrepl.LSN(newest.Major)),
		Remedy: "uninstall, set up again and verify both sides"}
}

// slot finds our slot and refuses one that others have moved.
func (r *Reader) slot(ctx context.Context, l *link, database string) (ddl.Slot, error) {
	name := r.options.Slot
	data, err := l.query(ctx, ddl.SlotQuery(name))
	if err != nil {
		return ddl.Slot{}, judge(fmt.Errorf("look at replication slot %s: %w", name, err))
	}
	const again = "changes made meanwhile are in no log any more: uninstall, set up again and verify both sides"
	if data == nil {
		return ddl.Slot{}, &cdc.Problem{Kind: cdc.SlotMissing, What: fmt.Sprintf("replication slot %s does not exist", name), Remedy: again}
	}
	slot, err := ddl.ParseSlot(data)
	if err != nil {
		return slot, err
	}
	if why := slot.Lost(); why != "" {
		return slot, &cdc.Problem{Kind: cdc.SlotLost, What: fmt.Sprintf("replication slot %s is lost: %s", name, why), Remedy: again}
	}
	if slot.Plugin != "pgoutput" || slot.Database != database {
		return slot, &cdc.Problem{Kind: cdc.Unsuitable, What: fmt.Sprintf("replication slot %s is not ours: it decodes database %q with %q", name, slot.Database, slot.Plugin),
			Remedy: "set another slot name for this connection"}
	}
	r.mu.Lock()
	told := r.told
	r.mu.Unlock()
	// The server knows only what we told it. More than that means that somebody
	// else read the slot, advanced it, or made it anew.
	if told > 0 && !r.options.Shared && uint64(slot.Confirmed) > told {
		return slot, &cdc.Problem{Kind: cdc.SlotMoved,
			What:   fmt.Sprintf("replication slot %s stands at %s, and we confirmed no more than %s: somebody else moved it or made it anew", name, slot.Confirmed, ddl.LSN(told)),
			Remedy: "find out who reads this slot; changes in between were not read here: verify both sides, then restart Lockstep"}
	}
	return slot, nil
}

func (r *Reader) published(ctx context.Context, l *link) error {
	name := r.options.Publication
	data, err := l.query(ctx, "SELECT 1 FROM pg_catalog.pg_publication WHERE pubname = '"+strings.ReplaceAll(name, "'", "''")+"'")
	if err != nil {
		return judge(fmt.Errorf("look at publication %s: %w", name, err))
	}
	if data == nil {
		return &cdc.Problem{Kind: cdc.PublicationMissing, What: fmt.Sprintf("publication %s does not exist", name),
			Remedy: "lockstep makes it again with repair; then verify both sides, because changes made without it may be in no log"}
	}
	return nil
}
