// Command demo shows Lockstep at work and checks what it shows: a real
// PostgreSQL, a simulated HubSpot account with HubSpot's limits, and the real
// lockstep binary between them, on this machine and with nothing to sign up for.
//
//	go run ./testenv/demo
//
// At a terminal everything stays up afterwards, to play with, until Ctrl-C.
// Elsewhere it ends with exit code 0 if every check held. The last line counts
// them. It imports no product package: it sees what a user sees.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/lockstep-sync/lockstep/testenv/postgres"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	// A second Ctrl-C ends at once; the servers die with their parent.
	context.AfterFunc(ctx, func() { signal.Reset(os.Interrupt) })
	followGoRun(stop)
	version := flag.Int("postgres", 18, fmt.Sprintf("`version` of PostgreSQL, one of %v", postgres.Versions()))
	flag.Parse()
	code := run(ctx, *version)
	stop()
	os.Exit(code)
}

// run sets the stage, tells the story and clears the stage again. It returns
// the exit code.
func run(ctx context.Context, version int) int {
	r := newReport(os.Stdout)
	s, err := setStage(ctx, version, r)
	if err == nil {
		tell(ctx, s, r)
		if r.terminal && ctx.Err() == nil {
			invite(s, r)
			<-ctx.Done()
		}
	} else if ctx.Err() != nil {
		r.fail("the stage is set", errInterrupted)
	} else {
		r.fail("the stage is set", err)
		if s != nil && s.lockstep != nil {
			r.evidence(s.lockstep)
		}
	}
	if s != nil {
		if err := s.clear(); err != nil {
			r.fail("the stage is cleared", err)
		}
	}
	return r.verdict()
}

var errInterrupted = errors.New("it was interrupted")

// tell goes through the chapters. One that fails does not keep the next ones
// from being told: each brings its own records.
func tell(ctx context.Context, s *stage, r *report) {
	for i, ch := range story(!r.terminal) {
		r.title(i+1, ch.title)
		c := &chapter{ctx: ctx, stage: s, report: r}
		c.act(c.calm)
		ch.tell(c)
		if ctx.Err() != nil {
			r.fail("the story is told to its end", errInterrupted)
			return
		}
	}
}

// followGoRun ends the demo when "go run" has gone: a SIGTERM to it is not passed
// on, and its child would stay behind with all its servers.
func followGoRun(stop func()) {
	path, err := os.Executable()
	if err != nil || !strings.Contains(path, "go-build") {
		return // a shell that ends in peace must not end us
	}
	parent := os.Getppid()
	go func() {
		for range time.Tick(200 * time.Millisecond) {
			if os.Getppid() != parent {
				stop()
				return
			}
		}
	}()
}
