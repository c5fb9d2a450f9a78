package ddl

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// oldest is the first version whose pgoutput sends logical messages.
const oldest = 14

// server is what a look at the server tells.
type server struct {
	version   int // major
	database  string
	user      string
	standby   bool
	walLevel  string
	slots     int // in use
	slotsMax  int
	mayCreate bool // CREATE on the database
}

func lookAtServer(ctx context.Context, c *pgx.Conn) (server, error) {
	var s server
	var number string
	err := c.QueryRow(ctx, `SELECT current_setting('server_version_num'), current_database(), current_user::text, pg_is_in_recovery(),
		current_setting('wal_level'), (SELECT count(*) FROM pg_replication_slots)::int,
		current_setting('max_replication_slots')::int, has_database_privilege(current_database(), 'CREATE')`).
		Scan(&number, &s.database, &s.user, &s.standby, &s.walLevel, &s.slots, &s.slotsMax, &s.mayCreate)
	if err != nil {
		return s, fmt.Errorf("look at the server: %w", err)
	}
	n, err := strconv.Atoi(number)
	if err != nil {
		return s, fmt.Errorf("read the server's version: %w", err)
	}
	s.version = n / 10000
	return s, nil
}

// problems are those of the server itself, whatever the tables.
func (s server) problems() []Problem {
	var out []Problem
	if s.version < oldest {
		out = append(out, Problem{What: fmt.Sprintf("the server is PostgreSQL %d", s.version),
			Remedy: fmt.Sprintf("Lockstep reads from version %d on: upgrade the server", oldest)})
	}
	if s.standby {
		out = append(out, Problem{What: "the server is a standby, which takes no publication",
			Remedy: "let url lead to the primary; a standby can serve as read_url"})
	}
	if s.walLevel != "logical" {
		out = append(out, Problem{What: "wal_level is " + s.walLevel,
			Remedy: "ALTER SYSTEM SET wal_level = logical and restart the server (managed services: the parameter group, such as rds.logical_replication)"})
	}
	return out
}

// slotProblems tell whether the slot is there for us or could be made.
func (s server) slotProblems(ctx context.Context, c *pgx.Conn, w Want) ([]Problem, error) {
	slot, err := findSlot(ctx, c, w.Slot)
	if err != nil {
		return nil, err
	}
	if slot == nil {
		var out []Problem
		if w.Expect {
			out = append(out, Problem{Object: w.Slot, What: (&SlotLost{w.Slot, "it does not exist"}).Error()})
		}
		if s.slots >= s.slotsMax {
			out = append(out, Problem{Object: w.Slot, What: fmt.Sprintf("all %d replication slots are in use", s.slotsMax),
				Remedy: "drop one that nobody needs (pg_replication_slots), or raise max_replication_slots and restart the server"})
		}
		return out, nil
	}
	if why := slot.foreign(s.database); why != "" {
		return []Problem{{Object: w.Slot, What: "the replication slot exists and is not ours: " + why,
			Remedy: "set another slot name for this connection, or drop the slot if nobody needs it"}}, nil
	}
	if why := slot.Lost(); why != "" {
		return []Problem{{Object: w.Slot, What: (&SlotLost{w.Slot, why}).Error()}}, nil
	}
	if slot.Active {
		return []Problem{{Object: w.Slot, What: "the replication slot is being read by " + slot.holder(ctx, c),
			Remedy: "one process reads a slot: stop the other, or set another slot name for this connection"}}, nil
	}
	return nil, nil
}

// replicationProblem probes by doing: roles and managed services differ too much
// for any look at the catalog to tell.
func replicationProblem(ctx context.Context, url, user string) *Problem {
	_, err := identify(ctx, url)
	if err == nil {
		return nil
	}
	p := &Problem{What: "a replication connection is refused: " + err.Error(), Remedy: "see the server's log"}
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return p
	}
	switch pg.Code {
	case "42501":
		p.Remedy = "ALTER ROLE " + pgx.Identifier{user}.Sanitize() + " REPLICATION (Amazon RDS: GRANT rds_replication TO it)"
	case "28000":
		p.Remedy = "allow the connection in pg_hba.conf"
	case "53300":
		p.Remedy = "raise max_wal_senders and restart the server, or end a replication client that nobody needs"
	}
	return p
}
