package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/lockstep-sync/lockstep/schemas/config"
)

func statusCommand() *cobra.Command {
	var s settings
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show what the running process is doing",
		Long: `Asks the process that serves --listen and prints what it is doing, as plain tables
or, with --json, as /api/status gives it.

Exit codes: 0 ready · 1 nobody answers there · 2 it runs and is not ready.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return showStatus(cmd, &s) },
	}
	s.flags(cmd, true)
	return cmd
}

func showStatus(cmd *cobra.Command, s *settings) error {
	addr := s.listen
	if addr == "" {
		addr = config.DefaultListen
		if cfg, err := s.load(); err == nil {
			addr = cfg.Listen
		} else if cmd.Flags().Changed("config") {
			return err
		}
	}
	data, err := fetchStatus(cmd.Context(), addr)
	if err != nil {
		return failed(fmt.Errorf("nobody answers on %s: %w: is lockstep running, and is --listen the same?", addr, err))
	}
	var r report
	if err := json.Unmarshal(data, &r); err != nil {
		return failed(fmt.Errorf("what answers on %s is not lockstep: %w", addr, err))
	}
	if s.asJSON {
		_, err = cmd.OutOrStdout().Write(data)
	} else {
		err = printStatus(cmd.OutOrStdout(), r)
	}
	if err != nil {
		return failed(err)
	}
	if !r.Ready {
		return &exitError{exitProblem, fmt.Errorf("lockstep is not ready")}
	}
	return nil
}

func fetchStatus(ctx context.Context, addr string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/api/status", nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answers %s", res.Status)
	}
	return io.ReadAll(io.LimitReader(res.Body, 16<<20))
}

func printStatus(out io.Writer, r report) error {
	ready := "ready"
	if !r.Ready {
		ready = "NOT READY"
	}
	fmt.Fprintf(out, "lockstep %s, %s, %s, up %s\n", r.Version, r.State, ready, time.Since(r.Started).Round(time.Second))
	t := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "\nSOURCE\tSTATE\tCHANGES\tLAG\tBEHIND\tCONFIRMED")
	for _, s := range r.Sources {
		fmt.Fprintf(t, "%s\t%s\t%d\t%.1f s\t%d B\t%s\n", s.Name, s.State, s.Changes, s.LagSeconds, s.BehindBytes, s.Confirmed)
	}
	fmt.Fprintln(t, "\nMAPPING\tSTATE\tLEFT\tRIGHT\tCHANGES\tWAITING\tUNDER WAY\tWRITTEN LEFT\tWRITTEN RIGHT\tCONFLICTS\tREVIEWS\tHELD\tPARKED")
	for _, m := range r.Mappings {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\n", m.Name, m.State, m.Left, m.Right, m.Changes, m.Waiting, m.UnderWay,
			total(m.LeftWrites), total(m.RightWrites), m.Conflicts, m.Reviews, m.Held, m.Parked)
	}
	fmt.Fprintln(t, "\nCONNECTION\tSTATE\tCALLS\tWRITES\tIN LINE\tPROBLEM")
	for _, c := range r.Connections {
		fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%d\t%s\n", c.Name, c.State, c.Calls, c.Writes, c.Waiting, inert(c.Problem))
	}
	if len(r.Parked) > 0 {
		fmt.Fprintln(t, "\nPARKED\tLEFT\tRIGHT\tSINCE\tWHY")
		for _, p := range r.Parked {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s: %s\n", p.Mapping, plainKey(p.Left), plainKey(p.Right), p.Since.Format(time.RFC3339), p.Kind, inert(p.Message))
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for i, p := range r.Problems {
		if i == 0 {
			fmt.Fprintln(out, "\nPROBLEMS")
		}
		fmt.Fprintln(out, "-", inert(p))
	}
	for i, n := range r.Notices {
		if i == 0 {
			fmt.Fprintln(out, "\nNOTICES")
		}
		fmt.Fprintln(out, "-", inert(n))
	}
	return nil
}

func total(counts map[string]uint64) (n uint64) {
	for _, v := range counts {
		n += v
	}
	return n
}
