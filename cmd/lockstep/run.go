package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/lockstep-sync/lockstep/bridge/journal"
	"github.com/lockstep-sync/lockstep/schemas/config"
)

// settings are the flags that several commands share.
type settings struct {
	file   string
	data   string
	listen string
	asJSON bool
}

func (s *settings) flags(cmd *cobra.Command, withListen bool) {
	cmd.Flags().StringVar(&s.file, "config", "lockstep.yaml", "the configuration `FILE`")
	cmd.Flags().StringVar(&s.data, "data", "", "the data `DIR` (default: data in the configuration, or "+config.DefaultData+")")
	if withListen {
		cmd.Flags().StringVar(&s.listen, "listen", "", "the `ADDR` of webhooks and status page (default: listen in the configuration, or "+config.DefaultListen+")")
	}
	cmd.Flags().BoolVar(&s.asJSON, "json", false, "print JSON")
}

// load reads the configuration; flags win over it.
func (s *settings) load() (*config.Config, error) {
	cfg, err := config.Load(s.file, os.LookupEnv)
	var problems config.Problems
	if errors.As(err, &problems) {
		return nil, &exitError{exitProblem, problems}
	}
	if err != nil {
		return nil, &exitError{exitProblem, fmt.Errorf("lockstep: %w", err)}
	}
	if s.data != "" {
		cfg.Data = s.data
	}
	if s.listen != "" {
		cfg.Listen = s.listen
	}
	return cfg, nil
}

func runCommand() *cobra.Command {
	var s settings
	var gaps []string
	times := watchTimes{database: 5 * time.Second, saas: 30 * time.Second}
	var every time.Duration
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Keep everything in step until SIGTERM",
		Long: `Runs until SIGTERM or SIGINT, then lets calls under way end and exits 0.

Everything is checked first; a problem of the configuration ends it with exit code
2 before anything is touched. A connection that cannot be reached is waited for.
Webhooks come in at /webhooks/CONNECTION; /healthz, /readyz, /metrics and
/api/status are on the same address.`,
		Example: `  lockstep run --config lockstep.yaml --data /var/lib/lockstep
  lockstep run --accept-gap app     # after the slot of connection app was lost`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := s.load()
			if err != nil {
				return err
			}
			if every > 0 {
				times = watchTimes{every, every}
			}
			return keepInStep(cmd.Context(), cfg, gaps, times, cmd.ErrOrStderr(), s.asJSON)
		},
	}
	s.flags(cmd, true)
	cmd.Flags().StringSliceVar(&gaps, "accept-gap", nil, "make the lost slot of this `CONNECTION` anew; what was edited in between is merged with each record's next change")
	cmd.Flags().DurationVar(&every, "watch", 0, "look at the shapes of tables and objects this often")
	cmd.Flags().Lookup("watch").Hidden = true // for tests: the defaults are good for everybody
	return cmd
}

func logger(cfg *config.Config, out io.Writer, asJSON bool) zerolog.Logger {
	level, err := zerolog.ParseLevel(cfg.LogLevel)
	if err != nil {
		level = zerolog.InfoLevel
	}
	if !asJSON {
		out = zerolog.ConsoleWriter{Out: out, TimeFormat: time.RFC3339, NoColor: true}
	}
	return zerolog.New(out).Level(level).With().Timestamp().Logger()
}

// keepInStep is the life of the process. What was opened last is closed first:
//
//  1. the sources stop reading: nothing more is appended from the logs;
//  2. webhooks are refused, those under way end: nothing more is appended at all;
//  3. the engine lets calls under way end and stores what they did;
//  4. the connections are closed, then the journal, which by then nobody writes to.
func keepInStep(ctx context.Context, cfg *config.Config, gaps []string, times watchTimes, out io.Writer, asJSON bool) (err error) {
	log := logger(cfg, out, asJSON)
	board := newBoard(time.Now())
	srv, err := listen(cfg.Listen, board, log)
	if err != nil {
		return failed(fmt.Errorf("listen on %s: %w: choose another address with --listen", cfg.Listen, err))
	}
	j, err := openJournal(ctx, cfg, log)
	if err != nil {
		srv.listener.Close()
		return failed(err)
	}
	defer func() { err = errors.Join(err, failed(j.Close())) }()
	token, err := apiToken(cfg.Data)
	if err != nil {
		srv.listener.Close()
		return failed(err)
	}
	srv.open(token)

	group, serving := errgroup.WithContext(context.WithoutCancel(ctx))
	serving, stopServing := context.WithCancel(serving)
	defer stopServing()
	group.Go(func() error { return srv.Run(serving) })
	log.Info().Str("listen", srv.listener.Addr().String()).Str("data", cfg.Data).Str("version", versionText()).Msg("lockstep starts")

	runErr := assembleAndRun(ctx, cfg, gaps, times, j, srv, board, log)
	stopServing()
	serveErr := group.Wait()
	var exit *exitError
	if errors.As(runErr, &exit) {
		return runErr
	}
	if runErr != nil {
		return failed(runErr)
	}
	return failed(serveErr)
}

func openJournal(ctx context.Context, cfg *config.Config, log zerolog.Logger) (*journal.Journal, error) {
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return nil, fmt.Errorf("make the data directory: %w", err)
	}
	return journal.Open(ctx, journal.Options{Dir: filepath.Clean(cfg.Data), Key: cfg.EncryptionKey.Reveal(), Lanes: cfg.Lanes, MinFree: cfg.MinFree,
		Retention: cfg.Retention.Changes, MaxBytes: cfg.Retention.MaxChanges, AuditFor: cfg.Retention.Audit, Log: log})
}

// assembleAndRun builds the system, waiting for connections that are away, and
// runs it until ctx ends, or builds another one when objects have changed their
// shapes. Webhooks that come in between are refused, and repeated by the vendor.
func assembleAndRun(ctx context.Context, cfg *config.Config, gaps []string, times watchTimes, j *journal.Journal, srv *server, b *board, log zerolog.Logger) error {
	a, err := newAssembly(cfg, gaps, times, j, b, log)
	if err != nil {
		return err
	}
	defer a.sides.close()
	defer b.stopping()
	for {
		sys, err := a.next(ctx)
		if err != nil || sys == nil {
			return err
		}
		a.sides.watch.Store(sys.watch)
		b.running(sys)
		srv.take(sys.intake)
		why, err := sys.run(ctx)
		if err != nil || why == "" {
			return err
		}
		srv.webhooks.Store(nil)
		b.starting("putting everything together anew: " + why)
		log.Info().Str("why", why).Msg("putting everything together anew")
	}
}
