package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/lockstep-sync/lockstep/testenv"
)

var (
	errPortTaken = errors.New("port is taken")
	errStopped   = errors.New("server has been stopped for good")
)

// PostgreSQL's three ways to shut down. See "Shutting Down the Server" in its
// manual.
const (
	fastShutdown      = syscall.SIGINT
	immediateShutdown = syscall.SIGQUIT
)

// StartAgain starts a server that is down after StopFast or Kill, on the same
// port and data, and returns when it takes connections. A server that is up
// already is no error.
func (s *Server) StartAgain(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return errStopped
	}
	if s.process != nil && s.process.Err() == nil && testenv.Alive(s.process.PID()) {
		return nil
	}
	if err := s.configure(); err != nil {
		return err
	}
	logged := size(s.logFile())
	p, err := testenv.StartProcess(testenv.Command{
		Path:     s.bin.path("postgres"),
		Args:     []string{"-D", s.data(), "-p", strconv.Itoa(s.port)},
		Dir:      s.data(),
		Env:      environment(),
		User:     s.user,
		Log:      s.logFile(),
		Orphaned: immediateShutdown, // it does not wait for clients, and ends the children too
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	err = testenv.Until(ctx, fmt.Sprintf("PostgreSQL on port %d", s.port), func() (bool, error) { return s.ready(p) })
	if err == nil {
		s.process = p
		return nil
	}
	err = errors.Join(err, p.Kill())
	said := tail(s.logFile(), logged)
	if strings.Contains(said, "could not bind") {
		return fmt.Errorf("%w: %d: %s", errPortTaken, s.port, said)
	}
	return fmt.Errorf("%w; the server said: %s", err, said)
}

// ready reads the server's own word for it, the last line of postmaster.pid, as
// pg_ctl does. A connection would prove less: another server may answer there.
func (s *Server) ready(p *testenv.Process) (bool, error) {
	select {
	case <-p.Done():
		return false, fmt.Errorf("PostgreSQL ended during its start: %w", p.Err())
	default:
	}
	lines := s.pidFile()
	if len(lines) < 8 || lines[0] != strconv.Itoa(p.PID()) {
		return false, nil
	}
	return lines[7] == "ready", nil
}

// pidFile is postmaster.pid in lines: process id first, status eighth.
func (s *Server) pidFile() []string {
	text, err := os.ReadFile(filepath.Join(s.data(), "postmaster.pid"))
	if err != nil {
		return nil
	}
	lines := strings.Split(string(text), "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return lines
}

// awaitPredecessor waits until the server that a killed process left behind in
// this directory has gone.
func (s *Server) awaitPredecessor(ctx context.Context) error {
	return testenv.Until(ctx, "the last server on "+s.dir, func() (bool, error) {
		lines := s.pidFile()
		if len(lines) == 0 {
			return true, nil
		}
		pid, err := strconv.Atoi(lines[0])
		if err != nil || !testenv.Alive(pid) {
			return true, nil
		}
		// The number may have passed on to a stranger meanwhile.
		cwd, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid))
		return err != nil || cwd != s.data(), nil
	})
}

// StopFast shuts the server down cleanly without waiting for its clients: what
// is committed is on disk and the next start needs no recovery. A server that is
// down is no error.
func (s *Server) StopFast() error {
	return s.down(func(p *testenv.Process) error {
		// A walsender whose client does not read holds up a fast shutdown.
		return p.Stop(15*time.Second, fastShutdown, immediateShutdown)
	})
}

// Kill ends the server and its children by SIGKILL, as a crash does, and
// returns when they are gone.
func (s *Server) Kill() error { return s.down((*testenv.Process).Kill) }

// Restart is StopFast and StartAgain.
func (s *Server) Restart(ctx context.Context) error {
	if err := s.StopFast(); err != nil {
		return err
	}
	return s.StartAgain(ctx)
}

// Stop ends the server for good and removes its directory if that is private.
// A server on a directory of the caller's is shut down cleanly. A second Stop
// does nothing.
func (s *Server) Stop() error {
	var err error
	if s.scratch != nil {
		err = s.down(func(p *testenv.Process) error { return p.Stop(5*time.Second, immediateShutdown) })
	} else {
		err = s.StopFast()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return err
	}
	s.stopped = true
	return errors.Join(err, s.release())
}

func (s *Server) down(end func(*testenv.Process) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return nil
	}
	if err := end(s.process); err != nil {
		return fmt.Errorf("end PostgreSQL %d on port %d: %w", s.version, s.port, err)
	}
	s.process = nil
	return nil
}

// release gives the directory back.
func (s *Server) release() error {
	if s.lock != nil {
		s.lock.Release()
	}
	if s.scratch != nil {
		return s.scratch.Remove()
	}
	return nil
}

func size(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0 // the first start has no log yet
	}
	return info.Size()
}

// tail is what was logged from the offset on, its end if that is long.
func tail(path string, from int64) string {
	const most = 4000
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	if int64(len(text)) > from {
		text = text[from:]
	}
	if len(text) > most {
		text = text[len(text)-most:]
	}
	return strings.TrimSpace(string(text))
}
