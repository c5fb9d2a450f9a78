package postgres

import (
	"context"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// mode is what a transaction does with its jobs.
type mode uint8

const (
	writes mode = iota
	looks       // reads only, but with row locks
)

// plan is one round trip, and whose each statement is.
type plan struct {
	statements []statement
	owners     []*job // nil: nobody's
	origin     string // the last message's content
}

func (p *plan) add(j *job, st statement) {
	p.statements, p.owners = append(p.statements, st), append(p.owners, j)
}

func (p *plan) open(prefix []statement) {
	for _, st := range prefix {
		p.add(nil, st)
	}
}

// jobs adds the jobs' statements. A job's origin comes first unless the log's
// reader would attach the same one anyway.
func (p *plan) jobs(jobs []*job, m mode) {
	for _, j := range jobs {
		if m == looks {
			p.add(j, j.look())
			continue
		}
		if content := string(j.message.args[0]); content != p.origin {
			p.origin = content
			p.add(nil, j.message)
		}
		p.add(j, j.write)
	}
}

const (
	savepoint        = "SAVEPOINT lockstep"
	lockNotAvailable = "55P03"
)

// carry runs the jobs in one transaction. The first attempt has no net. When a
// job fails it is taken out; those before it have proven good and run again
// without a net, those after it behind a savepoint, and so on: no job runs more
// than twice, however many fail, unless one that had proven good fails then.
func (b *batch) carry(ctx context.Context, s *session, jobs []*job, m mode) error {
	live := slices.Clone(jobs)
	tune := b.applier.tune
	if len(jobs) > 1 {
		tune = b.applier.sharing
	}
	prefix := []statement{{sql: begin}, tune}
	standing, proven, net := 0, 0, false // of live: already in the transaction; known to be good
	for len(live) > 0 {
		p := &plan{}
		p.open(prefix)
		if p.jobs(live[standing:proven], m); net && proven < len(live) {
			p.add(nil, statement{sql: savepoint})
		}
		p.jobs(live[proven:], m)
		answers, err := s.run(ctx, p.statements...)
		if takeErr := p.take(answers, m); takeErr != nil {
			return takeErr
		}
		if err == nil {
			return b.commit(ctx, s, jobs, live, m)
		}
		failed, err := b.blame(p, answers, err)
		if failed == nil {
			return errors.Join(err, s.rollback(ctx))
		}
		k := slices.Index(live, failed)
		live = slices.Delete(live, k, k+1)
		if failed.result.Err.Code == lockNotAvailable {
			tune = b.applier.hurried // the rows locked so far do not wait as long for each further one
		}
		if net && k >= proven {
			prefix = []statement{{sql: "ROLLBACK TO " + savepoint}, {sql: "RELEASE " + savepoint}, tune}
			standing, proven = proven, k
		} else {
			prefix = []statement{{sql: "ROLLBACK"}, {sql: begin}, tune}
			standing, proven, net = 0, k, true
		}
	}
	conclude(jobs, m)
	return s.rollback(ctx)
}

// take hands the answers to their owners. One that runs again is overwritten.
func (p *plan) take(answers []answer, m mode) error {
	for i, a := range answers {
		j := p.owners[i]
		if j == nil {
			continue
		}
		var err error
		if m == looks {
			err = j.looked(a)
		} else {
			err = j.wrote(a)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// blame finds the job at fault and tells it so; nil where nobody's other write
// would fare better, or where the table has to be looked at again.
func (b *batch) blame(p *plan, answers []answer, err error) (*job, error) {
	var pg *pgconn.PgError
	if errors.As(err, new(*lostError)) || !errors.As(err, &pg) {
		return nil, err
	}
	for i, a := range answers {
		if isStandby(p.statements[i], a) {
			pg.Code = "25006"
			return nil, pg
		}
	}
	owner := p.owners[len(answers)]
	switch {
	case outdated(pg) && !b.fresh:
		return nil, errOutdated
	case owner == nil || everyone(pg):
		return nil, pg
	}
	owner.fail(pg)
	return owner, nil
}

// commit ends the transaction of the live jobs; jobs are those and the ones that
// were taken out.
func (b *batch) commit(ctx context.Context, s *session, jobs, live []*job, m mode) error {
	if ctx.Err() != nil {
		return ctx.Err() // the session is closed, and the server rolls back
	}
	_, err := s.run(ctx, statement{sql: "COMMIT"})
	if err == nil {
		conclude(jobs, m)
		return nil
	}
	var lost *lostError
	if errors.As(err, &lost) {
		if m == writes {
			b.doubt(live, lost)
			conclude(jobs, m)
		}
		return err
	}
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || everyone(pg) {
		return err // the server has rolled back
	}
	if len(live) == 1 {
		live[0].fail(pg)
		conclude(jobs, m)
		return nil
	}
	// A deferred constraint does not tell whose row it minds.
	for _, j := range b.jobs {
		if slices.Contains(live, j) {
			if err := b.carry(ctx, s, []*job{j}, m); err != nil {
				return err
			}
		}
	}
	for _, j := range jobs {
		if !slices.Contains(live, j) {
			conclude([]*job{j}, m)
		}
	}
	return nil
}

// doubt marks what the lost COMMIT may have made permanent.
func (b *batch) doubt(live []*job, lost *lostError) {
	for _, j := range live {
		if !j.missed && j.result.Err == nil {
			j.result = event.Result{Key: j.Key, Err: &event.Fault{Class: event.InDoubt, Err: lost,
				Message: "the connection broke during COMMIT: " + bounded(lost.err.Error())}}
		}
	}
}

// conclude makes the results of a transaction that has ended final. What found
// no row is still open.
func conclude(jobs []*job, m mode) {
	for _, j := range jobs {
		if m == looks && !j.again || m == writes && !j.missed {
			j.settled = true
		}
	}
}

func (s *session) rollback(ctx context.Context) error {
	if s.conn.IsClosed() || s.conn.TxStatus() == 'I' {
		return nil
	}
	_, err := s.run(ctx, statement{sql: "ROLLBACK"})
	return err
}
