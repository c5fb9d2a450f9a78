package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/lockstep-sync/lockstep/testenv"
)

// binaries is where one version is installed.
type binaries struct {
	dir   string // holds initdb and postgres
	build string // as postgres --version says it
}

func (b binaries) path(program string) string { return filepath.Join(b.dir, program) }

// find looks for the version among the distribution's packages, then in the
// cache, and fetches it into the cache when it is in neither.
func find(ctx context.Context, version int) (binaries, error) {
	dir := fmt.Sprintf("/usr/lib/postgresql/%d/bin", version)
	if !hasServer(dir) {
		var err error
		if dir, err = cached(ctx, version); err != nil {
			return binaries{}, fmt.Errorf("get PostgreSQL %d: %w", version, err)
		}
	}
	out, err := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "--version").CombinedOutput()
	if err != nil {
		return binaries{}, fmt.Errorf("ask PostgreSQL %d for its version: %w: %s", version, err, out)
	}
	return binaries{dir: dir, build: strings.TrimSpace(string(out))}, nil
}

func hasServer(dir string) bool {
	for _, program := range []string{"initdb", "postgres"} {
		if _, err := os.Stat(filepath.Join(dir, program)); err != nil {
			return false
		}
	}
	return true
}

// cached returns the version's directory in the cache. One process fetches;
// the others wait for it.
func cached(ctx context.Context, version int) (string, error) {
	cache, err := testenv.CacheDir()
	if err != nil {
		return "", err
	}
	root := filepath.Join(cache, "postgres-"+pinned[version])
	dir := filepath.Join(root, "native", "bin")
	if hasServer(dir) {
		return dir, nil
	}
	lock, err := testenv.WaitLock(ctx, root+".lock")
	if err != nil {
		return "", err
	}
	defer lock.Release()
	if hasServer(dir) {
		return dir, nil
	}
	if err := install(ctx, version, root); err != nil {
		return "", err
	}
	return dir, nil
}

// install fetches the package beside its place and renames it there when it is
// complete, so that a half-unpacked server is never found.
func install(ctx context.Context, version int, root string) error {
	fresh, err := os.MkdirTemp(filepath.Dir(root), "fetch-")
	if err != nil {
		return fmt.Errorf("create download directory: %w", err)
	}
	defer os.RemoveAll(fresh)
	archive, err := fetch(ctx, version, fresh)
	if err != nil {
		return err
	}
	if out, err := exec.CommandContext(ctx, "tar", "-xzf", archive, "-C", fresh, "--no-same-owner").CombinedOutput(); err != nil {
		return fmt.Errorf("unpack %s: %w: %s", filepath.Base(archive), err, out)
	}
	unpacked := filepath.Join(fresh, "package")
	if err := restoreLinks(unpacked); err != nil {
		return err
	}
	if out, err := exec.CommandContext(ctx, "chmod", "-R", "a+rX", unpacked).CombinedOutput(); err != nil {
		return fmt.Errorf("open the binaries for the server's user: %w: %s", err, out)
	}
	if err := os.RemoveAll(root); err != nil {
		return fmt.Errorf("clear an incomplete download: %w", err)
	}
	if err := os.Rename(unpacked, root); err != nil {
		return fmt.Errorf("move the download to its place: %w", err)
	}
	return nil
}

// restoreLinks puts back the symbolic links, which npm packages cannot carry.
func restoreLinks(root string) error {
	raw, err := os.ReadFile(filepath.Join(root, "native", "pg-symlinks.json"))
	if err != nil {
		return fmt.Errorf("read the package's links: %w", err)
	}
	var links []struct{ Source, Target string }
	if err := json.Unmarshal(raw, &links); err != nil {
		return fmt.Errorf("read the package's links: %w", err)
	}
	for _, l := range links {
		if !filepath.IsLocal(l.Source) || !filepath.IsLocal(l.Target) {
			return fmt.Errorf("the package's link %s leads out of the package", l.Target)
		}
		at := filepath.Join(root, l.Target)
		to, err := filepath.Rel(filepath.Dir(at), filepath.Join(root, l.Source))
		if err != nil {
			return fmt.Errorf("restore link %s: %w", l.Target, err)
		}
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			return fmt.Errorf("restore link %s: %w", l.Target, err)
		}
		if err := os.Symlink(to, at); err != nil && !os.IsExist(err) {
			return fmt.Errorf("restore link %s: %w", l.Target, err)
		}
	}
	return nil
}
