package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/lockstep-sync/lockstep/bridge"
)

func reviewCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "review",
		Short: "What waits for a person: conflicts, deletions, frozen fields",
		Long: `Lists and settles what Lockstep leaves to a person:

  conflict  both sides edited a field whose rule is review
  merge     a field's merge expression failed
  breaker   a field went back and forth too often, and is frozen
  delete    a deletion waits (delete: confirm), or is one of a burst
  fuse      a burst of deletions: one decision for all of them

Everything else goes on meanwhile. Every decision is in the audit with its author.`,
	}
	cmd.AddCommand(reviewListCommand(), reviewShowCommand(), reviewChooseCommand())
	return cmd
}

func reviewListCommand() *cobra.Command {
	var c client
	var mapping, kind, field, record string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List what waits, oldest first",
		Example: `  lockstep review list
  lockstep review list --mapping contacts --kind conflict --field phone
  lockstep review list --record right:9001 --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			q := set(url.Values{}, "mapping", mapping, "kind", kind, "field", field)
			setRecord(q, record)
			var all []bridge.Review
			if err := c.ask(cmd, http.MethodGet, "/api/reviews", q, nil, &all); err != nil {
				return err
			}
			if c.asJSON {
				return lines(cmd.OutOrStdout(), all)
			}
			return failed(printReviews(cmd.OutOrStdout(), all))
		},
	}
	c.flags(cmd, false)
	cmd.Flags().StringVar(&mapping, "mapping", "", "only of this mapping")
	cmd.Flags().StringVar(&kind, "kind", "", "only conflict, merge, breaker, delete or fuse")
	cmd.Flags().StringVar(&field, "field", "", "only of this field, by either side's name")
	cmd.Flags().StringVar(&record, "record", "", "only of this record: 42, right:9001 or [\"eu\",\"42\"]")
	return cmd
}

func printReviews(out io.Writer, all []bridge.Review) error {
	if len(all) == 0 {
		_, err := fmt.Fprintln(out, "nothing waits for a person")
		return err
	}
	t := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "ID\tMAPPING\tKIND\tRECORD\tFIELD\tLEFT\tRIGHT\tSINCE\tWHY")
	for _, r := range all {
		record := plainKey(r.Left) + " = " + plainKey(r.Right)
		if r.Kind == "fuse" {
			record = fmt.Sprintf("%d held", r.Held)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.ID, r.Mapping, r.Kind, record, r.Field, short(r.LeftValue), short(r.RightValue), r.Since.Format(time.RFC3339), r.Message)
	}
	return t.Flush()
}

// short cuts a value for a table; show has all of it.
func short(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:39]) + "…"
	}
	return s
}

func reviewShowCommand() *cobra.Command {
	var c client
	cmd := &cobra.Command{
		Use:     "show ID",
		Short:   "Show one, with the field's history",
		Example: `  lockstep review show contacts.lQ946QX119IGMWlUyaLgM4w.9sr5q0SfA`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var r bridge.Review
			if err := c.ask(cmd, http.MethodGet, "/api/reviews/"+url.PathEscape(args[0]), nil, nil, &r); err != nil {
				return err
			}
			if c.asJSON {
				return lines(cmd.OutOrStdout(), []bridge.Review{r})
			}
			out := cmd.OutOrStdout()
			t := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
			for _, line := range [][2]string{{"id", r.ID}, {"mapping", r.Mapping}, {"kind", r.Kind}, {"left record", plainKey(r.Left)}, {"right record", plainKey(r.Right)}, {"field", r.Field},
				{"left value", valueAt(r.LeftValue, r.LeftAt)}, {"right value", valueAt(r.RightValue, r.RightAt)}, {"before", r.Base}, {"since", r.Since.Format(time.RFC3339)}, {"why", r.Message},
				{"choices", fmt.Sprint(r.Choices)}} {
				if line[1] != "" {
					fmt.Fprintf(t, "%s\t%s\n", line[0], line[1])
				}
			}
			if err := t.Flush(); err != nil || r.Left == "" {
				return failed(err)
			}
			fmt.Fprintln(out)
			return c.printAudit(cmd, set(url.Values{}, "mapping", r.Mapping, "left", r.Left, "field", r.Field))
		},
	}
	c.flags(cmd, false)
	return cmd
}

func valueAt(value string, at time.Time) string {
	if value == "" || at.IsZero() {
		return value
	}
	return value + "   (edited " + at.UTC().Format(time.RFC3339Nano) + ")"
}

func reviewChooseCommand() *cobra.Command {
	var c client
	var d decision
	var value string
	var null, all bool
	cmd := &cobra.Command{
		Use:   "choose [ID] left|right|value|confirm|reject",
		Short: "Decide one, or all that match",
		Long: `Decides a conflict (left, right, or value with --value), or a deletion (confirm, reject).
The value is given in the left side's form and goes to both sides. A rejected
deletion brings the record back. The same decision twice changes nothing; another
one later is refused.

Exit codes: 0 done · 1 nobody answers · 2 refused, or not found · 64 the command line is wrong.`,
		Example: `  lockstep review choose contacts.lQ946….9sr5q left
  lockstep review choose contacts.lQ946….9sr5q value --value "+1 555 0100"
  lockstep review choose --mapping contacts --kind conflict --field phone left --all
  lockstep review choose --mapping contacts --kind fuse reject --all`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if d.By, err = c.who(); err != nil {
				return err
			}
			d.Choice = args[len(args)-1]
			if cmd.Flags().Changed("value") {
				d.Value = &value
			}
			if (d.Choice == "value") != (d.Value != nil || null) {
				return usage("value goes with --value TEXT or --null, and nothing else does")
			}
			if len(args) == 2 {
				var out bridge.Outcome
				if err := c.ask(cmd, http.MethodPost, "/api/reviews/"+url.PathEscape(args[0]), nil, d, &out); err != nil {
					return err
				}
				return printOutcome(cmd.OutOrStdout(), out, c.asJSON)
			}
			if !all || d.Mapping == "" && d.Kind == "" {
				return usage("name one by its ID, or many by --mapping, --kind and --field together with --all")
			}
			var t tally
			if err := c.ask(cmd, http.MethodPost, "/api/reviews", nil, d, &t); err != nil {
				return err
			}
			return tallied(cmd.OutOrStdout(), t, c.asJSON)
		},
	}
	c.flags(cmd, true)
	cmd.Flags().StringVar(&d.Mapping, "mapping", "", "of many: those of this mapping")
	cmd.Flags().StringVar(&d.Kind, "kind", "", "of many: those of this kind")
	cmd.Flags().StringVar(&d.Field, "field", "", "of many: those of this field")
	cmd.Flags().StringVar(&value, "value", "", "the value for both sides, in the left side's form")
	cmd.Flags().BoolVar(&null, "null", false, "no value on both sides")
	cmd.Flags().BoolVar(&all, "all", false, "yes, all that match")
	return cmd
}

func usage(text string) error { return &exitError{exitUsage, errors.New("lockstep: " + text)} }

func printOutcome(out io.Writer, o bridge.Outcome, asJSON bool) error {
	if asJSON {
		return lines(out, []bridge.Outcome{o})
	}
	text := o.Done
	if o.Already {
		text = "nothing to do: " + text
	}
	if o.Records > 1 {
		text += fmt.Sprintf(" (%d records)", o.Records)
	}
	_, err := fmt.Fprintln(out, text)
	return failed(err)
}
