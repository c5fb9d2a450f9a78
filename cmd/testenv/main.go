// Command testenv runs real databases and simulated SaaS accounts on this
// machine, for trying Lockstep out and for testing it from outside.
//
//	testenv up --postgres 18 --hubspot --dir ./data
//
// starts them on free loopback ports and prints one line of JSON when all of
// them are ready. It needs no container engine and no root.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	followGoRun()
	// A second Ctrl-C ends at once; the servers die with their parent. A second
	// SIGTERM does not: one to the process group of "go run" arrives twice.
	context.AfterFunc(ctx, func() { signal.Reset(os.Interrupt) })

	root := command()
	root.SetArgs(joinValues(os.Args[1:], kindNames()...))
	if err := root.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "testenv:", err)
		stop()
		os.Exit(1)
	}
}

func command() *cobra.Command {
	root := &cobra.Command{
		Use:           "testenv",
		Short:         "Real databases and simulated SaaS accounts on this machine",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(upCommand(), tortureCommand())
	return root
}
