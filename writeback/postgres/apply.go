package postgres

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// Apply carries out the writes in one transaction and returns as many results,
// in their order. Where a write fails the others are committed without it; only
// where the server objects at COMMIT (a deferred constraint) each has a
// transaction of its own.
//
// Faults are per write, as event.Class says; InDoubt only when the connection
// broke while the COMMIT was under way. A result without a fault is on the
// server's disk, even where synchronous_commit is off for others. Apply
// returns when ctx ends, at the latest after Options.Patience.
func (a *Applier) Apply(ctx context.Context, writes []event.Write) []event.Result {
	b := &batch{applier: a, jobs: make([]*job, len(writes))}
	for i, w := range writes {
		b.jobs[i] = &job{Write: w}
	}
	err := a.with(ctx, b.run)
	results := make([]event.Result, len(writes))
	for i, j := range b.jobs {
		if !j.settled {
			if err == nil {
				err = errUnsettled
			}
			j.result = event.Result{Key: j.Key, Err: faultOf(err)}
		}
		results[i] = j.result
	}
	return results
}

var (
	errUnsettled = errors.New("the write was not carried out")
	errOutdated  = errors.New("the table has changed since it was described")
)

// batch is the writes of one Apply.
type batch struct {
	applier *Applier
	jobs    []*job
	fresh   bool // the tables have been described anew for this batch
}

// run carries out what is not settled yet. A table that has changed is looked
// at once more.
func (b *batch) run(ctx context.Context, s *session) error {
	err := b.once(ctx, s)
	if !errors.Is(err, errOutdated) {
		return err
	}
	b.fresh = true
	for _, j := range b.jobs {
		b.applier.Forget(j.Object)
	}
	if err := s.reset(ctx); err != nil {
		return err
	}
	return b.once(ctx, s)
}

func (b *batch) once(ctx context.Context, s *session) error {
	writing, looking, err := b.prepare(ctx, s)
	if err != nil {
		return err
	}
	for range 2 {
		if err := b.carry(ctx, s, writing, writes); err != nil {
			return err
		}
		looking = inOrder(append(looking, missedOf(writing)...))
		if err := b.carry(ctx, s, looking, looks); err != nil {
			return err
		}
		// The row changed back between the two, or somebody else decides.
		writing = slices.DeleteFunc(slices.Clone(looking), func(j *job) bool { return j.settled })
		looking = nil
		if len(writing) == 0 {
			break
		}
	}
	for _, j := range writing {
		j.settle(rejected("", "a trigger, rule or row security policy of %s suppresses the write", j.table.name))
	}
	return b.nameExisting(ctx, s)
}

// prepare builds the statements of what is not settled, in the order in which
// every transaction of ours locks rows, so that two of them never wait for each
// other. looking are writes that have nothing to write.
func (b *batch) prepare(ctx context.Context, s *session) (writing, looking []*job, err error) {
	for _, j := range b.jobs {
		if j.settled {
			continue
		}
		t, err := b.applier.table(ctx, s, j.Object)
		var fault *event.Fault
		if err != nil && !errors.As(err, &fault) {
			return nil, nil, err
		}
		j.missed, j.again = false, false
		if fault == nil {
			fault = j.build(t)
		} else {
			fault = b.applier.outdated(j.Object, fault)
		}
		switch {
		case fault != nil && fault.Code == noSuchColumn && !b.fresh:
			return nil, nil, errOutdated
		case fault != nil && fault.Code == noSuchColumn:
			j.settle(b.applier.outdated(j.Object, fault))
		case fault != nil:
			j.settle(fault)
		case j.missed:
			looking = append(looking, j)
		default:
			writing = append(writing, j)
		}
	}
	return inOrder(writing), looking, nil
}

// inOrder sorts by table and key. Writes to one record keep their order.
func inOrder(jobs []*job) []*job {
	slices.SortStableFunc(jobs, func(x, y *job) int {
		return cmp.Or(cmp.Compare(x.table.name, y.table.name), cmp.Compare(x.Key, y.Key))
	})
	return jobs
}

func missedOf(jobs []*job) []*job {
	var out []*job
	for _, j := range jobs {
		if j.missed && !j.settled {
			out = append(out, j)
		}
	}
	return out
}

func (j *job) settle(fault *event.Fault) {
	j.result, j.settled = event.Result{Key: j.Key, Err: fault}, true
}

// reset drops the session's prepared statements.
func (s *session) reset(ctx context.Context) error {
	clear(s.prepared)
	if s.unnamed {
		return nil
	}
	_, err := s.run(ctx, statement{sql: "DEALLOCATE ALL"})
	clear(s.prepared) // the last one included
	return err
}
