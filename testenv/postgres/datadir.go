package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/lockstep-sync/lockstep/testenv"
)

// superuser is the bootstrap role of every server here.
const superuser = "postgres"

// prepare makes sure that the server has a data directory of its version, owned
// by its user: the one of its last run, or a new one.
func (s *Server) prepare(ctx context.Context) error {
	data := s.data()
	found, err := os.ReadFile(filepath.Join(data, "PG_VERSION"))
	if err == nil {
		if got := strings.TrimSpace(string(found)); got != strconv.Itoa(s.version) {
			return fmt.Errorf("%s holds data of PostgreSQL %s, not %d: choose another directory or that version", data, got, s.version)
		}
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("look at the data directory: %w", err)
	}
	// Made beside its place and renamed: what was cut short is not taken for data.
	partial := data + ".partial"
	if err := os.RemoveAll(partial); err != nil {
		return fmt.Errorf("clear an incomplete data directory: %w", err)
	}
	if err := s.fill(ctx, partial); err != nil {
		return err
	}
	if err := os.Rename(partial, data); err != nil {
		return fmt.Errorf("move the data directory to its place: %w", err)
	}
	return nil
}

// fill makes a new data directory. A copy of a template that initdb made once
// per build is several times quicker than initdb.
func (s *Server) fill(ctx context.Context, data string) error {
	switch {
	case s.primary != nil:
		return s.primary.backup(ctx, data)
	case s.options.OwnIdentity:
		return initdb(ctx, s.bin, s.user, data)
	}
	from, err := template(ctx, s.bin, s.user)
	if err != nil {
		return err
	}
	if err := run(ctx, nil, "cp", "-a", "--", from, data); err != nil {
		return fmt.Errorf("copy the template: %w", err)
	}
	return nil
}

func initdb(ctx context.Context, b binaries, u *testenv.User, data string) error {
	// Locale C and UTF-8 are the same everywhere; a locale of the machine is not.
	err := run(ctx, u, b.path("initdb"), "--pgdata="+data, "--username="+superuser, "--auth=trust",
		"--encoding=UTF8", "--no-locale", "--no-sync")
	if err != nil {
		return fmt.Errorf("make a data directory: %w", err)
	}
	return nil
}

// template returns a directory that initdb made with this build for this user.
func template(ctx context.Context, b binaries, u *testenv.User) (string, error) {
	cache, err := testenv.CacheDir()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(b.dir + "\n" + b.build))
	root := filepath.Join(cache, "initdb-"+hex.EncodeToString(sum[:6]))
	if u != nil {
		root += "-" + u.Name
	}
	ready := filepath.Join(root, "data")
	if _, err := os.Stat(ready); err == nil {
		return ready, nil
	}
	lock, err := testenv.WaitLock(ctx, root+".lock")
	if err != nil {
		return "", err
	}
	defer lock.Release()
	if _, err := os.Stat(ready); err == nil {
		return ready, nil
	}
	if err := os.RemoveAll(root); err != nil {
		return "", fmt.Errorf("clear an incomplete template: %w", err)
	}
	if err := u.Own(root); err != nil {
		return "", err
	}
	fresh := filepath.Join(root, "initdb")
	if err := initdb(ctx, b, u, fresh); err != nil {
		return "", err
	}
	if err := os.Rename(fresh, ready); err != nil {
		return "", fmt.Errorf("move the template to its place: %w", err)
	}
	return ready, nil
}

// run runs a helper program to its end; its output is the error's text.
func run(ctx context.Context, u *testenv.User, program string, args ...string) error {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.SysProcAttr = u.Attr()
	cmd.Dir = "/" // the caller's directory may be closed to the server's user
	cmd.Env = environment()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", filepath.Base(program), err, strings.TrimSpace(string(out)))
	}
	return nil
}

// environment keeps the caller's PG… variables and locale away from the server.
func environment() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
}
