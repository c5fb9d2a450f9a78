package postgres

import (
	"context"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// faultOf classifies any failure. Messages carry the server's own sentence, not
// its DETAIL, which repeats whole rows.
func faultOf(err error) *event.Fault {
	var f *event.Fault
	if errors.As(err, &f) {
		return f
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return serverFault(pg)
	}
	f = &event.Fault{Class: event.Transient, Err: err}
	switch {
	case errors.Is(err, errClosed):
		f.Message = "the connection to PostgreSQL has been closed"
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		f.Message = "PostgreSQL did not answer in time"
	default:
		f.Message = "PostgreSQL cannot be reached: " + bounded(err.Error())
	}
	return f
}

func serverFault(pg *pgconn.PgError) *event.Fault {
	f := &event.Fault{Class: classOf(pg), Code: pg.Code, Field: pg.ColumnName, Err: pg, Message: bounded(pg.Message)}
	f.Alone = f.Class == event.Transient && !everyone(pg)
	if remedy := remedies[pg.Code]; remedy != "" {
		f.Message += ": " + remedy
	}
	return f
}

// classOf sorts SQLSTATEs by what may help. See appendix A of PostgreSQL's manual.
func classOf(pg *pgconn.PgError) event.Class {
	switch pg.Code {
	case "23505": // unique_violation
		return event.Duplicate
	case "25006", "3D000", "42501": // read-only, no such database, no privilege
		if pg.Code == "42501" && pg.SeverityUnlocalized != "FATAL" {
			return event.Rejected // of one table, not of the connection
		}
		return event.Unauthorized
	case "55P03", "55006", "42P05": // lock not available, object in use, a pooler's mix-up
		return event.Transient
	}
	if len(pg.Code) < 2 {
		return event.Transient
	}
	switch pg.Code[:2] {
	case "28": // invalid authorization
		return event.Unauthorized
	case "08", "25", "26", "40", "53", "57", "58", "XX": // connection, transaction state, pooler, rollback, resources, operator, system, internal
		return event.Transient
	}
	return event.Rejected // data, constraints, triggers, schema, privileges
}

var remedies = map[string]string{
	"25006": "the server takes no writes (a standby, or default_transaction_read_only): give the connection the url of the primary",
	"26000": "a pooler shares sessions between transactions: add default_query_exec_mode=exec to the connection's url",
	"28P01": "check user and password of the connection's url",
	"3D000": "check the database's name in the connection's url",
	"42501": "grant the connection's role SELECT, INSERT, UPDATE and DELETE on the table",
	"42P05": "a pooler shares sessions between transactions: add default_query_exec_mode=exec to the connection's url",
	"53300": "raise max_connections, or close connections",
	"55P03": "another transaction held the row's lock for too long",
}

// outdated tells that the statement does not fit the table or the session any
// more: looking at the table again may help.
func outdated(pg *pgconn.PgError) bool {
	switch pg.Code {
	case "42703", "42P01", "42704", "3F000", "42804", "42883", "428C9": // no such column, table, type, schema; another type; a generated column
		return true
	case "0A000": // cached plan must not change result type
		return true
	case "26000", "42P05": // no such prepared statement, or one too many
		return true
	}
	return false
}

// everyone tells that the failure is not one write's: no other write would fare
// better in its place.
func everyone(pg *pgconn.PgError) bool {
	switch classOf(pg) {
	case event.Unauthorized:
		return true
	case event.Transient:
		switch pg.Code {
		case "57014", "55P03", "55006", "40P01", "40001": // this statement's own bad luck
			return false
		}
		return pg.Code[:2] != "XX"
	}
	return false
}

func rejected(field, format string, args ...any) *event.Fault {
	return &event.Fault{Class: event.Rejected, Field: field, Message: bounded(fmt.Sprintf(format, args...))}
}

// bounded keeps a message fit to show.
func bounded(s string) string {
	const most = 500
	if len(s) <= most {
		return s
	}
	end := most
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}
