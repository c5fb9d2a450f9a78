package testenv_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/testenv"
)

// asParent makes the test binary a parent that starts a process and waits.
const asParent = "LOCKSTEP_TEST_PARENT"

func TestMain(m *testing.M) {
	if log := os.Getenv(asParent); log != "" {
		if err := parent(log); err != nil {
			fmt.Println(err)
		}
		return
	}
	testenv.Main(m)
}

func parent(log string) error {
	scratch, err := testenv.NewScratch()
	if err != nil {
		return err
	}
	p, err := testenv.StartProcess(testenv.Command{Path: "/bin/sh", Args: []string{"-c", "exec sleep 600"}, Log: log})
	if err != nil {
		return err
	}
	fmt.Println(p.PID(), scratch.Path)
	<-p.Done()
	return nil
}

func TestWhatAKilledParentLeaves(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), asParent+"="+filepath.Join(t.TempDir(), "log"))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	number, dir, _ := strings.Cut(strings.TrimSpace(line), " ")
	child, err := strconv.Atoi(number)
	if err != nil {
		t.Fatalf("the parent said %q, want a process id and a directory", line)
	}
	if !testenv.Alive(child) {
		t.Fatal("the server is not running before its parent dies")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed

	until(t, "the server to follow its parent", func() bool { return !testenv.Alive(child) })
	scratch, err := testenv.NewScratch()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the killed parent's directory: %v, want it swept by the next", err)
	}
	if err := scratch.Remove(); err != nil {
		t.Error(err)
	}
}

func TestKillTakesTheChildrenAlong(t *testing.T) {
	t.Parallel()
	pids := filepath.Join(t.TempDir(), "pids")
	// The grandchild leaves the process group, as PostgreSQL's children do.
	p, err := testenv.StartProcess(testenv.Command{
		Path: "/bin/sh",
		Args: []string{"-c", `setsid sh -c 'echo $$ > "$0"; exec sleep 600' "$0" & wait`, pids},
		Log:  filepath.Join(t.TempDir(), "log"),
	})
	if err != nil {
		t.Fatal(err)
	}
	var child int
	until(t, "the child's process id", func() bool {
		text, _ := os.ReadFile(pids)
		child, err = strconv.Atoi(strings.TrimSpace(string(text)))
		return err == nil
	})
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	for _, pid := range []int{p.PID(), child} {
		if testenv.Alive(pid) {
			t.Errorf("process %d is alive after Kill", pid)
		}
	}
}

func TestStopLosesPatience(t *testing.T) {
	t.Parallel()
	ready := filepath.Join(t.TempDir(), "ready")
	p, err := testenv.StartProcess(testenv.Command{
		Path: "/bin/sh",
		Args: []string{"-c", `trap '' TERM; : > "$0"; while :; do sleep 0.05; done`, ready},
		Log:  filepath.Join(t.TempDir(), "log"),
	})
	if err != nil {
		t.Fatal(err)
	}
	until(t, "the process to ignore SIGTERM", func() bool { _, err := os.Stat(ready); return err == nil })
	if err := p.Stop(50*time.Millisecond, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if testenv.Alive(p.PID()) {
		t.Error("the process is alive after Stop")
	}
}

func TestLock(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	held, err := testenv.TryLock(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := testenv.TryLock(path); !errors.Is(err, testenv.ErrLocked) {
		t.Errorf("second holder: %v, want %v", err, testenv.ErrLocked)
	}
	done := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		_, err := testenv.WaitLock(ctx, path)
		done <- err
	}()
	held.Release()
	if err := <-done; err != nil {
		t.Errorf("waiting holder: %v", err)
	}
}

func TestFreePortGivesNoPortTwice(t *testing.T) {
	t.Parallel()
	seen := map[int]bool{}
	for range 200 {
		port, err := testenv.FreePort()
		if err != nil {
			t.Fatal(err)
		}
		if seen[port] {
			t.Fatalf("port %d was given twice", port)
		}
		seen[port] = true
	}
}

func until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := testenv.Until(ctx, what, func() (bool, error) { return condition(), nil }); err != nil {
		t.Fatal(err)
	}
}
