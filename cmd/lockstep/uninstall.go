package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/lockstep-sync/lockstep/bridge/journal"
	"github.com/lockstep-sync/lockstep/schemas/config"
	"github.com/lockstep-sync/lockstep/schemas/ddl"
)

func uninstallCommand() *cobra.Command {
	var s settings
	var keep bool
	cmd := &cobra.Command{
		Use:   "uninstall",
		Short: "Remove slot, publication and data directory",
		Long: `Drops the replication slot and the publication on every database of the
configuration, and removes the data directory with links, audit and waiting changes.
Rows and SaaS records stay as they are. It refuses while lockstep runs.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := s.load()
			if err != nil {
				return err
			}
			removed, err := uninstall(cmd.Context(), cfg, keep)
			if s.asJSON {
				err = errors.Join(err, json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]any{"removed": removed}))
			} else {
				for _, r := range removed {
					fmt.Fprintln(cmd.OutOrStdout(), "removed", r)
				}
			}
			return failed(err)
		},
	}
	s.flags(cmd, false)
	cmd.Flags().BoolVar(&keep, "keep-data", false, "leave the data directory")
	return cmd
}

// uninstall removes what Lockstep made, and says what it removed even when it
// could not remove all. It holds the data directory meanwhile, so that no
// running process loses it.
func uninstall(ctx context.Context, cfg *config.Config, keep bool) (removed []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	release, err := journal.Hold(cfg.Data)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, release()) }()
	removed = []string{}
	for _, name := range usedConnections(cfg) {
		c := cfg.Connections[name]
		if c.Type != config.TypePostgres {
			continue
		}
		gone, err := ddl.Uninstall(ctx, c.Postgres.URL.Reveal(), ddl.Want{Connection: name, Slot: c.Postgres.Slot, Publication: c.Postgres.Publication})
		for _, g := range gone {
			removed = append(removed, g+" of connection "+name)
		}
		if err != nil {
			return removed, fmt.Errorf("connection %s: %w", name, err)
		}
	}
	if keep {
		return removed, nil
	}
	dir := filepath.Clean(cfg.Data)
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return removed, nil
	}
	if err := os.RemoveAll(dir); err != nil {
		return removed, fmt.Errorf("remove the data directory: %w", err)
	}
	return append(removed, "data directory "+dir), nil
}
