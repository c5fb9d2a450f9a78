package main

import (
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/lockstep-sync/lockstep/bridge"
)

func replayCommand() *cobra.Command {
	var c client
	var o replayOrder
	var record string
	cmd := &cobra.Command{
		Use:   "replay MAPPING",
		Short: "Read both sides of records again, and merge them",
		Long: `Reads both sides of one record, of all parked ones, or of all that the audit speaks of
since a time, and merges what it finds as if it had just been told. Harmless to repeat.`,
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
			setRecord(q, record)
			o.Left, o.Right = q.Get("left"), q.Get("right")
			path := "/api/mappings/" + url.PathEscape(args[0]) + "/replay"
			if record != "" {
				var out bridge.Outcome
				if err := c.ask(cmd, http.MethodPost, path, nil, o, &out); err != nil {
					return err
				}
				return printOutcome(cmd.OutOrStdout(), out, c.asJSON)
			}
			if o.Parked == (o.Since != "") {
				return usage("say what to replay: --record, --parked or --since")
			}
			var t tally
			if err := c.ask(cmd, http.MethodPost, path, nil, o, &t); err != nil {
				return err
			}
			return tallied(cmd.OutOrStdout(), t, c.asJSON)
		},
	}
	c.flags(cmd, true)
	cmd.Flags().StringVar(&record, "record", "", "this record: 42, right:9001 or [\"eu\",\"42\"]")
	cmd.Flags().BoolVar(&o.Parked, "parked", false, "all parked records")
	cmd.Flags().StringVar(&o.Since, "since", "", "all that the audit speaks of since this time, or for this long (2h)")
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
			var out bridge.Outcome
			if err := c.ask(cmd, http.MethodPost, "/api/mappings/"+url.PathEscape(args[0])+"/resume", nil, map[string]string{"by": by}, &out); err != nil {
				return err
			}
			return printOutcome(cmd.OutOrStdout(), out, c.asJSON)
		},
	}
	c.flags(cmd, true)
	return cmd
}
