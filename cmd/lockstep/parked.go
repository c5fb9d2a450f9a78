package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
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
			if err := setRecord(q, record); err != nil {
				return err
			}
			var all []bridge.ParkedRecord
			if err := c.ask(cmd, http.MethodGet, "/api/parked", q, nil, &all); err != nil {
				return err
			}
			if c.asJSON {
				return lines(cmd.OutOrStdout(), all...)
			}
			if len(all) == 0 {
				_, err := fmt.Fprintln(cmd.OutOrStdout(), "nothing is parked")
				return failed(err)
			}
			t := newTable(cmd.OutOrStdout(), "ID", "MAPPING", "KIND", "LEFT", "RIGHT", "FIELD", "SINCE", "WHY")
			for _, p := range all {
				t.row(p.ID, p.Mapping, p.Kind, plainKey(p.Left), plainKey(p.Right), p.Field, p.Since.UTC().Format(time.RFC3339), p.Message)
			}
			return failed(t.flush())
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
			var p bridge.ParkedRecord
			if err := c.ask(cmd, http.MethodGet, "/api/parked/"+url.PathEscape(args[0]), nil, nil, &p); err != nil {
				return err
			}
			return c.showParked(cmd, p)
		},
	}
	c.flags(cmd, false)
	return cmd
}

func (c *client) showParked(cmd *cobra.Command, p bridge.ParkedRecord) error {
	out := cmd.OutOrStdout()
	if c.asJSON {
		return lines(out, p)
	}
	fmt.Fprintf(out, "%s: %s, since %s\n%s\n\n", p.ID, p.Kind, p.Since.UTC().Format(time.RFC3339), inert(p.Message))
	key := [2]string{"left", p.Left}
	if p.Left == "" {
		key = [2]string{"right", p.Right}
	}
	var s bridge.RecordState
	err := c.ask(cmd, http.MethodGet, "/api/mappings/"+url.PathEscape(p.Mapping)+"/records", set(url.Values{}, key[0], key[1]), nil, &s)
	var exit *exitError
	switch {
	case err == nil:
		t := newTable(out, "FIELD", "LEFT", "RIGHT", "PENDING")
		for _, f := range s.Fields {
			t.row(f.Field, short(f.Left), short(f.Right), f.Pending)
		}
		if err := t.flush(); err != nil {
			return failed(err)
		}
		fmt.Fprintln(out)
	case errors.As(err, &exit) && exit.code == exitProblem: // a record that was never linked is in no pair
	default:
		return err
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
			switch {
			case len(args) == 1 && (all || o.Mapping != "" || o.Kind != ""):
				return usage("name one by its ID, or many by --mapping and --kind together with --all, not both")
			case len(args) == 1:
				return c.order(cmd, "/api/parked/"+url.PathEscape(args[0])+"/"+order, o)
			case !all || o.Mapping == "":
				return usage("name one by its ID, or many by --mapping (and --kind) together with --all")
			}
			o.Order = order
			return c.orders(cmd, "/api/parked", o)
		},
	}
	c.flags(cmd, true)
	cmd.Flags().StringVar(&o.Mapping, "mapping", "", "of many: those of this mapping")
	cmd.Flags().StringVar(&o.Kind, "kind", "", "of many: those of this kind")
	cmd.Flags().BoolVar(&all, "all", false, "yes, all that match")
	return cmd
}
