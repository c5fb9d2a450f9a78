// Package lockstep runs the product as its users do: a binary, a process, a few
// URLs. It is what the demo, torture and benchmarks judge from outside.
package lockstep

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/lockstep-sync/lockstep/testenv"
)

// Instance is one installation: start it, end it in the ways in which processes
// end, ask it. One caller at a time may start and end it; the rest is safe for
// concurrent use while it runs.
type Instance struct {
	Binary, Config, Data, Listen string
	Log                          string   // file that takes its output, appended to
	Env                          []string // the whole environment; nil is the caller's

	process *testenv.Process
}

// Build compiles the binary into the directory, with the flags that built this
// program (what both need is compiled once) and those given.
func Build(ctx context.Context, dir string, flags ...string) (string, error) {
	binary := filepath.Join(dir, "lockstep")
	args := append(append([]string{"build"}, flags...), "-o", binary, "github.com/lockstep-sync/lockstep/cmd/lockstep")
	if out, err := exec.CommandContext(ctx, "go", args...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("build lockstep: %w\n%s", err, bytes.TrimSpace(out))
	}
	return binary, nil
}

// Launch runs it, with further arguments of the run command, and returns at once.
func (l *Instance) Launch(args ...string) error {
	env := l.Env
	if env == nil {
		env = os.Environ()
	}
	p, err := testenv.StartProcess(testenv.Command{
		Path: l.Binary,
		Args: append([]string{"run", "--config", l.Config, "--data", l.Data, "--listen", l.Listen}, args...),
		Env:  env,
		Log:  l.Log,
	})
	if err != nil {
		return err
	}
	l.process = p
	return nil
}

// Start runs it and returns when it says that it is ready.
func (l *Instance) Start(ctx context.Context, args ...string) error {
	if err := l.Launch(args...); err != nil {
		return err
	}
	return l.Await(ctx)
}

// Await waits until it is ready, at most 30 seconds.
func (l *Instance) Await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	last := errors.New("it was not asked yet")
	err := testenv.Until(ctx, "lockstep to be ready", func() (bool, error) {
		if l.Ended() {
			return false, fmt.Errorf("lockstep has ended: %v", l.Err())
		}
		last = l.Ready()
		return last == nil, nil
	})
	if ctx.Err() != nil {
		return fmt.Errorf("%w: %w", err, last)
	}
	return err
}

// Revive starts it again if it has ended, and does nothing if it runs.
func (l *Instance) Revive(ctx context.Context) error {
	if !l.Ended() {
		return nil
	}
	return l.Start(ctx)
}

// Ended tells whether it does not run.
func (l *Instance) Ended() bool {
	if l.process == nil {
		return true
	}
	select {
	case <-l.process.Done():
		return true
	default:
		return false
	}
}

// Err is how its last process ended.
func (l *Instance) Err() error { return l.process.Err() }

// Kill ends it as a crash does, without a word before.
func (l *Instance) Kill() error {
	if err := l.process.Signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-l.process.Done()
	return nil
}

// Stop asks it to end and returns how it did.
func (l *Instance) Stop() error {
	if err := l.process.Stop(20*time.Second, syscall.SIGTERM); err != nil {
		return err
	}
	return l.process.Err()
}

// Command runs another command of the binary to its end and returns what it
// printed on stdout.
func (l *Instance) Command(ctx context.Context, args ...string) (string, error) {
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, l.Binary, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("lockstep %s: %w: %s", args[0], err, bytes.TrimSpace(append(out.Bytes(), errs.Bytes()...)))
	}
	return out.String(), nil
}

// URL is where it answers a path.
func (l *Instance) URL(path string) string { return "http://" + l.Listen + path }

// Ready is nil when it says that it is ready.
func (l *Instance) Ready() error {
	code, body, err := get(l.URL("/readyz"))
	if err == nil && code != http.StatusOK {
		err = fmt.Errorf("/readyz answers %d: %s", code, body)
	}
	return err
}

// Status is the part of /api/status that judges look at.
type Status struct {
	Mappings []struct {
		Waiting   uint64 `json:"waiting"`
		UnderWay  uint64 `json:"under_way"`
		Conflicts uint64 `json:"conflicts"`
		Changes   uint64 `json:"changes"`
	} `json:"mappings"`
}

// Waiting is how many changes are not handled yet.
func (s Status) Waiting() (n uint64) {
	for _, m := range s.Mappings {
		n += m.Waiting + m.UnderWay
	}
	return n
}

// Unread is how many of those nobody has looked at.
func (s Status) Unread() (n uint64) {
	for _, m := range s.Mappings {
		n += m.Waiting
	}
	return n
}

// Handled is how many changes were taken in since the process started.
func (s Status) Handled() (n uint64) {
	for _, m := range s.Mappings {
		n += m.Changes
	}
	return n
}

// Conflicts is how many conflicts were decided since the process started.
func (s Status) Conflicts() (n uint64) {
	for _, m := range s.Mappings {
		n += m.Conflicts
	}
	return n
}

// Status asks it for its status.
func (l *Instance) Status() (s Status, err error) {
	code, body, err := get(l.URL("/api/status"))
	if err != nil {
		return s, err
	}
	if code != http.StatusOK {
		return s, fmt.Errorf("/api/status answers %d: %s", code, body)
	}
	if err := json.Unmarshal(body, &s); err != nil {
		return s, fmt.Errorf("read /api/status: %w", err)
	}
	return s, nil
}

// StatusText is the whole status, for people.
func (l *Instance) StatusText() string {
	_, body, err := get(l.URL("/api/status"))
	if err != nil {
		return err.Error()
	}
	return string(bytes.TrimSpace(body))
}

// LastLines are the last n lines of its log.
func (l *Instance) LastLines(n int) []string {
	text, err := os.ReadFile(l.Log)
	if err != nil {
		return []string{err.Error()}
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return lines[max(0, len(lines)-n):]
}

func get(url string) (int, []byte, error) {
	client := http.Client{Timeout: 5 * time.Second}
	answer, err := client.Get(url)
	if err != nil {
		return 0, nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	return answer.StatusCode, body, err
}
