package main

import (
	"fmt"
	"net/http"
	"net/url"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/lockstep-sync/lockstep/bridge"
)

func parkedCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "parked",
		Short: "Records that cannot go on by themselves",
		Long: `A record is parked when a side refuses it for good, a value does not fit, or it waits
for another record. Its next change tries again by itself; retry tries now, and drop
gives up what it waits to write.`,
	}
	cmd.AddCommand(parkedListCommand(), parkedShowCommand(), parkedOrderCommand("retry", "Try again now"),
		parkedOrderCommand("drop", "Give up what waits to be written; it goes to the audit"))
	return cmd
}

func parkedListCommand() *cobra.Command {
	var c client
	var mapping, kind, record string
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List them, oldest first",
		Example: `  lockstep parked list --mapping contacts --kind rejected`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			q := set(url.Values{}, "mapping", mapping, "kind", kind)
			setRecord(q, record)
			var all []bridge.ParkedRecord
			if err := c.ask(cmd, http.MethodGet, "/api/parked", q, nil, &all); err != nil {
				return err
			}
			if c.asJSON {
				return lines(cmd.OutOrStdout(), all)
			}
			if len(all) == 0 {
				_, err := fmt.Fprintln(cmd.OutOrStdout(), "nothing is parked")
				return failed(err)
			}
			t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 4, 2, ' ', 0)
			fmt.Fprintln(t, "ID\tMAPPING\tKIND\tLEFT\tRIGHT\tFIELD\tSINCE\tWHY")
			for _, p := range all {
				fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", p.ID, p.Mapping, p.Kind, plainKey(p.Left), plainKey(p.Right), p.Field, p.Since.Format(time.RFC3339), p.Message)
			}
			return failed(t.Flush())
		},
	}
	c.flags(cmd, false)
	cmd.Flags().StringVar(&mapping, "mapping", "", "only of this mapping")
	cmd.Flags().StringVar(&kind, "kind", "", "only rejected, unmappable, unmatched, ambiguous or waiting")
	cmd.Flags().StringVar(&record, "record", "", "only this record: 42, right:9001 or [\"eu\",\"42\"]")
	return cmd
}

func parkedShowCommand() *cobra.Command {
	var c client
	cmd := &cobra.Command{
		Use:     "show ID",
		Short:   "Show what is known of one: both sides, and its history",
		Example: `  lockstep parked show contacts.lQ946QX119IGMWlUyaLgM4w`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var all []bridge.ParkedRecord
			if err := c.ask(cmd, http.MethodGet, "/api/parked", nil, nil, &all); err != nil {
				return err
			}
			for _, p := range all {
				if p.ID == args[0] {
					return c.showParked(cmd, p)
				}
			}
			return &exitError{exitProblem, fmt.Errorf("lockstep: nothing is parked as %s: it went on, or was dropped", args[0])}
		},
	}
	c.flags(cmd, false)
	return cmd
}

func (c *client) showParked(cmd *cobra.Command, p bridge.ParkedRecord) error {
	out := cmd.OutOrStdout()
	if c.asJSON {
		return lines(out, []bridge.ParkedRecord{p})
	}
	fmt.Fprintf(out, "%s: %s, since %s\n%s\n\n", p.ID, p.Kind, p.Since.Format(time.RFC3339), p.Message)
	key := [2]string{"left", p.Left}
	if p.Left == "" {
		key = [2]string{"right", p.Right}
	}
	var s bridge.RecordState
	err := c.ask(cmd, http.MethodGet, "/api/mappings/"+url.PathEscape(p.Mapping)+"/records", set(url.Values{}, key[0], key[1]), nil, &s)
	if err == nil {
		t := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
		fmt.Fprintln(t, "FIELD\tLEFT\tRIGHT\tPENDING")
		for _, f := range s.Fields {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", f.Field, short(f.Left), short(f.Right), f.Pending)
		}
		if err := t.Flush(); err != nil {
			return failed(err)
		}
		fmt.Fprintln(out)
	}
	return c.printAudit(cmd, set(url.Values{}, "mapping", p.Mapping, key[0], key[1]))
}

func parkedOrderCommand(order, what string) *cobra.Command {
	var c client
	var o parkedOrder
	var all bool
	cmd := &cobra.Command{
		Use:   order + " [ID]",
		Short: what,
		Example: fmt.Sprintf(`  lockstep parked %s contacts.lQ946QX119IGMWlUyaLgM4w
  lockstep parked %s --mapping contacts --kind rejected --all`, order, order),
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if o.By, err = c.who(); err != nil {
				return err
			}
			if len(args) == 1 {
				var out bridge.Outcome
				if err := c.ask(cmd, http.MethodPost, "/api/parked/"+url.PathEscape(args[0])+"/"+order, nil, o, &out); err != nil {
					return err
				}
				return printOutcome(cmd.OutOrStdout(), out, c.asJSON)
			}
			if !all || o.Mapping == "" {
				return usage("name one by its ID, or many by --mapping and --kind together with --all")
			}
			o.Order = order
			var t tally
			if err := c.ask(cmd, http.MethodPost, "/api/parked", nil, o, &t); err != nil {
				return err
			}
			return tallied(cmd.OutOrStdout(), t, c.asJSON)
		},
	}
	c.flags(cmd, true)
	cmd.Flags().StringVar(&o.Mapping, "mapping", "", "of many: those of this mapping")
	cmd.Flags().StringVar(&o.Kind, "kind", "", "of many: those of this kind")
	cmd.Flags().BoolVar(&all, "all", false, "yes, all that match")
	return cmd
}
