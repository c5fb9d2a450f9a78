package torture

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/lockstep-sync/lockstep/testenv/hubspot"
)

// troubles are what goes wrong, each with its own dice and pace, all at once.
func (s *stage) troubles() []func(context.Context) error {
	return []func(context.Context) error{s.killing, s.crashing, s.cutting, s.failing}
}

// every does something at random intervals until ctx ends.
func every(ctx context.Context, r Range, chance *rand.Rand, do func() error) error {
	for {
		if rest(ctx, r.draw(chance)); ctx.Err() != nil {
			return nil
		}
		if err := do(); err != nil {
			return err
		}
	}
}

// killing ends Lockstep by SIGKILL, at any moment, also while it starts.
func (s *stage) killing(ctx context.Context) error {
	return every(ctx, s.o.Kill, s.chance(1), func() error {
		if s.ls.Ended() {
			return fmt.Errorf("lockstep ended by itself: %v", s.ls.Err())
		}
		if err := s.ls.Kill(); err != nil {
			return err
		}
		s.kills.Add(1)
		return s.ls.Launch()
	})
}

// crashing kills the database with all its processes, or restarts it in order.
func (s *stage) crashing(ctx context.Context) error {
	chance := s.chance(2)
	return every(ctx, s.o.Crash, chance, func() error {
		end := s.server.Kill
		if chance.IntN(3) == 0 {
			end = s.server.StopFast
		}
		if err := end(); err != nil {
			return err
		}
		s.faults.Add(1)
		rest(ctx, time.Duration(chance.IntN(1500))*time.Millisecond)
		return s.server.StartAgain(context.WithoutCancel(ctx))
	})
}

// cutting cuts or stalls the network on either side of Lockstep.
func (s *stage) cutting(ctx context.Context) error {
	chance := s.chance(3)
	return every(ctx, Range{2 * time.Second, 8 * time.Second}, chance, func() error {
		p := s.wire
		if chance.IntN(2) == 0 {
			p = s.line
		}
		s.faults.Add(1)
		if chance.IntN(2) == 0 {
			p.Pause()
			rest(ctx, time.Duration(chance.IntN(1000))*time.Millisecond)
			p.Resume()
			return nil
		}
		p.Cut()
		rest(ctx, time.Duration(chance.IntN(1000))*time.Millisecond)
		return p.Restore()
	})
}

// failing has the vendor fail in another way every few seconds.
func (s *stage) failing(ctx context.Context) error {
	chance := s.chance(4)
	return every(ctx, Range{500 * time.Millisecond, 4 * time.Second}, chance, func() error {
		s.faults.Add(1)
		return s.crm.SetFaults(moods[chance.IntN(len(moods))])
	})
}

// moods are the states that the vendor may be in. Webhooks may come late, twice
// and in any order; those that never come are for polling to find.
var moods = []hubspot.Faults{
	{},
	{Down: true},
	{ErrorRate: 0.3},
	{ApplyThenFailRate: 0.3},
	{LatencyMS: 200},
	{ThrottlePer10s: 30},
	{DuplicateWebhooks: 0.5, ShuffleWebhooks: true, DelayWebhooksMS: 50},
	{DelayWebhooksMS: 1500},
	{ErrorRate: 0.1, ApplyThenFailRate: 0.1, LatencyMS: 20, DuplicateWebhooks: 0.2, ShuffleWebhooks: true, DelayWebhooksMS: 100},
}
