package ddl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5"
)

// LSN is a place in the server's log.
type LSN uint64

// String is PostgreSQL's own form, 0/16B3748.
func (l LSN) String() string { return pglogrepl.LSN(l).String() }

// UnmarshalJSON reads that form; null is 0.
func (l *LSN) UnmarshalJSON(data []byte) error {
	var s *string
	if err := json.Unmarshal(data, &s); err != nil || s == nil {
		return err
	}
	n, err := pglogrepl.ParseLSN(*s)
	*l = LSN(n)
	return err
}

// Slot is a row of pg_replication_slots, of any server version: what the version
// does not have is zero.
type Slot struct {
	Name         string `json:"slot_name"`
	Plugin       string `json:"plugin"`
	Type         string `json:"slot_type"`
	Database     string `json:"database"`
	Temporary    bool   `json:"temporary"`
	Active       bool   `json:"active"`
	PID          int    `json:"active_pid"`
	Restart      LSN    `json:"restart_lsn"`
	Confirmed    LSN    `json:"confirmed_flush_lsn"`
	WALStatus    string `json:"wal_status"`
	Conflicting  bool   `json:"conflicting"`
	Invalidation string `json:"invalidation_reason"`
	Failover     bool   `json:"failover"`
}

// SlotQuery yields the slot's row as JSON for ParseSlot, or no row. The name
// must be one that a slot can have.
func SlotQuery(name string) string {
	return "SELECT row_to_json(s)::text FROM pg_catalog.pg_replication_slots s WHERE slot_name = '" +
		strings.ReplaceAll(name, "'", "''") + "'"
}

// ParseSlot reads what SlotQuery yields.
func ParseSlot(data []byte) (Slot, error) {
	var s Slot
	if err := json.Unmarshal(data, &s); err != nil {
		return s, fmt.Errorf("read replication slot: %w", err)
	}
	return s, nil
}

// Lost says why the slot can no longer be read, "" while it can.
func (s Slot) Lost() string {
	switch {
	case s.Invalidation != "" && s.Invalidation != "none":
		return "the server invalidated it (" + s.Invalidation + ")" + lostAdvice[s.Invalidation]
	case s.WALStatus == "lost":
		return "the server removed log that it still needed" + lostAdvice["wal_removed"]
	case s.Conflicting:
		return "it conflicted with recovery on this standby"
	}
	return ""
}

var lostAdvice = map[string]string{
	"wal_removed":  ": it fell further behind than max_slot_wal_keep_size allows",
	"idle_timeout": ": it was not read for longer than idle_replication_slot_timeout allows",
}

// foreign says why the slot is not one of ours for this database, "" when it is.
func (s Slot) foreign(database string) string {
	switch {
	case s.Type != "logical":
		return "it is a " + s.Type + " slot"
	case s.Plugin != "pgoutput":
		return "it decodes with " + s.Plugin + ", not pgoutput"
	case s.Database != database:
		return "it belongs to database " + s.Database
	case s.Temporary:
		return "it is temporary"
	}
	return ""
}

// findSlot returns nil when there is no such slot.
func findSlot(ctx context.Context, c *pgx.Conn, name string) (*Slot, error) {
	var text string
	err := c.QueryRow(ctx, SlotQuery(name)).Scan(&text)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read replication slot %s: %w", name, err)
	}
	s, err := ParseSlot([]byte(text))
	return &s, err
}

// holder names who reads from the slot now, as far as we may see it.
func (s Slot) holder(ctx context.Context, c *pgx.Conn) string {
	text := fmt.Sprintf("process %d", s.PID)
	var app, user, addr string
	err := c.QueryRow(ctx, `SELECT coalesce(application_name, ''), coalesce(usename, ''), coalesce(host(client_addr), 'this machine')
		FROM pg_catalog.pg_stat_activity WHERE pid = $1`, s.PID).Scan(&app, &user, &addr)
	if err != nil {
		return text // gone meanwhile, or hidden from us
	}
	return fmt.Sprintf("%s (application %q, user %s, from %s)", text, app, user, addr)
}
