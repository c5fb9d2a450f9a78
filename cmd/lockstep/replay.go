package main

import (
	"net/url"

	"github.com/spf13/cobra"
)

func replayCommand() *cobra.Command {
	var c client
	var o replayOrder
	var record string
	cmd := &cobra.Command{
		Use:   "replay MAPPING",
		Short: "Read both sides of records again, and merge them",
		Long: `Reads both sides of one record, of all parked ones, or of all that changed or that the
audit speaks of since a time, and merges what it finds as if it had just been told.
Harmless to repeat.

Exit codes: 0 done · 1 nobody answers · 2 refused, or not found (of many: one of them) · 64 the
command line is wrong.`,
		Example: `  lockstep replay contacts --record 42
  lockstep replay contacts --parked
  lockstep replay contacts --since 2h`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if o.By, err = c.who(); err != nil {
				return err
			}
			q := url.Values{}
			if err := setRecord(q, record); err != nil {
				return err
			}
			o.Left, o.Right = q.Get("left"), q.Get("right")
			path, ways := "/api/mappings/"+url.PathEscape(args[0])+"/replay", 0
			for _, given := range []bool{record != "", o.Parked, o.Since != ""} {
				if given {
					ways++
				}
			}
			switch {
			case ways != 1:
				return usage("say what to replay: --record, --parked or --since, one of them")
			case record != "":
				return c.order(cmd, path, o)
			}
			return c.orders(cmd, path, o)
		},
	}
	c.flags(cmd, true)
	cmd.Flags().StringVar(&record, "record", "", "this record: 42, right:9001 or [\"eu\",\"42\"]")
	cmd.Flags().BoolVar(&o.Parked, "parked", false, "all parked records")
	cmd.Flags().StringVar(&o.Since, "since", "", "all that changed since this `TIME`, or for this long (2h)")
	return cmd
}

func resumeCommand() *cobra.Command {
	var c client
	cmd := &cobra.Command{
		Use:   "resume MAPPING",
		Short: "Let a mapping go on whose objects changed their shape",
		Long: `Accepts the shapes that both sides have now. What happened while the mapping stood still
is worked through; nothing of it was lost. lockstep status says what changed.`,
		Example: `  lockstep resume contacts`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			by, err := c.who()
			if err != nil {
				return err
			}
			return c.order(cmd, "/api/mappings/"+url.PathEscape(args[0])+"/resume", map[string]string{"by": by})
		},
	}
	c.flags(cmd, true)
	return cmd
}
