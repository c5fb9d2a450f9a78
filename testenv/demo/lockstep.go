package main

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

// lockstep is the product, seen from outside: a binary, a process, a few URLs.
type lockstep struct {
	binary, config, data, listen, log string
	process                           *testenv.Process
}

// build compiles the binary into the directory, with the flags that built this
// program: what both need is compiled once.
func build(ctx context.Context, dir string) (string, error) {
	binary := filepath.Join(dir, "lockstep")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", binary, "github.com/lockstep-sync/lockstep/cmd/lockstep")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build lockstep: %w\n%s", err, bytes.TrimSpace(out))
	}
	return binary, nil
}

// start runs it and returns when it says that it is ready.
func (l *lockstep) start(ctx context.Context) error {
	p, err := testenv.StartProcess(testenv.Command{
		Path: l.binary,
		Args: []string{"run", "--config", l.config, "--data", l.data, "--listen", l.listen},
		Env:  os.Environ(),
		Log:  l.log,
	})
	if err != nil {
		return err
	}
	l.process = p
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	last := errors.New("it was not asked yet")
	err = testenv.Until(ctx, "lockstep to be ready", func() (bool, error) {
		if l.ended() {
			return false, fmt.Errorf("lockstep has ended: %v", p.Err())
		}
		last = l.ready()
		return last == nil, nil
	})
	if ctx.Err() != nil {
		return fmt.Errorf("%w: %w", err, last)
	}
	return err
}

// revive starts it again if it has ended, and does nothing if it runs.
func (l *lockstep) revive(ctx context.Context) error {
	if !l.ended() {
		return nil
	}
	return l.start(ctx)
}

func (l *lockstep) ended() bool {
	select {
	case <-l.process.Done():
		return true
	default:
		return false
	}
}

// kill ends it as a crash does, without a word before.
func (l *lockstep) kill() error {
	if err := l.process.Signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-l.process.Done()
	return nil
}

// stop asks it to end and returns how it did.
func (l *lockstep) stop() error {
	if err := l.process.Stop(20*time.Second, syscall.SIGTERM); err != nil {
		return err
	}
	return l.process.Err()
}

// command runs another command of the binary to its end.
func (l *lockstep) command(ctx context.Context, args ...string) error {
	if out, err := exec.CommandContext(ctx, l.binary, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("lockstep %s: %w: %s", args[0], err, bytes.TrimSpace(out))
	}
	return nil
}

func (l *lockstep) url(path string) string { return "http://" + l.listen + path }

func (l *lockstep) ready() error {
	code, body, err := get(l.url("/readyz"))
	if err == nil && code != http.StatusOK {
		err = fmt.Errorf("/readyz answers %d: %s", code, body)
	}
	return err
}

// status is the part of /api/status that the story looks at.
type status struct {
	Mappings []struct {
		Waiting   uint64 `json:"waiting"`
		UnderWay  uint64 `json:"under_way"`
		Conflicts uint64 `json:"conflicts"`
	} `json:"mappings"`
}

// waiting is how many changes are not handled yet; unread, how many of them
// nobody has looked at.
func (s status) waiting() (n uint64) {
	for _, m := range s.Mappings {
		n += m.Waiting + m.UnderWay
	}
	return n
}

func (s status) unread() (n uint64) {
	for _, m := range s.Mappings {
		n += m.Waiting
	}
	return n
}

func (s status) conflicts() (n uint64) {
	for _, m := range s.Mappings {
		n += m.Conflicts
	}
	return n
}

func (l *lockstep) status() (s status, err error) {
	code, body, err := get(l.url("/api/status"))
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

func (l *lockstep) statusText() string {
	_, body, err := get(l.url("/api/status"))
	if err != nil {
		return err.Error()
	}
	return string(bytes.TrimSpace(body))
}

// lastLines are the last n lines of its log.
func (l *lockstep) lastLines(n int) []string {
	text, err := os.ReadFile(l.log)
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
