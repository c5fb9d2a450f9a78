package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/schemas/config"
)

func asExit(err error, exit **exitError) bool { return errors.As(err, exit) }

// checkReport is what check prints with --json.
type checkReport struct {
	OK       bool             `json:"ok"`
	Problems config.Problems  `json:"problems"`
	Mappings []checkedMapping `json:"mappings"`
}

type checkedMapping struct {
	Name     string             `json:"name"`
	Left     string             `json:"left"`
	Right    string             `json:"right"`
	Fields   int                `json:"fields"`
	Guard    string             `json:"guard"` // of writes to the left and to the right
	Warnings []string           `json:"warnings,omitempty"`
	Sampled  map[string]sampled `json:"sampled"`           // by side
	Failing  []trial            `json:"failing,omitempty"` // fields with live values that do not come back, or do not arrive
}

func checkCommand() *cobra.Command {
	var s settings
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Find every problem of a configuration; touches nothing",
		Long: `Reads the configuration, asks both sides of every mapping for their shapes, checks
names, types, expressions, privileges and the database's settings, and prints all
that is wrong at once, each with file, line and remedy. It then converts up to 200
live records of each side to the other and back, and lists the values that do not
come back as they went. It changes nothing anywhere.

Exit codes: 0 all is well · 1 a connection cannot be asked now · 2 problems.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return check(cmd, &s) },
	}
	s.flags(cmd, false)
	return cmd
}

func check(cmd *cobra.Command, s *settings) error {
	out := cmd.OutOrStdout()
	cfg, err := s.load()
	var problems config.Problems
	if err != nil && (!errors.As(err, &problems) || !s.asJSON) {
		return err
	}
	rep := checkReport{Problems: problems, Mappings: []checkedMapping{}}
	if err == nil {
		ctx, cancel := context.WithTimeout(cmd.Context(), time.Minute)
		defer cancel()
		if rep, err = examine(ctx, cfg); err != nil {
			return failed(err)
		}
	}
	rep.OK = len(rep.Problems) == 0
	if s.asJSON {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		if err := enc.Encode(rep); err != nil {
			return failed(err)
		}
	} else {
		printCheck(cmd, rep)
	}
	if !rep.OK {
		return &exitError{exitProblem, errors.New("")}
	}
	return nil
}

func examine(ctx context.Context, cfg *config.Config) (checkReport, error) {
	rep := checkReport{Problems: config.Problems{}, Mappings: []checkedMapping{}}
	connections, err := openSides(cfg, zerolog.Nop())
	if err != nil {
		return rep, err
	}
	defer connections.close()
	mappings, problems, err := compileMappings(ctx, cfg, connections)
	if err != nil {
		return rep, err
	}
	rep.Problems = append(rep.Problems, problems...)
	found, err := checkDatabases(ctx, cfg, wants(cfg, mappings), nil)
	if err != nil {
		return rep, err
	}
	rep.Problems = append(rep.Problems, found...)
	rep.Problems.Sort()
	for _, m := range mappings {
		one := checkedMapping{Name: m.Name(), Left: m.End(mapping.Left).String(), Right: m.End(mapping.Right).String(), Fields: len(m.Fields()), Guard: guards(cfg, m.Mapping)}
		for _, w := range m.Warnings() {
			one.Warnings = append(one.Warnings, warning(cfg, m.Name(), w))
		}
		if one.Sampled, one.Failing, err = sample(ctx, connections.all, m.Mapping); err != nil {
			return rep, err
		}
		rep.Mappings = append(rep.Mappings, one)
	}
	return rep, nil
}

// warning is a mapping's warning with its place.
func warning(cfg *config.Config, name string, w mapping.Problem) string {
	at := slices.IndexFunc(cfg.Mappings, func(m config.Mapping) bool { return m.Name == name })
	return mappingProblem(cfg, fmt.Sprintf("mappings[%d]", at), w).String()
}

// guards says how a write to either side is kept from overwriting another edit.
func guards(cfg *config.Config, m *mapping.Mapping) string {
	text := ""
	for _, side := range mapping.Sides {
		guard := "compare and set"
		if cfg.Connections[m.End(side).Connection].Type != config.TypePostgres {
			guard = "none: an overwritten edit is found by its webhook"
			if m.Guard() == mapping.GuardRead {
				guard = "read before write"
			}
		}
		if side == mapping.Right {
			text += "; "
		}
		text += side.String() + ": " + guard
	}
	return text
}

func printCheck(cmd *cobra.Command, rep checkReport) {
	out := cmd.OutOrStdout()
	for _, p := range rep.Problems {
		fmt.Fprintln(out, p)
	}
	if len(rep.Mappings) > 0 {
		t := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
		fmt.Fprintln(t, "MAPPING\tLEFT\tRIGHT\tFIELDS\tGUARD")
		for _, m := range rep.Mappings {
			fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%s\n", m.Name, m.Left, m.Right, m.Fields, m.Guard)
		}
		t.Flush()
		for _, m := range rep.Mappings {
			for _, w := range m.Warnings {
				fmt.Fprintf(out, "mapping %s: warning: %s\n", m.Name, w)
			}
			printSample(out, m)
		}
	}
	if n := len(rep.Problems); n > 0 {
		fmt.Fprintf(out, "%d problems\n", n)
	} else {
		fmt.Fprintln(out, "no problems")
	}
}
