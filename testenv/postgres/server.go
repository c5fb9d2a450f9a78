package postgres

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/lockstep-sync/lockstep/testenv"
)

// Options say what server to start. The zero Options are a private server of
// the Default version with durable writes.
type Options struct {
	Version int // major version, see Versions; 0 is Default

	// Dir is where the data lives. With a Dir, data and port outlive the server
	// and the next Start on it goes on with both. "" is a private temporary
	// directory that Stop removes.
	Dir string

	// Port on 127.0.0.1; 0 is the port of the last run on Dir if that is free,
	// else a free one.
	Port int

	// Fast turns fsync off: for tests in which no power cut is simulated.
	Fast bool

	// OwnIdentity gives the server its own system identifier, at the price of
	// an initdb (0.7 s). Without it servers of one version are copies of one
	// template and share it.
	OwnIdentity bool

	// Settings go to postgresql.conf, over the defaults of this package.
	Settings map[string]string
}

// startPatience bounds one start, crash recovery of a large WAL included.
const startPatience = 2 * time.Minute

// Server is a PostgreSQL server. Its methods are safe for concurrent use, but a
// server that is being stopped and started by two callers serves neither. Who
// started it stops it.
type Server struct {
	version int
	options Options
	bin     binaries
	user    *testenv.User // who the server runs as; nil is the caller
	dir     string
	port    int
	scratch *testenv.Scratch // nil when the caller chose the directory
	lock    *testenv.Lock    // nobody else serves from dir
	primary *Server          // what this is a standby of; nil for others

	mu      sync.Mutex
	process *testenv.Process // nil while the server is down
	stopped bool             // for good
}

// Start starts a server and returns when it takes connections. The first start
// of a version on a machine may download it. ctx bounds the start only.
func Start(ctx context.Context, o Options) (*Server, error) {
	version, err := supported(o.Version)
	if err != nil {
		return nil, err
	}
	bin, err := find(ctx, version)
	if err != nil {
		return nil, err
	}
	user, err := testenv.Unprivileged("postgres")
	if err != nil {
		return nil, err
	}
	s := &Server{version: version, options: o, bin: bin, user: user}
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Server) begin(ctx context.Context) error {
	err := s.takeDir(ctx)
	if err == nil {
		err = s.firstStart(ctx)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("start PostgreSQL %d: %w", s.version, err), s.release())
	}
	return nil
}

// takeDir makes the server's directory and keeps others out of it.
func (s *Server) takeDir(ctx context.Context) error {
	if s.options.Dir == "" {
		scratch, err := testenv.NewScratch()
		if err != nil {
			return err
		}
		s.scratch, s.dir = scratch, filepath.Join(scratch.Path, "postgres")
		return s.user.Own(s.dir)
	}
	dir, err := filepath.Abs(s.options.Dir)
	if err != nil {
		return fmt.Errorf("find %s: %w", s.options.Dir, err)
	}
	s.dir = dir
	if err := s.user.Own(s.dir); err != nil {
		return err
	}
	// A killed predecessor's server may take a moment to notice.
	wait, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if s.lock, err = testenv.WaitLock(wait, filepath.Join(s.dir, "lock")); err != nil {
		return fmt.Errorf("%w: another process serves from this directory", err)
	}
	return s.awaitPredecessor(wait)
}

func (s *Server) firstStart(ctx context.Context) error {
	if err := s.prepare(ctx); err != nil {
		return err
	}
	ports := []int{s.options.Port}
	if s.options.Port == 0 {
		ports = s.candidates()
	}
	var last error
	for _, port := range ports {
		s.port = port
		if last = s.StartAgain(ctx); last == nil {
			return s.rememberPort()
		}
		if !errors.Is(last, errPortTaken) {
			return last
		}
	}
	return last
}

// candidates are the port of the last run and some free ones, because another
// process may take a free port between the look and the server's bind.
func (s *Server) candidates() []int {
	var ports []int
	if text, err := os.ReadFile(s.portFile()); err == nil {
		port, err := strconv.Atoi(strings.TrimSpace(string(text)))
		if err == nil && port > 0 && testenv.PortFree(port) {
			ports = append(ports, port)
		}
	}
	for range 5 {
		if port, err := testenv.FreePort(); err == nil {
			ports = append(ports, port)
		}
	}
	return ports
}

func (s *Server) rememberPort() error {
	if err := os.WriteFile(s.portFile(), []byte(strconv.Itoa(s.port)+"\n"), 0o644); err != nil {
		return fmt.Errorf("remember the port: %w", err)
	}
	return nil
}

// Version is the server's major version.
func (s *Server) Version() int { return s.version }

// Port is where the server listens on 127.0.0.1. It stays the same over crashes
// and restarts.
func (s *Server) Port() int { return s.port }

// Dir holds the server's data and its log.
func (s *Server) Dir() string { return s.dir }

// URL connects as superuser to the database postgres.
func (s *Server) URL() string { return s.DatabaseURL("postgres") }

// DatabaseURL connects as superuser to the named database.
func (s *Server) DatabaseURL(database string) string {
	u := url.URL{
		Scheme:   "postgres",
		User:     url.User(superuser),
		Host:     testenv.Loopback(s.port),
		Path:     "/" + database,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

func (s *Server) data() string     { return filepath.Join(s.dir, "data") }
func (s *Server) logFile() string  { return filepath.Join(s.dir, "log") }
func (s *Server) portFile() string { return filepath.Join(s.dir, "port") }
