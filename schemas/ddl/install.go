package ddl

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Installed is what Install left behind.
type Installed struct {
	Publication Made
	Slot        Made
	Confirmed   LSN    // where reading starts
	SystemID    string // which server this is; a restored copy of it is another
	Unfiltered  []string
	Missed      bool // the publication was such that changes may have passed it by
}

// Made tells how something came to be there.
type Made string

// The ways.
const (
	Created Made = "created"
	Altered Made = "altered" // it was ours and not as wanted
	Found   Made = "found"
)

// Gap tells that the slot is older than the publication as it has to be: changes
// in between may not be in the log, and both sides have to be compared.
func (i Installed) Gap() bool { return i.Slot == Found && i.Missed }

// Install makes the publication and then the slot, or finds them. It is
// idempotent, and safe to repeat after any failure. It does not install what
// would make a statement of the application fail: the error is then a *Refused.
// A slot that w.Expect says was there, or that can no longer be read, is a
// *SlotLost and is not made anew.
//
// A new slot waits for the transactions that are writing at the moment: ctx
// bounds that, and the error names the one waited for.
func Install(ctx context.Context, url string, w Want) (Installed, error) {
	var done Installed
	w, err := w.settled()
	if err != nil {
		return done, err
	}
	c, err := connect(ctx, url)
	if err != nil {
		return done, err
	}
	defer c.Close(context.WithoutCancel(ctx))
	s, err := lookAtServer(ctx, c)
	if err != nil {
		return done, err
	}
	tables, problems, err := describeAll(ctx, c, w, s.version)
	if err != nil {
		return done, err
	}
	if problems = append(s.problems(), problems...); len(problems) > 0 {
		return done, &Refused{problems}
	}
	slot, err := usableSlot(ctx, c, w, s)
	if err != nil {
		return done, err
	}
	if done.Publication, done.Missed, err = publish(ctx, c, w, s, tables); err != nil {
		return done, err
	}
	// The slot last: what it decodes must find its publication.
	done.Slot = Found
	if slot == nil {
		done.Slot = Created
		if slot, err = createSlot(ctx, c, w.Slot, s); err != nil {
			return done, err
		}
	}
	done.Confirmed = slot.Confirmed
	done.Unfiltered, err = unfiltered(ctx, c, w, s)
	if err != nil {
		return done, err
	}
	id, err := identify(ctx, url)
	done.SystemID = id.SystemID
	return done, err
}

// usableSlot finds the slot, nil when it is to be made.
func usableSlot(ctx context.Context, c *pgx.Conn, w Want, s server) (*Slot, error) {
	slot, err := findSlot(ctx, c, w.Slot)
	if err != nil {
		return nil, err
	}
	if slot == nil {
		if w.Expect {
			return nil, &SlotLost{w.Slot, "it does not exist"}
		}
		return nil, nil
	}
	if why := slot.foreign(s.database); why != "" {
		return nil, &Refused{[]Problem{{Object: w.Slot, What: "the replication slot exists and is not ours: " + why,
			Remedy: "set another slot name for this connection, or drop the slot if nobody needs it"}}}
	}
	if why := slot.Lost(); why != "" {
		return nil, &SlotLost{w.Slot, why}
	}
	return slot, nil
}

// createSlot makes the slot, one that follows a failover where the server can.
func createSlot(ctx context.Context, c *pgx.Conn, name string, s server) (*Slot, error) {
	sql := "SELECT pg_create_logical_replication_slot($1, 'pgoutput')"
	if s.version >= 17 {
		sql = "SELECT pg_create_logical_replication_slot($1, 'pgoutput', failover => true)"
	}
	pid := c.PgConn().PID()
	if _, err := c.Exec(ctx, sql, name); err != nil {
		err = fmt.Errorf("create replication slot %s: %w", name, err)
		if ctx.Err() != nil {
			err = fmt.Errorf("%w%s", err, oldestWriter(context.WithoutCancel(ctx), c.Config(), pid))
		}
		return nil, err
	}
	slot, err := findSlot(ctx, c, name)
	if err == nil && slot == nil {
		err = fmt.Errorf("replication slot %s vanished as soon as it was made", name)
	}
	return slot, err
}

// unfiltered names the tables whose filter could not be installed.
func unfiltered(ctx context.Context, c *pgx.Conn, w Want, s server) ([]string, error) {
	actual, err := findPublication(ctx, c, s.version, w.Publication)
	if err != nil || actual == nil {
		return nil, err
	}
	var out []string
	for _, t := range w.Tables {
		if t.Filter != "" && actual.tables[t.Name].filter == "" {
			out = append(out, t.Name)
		}
	}
	return out, nil
}

// publish makes the publication as wanted, and tells whether changes may have
// passed it by as it was. All of it happens in one transaction: no moment
// without it.
func publish(ctx context.Context, c *pgx.Conn, w Want, s server, tables []*table) (made Made, missed bool, err error) {
	p := planFor(w, s, tables)
	actual, err := findPublication(ctx, c, s.version, p.name)
	if err != nil {
		return "", false, err
	}
	problems := p.drift(actual)
	switch {
	case len(problems) == 0:
		return Found, false, nil
	case actual != nil && !actual.ours():
		return "", false, &Refused{problems}
	case actual == nil && len(p.tables) == 0:
		return "", false, &Refused{[]Problem{{Object: p.name, What: "no mapping reads a table of this connection", Remedy: "map at least one table"}}}
	}
	made = Created
	if actual != nil {
		made = Altered
	}
	err = pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error { return p.apply(ctx, tx, s.version, made == Created) })
	if err != nil {
		return "", false, fmt.Errorf("make publication %s: %w", p.name, explain(err, p.name))
	}
	return made, slices.ContainsFunc(problems, func(p Problem) bool { return p.Missed }), nil
}

func (p plan) apply(ctx context.Context, tx pgx.Tx, version int, create bool) error {
	name := quoteAll([]string{p.name})
	const how = "publish = 'insert, update, delete, truncate', publish_via_partition_root = true"
	first := "ALTER PUBLICATION " + name + " SET (" + how + ")"
	if create {
		first = "CREATE PUBLICATION " + name + " WITH (" + how + ")"
	}
	if _, err := tx.Exec(ctx, first); err != nil {
		return err
	}
	if err := p.provable(ctx, tx, version); err != nil {
		return err
	}
	if err := p.set(ctx, tx, version); err != nil {
		return err
	}
	actual, err := findPublication(ctx, tx, version, p.name)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, "COMMENT ON PUBLICATION "+name+" IS '"+mark+p.fingerprint(actual)+"'")
	return err
}

// set gives the publication the tables of the plan. There may be none for a
// while, when the only one was dropped: SQL has no words for an empty list.
func (p plan) set(ctx context.Context, tx pgx.Tx, version int) error {
	name := quoteAll([]string{p.name})
	if len(p.tables) > 0 {
		_, err := tx.Exec(ctx, "ALTER PUBLICATION "+name+" SET TABLE "+p.items())
		return err
	}
	actual, err := findPublication(ctx, tx, version, p.name)
	if err != nil {
		return err
	}
	for table := range actual.tables {
		if _, err := tx.Exec(ctx, "ALTER PUBLICATION "+name+" DROP TABLE ONLY "+quoteTable(table)); err != nil {
			return err
		}
	}
	return nil
}

// explain adds what to do about a refusal.
func explain(err error, publication string) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "42501" {
		return fmt.Errorf("%w: run lockstep check, which tells what is missing, or have the owner of the tables create publication %s", err, publication)
	}
	return err
}

// oldestWriter says whom a new slot waits for. It is a hint only: without the
// privilege to see it, or the connection, there is none.
func oldestWriter(ctx context.Context, config *pgx.ConnConfig, self uint32) string {
	c, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return ""
	}
	defer c.Close(ctx)
	var pid int
	var user, since string
	err = c.QueryRow(ctx, `SELECT pid, coalesce(usename, ''), xact_start::text FROM pg_stat_activity
		WHERE backend_xid IS NOT NULL AND pid <> $1 ORDER BY xact_start LIMIT 1`, self).Scan(&pid, &user, &since)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("; it waits for the transaction of process %d (user %s), open since %s: end it and try again", pid, user, since)
}
