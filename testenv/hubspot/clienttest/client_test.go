// Package clienttest runs HubSpot's own JavaScript client against the
// simulator: what the vendor's client understands is not our reading alone.
package clienttest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/testenv/hubspot"
)

// TestOfficialClient needs node and npm, and the package registry the first
// time: the client is kept in the user's cache folder.
func TestOfficialClient(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	folder, err := install(ctx)
	if err != nil {
		t.Fatalf("install HubSpot's client with npm (needed once, from the package registry): %v", err)
	}
	s, err := hubspot.Start(hubspot.Options{Limit: -1, SearchLimit: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	// Node finds packages from where the script lies, so it runs beside them.
	script := filepath.Join(folder, fmt.Sprintf("check-%d.mjs", os.Getpid()))
	if err := copyFile("check.mjs", script); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(script)
	if err := run(ctx, folder, "node", script, s.URL(), s.Token(), s.WebhookSecret()); err != nil {
		t.Errorf("HubSpot's client disagrees with the simulator: %v", err)
	}
	r := s.Requests()
	if r.Writes.Records < 12 {
		t.Errorf("the client wrote %d records, want 12 and more: %+v", r.Writes.Records, r.Calls)
	}
	for _, call := range r.Calls {
		if call.Path == "{unknown}" {
			t.Errorf("the client called a path that is not simulated: %+v", call)
		}
	}
}

// install returns a folder that holds the client in the locked versions. The
// folder appears whole or not at all, so runs side by side do not disturb.
func install(ctx context.Context) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the cache folder: %w", err)
	}
	sum := sha256.New()
	for _, name := range []string{"package.json", "package-lock.json"} {
		text, err := os.ReadFile(name)
		if err != nil {
			return "", err
		}
		sum.Write(text)
	}
	parent := filepath.Join(cache, "lockstep", "npm")
	folder := filepath.Join(parent, "hubspot-"+hex.EncodeToString(sum.Sum(nil))[:16])
	if _, err := os.Stat(folder); err == nil {
		return folder, nil
	}
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return "", err
	}
	fresh, err := os.MkdirTemp(parent, "hubspot-new-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(fresh)
	for _, name := range []string{"package.json", "package-lock.json"} {
		if err := copyFile(name, filepath.Join(fresh, name)); err != nil {
			return "", err
		}
	}
	if err := run(ctx, fresh, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"); err != nil {
		return "", err
	}
	if err := os.Rename(fresh, folder); err != nil && !errors.Is(err, fs.ErrExist) {
		if _, there := os.Stat(folder); there != nil {
			return "", err
		}
	}
	return folder, nil
}

func copyFile(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o644)
}

// run runs a command; its error holds what the command said.
func run(ctx context.Context, folder, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = folder
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("run %s: %w\n%s", name, err, said.String())
	}
	return nil
}
