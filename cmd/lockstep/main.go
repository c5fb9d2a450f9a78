// Command lockstep keeps an operational database and SaaS systems in step, both
// ways, field by field. This package holds the command line and all wiring; what
// it wires knows nothing of configuration or flags.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit codes, for scripts.
const (
	exitOK      = 0
	exitFailed  = 1 // something went wrong while it ran
	exitProblem = 2 // the configuration or what it points to has to be changed by a person
	exitUsage   = 64
)

// exitError carries an exit code through cobra. An empty message prints nothing.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

func main() { os.Exit(run(os.Args[1:])) }

// run is main without the process: it returns the exit code.
func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return execute(ctx, args, os.Stdout, os.Stderr)
}

// execute runs one command line and returns its exit code.
func execute(ctx context.Context, args []string, out, errs io.Writer) int {
	root := rootCommand()
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errs)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	var exit *exitError
	if errors.As(err, &exit) {
		if text := exit.Error(); text != "" {
			fmt.Fprintln(errs, text)
		}
		return exit.code
	}
	fmt.Fprintln(errs, "lockstep:", err)
	fmt.Fprintln(errs, "see lockstep --help")
	return exitUsage
}

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "lockstep",
		Short: "Keep a database and SaaS systems in step, both ways, field by field",
		Long: `Lockstep keeps an operational database and SaaS systems in step, both ways,
field by field, within a second.

  lockstep check      find every problem of a configuration; touches nothing
  lockstep run        keep everything in step until SIGTERM
  lockstep status     what the running process is doing
  lockstep review     what waits for a person: conflicts, deletions, frozen fields
  lockstep parked     records that cannot go on by themselves
  lockstep replay     read both sides of records again, and merge them
  lockstep audit      what was decided and done, and why
  lockstep resume     let a mapping go on whose objects changed their shape
  lockstep uninstall  remove slot, publication and data directory

Exit codes: 0 done · 1 it failed while it ran · 2 the configuration, or what it
points to, has to be changed · 64 the command line is wrong.`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(runCommand(), checkCommand(), statusCommand(), reviewCommand(), parkedCommand(), replayCommand(), auditCommand(), resumeCommand(),
		uninstallCommand(), versionCommand())
	return root
}

// problem makes an error of the exit code 2.
func problem(err error) error {
	if err == nil {
		return nil
	}
	return &exitError{exitProblem, fmt.Errorf("lockstep: %w", err)}
}

// failed makes an error of the exit code 1.
func failed(err error) error {
	if err == nil {
		return nil
	}
	return &exitError{exitFailed, fmt.Errorf("lockstep: %w", err)}
}
