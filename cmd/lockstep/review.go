package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lockstep-sync/lockstep/bridge"
	"github.com/lockstep-sync/lockstep/bridge/merge"
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
			if err := setRecord(q, record); err != nil {
				return err
			}
			var all []bridge.Review
			if err := c.ask(cmd, http.MethodGet, "/api/reviews", q, nil, &all); err != nil {
				return err
			}
			if c.asJSON {
				return lines(cmd.OutOrStdout(), all...)
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
	t := newTable(out, "ID", "MAPPING", "KIND", "RECORD", "FIELD", "LEFT", "RIGHT", "SINCE", "WHY")
	for _, r := range all {
		record := plainKey(r.Left) + " = " + plainKey(r.Right)
		if r.Kind == "fuse" {
			record = fmt.Sprintf("%d held", r.Held)
		}
		t.row(r.ID, r.Mapping, r.Kind, record, r.Field, short(r.LeftValue), short(r.RightValue), r.Since.UTC().Format(time.RFC3339), r.Message)
	}
	return t.flush()
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
				return lines(cmd.OutOrStdout(), r)
			}
			return c.showReview(cmd, r)
		},
	}
	c.flags(cmd, false)
	return cmd
}

func (c *client) showReview(cmd *cobra.Command, r bridge.Review) error {
	out := cmd.OutOrStdout()
	t := newTable(out)
	for _, line := range [][2]string{{"id", r.ID}, {"mapping", r.Mapping}, {"kind", r.Kind}, {"left record", plainKey(r.Left)}, {"right record", plainKey(r.Right)}, {"field", r.Field},
		{"left value", valueAt(r.LeftValue, r.LeftAt)}, {"right value", valueAt(r.RightValue, r.RightAt)}, {"before", r.Base}, {"since", r.Since.UTC().Format(time.RFC3339)}, {"why", r.Message},
		{"held", held(r.Held)}, {"choices", strings.Join(r.Choices, ", ")}} {
		if line[1] != "" {
			t.row(line[:]...)
		}
	}
	if err := t.flush(); err != nil || r.Left == "" {
		return failed(err)
	}
	fmt.Fprintln(out)
	return c.printAudit(cmd, set(url.Values{}, "mapping", r.Mapping, "left", r.Left, "field", r.Field))
}

func held(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%d deletions", n)
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

Exit codes: 0 done · 1 nobody answers · 2 refused, or not found (of many: one of them) · 64 the
command line is wrong.`,
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
			if d.Value, err = givenValue(cmd, d.Choice, value, null); err != nil {
				return err
			}
			many := d.Mapping != "" || d.Kind != "" || d.Field != ""
			switch {
			case len(args) == 2 && (many || all):
				return usage("name one by its ID, or many by --mapping, --kind and --field together with --all, not both")
			case len(args) == 2:
				return c.order(cmd, "/api/reviews/"+url.PathEscape(args[0]), d)
			case !all || d.Mapping == "" && d.Kind == "":
				return usage("name one by its ID, or many by --mapping or --kind (and --field) together with --all")
			}
			return c.orders(cmd, "/api/reviews", d)
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

// givenValue is the value that goes with a choice, nil where none does.
func givenValue(cmd *cobra.Command, choice, value string, null bool) (json.RawMessage, error) {
	given := cmd.Flags().Changed("value")
	switch {
	case !slices.Contains([]string{merge.ChooseLeft, merge.ChooseRight, merge.ChooseValue, bridge.ChoiceConfirm, bridge.ChoiceReject}, choice):
		return nil, usage(fmt.Sprintf("%q is no choice: left, right or value for a field, confirm or reject for deletions", choice))
	case choice != merge.ChooseValue && (given || null), choice == merge.ChooseValue && given == null:
		return nil, usage("the choice value, and no other, goes with either --value TEXT or --null")
	case null:
		return json.RawMessage("null"), nil
	case given:
		return json.Marshal(value)
	}
	return nil, nil
}
