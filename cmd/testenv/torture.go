package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/lockstep-sync/lockstep/testenv/torture"
)

// errLost ends the program with exit code 1; what was lost is printed before.
var errLost = errors.New("torture found what must not be; see above")

func tortureCommand() *cobra.Command {
	var o torture.Options
	var file string
	var race bool
	cmd := &cobra.Command{
		Use:   "torture",
		Short: "Edit both sides at once, break everything around, and demand an account of every edit",
		Long: `Starts a real database, a simulated CRM and Lockstep between them; lets several
actors edit both sides while Lockstep is killed, the database crashes, the
network is cut and the vendor fails; then waits for rest and accounts for every
edit: it stands, was replaced by somebody who saw it, is the loser of a named
rule in the audit, or waits for a person. Both sides must hold the same, nothing
twice, and Lockstep may not have written more than the edits called for.

Exit code 0 when the account balances, 1 when not: then the story of each failure
is printed, with the seed that repeats the plan of the run.`,
		Example: `  testenv torture --for 60s --postgres 18 --hubspot
  testenv torture --for 10m --seed 7 --json result.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Seed == 0 {
				o.Seed = rand.Uint64() >> 1
			}
			if race {
				o.Flags = []string{"-race"}
			}
			o.Out = cmd.ErrOrStderr()
			fmt.Fprintf(o.Out, "seed %d\n", o.Seed)
			rep, err := torture.Run(cmd.Context(), o)
			if err != nil {
				return err
			}
			return reportTorture(cmd.OutOrStdout(), rep, file)
		},
	}
	cmd.Flags().DurationVar(&o.For, "for", time.Minute, "how long the actors edit")
	cmd.Flags().Uint64Var(&o.Seed, "seed", 0, "what the actors and the troubles do (default: a random one, printed)")
	cmd.Flags().IntVar(&o.Version, "postgres", 0, "`version` of PostgreSQL (default 15)")
	cmd.Flags().Bool("hubspot", true, "with a simulated HubSpot on the other side, the only vendor so far")
	cmd.Flags().BoolVar(&race, "race", false, "build Lockstep with the race detector")
	cmd.Flags().StringVar(&file, "json", "", "write the result to this `file`, - for stdout")
	return cmd
}

// reportTorture prints the account as a table, and as JSON where that is wanted.
func reportTorture(out io.Writer, rep *torture.Report, file string) error {
	data, err := json.MarshalIndent(rep, "", "  ")
	if err != nil {
		return err
	}
	switch file {
	case "-":
		fmt.Fprintln(out, string(data))
	case "":
	default:
		if err := os.WriteFile(file, append(data, '\n'), 0o644); err != nil {
			return fmt.Errorf("write --json: %w", err)
		}
	}
	if file != "-" {
		rep.Print(out)
	}
	if rep.Failed() {
		return errLost
	}
	return nil
}
