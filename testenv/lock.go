package testenv

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// Lock is a file lock held by this process. The system releases it when the
// process dies, so a crash leaves none behind.
type Lock struct{ file *os.File }

// ErrLocked says that another holder has the lock.
var ErrLocked = errors.New("locked")

// TryLock takes the lock on the file, creating it, or returns ErrLocked.
func TryLock(path string) (*Lock, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open lock file: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%s: %w", path, ErrLocked)
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return &Lock{file: f}, nil
}

// WaitLock takes the lock on the file as soon as its holder releases it.
func WaitLock(ctx context.Context, path string) (*Lock, error) {
	var lock *Lock
	err := Until(ctx, "lock "+path, func() (done bool, err error) {
		lock, err = TryLock(path)
		if errors.Is(err, ErrLocked) {
			return false, nil
		}
		return err == nil, err
	})
	return lock, err
}

// Release gives the lock back. The file stays: removing it would let two
// processes hold locks on two files of one name.
func (l *Lock) Release() {
	_ = l.file.Close()
}

// current tells whether the lock's file is still the one under its name.
func (l *Lock) current() bool {
	mine, err := l.file.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(l.file.Name())
	return err == nil && os.SameFile(mine, named)
}

// Until polls the condition until it is true, fails, or the context ends; what
// names the thing waited for in the error.
func Until(ctx context.Context, what string, condition func() (bool, error)) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		done, err := condition()
		if err != nil {
			return err
		}
		if done {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", what, ctx.Err())
		case <-tick.C:
		}
	}
}
