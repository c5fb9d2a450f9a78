package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/lockstep-sync/lockstep/testenv"
	"github.com/spf13/cobra"
)

func upCommand() *cobra.Command {
	all := kinds()
	var dir string
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Start servers, print where they are as one line of JSON, run until SIGTERM",
		Long: `Starts private servers on free loopback ports and prints one line of JSON on
stdout when all of them are ready; progress goes to stderr. SIGTERM or SIGINT
stops them and ends with exit code 0. However this process ends, they end too.`,
		Example: `  testenv up --postgres 18 --hubspot
  testenv up --postgres 17 --postgres 14 --hubspot=2 --dir ./data`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return up(cmd.Context(), all, dir, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	for _, k := range all {
		k.flags(cmd.Flags())
	}
	cmd.Flags().StringVar(&dir, "dir", "", "keep data and ports in this `directory` from run to run (default: a temporary one, removed at the end)")
	return cmd
}

// up starts what is wanted, says so on stdout, and stops it when ctx ends.
func up(ctx context.Context, all []kind, dir string, stdout, stderr io.Writer) (err error) {
	dir, release, err := takeDir(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()

	facts := map[string]any{}
	for _, k := range all {
		for i := range k.wanted() {
			name := serverName(k.name(), i)
			fmt.Fprintf(stderr, "starting %s\n", name)
			s, startErr := k.start(ctx, i, filepath.Join(dir, name))
			if ctx.Err() != nil && startErr != nil {
				return nil // told to stop before all were up
			}
			if startErr != nil {
				return fmt.Errorf("%s: %w", name, startErr)
			}
			// The last one started stops first.
			defer func() {
				fmt.Fprintf(stderr, "stopping %s\n", name)
				err = errors.Join(err, s.stop())
			}()
			facts[name] = s.facts
		}
	}
	if len(facts) == 0 {
		return fmt.Errorf("nothing to start: ask for one of --%s", strings.Join(kindNames(), ", --"))
	}
	// Without HTML escapes: the line is for programs and for people's eyes.
	line := json.NewEncoder(stdout)
	line.SetEscapeHTML(false)
	if err := line.Encode(facts); err != nil {
		return fmt.Errorf("say where the servers are: %w", err)
	}
	<-ctx.Done()
	return nil
}

// takeDir is the caller's directory, kept from other runs, or a temporary one.
func takeDir(dir string) (path string, release func() error, err error) {
	if dir == "" {
		scratch, err := testenv.NewScratch()
		if err != nil {
			return "", nil, err
		}
		return scratch.Path, scratch.Remove, nil
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return "", nil, fmt.Errorf("find --dir: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", nil, fmt.Errorf("create --dir: %w", err)
	}
	lock, err := testenv.TryLock(filepath.Join(dir, "lock"))
	if errors.Is(err, testenv.ErrLocked) {
		return "", nil, fmt.Errorf("another testenv runs on %s: stop it, or choose another --dir", dir)
	}
	if err != nil {
		return "", nil, err
	}
	return dir, func() error { lock.Release(); return nil }, nil
}
