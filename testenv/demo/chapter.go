package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/lockstep-sync/lockstep/testenv/hubspot"
)

// chapter is one part of the story. After its first failure the rest of it does
// nothing: what builds on a broken step would only fail again, more slowly.
type chapter struct {
	*stage
	ctx    context.Context
	report *report
	failed bool
	acted  time.Time // the end of the last act: from here the other side's delay counts
}

// patience is how long a step may take; how fast it normally is, is printed.
const patience = 20 * time.Second

// calm undoes what a chapter that failed may have left: faults, a dead process.
func (c *chapter) calm() error {
	if err := c.crm.SetFaults(hubspot.Faults{}); err != nil {
		return err
	}
	return c.lockstep.Revive(c.ctx)
}

// act does something on one side.
func (c *chapter) act(f func() error) {
	if c.failed {
		return
	}
	if err := f(); err != nil {
		c.fail("something is done", err)
	}
	c.acted = time.Now()
}

// sees waits until the condition holds and reports how long after the last act
// that was. A condition returns what is wrong.
func (c *chapter) sees(sentence string, condition func() error) {
	if c.failed {
		return
	}
	if err := c.wait(condition); err != nil {
		c.fail(sentence, err)
		return
	}
	c.report.pass(sentence, duration(time.Since(c.acted)))
}

// rest waits, without a word if all goes well, until everything is at rest: the
// counting that follows would miss what is still under way.
func (c *chapter) rest() {
	if c.failed {
		return
	}
	if err := c.wait(c.atRest); err != nil {
		c.fail("everything comes to rest", err)
	}
}

// finds looks once: the condition holds now, or never did. The fact stands
// where the times stand.
func (c *chapter) finds(sentence string, condition func() (fact string, err error)) {
	if c.failed {
		return
	}
	fact, err := condition()
	if err != nil {
		c.fail(sentence, err)
		return
	}
	c.report.pass(sentence, fact)
}

// round is one repetition of a step.
type round struct{ act, held func() error }

// repeat does the rounds one after the other as one check and reports the
// median and the longest delay.
func (c *chapter) repeat(sentence string, rounds []round) {
	var delays []time.Duration
	for i, r := range rounds {
		if c.failed {
			return
		}
		err := r.act()
		start := time.Now()
		if err == nil {
			err = c.wait(r.held)
		}
		if err != nil {
			c.fail(sentence, fmt.Errorf("round %d of %d: %w", i+1, len(rounds), err))
			return
		}
		delays = append(delays, time.Since(start))
	}
	if len(delays) == 0 {
		return
	}
	slices.Sort(delays)
	c.report.pass(sentence, fmt.Sprintf("median %s, worst %s", duration(delays[len(delays)/2]), duration(delays[len(delays)-1])))
}

func (c *chapter) fail(sentence string, why error) {
	c.failed = true
	if c.ctx.Err() != nil {
		return // not lockstep's fault; tell says it once
	}
	c.report.fail(sentence, why)
	c.report.evidence(c.lockstep)
}

// wait polls the condition until it holds: often at first, for a true time, and
// less the longer it takes, because polling takes from what it waits for.
func (c *chapter) wait(condition func() error) error {
	start := time.Now()
	for {
		err := condition()
		if err == nil {
			return nil
		}
		waited := time.Since(start)
		switch {
		case c.ctx.Err() != nil:
			return errInterrupted
		case c.lockstep.Ended():
			return fmt.Errorf("%w; lockstep has ended: %v", err, c.lockstep.Err())
		case waited > patience:
			return fmt.Errorf("%w, still after %s", err, duration(waited))
		}
		pause := time.NewTimer(min(max(waited/20, 2*time.Millisecond), 50*time.Millisecond))
		select {
		case <-c.ctx.Done():
		case <-pause.C:
		}
		pause.Stop()
	}
}
