package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/lockstep-sync/lockstep/testenv"
)

// asCommand makes the test binary the command itself.
const asCommand = "LOCKSTEP_TEST_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
		return
	}
	testenv.Main(m)
}

func TestUp(t *testing.T) {
	t.Parallel()
	t.Run("it says where the servers are and SIGTERM leaves nothing behind", func(t *testing.T) {
		t.Parallel()
		dir := filepath.Join(t.TempDir(), "data")
		r := launch(t, "up", "--postgres", "18", "--hubspot", "--dir", dir)
		line := r.line(t)
		if got := value(t, line["postgres"].URL, `SHOW server_version_num`); !strings.HasPrefix(got, "18") {
			t.Errorf("server_version_num = %s, want 18…", got)
		}
		crm := line["hubspot"]
		if crm.Token == "" || crm.WebhookSecret == "" || crm.AppID == "" {
			t.Errorf("hubspot = %+v, want all of it", crm)
		}
		if status := get(t, crm.URL+"/crm/v3/objects/contacts", crm.Token); status != http.StatusOK {
			t.Errorf("contacts with the token: status %d, want 200", status)
		}
		server := serverPID(t, dir)
		r.stop(t, syscall.SIGTERM)
		if testenv.Alive(server) {
			t.Error("PostgreSQL runs on after SIGTERM")
		}
		if rest := r.rest(); rest != "" {
			t.Errorf("stdout after the line: %q, want nothing", rest)
		}
	})
	t.Run("the same directory brings data, addresses and secrets back", func(t *testing.T) {
		t.Parallel()
		args := []string{"up", "--postgres", "--hubspot", "--dir", filepath.Join(t.TempDir(), "data")}
		first := launch(t, args...)
		before := first.line(t)
		value(t, before["postgres"].URL, `CREATE TABLE kept AS SELECT 7 AS n`)
		first.stop(t, os.Interrupt)

		second := launch(t, args...)
		after := second.line(t)
		if !reflect.DeepEqual(after, before) {
			t.Errorf("after the restart %+v, want %+v", after, before)
		}
		if got := value(t, after["postgres"].URL, `SELECT n::text FROM kept`); got != "7" {
			t.Errorf("row after the restart = %s, want 7", got)
		}
		second.stop(t, syscall.SIGTERM)
	})
	t.Run("servers of one kind are numbered, and take the secrets they are given", func(t *testing.T) {
		t.Parallel()
		r := launch(t, "up", "--postgres=14", "--postgres", "--hubspot=2", "--hubspot-token", "pat-1", "--hubspot-app-id", "77")
		line := r.line(t)
		for name, want := range map[string]string{"postgres": "14", "postgres2": "15"} {
			if got := value(t, line[name].URL, `SHOW server_version_num`); !strings.HasPrefix(got, want) {
				t.Errorf("%s: server_version_num = %s, want %s…", name, got, want)
			}
		}
		if line["hubspot"].URL == line["hubspot2"].URL {
			t.Errorf("both accounts are at %s", line["hubspot"].URL)
		}
		for _, name := range []string{"hubspot", "hubspot2"} {
			if line[name].Token != "pat-1" || line[name].AppID != "77" {
				t.Errorf("%s = %+v, want token pat-1 and app 77", name, line[name])
			}
		}
		if len(line) != 4 {
			t.Errorf("%d servers, want 4", len(line))
		}
		r.stop(t, syscall.SIGTERM)
	})
	t.Run("SIGKILL takes the servers along", func(t *testing.T) {
		t.Parallel()
		dir := filepath.Join(t.TempDir(), "data")
		r := launch(t, "up", "--postgres", "--dir", dir)
		r.line(t)
		server := serverPID(t, dir)
		if err := r.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		gone(t, server)
	})
	for name, signal := range map[string]func(*exec.Cmd) error{
		"go run alone":              func(c *exec.Cmd) error { return syscall.Kill(c.Process.Pid, syscall.SIGTERM) },
		"the process group":         func(c *exec.Cmd) error { return syscall.Kill(-c.Process.Pid, syscall.SIGTERM) },
		"the group, as Ctrl-C does": func(c *exec.Cmd) error { return syscall.Kill(-c.Process.Pid, syscall.SIGINT) },
	} {
		t.Run("under go run, a signal to "+name+" stops the servers in order", func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "data")
			cmd := exec.Command("go", "run", ".", "up", "--postgres", "--dir", dir)
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			r := run(t, cmd)
			r.line(t)
			server := serverPID(t, dir)
			if err := signal(cmd); err != nil {
				t.Fatal(err)
			}
			gone(t, server)
			if _, err := os.Stat(filepath.Join(dir, "postgres", "data", "postmaster.pid")); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("postmaster.pid: %v, want it removed", err)
			}
			log, err := os.ReadFile(filepath.Join(dir, "postgres", "log"))
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(log), "received fast shutdown request") {
				t.Errorf("PostgreSQL was not shut down in order; its log:\n%s", log)
			}
		})
	}
	t.Run("a directory in use is refused", func(t *testing.T) {
		t.Parallel()
		dir := filepath.Join(t.TempDir(), "data")
		r := launch(t, "up", "--hubspot", "--dir", dir)
		r.line(t)
		refused(t, "another testenv runs on "+dir, "up", "--hubspot", "--dir", dir)
		r.stop(t, syscall.SIGTERM)
	})
	t.Run("what cannot be started is refused with what can", func(t *testing.T) {
		t.Parallel()
		refused(t, "nothing to start", "up")
		refused(t, "want one of 14 15 16 17 18", "up", "--postgres", "9")
		refused(t, "want how many", "up", "--hubspot=none")
	})
}

func TestJoinValues(t *testing.T) {
	t.Parallel()
	got := joinValues(strings.Fields("up --postgres 18 --hubspot --dir D --postgres --hubspot 2 -- --postgres 3"), "postgres", "hubspot")
	want := strings.Fields("up --postgres=18 --hubspot --dir D --postgres --hubspot=2 -- --postgres 3")
	if !reflect.DeepEqual(got, want) {
		t.Errorf("joined %q, want %q", got, want)
	}
}

// facts are what the JSON line may say of a server.
type facts struct {
	URL           string `json:"url"`
	Token         string `json:"token"`
	WebhookSecret string `json:"webhook_secret"`
	AppID         string `json:"app_id"`
}

// running is a started command.
type running struct {
	cmd    *exec.Cmd
	out    *bufio.Reader
	stderr lockedBuffer
}

func launch(t *testing.T, args ...string) *running {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), asCommand+"=1")
	return run(t, cmd)
}

func run(t *testing.T, cmd *exec.Cmd) *running {
	t.Helper()
	r := &running{cmd: cmd}
	cmd.Stderr = &r.stderr
	cmd.WaitDelay = 20 * time.Second // go run's child holds the pipes a little longer
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	r.out = bufio.NewReader(out)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
		if t.Failed() {
			t.Logf("stderr:\n%s", r.stderr.String())
		}
	})
	return r
}

// line reads the JSON line.
func (r *running) line(t *testing.T) map[string]facts {
	t.Helper()
	text, err := r.out.ReadString('\n')
	if err != nil {
		t.Fatalf("read the line: %v; stderr:\n%s", err, r.stderr.String())
	}
	var line map[string]facts
	if err := json.Unmarshal([]byte(text), &line); err != nil {
		t.Fatalf("the line %q: %v", text, err)
	}
	return line
}

func (r *running) rest() string {
	var b bytes.Buffer
	_, _ = r.out.WriteTo(&b)
	return b.String()
}

// stop signals the command and expects exit code 0.
func (r *running) stop(t *testing.T, sig os.Signal) {
	t.Helper()
	if err := r.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
	if err := r.cmd.Wait(); err != nil {
		t.Fatalf("after %v: %v, want exit code 0; stderr:\n%s", sig, err, r.stderr.String())
	}
}

// refused expects the command to fail and say so.
func refused(t *testing.T, want string, args ...string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), asCommand+"=1")
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), want) {
		t.Errorf("%s: %v, %q, want a failure with %q", strings.Join(args, " "), err, out, want)
	}
}

func serverPID(t *testing.T, dir string) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "postgres", "data", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

func gone(t *testing.T, pid int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	err := testenv.Until(ctx, fmt.Sprintf("the end of process %d", pid), func() (bool, error) { return !testenv.Alive(pid), nil })
	if err != nil {
		t.Fatal(err)
	}
}

func value(t *testing.T, url, sql string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(ctx)
	rows, err := c.Query(ctx, sql)
	if err != nil {
		t.Fatal(err)
	}
	var got string
	for rows.Next() {
		if err := rows.Scan(&got); err != nil {
			t.Fatal(err)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return got
}

func get(t *testing.T, url, token string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	return answer.StatusCode
}

// lockedBuffer takes a command's stderr while the test reads it.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
