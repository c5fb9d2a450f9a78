package journal

import (
	"errors"
	"fmt"
	"sync"
	"syscall"
	"time"

	"github.com/rs/zerolog"
)

// ErrDiskFull says that a write was refused because the disk is nearly full.
// Nothing of it was stored and nothing is broken: the same call succeeds once
// there is room. errors.As finds a *DiskFull with the numbers.
var ErrDiskFull = errors.New("disk nearly full")

// DiskFull is the ErrDiskFull of one refused write.
type DiskFull struct {
	Dir    string
	Stream string
	Free   uint64 // bytes free on the disk
	Need   uint64 // bytes that have to be free for the write
}

func (e *DiskFull) Error() string {
	return fmt.Sprintf("%s not written: %d MiB are free on the disk of %s and %d MiB are needed; "+
		"free or add space there, work goes on by itself then", e.Stream, e.Free>>20, e.Dir, (e.Need+1<<20-1)>>20)
}

// Is makes errors.Is(err, ErrDiskFull) true.
func (e *DiskFull) Is(target error) bool { return target == ErrDiskFull }

const (
	askEvery      = 200 * time.Millisecond
	askEveryBytes = 16 << 20
)

// space refuses writes before the server meets a full disk, which it does not
// survive without a restart. The three streams stop one after the other:
// CHANGES when less than MinFree is left, AUDIT at half and STATE at a quarter
// of it, so that changes already waiting can still be delivered, recorded and
// then pruned, which is how room comes back.
type space struct {
	dir     string
	minFree uint64
	ask     func(string) (uint64, error)
	log     zerolog.Logger

	mu    sync.Mutex
	asked time.Time
	since uint64 // bytes let through since then
	free  uint64
	err   error
	full  bool // the last CHANGES write was, or would have been, refused
}

func newSpace(o Options, log zerolog.Logger) *space {
	return &space{dir: o.Dir, minFree: o.MinFree, ask: o.Free, log: log}
}

// allow tells whether size bytes may be written to a stream that must leave
// reserve bytes free. It asks the file system at most every 200 ms or 16 MiB.
func (s *space) allow(stream string, size, reserve uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.refresh(size); err != nil {
		return err
	}
	// A batch is on disk twice for a moment; blocks and indexes take some more.
	need := reserve + 3*size
	if s.free-min(s.free, s.since) >= need {
		s.since += 3 * size
		return nil
	}
	return &DiskFull{Dir: s.dir, Stream: stream, Free: s.free, Need: need}
}

// look returns the free bytes and whether CHANGES is refused, for Stats.
func (s *space) look() (free uint64, full bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	err = s.refresh(0)
	return s.free, s.full, err
}

func (s *space) refresh(size uint64) error {
	now := time.Now()
	if now.Sub(s.asked) < askEvery && s.since+size < askEveryBytes {
		return s.err
	}
	free, err := s.ask(s.dir)
	s.asked, s.since, s.free, s.err = now, 0, free, nil
	if err != nil {
		s.err = fmt.Errorf("ask for free space on %s: %w", s.dir, err)
		return s.err
	}
	if full := free < s.minFree; full != s.full {
		s.full = full
		if full {
			s.log.Error().Uint64("free", free).Uint64("needed", s.minFree).Str("dir", s.dir).
				Msg("disk nearly full: no new changes are taken until there is room")
		} else {
			s.log.Info().Uint64("free", free).Str("dir", s.dir).Msg("there is room on the disk again: taking changes")
		}
	}
	return nil
}

// freeBytes is what an unprivileged process may still write on dir's disk.
func freeBytes(dir string) (uint64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return uint64(st.Bavail) * uint64(st.Bsize), nil
}
