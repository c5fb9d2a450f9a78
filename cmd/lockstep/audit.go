package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/lockstep-sync/lockstep/bridge/journal"
)

func auditCommand() *cobra.Command {
	var c client
	var mapping, record, field, kind, since, until, limit string
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "What was decided and done, and why",
		Long: `Prints the audit, oldest first: every write with the values of both sides and where it
came from, conflicts with the rule and the winner, people's decisions, parked
records, deletions, changes of shape. With --record it is a record's whole history.

Kinds: carried, created, linked, conflict, one-way, review, chosen, frozen, merged,
delete carried, deleted, confirmed, rejected, restored, parked, resumed, waiting,
retried, dropped, replayed, fuse, truncated, drift, source, and a few more.

When no process answers, the data directory is read itself.`,
		Example: `  lockstep audit --mapping contacts --record 42
  lockstep audit --mapping contacts --kind conflict --since 24h
  lockstep audit --mapping contacts --record right:9001 --field phone --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			q := set(url.Values{}, "mapping", mapping, "field", field, "kind", kind, "since", since, "until", until, "limit", limit)
			setRecord(q, record)
			return c.printAudit(cmd, q)
		},
	}
	c.flags(cmd, false)
	cmd.Flags().StringVar(&mapping, "mapping", "", "only of this mapping")
	cmd.Flags().StringVar(&record, "record", "", "only of this record: 42, right:9001 or [\"eu\",\"42\"]")
	cmd.Flags().StringVar(&field, "field", "", "only of this field, by either side's name")
	cmd.Flags().StringVar(&kind, "kind", "", "only of this kind")
	cmd.Flags().StringVar(&since, "since", "", "from this time on, or for this long: 2026-01-31T15:00:00Z, 24h")
	cmd.Flags().StringVar(&until, "until", "", "before this time")
	cmd.Flags().StringVar(&limit, "limit", "", "only the newest so many")
	return cmd
}

// printAudit asks the running process, or reads the data directory where none
// answers, and prints a table or JSON lines.
func (c *client) printAudit(cmd *cobra.Command, q url.Values) error {
	out := cmd.OutOrStdout()
	data, err := c.raw(cmd, http.MethodGet, "/api/audit", q, nil)
	var exit *exitError
	if errors.As(err, &exit) && exit.code == exitFailed {
		var offErr error
		if data, offErr = c.readOffline(cmd.Context(), q); offErr != nil {
			return failed(fmt.Errorf("%w; and the data directory cannot be read: %w", err, offErr))
		}
	} else if err != nil {
		return err
	}
	if c.asJSON {
		_, err := out.Write(data)
		return failed(err)
	}
	return failed(printEntries(out, data))
}

// readOffline reads the audit of a data directory that no process uses.
func (c *client) readOffline(ctx context.Context, q url.Values) ([]byte, error) {
	cfg, err := c.load()
	if err != nil {
		return nil, err
	}
	if !journal.Exists(cfg.Data) {
		return nil, fmt.Errorf("%s holds no data of lockstep", cfg.Data)
	}
	j, err := openJournal(ctx, cfg, zerolog.Nop())
	if err != nil {
		return nil, err
	}
	var data bytes.Buffer
	err = readAudit(ctx, j, q, &data)
	return data.Bytes(), errors.Join(err, j.Close())
}

func readAudit(ctx context.Context, j archive, q url.Values, out io.Writer) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "/api/audit?"+q.Encode(), nil)
	if err != nil {
		return err
	}
	f, err := (&asked{Request: r, archive: j}).auditFilter()
	if err != nil {
		return err
	}
	enc := json.NewEncoder(out)
	return j.ReadAudit(ctx, f, func(e journal.AuditEntry) error { return enc.Encode(e) })
}

func printEntries(out io.Writer, data []byte) error {
	t := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "TIME\tMAPPING\tRECORD\tKIND\tFIELD\tLEFT\tRIGHT\tFROM\tRULE\tBY\tTEXT")
	d := json.NewDecoder(bytes.NewReader(data))
	n := 0
	for ; ; n++ {
		var e journal.AuditEntry
		if err := d.Decode(&e); err == io.EOF {
			break
		} else if err != nil {
			return fmt.Errorf("the answer is cut: %w", err)
		}
		printEntry(t, e)
	}
	if n == 0 {
		_, err := fmt.Fprintln(out, "the audit has no such entries")
		return err
	}
	return t.Flush()
}

// printEntry is one line, and one more for each further field that was carried.
func printEntry(t io.Writer, e journal.AuditEntry) {
	line := func(field, left, right, text string) {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", e.At.UTC().Format("2006-01-02T15:04:05.000Z"), e.Mapping, plainKey(e.Key), e.Kind, field, short(left), short(right),
			from(e), e.Rule, e.By, strings.ReplaceAll(text, "\n", " "))
	}
	if len(e.Values) == 0 {
		left, right := e.Left, e.Right
		if e.Field == "" { // keys
			left, right = plainKey(left), plainKey(right)
		}
		line(e.Field, left, right, e.Text)
		return
	}
	for _, v := range e.Values {
		line(v.Field, v.Left, v.Right, e.Text)
	}
}

// from says whose edit it was, or who won.
func from(e journal.AuditEntry) string {
	if e.Source != "" && e.Winner != "" {
		return e.Winner + " (" + e.Source + ")"
	}
	return e.Winner + e.Source
}
