package ddl

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// letGo is how long Uninstall waits for a reader that has just ended: the
// server notices a moment later.
const letGo = 3 * time.Second

// Uninstall removes the slot and, where we made it, the publication, and says
// what it removed. It is idempotent. A slot that somebody still reads from is an
// error that names the reader; a publication that is not ours stays.
func Uninstall(ctx context.Context, url string, w Want) (removed []string, err error) {
	if w, err = w.settled(); err != nil {
		return nil, err
	}
	c, err := connect(ctx, url)
	if err != nil {
		return nil, err
	}
	defer c.Close(context.WithoutCancel(ctx))
	s, err := lookAtServer(ctx, c)
	if err != nil {
		return nil, err
	}
	dropped, err := dropSlot(ctx, c, w.Slot, s.database)
	if err != nil {
		return nil, err
	}
	if dropped {
		removed = append(removed, "replication slot "+w.Slot)
	}
	actual, err := findPublication(ctx, c, s.version, w.Publication)
	if err != nil || actual == nil || !actual.ours() {
		return removed, err
	}
	if _, err := c.Exec(ctx, "DROP PUBLICATION IF EXISTS "+quoteAll([]string{w.Publication})); err != nil {
		return removed, fmt.Errorf("drop publication %s: %w", w.Publication, err)
	}
	return append(removed, "publication "+w.Publication), nil
}

func dropSlot(ctx context.Context, c *pgx.Conn, name, database string) (bool, error) {
	until := time.NewTimer(letGo)
	defer until.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		slot, err := findSlot(ctx, c, name)
		if err != nil || slot == nil {
			return false, err
		}
		if why := slot.foreign(database); why != "" {
			return false, fmt.Errorf("drop replication slot %s: it is not ours: %s", name, why)
		}
		_, err = c.Exec(ctx, "SELECT pg_drop_replication_slot($1)", name)
		if err == nil {
			return true, nil
		}
		var pg *pgconn.PgError
		if !errors.As(err, &pg) || pg.Code != "55006" { // object_in_use
			return false, fmt.Errorf("drop replication slot %s: %w", name, err)
		}
		select {
		case <-ctx.Done():
			return false, fmt.Errorf("drop replication slot %s: %w", name, ctx.Err())
		case <-until.C:
			return false, fmt.Errorf("drop replication slot %s: %s still reads from it: stop that process, then uninstall again", name, slot.holder(ctx, c))
		case <-tick.C:
		}
	}
}
