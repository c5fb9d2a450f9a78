package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/lockstep-sync/lockstep/bridge/journal"
	"github.com/lockstep-sync/lockstep/cdc"
	pgcdc "github.com/lockstep-sync/lockstep/cdc/postgres"
	"github.com/lockstep-sync/lockstep/schemas/ddl"
)

// source reads one database's log: it installs what the reader needs, runs the
// pump, and watches that both stay as they should be.
type source struct {
	name      string
	url       string
	want      ddl.Want
	options   pgcdc.Options
	mappings  []string
	journal   *journal.Journal
	route     cdc.RouteFunc
	suspect   func(object string)
	acceptGap bool
	log       zerolog.Logger

	mu      sync.Mutex
	pump    *cdc.Pump
	problem string // why there is no pump yet
	remedy  string
	noticed []string // what a person should know although it goes on
	drift   string   // what is wrong right now, as the watch sees it
}

// installed is what STATE keeps of a source: that it had a slot before, so that
// a missing one is a loss and no reason to make one in silence.
type installed struct {
	SystemID string    `json:"system_id"`
	Since    time.Time `json:"since"`
}

func (s *source) stateKey() string { return "source." + s.name }

func (s *source) before(ctx context.Context) (in installed, found bool, err error) {
	data, found, err := s.journal.Load(ctx, s.stateKey())
	if err != nil || !found {
		return in, false, err
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return in, false, fmt.Errorf("read what is known of connection %s: %w", s.name, err)
	}
	return in, true, nil
}

const (
	installWait = 30 * time.Second // for one attempt; a new slot waits for running transactions
	retryWait   = 2 * time.Second
	watchEvery  = 5 * time.Second
)

// Run installs, then pumps until ctx ends. What goes wrong is shown and tried
// again; only a journal that cannot be read is an error.
func (s *source) Run(ctx context.Context) error {
	for {
		in, err := s.install(ctx)
		if err == nil {
			return s.stream(ctx, in)
		}
		if ctx.Err() != nil {
			return nil
		}
		s.refused(err)
		timer := time.NewTimer(retryWait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
	}
}

func (s *source) refused(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	news := s.problem != err.Error()
	s.problem, s.remedy = err.Error(), ""
	var lost *ddl.SlotLost
	if errors.As(err, &lost) {
		s.remedy = s.gapRemedy()
	}
	if news {
		s.log.Error().Str("connection", s.name).Err(err).Str("remedy", s.remedy).Msg("the log cannot be read")
	}
}

func (s *source) gapRemedy() string {
	return fmt.Sprintf("to go on from now, start with: lockstep run --accept-gap %s; what was edited in between is then merged with the record's next change", s.name)
}

// install makes or finds publication and slot.
func (s *source) install(ctx context.Context) (installed, error) {
	in, had, err := s.before(ctx)
	if err != nil {
		return in, err
	}
	ctx, cancel := context.WithTimeout(ctx, installWait)
	defer cancel()
	want := s.want
	want.Expect = had
	made, err := ddl.Install(ctx, s.url, want)
	var lost *ddl.SlotLost
	if errors.As(err, &lost) && s.acceptGap {
		if _, err := ddl.Uninstall(ctx, s.url, want); err != nil {
			return in, err
		}
		want.Expect = false
		made, err = ddl.Install(ctx, s.url, want)
		if err == nil {
			err = s.tell(ctx, fmt.Sprintf("connection %s: the slot was lost (%s) and made anew by --accept-gap at %s: edits made in between are merged with each record's next change", s.name, lost.Why, time.Now().UTC().Format(time.RFC3339)))
		}
	}
	if err != nil {
		return in, err
	}
	if made.Gap() {
		if err := s.tell(ctx, fmt.Sprintf("connection %s: the publication was missing or altered and was set back; changes made without it are not in the log", s.name)); err != nil {
			return in, err
		}
	}
	in.SystemID = made.SystemID
	if !had {
		in.Since = time.Now().UTC()
	}
	data, err := json.Marshal(in)
	if err != nil {
		return in, err
	}
	return in, s.journal.Store(ctx, journal.Put{Key: s.stateKey(), Data: data})
}

// tell notes something that a person should know, in status and audit.
func (s *source) tell(ctx context.Context, text string) error {
	s.mu.Lock()
	s.noticed = append(s.noticed, text)
	if len(s.noticed) > 10 {
		s.noticed = s.noticed[1:]
	}
	s.mu.Unlock()
	s.log.Warn().Str("connection", s.name).Msg(text)
	for _, m := range s.mappings {
		if err := s.journal.Audit(ctx, journal.AuditEntry{At: time.Now().UTC(), Mapping: m, Kind: "source", Text: text}); err != nil {
			return err
		}
	}
	return nil
}

func (s *source) stream(ctx context.Context, in installed) error {
	options := s.options
	options.SystemID = in.SystemID
	reader, err := pgcdc.New(options)
	if err != nil {
		return err
	}
	pump := cdc.New(s.name, reader, s.journal, s.route)
	pump.Mappings, pump.Logger = s.mappings, s.log
	pump.Retry.Max = 2 * time.Second
	pump.Recheck = 5 * time.Second
	pump.Suspect = s.suspect
	s.mu.Lock()
	s.pump, s.problem, s.remedy = pump, "", ""
	s.mu.Unlock()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return pump.Run(ctx) })
	group.Go(func() error { return s.watch(ctx) })
	return group.Wait()
}

// watch looks at slot and publication now and then, and sets the publication
// back when somebody altered it: without it changes pass unseen.
func (s *source) watch(ctx context.Context) error {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := s.inspect(ctx); err != nil && ctx.Err() == nil {
			s.log.Debug().Str("connection", s.name).Err(err).Msg("slot and publication cannot be looked at now")
		}
	}
}

func (s *source) inspect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, watchEvery)
	defer cancel()
	_, problems, err := ddl.Inspect(ctx, s.url, s.want)
	if err != nil {
		return err // the pump says that the database is away
	}
	var texts []string
	missed, tidy := false, true
	for _, p := range problems {
		texts = append(texts, p.String())
		missed, tidy = missed || p.Missed, tidy && p.Tidy
	}
	drift := strings.Join(texts, "; ")
	s.mu.Lock()
	s.drift = drift
	s.mu.Unlock()
	if drift == "" {
		return nil
	}
	made, err := ddl.Repair(ctx, s.url, s.want)
	if err != nil || made == "" {
		return err
	}
	s.mu.Lock()
	s.drift = ""
	s.mu.Unlock()
	what := "nothing was missed meanwhile"
	if missed {
		what = "what changed in between is merged with each record's next change"
	} else if tidy {
		s.log.Info().Str("connection", s.name).Str("was", drift).Msg("the publication was set to what the mappings need")
		return nil
	}
	return s.tell(ctx, fmt.Sprintf("connection %s: publication altered from outside (%s) and set back at %s: %s", s.name, drift, time.Now().UTC().Format(time.RFC3339), what))
}

// report is the source as status shows it, and whether it keeps the process
// from being ready.
func (s *source) report() (r sourceReport, blocking bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pump == nil {
		r = sourceReport{Name: s.name, State: "starting", Problem: s.problem, Remedy: s.remedy}
		return r, true
	}
	st := s.pump.Status()
	r = sourceOf(s.name, st)
	switch st.Kind {
	case cdc.SlotMissing, cdc.SlotLost, cdc.SlotMoved:
		r.Remedy = s.gapRemedy()
	}
	return r, st.State != cdc.Streaming
}

// problems are the source's lines of the problem list.
func (s *source) problems(r sourceReport) []string {
	var out []string
	if r.Problem != "" {
		text := "connection " + s.name + ": " + r.Problem
		if r.Remedy != "" {
			text += "; " + r.Remedy
		}
		out = append(out, text)
	} else if r.State != string(cdc.Streaming) {
		out = append(out, "connection "+s.name+": "+r.State)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.drift != "" {
		out = append(out, "connection "+s.name+": "+s.drift)
	}
	return append(out, s.noticed...)
}
