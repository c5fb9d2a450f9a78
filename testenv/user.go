package testenv

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// User is who runs a server that refuses to run as root.
type User struct {
	Name     string
	UID, GID uint32
}

// Unprivileged is the first of the named users that exists, else nobody. It is
// nil when this process is not root: then the server runs as its caller.
func Unprivileged(names ...string) (*User, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range append(names, "nobody") {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("user %s: %w", name, err)
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("user %s: %w", name, err)
		}
		return &User{Name: name, UID: uint32(uid), GID: uint32(gid)}, nil
	}
	return nil, fmt.Errorf("no unprivileged user among %s, nobody: create one, or run this as another user than root",
		strings.Join(names, ", "))
}

func (u *User) credential() *syscall.Credential {
	return &syscall.Credential{Uid: u.UID, Gid: u.GID}
}

// Attr is what a helper program of the server (an initdb) is started with.
func (u *User) Attr() *syscall.SysProcAttr {
	if u == nil {
		return nil
	}
	return &syscall.SysProcAttr{Credential: u.credential()}
}

// Own gives the user a directory that only the server may read, creating it
// and opening the way to it.
func (u *User) Own(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("create server directory: %w", err)
	}
	if u == nil {
		return nil
	}
	if err := os.Chown(dir, int(u.UID), int(u.GID)); err != nil {
		return fmt.Errorf("give %s to %s: %w", dir, u.Name, err)
	}
	return u.reach(filepath.Dir(dir))
}

// reach lets the user pass through dir and the directories above it. Below the
// temporary directory it opens them, because a test's own directory is closed
// for others; anywhere else it only looks.
func (u *User) reach(dir string) error {
	temp := filepath.Clean(os.TempDir())
	for ; ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil {
			return fmt.Errorf("look at %s: %w", dir, err)
		}
		if mode := info.Mode().Perm(); !u.passes(info) {
			if !strings.HasPrefix(dir, temp+string(filepath.Separator)) {
				return fmt.Errorf("user %s cannot pass through %s: choose another directory, or chmod o+x %s", u.Name, dir, dir)
			}
			if err := os.Chmod(dir, mode|0o011); err != nil {
				return fmt.Errorf("open %s for %s: %w", dir, u.Name, err)
			}
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}

func (u *User) passes(dir os.FileInfo) bool {
	stat, ok := dir.Sys().(*syscall.Stat_t)
	switch {
	case ok && stat.Uid == u.UID:
		return dir.Mode().Perm()&0o100 != 0
	case ok && stat.Gid == u.GID:
		return dir.Mode().Perm()&0o010 != 0
	}
	return dir.Mode().Perm()&0o001 != 0
}
