package postgres

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lockstep-sync/lockstep/testenv"
)

// defaults are what a server here differs in from a fresh installation.
func defaults() map[string]string {
	return map[string]string{
		"wal_level":               "logical",
		"max_replication_slots":   "20",
		"max_wal_senders":         "20",
		"max_connections":         "200",
		"listen_addresses":        "127.0.0.1",
		"unix_socket_directories": "", // its path would be too long below a deep test directory
		"timezone":                "UTC",
		"log_timezone":            "UTC",
		"max_wal_size":            "512MB",
		"log_line_prefix":         "%m [%p] %q%a %u@%d ",
	}
}

// fast are the settings that trade safety in a power cut for speed.
func fast() map[string]string {
	return map[string]string{"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
}

// configure writes postgresql.conf anew and leaves postgresql.auto.conf, where
// ALTER SYSTEM writes, alone.
func (s *Server) configure() error {
	all := defaults()
	if s.options.Fast {
		maps.Copy(all, fast())
	}
	if s.primary != nil {
		maps.Copy(all, s.primary.options.Settings) // a standby may not have less room than its primary
		maps.Copy(all, s.following())
	}
	maps.Copy(all, s.options.Settings)
	var conf strings.Builder
	conf.WriteString("# Written anew at every start; use ALTER SYSTEM for changes that shall stay.\n")
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&conf, "%s = '%s'\n", name, strings.ReplaceAll(all[name], "'", "''"))
	}
	hba := "# Loopback only, and private to a test: no passwords.\n" +
		"host all all samehost trust\n" +
		"host replication all samehost trust\n"
	for name, text := range map[string]string{"postgresql.conf": conf.String(), "pg_hba.conf": hba} {
		if err := writeFor(s.user, filepath.Join(s.data(), name), text); err != nil {
			return err
		}
	}
	return nil
}

// writeFor writes a file of the data directory, owned by the server's user.
func writeFor(u *testenv.User, path, text string) error {
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return fmt.Errorf("write server configuration: %w", err)
	}
	if u == nil {
		return nil
	}
	if err := os.Chown(path, int(u.UID), int(u.GID)); err != nil {
		return fmt.Errorf("write server configuration: %w", err)
	}
	return nil
}
