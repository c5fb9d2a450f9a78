package postgres

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/lockstep-sync/lockstep/schemas/pgform"
)

// readBuffer is how much of a backlog one system call brings.
const readBuffer = 64 << 10

// link is one replication connection.
type link struct {
	conn *pgconn.PgConn
	in   *input
}

// replicationConfig adds to the URL what makes a connection a replication
// connection whose texts are canonical.
func replicationConfig(o Options) (*pgconn.Config, error) {
	c, err := pgconn.ParseConfig(o.ReadURL)
	if err != nil {
		return nil, err
	}
	for _, s := range pgform.Settings() {
		c.RuntimeParams[s.Name] = s.Value
	}
	c.RuntimeParams["replication"] = "database"
	if c.RuntimeParams["application_name"] == "" {
		c.RuntimeParams["application_name"] = "lockstep"
	}
	c.ConnectTimeout = o.ConnectTimeout
	return c, nil
}

func (r *Reader) connect(ctx context.Context) (*link, error) {
	l := &link{}
	config := r.config.Copy()
	config.BuildFrontend = func(in io.Reader, out io.Writer) *pgproto3.Frontend {
		l.in = newInput(in, out, r.options)
		return pgproto3.NewFrontend(bufio.NewReaderSize(l.in, readBuffer), out)
	}
	conn, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		return nil, judge(fmt.Errorf("connect to %s: %w", r.options.Connection, err))
	}
	l.conn = conn
	return l, nil
}

// close ends the connection, politely while that is quick.
func (l *link) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	// The server learns of the end one way or the other.
	_ = l.conn.Close(ctx)
}

// query runs one statement on the replication connection and returns the first
// column of its first row, nil when there is none.
func (l *link) query(ctx context.Context, sql string) ([]byte, error) {
	results, err := l.conn.Exec(ctx, sql).ReadAll()
	if err != nil || len(results) == 0 || len(results[0].Rows) == 0 {
		return nil, err
	}
	return results[0].Rows[0][0], nil
}
