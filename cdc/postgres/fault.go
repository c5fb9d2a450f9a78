package postgres

import (
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/lockstep-sync/lockstep/cdc"
)

// judge makes a *cdc.Problem of an error that a person has to cure, and leaves
// alone what passes: the network, a restart, a slot whose last reader the server
// has not yet missed.
func judge(err error) error {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return err
	}
	problem := func(kind cdc.Kind, remedy string) error {
		return &cdc.Problem{Kind: kind, What: err.Error(), Remedy: remedy, Err: err}
	}
	switch pg.Code {
	case "28000", "28P01": // invalid authorization, invalid password
		return problem(cdc.Refused, "correct user and password of the connection, or pg_hba.conf")
	case "42501": // insufficient privilege
		return problem(cdc.Refused, "give the role the REPLICATION attribute (Amazon RDS: rds_replication); lockstep check tells what else is missing")
	case "3D000": // no such database
		return problem(cdc.Refused, "correct the database of the connection's URL")
	case "0A000", "58P01": // feature not supported, undefined file (the plugin)
		return problem(cdc.Unsuitable, "lockstep check tells what the server lacks")
	}
	return err
}

// judgeStream is judge for what ends a stream.
func (r *Reader) judgeStream(err error) error {
	var decode decodeError
	if errors.As(err, &decode) {
		return &cdc.Problem{Kind: cdc.Undecodable, What: fmt.Sprintf("the log of connection %s holds what cannot be read: %v", r.options.Connection, decode.error),
			Remedy: "nothing is skipped: report this with the server's version and the table's definition", Err: err}
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "42704" && pg.Routine == "get_publication_oid" {
		return r.unpublished(err)
	}
	return judge(err)
}

// unpublished: the publication did not exist at the time of a change. Making it
// now does not help the changes of then: the server decodes with the catalog of
// their time.
func (r *Reader) unpublished(err error) error {
	return &cdc.Problem{Kind: cdc.PublicationMissing, Err: err,
		What:   fmt.Sprintf("changes were made while publication %s did not exist, and the server cannot decode them", r.options.Publication),
		Remedy: "if it does not exist now, lockstep makes it again with repair; if this goes on, uninstall, set up again and verify both sides"}
}
