package ddl

import (
	"context"
	"fmt"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// applicationName is how Lockstep shows in pg_stat_activity.
const applicationName = "lockstep"

// connect opens a plain connection. Its errors hold no password.
func connect(ctx context.Context, url string) (*pgx.Conn, error) {
	c, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("read the connection's URL: %w", err)
	}
	if c.RuntimeParams["application_name"] == "" {
		c.RuntimeParams["application_name"] = applicationName
	}
	// Names are compared as this session sees them; nothing may hide behind a
	// search path or stop a long look at a large catalog.
	c.RuntimeParams["search_path"] = "pg_catalog"
	// Poolers in transaction mode have no room for prepared statements.
	c.DefaultQueryExecMode = pgx.QueryExecModeExec
	conn, err := pgx.ConnectConfig(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return conn, nil
}

// identify asks the server who it is over a replication connection, which also
// proves that we may have one.
func identify(ctx context.Context, url string) (pglogrepl.IdentifySystemResult, error) {
	var none pglogrepl.IdentifySystemResult
	c, err := pgconn.ParseConfig(url)
	if err != nil {
		return none, fmt.Errorf("read the connection's URL: %w", err)
	}
	c.RuntimeParams["replication"] = "database"
	if c.RuntimeParams["application_name"] == "" {
		c.RuntimeParams["application_name"] = applicationName
	}
	conn, err := pgconn.ConnectConfig(ctx, c)
	if err != nil {
		return none, fmt.Errorf("connect for replication: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	id, err := pglogrepl.IdentifySystem(ctx, conn)
	if err != nil {
		return none, fmt.Errorf("identify the server: %w", err)
	}
	return id, nil
}
