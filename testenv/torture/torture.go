package torture

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// Options say how long and on what. The zero value of all but For is sensible.
type Options struct {
	For     time.Duration
	Seed    uint64
	Version int       // of PostgreSQL; 0 is the default one
	Kill    Range     // between two SIGKILLs of Lockstep
	Crash   Range     // between two crashes or restarts of the database
	Flags   []string  // of go build, for the binary under test
	Out     io.Writer // what goes on, for people
}

// Range is a span from which a length is drawn; the zero Range is the default.
type Range struct{ From, To time.Duration }

// Report is what a run found. The counts of the second group are failures.
type Report struct {
	Seed     uint64  `json:"seed"`
	Postgres int     `json:"postgres"`
	Edits    int     `json:"edits"`
	Kills    int     `json:"kills"`
	Faults   int     `json:"faults"` // troubles other than kills: of the vendor, the network, the database
	Records  int     `json:"records"`
	Writes   int     `json:"writes"` // values that Lockstep changed
	Reviews  int     `json:"reviews"`
	Told     int     `json:"told"` // entries of conflicts in the audit
	Seconds  float64 `json:"seconds"`

	Diverged     int `json:"diverged"`
	Unaccounted  int `json:"unaccounted"`
	Duplicates   int `json:"duplicates"`
	ExcessWrites int `json:"excess_writes"`

	// Stories tell of each failure what both sides and the audit know of it.
	Stories []string `json:"stories,omitempty"`
}

// Failed tells whether anything was lost, doubled, echoed or left apart.
func (r *Report) Failed() bool {
	return r.Diverged+r.Unaccounted+r.Duplicates+r.ExcessWrites > 0
}

// Print writes the account for people.
func (r *Report) Print(out io.Writer) {
	for _, story := range r.Stories {
		fmt.Fprintln(out, story)
	}
	fmt.Fprintf(out, "PostgreSQL %d, seed %d, %.0f s: %d edits of %d records that are left, %d kills, %d other troubles\n",
		r.Postgres, r.Seed, r.Seconds, r.Edits, r.Records, r.Kills, r.Faults)
	fmt.Fprintf(out, "%d values written by lockstep, %d conflicts and decisions in the audit, %d fields wait for a person\n", r.Writes, r.Told, r.Reviews)
	fmt.Fprintf(out, "diverged %d, unaccounted %d, duplicates %d, excess writes %d\n", r.Diverged, r.Unaccounted, r.Duplicates, r.ExcessWrites)
}

// Run tortures for the time given and returns what it found. The error is for a
// run that came to no result.
func Run(ctx context.Context, o Options) (rep *Report, err error) {
	if o.Kill == (Range{}) {
		o.Kill = Range{500 * time.Millisecond, 6 * time.Second}
	}
	if o.Crash == (Range{}) {
		o.Crash = Range{8 * time.Second, 25 * time.Second}
	}
	began := time.Now()
	s, err := setStage(ctx, o)
	if s != nil {
		defer func() { err = errors.Join(err, s.clear()) }()
	}
	if err != nil {
		return nil, err
	}
	if err := s.play(ctx); err != nil {
		return nil, fmt.Errorf("%w\nlockstep's last words:\n%s", err, s.lastWords())
	}
	rep, err = s.account(ctx)
	if err != nil {
		return nil, err
	}
	rep.Seconds = time.Since(began).Seconds()
	return rep, nil
}

// play lets actors and troubles loose, and then everything come to rest.
func (s *stage) play(ctx context.Context) error {
	playing, stop := context.WithTimeout(ctx, s.o.For)
	defer stop()
	var all sync.WaitGroup
	errs := make([]error, 0, 8)
	var mu sync.Mutex
	run := func(f func(context.Context) error) {
		all.Go(func() {
			if err := f(playing); err != nil && playing.Err() == nil {
				mu.Lock()
				errs = append(errs, err)
				mu.Unlock()
				stop()
			}
		})
	}
	for n := range actorsPerSide {
		run(newApplication(s, n).work)
		run(newPerson(s, n).work)
	}
	for _, t := range s.troubles() {
		run(t)
	}
	run(s.tell)
	all.Wait()
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err := s.heal(ctx); err != nil {
		return err
	}
	return s.rest(ctx)
}

// tell prints how far it is.
func (s *stage) tell(ctx context.Context) error {
	tick := time.NewTicker(10 * time.Second)
	defer tick.Stop()
	began := time.Now()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			fmt.Fprintf(s.o.Out, "%4.0f s  %d edits tried, %d kills, %d other troubles\n", time.Since(began).Seconds(), s.tried.Load(), s.kills.Load(), s.faults.Load())
		}
	}
}
