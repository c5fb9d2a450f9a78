package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/lockstep-sync/lockstep/testenv"
)

// standbySlot is the physical slot through which the primary keeps WAL for its
// standby. One standby per primary is what tests need.
const standbySlot = "standby"

// Standby starts a hot standby of the server, which streams from it and feeds
// back its oldest snapshot, and returns when it takes connections. Logical
// decoding on it needs version 16. Version and OwnIdentity of the options do
// not count. The caller stops it, before the primary.
func (s *Server) Standby(ctx context.Context, o Options) (*Server, error) {
	standby := &Server{version: s.version, options: o, bin: s.bin, user: s.user, primary: s}
	if err := standby.begin(ctx); err != nil {
		return nil, fmt.Errorf("standby: %w", err)
	}
	return standby, nil
}

// Promote makes a primary of a standby and returns when it takes writes.
func (s *Server) Promote(ctx context.Context) error {
	err := s.asSuperuser(ctx, func(c *pgx.Conn) error {
		var done bool
		if err := c.QueryRow(ctx, `SELECT pg_promote(true, 60)`).Scan(&done); err != nil {
			return err
		}
		if !done {
			return errors.New("it is still in recovery after 60 s")
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("promote: %w", err)
	}
	return nil
}

// following are the settings of a standby.
func (s *Server) following() map[string]string {
	return map[string]string{
		"primary_conninfo":     fmt.Sprintf("host=127.0.0.1 port=%d user=%s", s.primary.port, superuser),
		"primary_slot_name":    standbySlot,
		"hot_standby":          "on",
		"hot_standby_feedback": "on",

		// Quick, so that a test need not wait long for the feedback to arrive.
		"wal_receiver_status_interval": "1s",
	}
}

// backup copies the running server's data for a standby. The npm packages have
// no pg_basebackup, so it is taken by the functions under it, in one session.
func (s *Server) backup(ctx context.Context, to string) error {
	begin, end := `SELECT pg_backup_start('standby', true)`, `SELECT labelfile FROM pg_backup_stop(false)`
	if s.version < 15 {
		begin, end = `SELECT pg_start_backup('standby', true, false)`, `SELECT labelfile FROM pg_stop_backup(false, false)`
	}
	var label string
	err := s.asSuperuser(ctx, func(c *pgx.Conn) error {
		// The slot stands before the backup begins: the WAL from there on, which
		// the copy leaves out, will still be on the primary.
		const reserve = `SELECT pg_create_physical_replication_slot($1, true)
			WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = $1)`
		if _, err := c.Exec(ctx, reserve, standbySlot); err != nil {
			return err
		}
		if _, err := c.Exec(ctx, begin); err != nil {
			return err
		}
		if err := copyData(s.data(), to, s.user); err != nil {
			return err
		}
		return c.QueryRow(ctx, end).Scan(&label)
	})
	if err != nil {
		return fmt.Errorf("back up the primary: %w", err)
	}
	for name, text := range map[string]string{"backup_label": label, "standby.signal": ""} {
		if err := writeFor(s.user, filepath.Join(to, name), text); err != nil {
			return err
		}
	}
	return nil
}

// copyData copies a live data directory without WAL, slots and process files. A
// file that vanishes meanwhile is none of the backup's: WAL replay knows.
func copyData(from, to string, u *testenv.User) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		at := filepath.Join(to, name)
		switch {
		case strings.HasPrefix(name, "postmaster."):
			return nil
		case entry.IsDir() && strings.HasPrefix(name, "pg_replslot/"):
			return fs.SkipDir
		case entry.IsDir():
			return u.Own(at)
		case strings.HasPrefix(name, "pg_wal/"):
			return nil
		}
		return copyFile(path, at, u)
	})
}

func copyFile(from, to string, u *testenv.User) error {
	in, err := os.Open(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err == nil && u != nil {
		err = out.Chown(int(u.UID), int(u.GID))
	}
	return errors.Join(err, out.Close())
}
