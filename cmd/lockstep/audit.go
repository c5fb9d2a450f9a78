package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/lockstep-sync/lockstep/bridge"
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
  lockstep audit --mapping contacts --record right:9001 --field phone --json
  lockstep audit --limit 20          # the newest`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			q := set(url.Values{}, "mapping", mapping, "field", field, "kind", kind, "since", since, "until", until, "limit", limit)
			if err := setRecord(q, record); err != nil {
				return err
			}
			return c.printAudit(cmd, q)
		},
	}
	c.flags(cmd, false)
	cmd.Flags().StringVar(&mapping, "mapping", "", "only of this mapping")
	cmd.Flags().StringVar(&record, "record", "", "only of this record: 42, right:9001 or [\"eu\",\"42\"]")
	cmd.Flags().StringVar(&field, "field", "", "only of this field, by either side's name")
	cmd.Flags().StringVar(&kind, "kind", "", "only of this kind")
	cmd.Flags().StringVar(&since, "since", "", "from this time on, or for this long: 2026-01-31T15:00:00Z, 24h")
	cmd.Flags().StringVar(&until, "until", "", "before this time, or this long ago")
	cmd.Flags().StringVar(&limit, "limit", "", "only the newest so many")
	return cmd
}

// printAudit prints entries as they come, in a table or as JSON lines.
func (c *client) printAudit(cmd *cobra.Command, q url.Values) error {
	if c.asJSON {
		enc := json.NewEncoder(cmd.OutOrStdout())
		return c.eachEntry(cmd, q, func(e journal.AuditEntry) error { return enc.Encode(e) })
	}
	const page = 500 // lines whose columns are made to fit each other
	n, t := 0, newTable(cmd.OutOrStdout(), "TIME", "MAPPING", "RECORD", "KIND", "FIELD", "LEFT", "RIGHT", "WINNER", "SOURCE", "RULE", "BY", "TEXT")
	err := c.eachEntry(cmd, q, func(e journal.AuditEntry) error {
		printEntry(t, e)
		if n++; n%page == 0 {
			return t.flush()
		}
		return nil
	})
	if err == nil && n == 0 {
		_, err = fmt.Fprintln(cmd.OutOrStdout(), "the audit has no such entries")
		return failed(err)
	}
	if n > 0 {
		err = errors.Join(err, t.flush())
	}
	return err
}

// eachEntry asks the running process, or reads the data directory where none
// answers. Errors of each are the printer's.
func (c *client) eachEntry(cmd *cobra.Command, q url.Values, each func(journal.AuditEntry) error) error {
	res, err := c.send(cmd.Context(), cmd, http.MethodGet, "/api/audit", q, nil)
	if errors.Is(err, errNobody) {
		offline := c.readOffline(cmd.Context(), q, each)
		if offline == nil || errors.Is(offline, bridge.ErrInvalid) {
			return problem(offline)
		}
		return &exitError{exitFailed, fmt.Errorf("%w; and the data directory cannot be read: %w", err, offline)}
	}
	if err != nil {
		return err
	}
	defer res.Body.Close()
	for d := json.NewDecoder(res.Body); ; {
		var line struct {
			journal.AuditEntry
			apiProblem
		}
		if err := d.Decode(&line); err == io.EOF {
			return nil
		} else if err != nil {
			return failed(fmt.Errorf("the answer is cut: %w", err))
		}
		if line.Error != "" {
			return refused(http.StatusServiceUnavailable, "", []byte(fmt.Sprintf(`{"error":%q,"remedy":%q}`, line.Error, line.Remedy)))
		}
		if err := each(line.AuditEntry); err != nil {
			return failed(err)
		}
	}
}

// readOffline reads the audit of a data directory that no process uses; it is
// taken meanwhile, so that none begins to.
func (c *client) readOffline(ctx context.Context, q url.Values, each func(journal.AuditEntry) error) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	if !journal.Exists(cfg.Data) {
		return fmt.Errorf("%s holds no data of lockstep", cfg.Data)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "/api/audit?"+q.Encode(), nil)
	if err != nil {
		return err
	}
	j, err := openJournal(ctx, cfg, zerolog.Nop())
	if err != nil {
		return err
	}
	f, err := (&asked{Request: r, archive: j}).auditFilter()
	if err == nil {
		err = j.ReadAudit(ctx, f, each)
	}
	return errors.Join(err, j.Close())
}

// printEntry is one line, and one more for each further field that was carried.
func printEntry(t *table, e journal.AuditEntry) {
	line := func(field, left, right, text string) {
		t.row(e.At.UTC().Format("2006-01-02T15:04:05.000Z"), e.Mapping, plainKey(e.Key), e.Kind, field, short(left), short(right), e.Winner, e.Source, e.Rule, e.By, text)
	}
	left, right := e.Left, e.Right
	if e.Field == "" { // keys
		left, right = plainKey(left), plainKey(right)
	}
	if len(e.Values) == 0 {
		line(e.Field, left, right, e.Text)
	}
	for _, v := range e.Values {
		line(v.Field, v.Left, v.Right, e.Text)
	}
}
