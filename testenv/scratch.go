package testenv

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const scratchPrefix = "lockstep-testenv-"

// Scratch is a private temporary directory. A process that is killed leaves its
// directory behind; the next NewScratch on this machine clears it away.
type Scratch struct {
	Path string
	lock *Lock
}

// NewScratch makes a private directory that other users may pass through but
// not list. The caller removes it.
func NewScratch() (*Scratch, error) {
	sweep()
	for {
		path, err := os.MkdirTemp("", scratchPrefix)
		if err != nil {
			return nil, fmt.Errorf("create private directory: %w", err)
		}
		if err := os.Chmod(path, 0o711); err != nil {
			return nil, fmt.Errorf("open private directory: %w", err)
		}
		lock, err := TryLock(filepath.Join(path, "lock"))
		if err != nil && !errors.Is(err, ErrLocked) && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		// Another process's sweep may take a lock file for an abandoned one in
		// the instant between its making and its locking.
		if err == nil && lock.current() {
			return &Scratch{Path: path, lock: lock}, nil
		}
		if lock != nil {
			lock.Release()
		}
	}
}

// Remove deletes the directory with all that is in it.
func (s *Scratch) Remove() error {
	defer s.lock.Release()
	if err := os.RemoveAll(s.Path); err != nil {
		return fmt.Errorf("remove private directory: %w", err)
	}
	return nil
}

// sweep removes the directories whose owner is gone, which is who holds no
// lock. A directory without a lock file is being made right now. Errors do not
// matter here: it may belong to another user, or another process sweeps too.
func sweep() {
	locks, _ := filepath.Glob(filepath.Join(os.TempDir(), scratchPrefix+"*", "lock"))
	for _, path := range locks {
		lock, err := tryExisting(path)
		if err != nil {
			continue
		}
		_ = os.RemoveAll(filepath.Dir(path))
		lock.Release()
	}
}

func tryExisting(path string) (*Lock, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, errors.Join(ErrLocked, err)
	}
	return TryLock(path)
}
