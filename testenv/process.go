package testenv

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// Command is a server to be started.
type Command struct {
	Path string   // the program
	Args []string // without the program's name
	Dir  string   // working directory; "" is the caller's
	Env  []string // the whole environment, as in exec.Cmd
	User *User    // who runs it; nil is the caller
	Log  string   // file that takes both outputs, appended to

	// Orphaned is the signal that the server gets when this process dies. Zero
	// is SIGKILL. Linux only.
	Orphaned syscall.Signal
}

// Process is a running server. Its methods are safe for concurrent use.
type Process struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error // set before done is closed
}

// StartProcess starts the command in a process group of its own, so that a
// Ctrl-C at the terminal reaches the caller alone and shutdown keeps its order.
// The caller ends it with Stop or Kill.
func StartProcess(c Command) (*Process, error) {
	log, err := os.OpenFile(c.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open server log: %w", err)
	}
	defer log.Close() // the server has its own descriptor by then

	cmd := exec.Command(c.Path, c.Args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = c.Dir, c.Env, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if c.Orphaned == 0 {
		c.Orphaned = syscall.SIGKILL
	}
	dieWithParent(cmd.SysProcAttr, c.Orphaned)
	if c.User != nil {
		cmd.SysProcAttr.Credential = c.User.credential()
	}
	if err := startOnParentThread(cmd); err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Path, err)
	}

	p := &Process{cmd: cmd, done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// parentThread runs functions on one thread that lives as long as the process.
// Linux signals an orphan when the thread that forked it ends, so a server must
// not be forked from a thread that Go may end earlier.
var parentThread = sync.OnceValue(func() chan<- func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		for f := range work {
			f()
		}
	}()
	return work
})

func startOnParentThread(cmd *exec.Cmd) error {
	started := make(chan error)
	parentThread() <- func() { started <- cmd.Start() }
	return <-started
}

// PID is the server's process id, also after it has ended.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the server has ended and has been waited for.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err tells how the server ended. It is nil while the server runs.
func (p *Process) Err() error {
	select {
	case <-p.done:
		return p.err
	default:
		return nil
	}
}

// Signal sends the server a signal. A server that has ended is no error.
func (p *Process) Signal(sig syscall.Signal) error {
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signal %v to process %d: %w", sig, p.PID(), err)
	}
	return nil
}

// Stop sends the signals one after the other, each with the given patience,
// until the server has ended; at last it kills it together with its children.
func (p *Process) Stop(patience time.Duration, signals ...syscall.Signal) error {
	for _, sig := range signals {
		if err := p.Signal(sig); err != nil {
			return err
		}
		timer := time.NewTimer(patience)
		select {
		case <-p.done:
			timer.Stop()
			return nil
		case <-timer.C:
		}
	}
	return p.Kill()
}

// Kill ends the server and its children at once, as a crash does, and returns
// when all of them are gone.
func (p *Process) Kill() error {
	// Halted first, the server cannot fork another child behind the list's back.
	if err := p.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	children := descendants(p.PID())
	if err := p.Signal(syscall.SIGKILL); err != nil {
		return err
	}
	for _, pid := range children {
		_ = syscall.Kill(pid, syscall.SIGKILL) // already gone is what we want
	}
	<-p.done
	return waitGone(children, 10*time.Second)
}

func waitGone(pids []int, patience time.Duration) error {
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for _, pid := range pids {
		for Alive(pid) {
			if time.Now().After(deadline) {
				return fmt.Errorf("process %d is still there %v after SIGKILL", pid, patience)
			}
			<-tick.C
		}
	}
	return nil
}
