package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/lockstep-sync/lockstep/testenv"
	"github.com/lockstep-sync/lockstep/testenv/hubspot"
	"github.com/lockstep-sync/lockstep/testenv/lockstep"
	"github.com/lockstep-sync/lockstep/testenv/postgres"
)

// stage is what the story plays on. Who set it clears it.
type stage struct {
	scratch  *testenv.Scratch
	server   *postgres.Server
	url      string // of the application's database
	db       *pgxpool.Pool
	crm      *hubspot.Server
	lockstep *lockstep.Instance

	mu  sync.Mutex
	ids map[string]string // of contacts, by email: a hint, checked on use
}

const table = `CREATE TABLE customers (
	id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	email      text NOT NULL UNIQUE,
	first_name text,
	last_name  text,
	phone      text,
	company    text,
	lead_score numeric,
	password   text, -- not mapped: it never leaves the database
	updated_at timestamptz NOT NULL DEFAULT now())`

const configuration = `connections:
  app:
    type: postgres
    url: %q
  crm:
    type: hubspot
    url: %q
    token: %q
    webhook_secret: %q
    app_id: %q

mappings:
  - name: contacts
    left: app/public.customers
    right: crm/contacts
    match: {left: email, right: email}
    fields:
      - {left: email, right: email}
      - {left: first_name, right: firstname}
      - {left: last_name, right: lastname}
      - {left: phone, right: phone}
      - {left: company, right: company}
      - {left: lead_score, right: hubspotscore, direction: left} # computed in the CRM
    conflict: newest
    delete: {to_right: propagate, to_left: propagate}
`

// setStage starts everything. What it could start it returns with an error too,
// to be cleared.
func setStage(ctx context.Context, version int, r *report) (s *stage, err error) {
	s = &stage{ids: map[string]string{}}
	if s.scratch, err = testenv.NewScratch(); err != nil {
		return nil, err
	}
	fmt.Fprintln(r.out, r.paint(bold, "Lockstep keeps a database and a CRM in step. See for yourself:"))
	r.say("building lockstep; the first time this takes a minute or two")
	start := time.Now()
	binary, err := lockstep.Build(ctx, s.scratch.Path)
	if err != nil {
		return s, err
	}
	r.pass("lockstep is built", duration(time.Since(start)))

	start = time.Now()
	if err := s.startPostgres(ctx, version, r); err != nil {
		return s, err
	}
	if s.crm, err = hubspot.Start(hubspot.Options{RetrySchedule: retries()}); err != nil {
		return s, err
	}
	r.pass(fmt.Sprintf("PostgreSQL %d runs, and a simulated HubSpot with HubSpot's own limits", s.server.Version()), duration(time.Since(start)))

	start = time.Now()
	if err := s.startLockstep(ctx, binary); err != nil {
		return s, err
	}
	r.pass("lockstep runs between them and is ready", duration(time.Since(start)))
	return s, nil
}

// startPostgres starts the version, or 15, which the distribution brings, where
// the version cannot be had.
func (s *stage) startPostgres(ctx context.Context, version int, r *report) error {
	patient, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	server, err := postgres.Start(patient, postgres.Options{Version: version, OwnIdentity: true})
	if err != nil && version != postgres.Default && ctx.Err() == nil {
		r.say("PostgreSQL %d is not to be had here, going on with %d (%v)", version, postgres.Default, err)
		server, err = postgres.Start(ctx, postgres.Options{Version: postgres.Default, OwnIdentity: true})
	}
	if err != nil {
		return err
	}
	s.server = server
	if s.url, err = server.NewDatabase(ctx, "app"); err != nil {
		return err
	}
	if s.db, err = pgxpool.New(ctx, s.url); err != nil {
		return fmt.Errorf("connect to the database: %w", err)
	}
	return s.exec(table)
}

func (s *stage) startLockstep(ctx context.Context, binary string) error {
	port, err := testenv.FreePort()
	if err != nil {
		return err
	}
	in := func(name string) string { return filepath.Join(s.scratch.Path, name) }
	s.lockstep = &lockstep.Instance{
		Binary: binary, Config: in("lockstep.yaml"), Data: in("data"), Log: in("lockstep.log"), Listen: testenv.Loopback(port),
	}
	text := fmt.Sprintf(configuration, s.url, s.crm.URL(), s.crm.Token(), s.crm.WebhookSecret(), s.crm.AppID())
	if err := os.WriteFile(s.lockstep.Config, []byte(text), 0o600); err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	if err := s.lockstep.Start(ctx); err != nil {
		return err
	}
	return s.crm.SetWebhook(s.lockstep.URL("/webhooks/crm"))
}

// clear stops everything, in the opposite order of its start.
func (s *stage) clear() error {
	var errs []error
	if s.lockstep != nil && !s.lockstep.Ended() {
		errs = append(errs, s.lockstep.Stop())
	}
	if s.crm != nil {
		errs = append(errs, s.crm.Close())
	}
	if s.db != nil {
		s.db.Close()
	}
	if s.server != nil {
		errs = append(errs, s.server.Stop())
	}
	errs = append(errs, s.scratch.Remove())
	return errors.Join(errs...)
}

// retries has the account repeat webhooks faster than HubSpot does, so that
// nobody waits long after a crash: every half second, for ten minutes.
func retries() []time.Duration {
	schedule := make([]time.Duration, 1200)
	for i := range schedule {
		schedule[i] = 500 * time.Millisecond
	}
	return schedule
}
