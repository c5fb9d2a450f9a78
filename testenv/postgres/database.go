package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// NewDatabase creates an empty database and returns the superuser's URL for it.
func (s *Server) NewDatabase(ctx context.Context, name string) (string, error) {
	err := s.asSuperuser(ctx, func(c *pgx.Conn) error {
		_, err := c.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize())
		return err
	})
	if err != nil {
		return "", fmt.Errorf("create database %s: %w", name, err)
	}
	return s.DatabaseURL(name), nil
}

// DropDatabase drops a database together with its replication slots, which
// would hold WAL for ever, and cuts its connections.
func (s *Server) DropDatabase(ctx context.Context, name string) error {
	err := s.asSuperuser(ctx, func(c *pgx.Conn) error {
		// The first slot that is still being read from stops the statement: try
		// until its walsender has gone.
		const dropSlots = `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = $1`
		const cutReaders = `SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE database = $1 AND active`
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			if _, err := c.Exec(ctx, cutReaders, name); err != nil {
				return err
			}
			_, err := c.Exec(ctx, dropSlots, name)
			if err == nil {
				break
			}
			select {
			case <-ctx.Done():
				return errors.Join(err, ctx.Err())
			case <-tick.C:
			}
		}
		_, err := c.Exec(ctx, "DROP DATABASE IF EXISTS "+pgx.Identifier{name}.Sanitize()+" WITH (FORCE)")
		return err
	})
	if err != nil {
		return fmt.Errorf("drop database %s: %w", name, err)
	}
	return nil
}

// asSuperuser runs f on a connection to the database postgres.
func (s *Server) asSuperuser(ctx context.Context, f func(*pgx.Conn) error) error {
	c, err := pgx.Connect(ctx, s.URL())
	if err != nil {
		return err
	}
	defer c.Close(context.WithoutCancel(ctx))
	return f(c)
}
