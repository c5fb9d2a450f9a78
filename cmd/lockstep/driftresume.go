package main

import (
	"context"
	"fmt"

	"github.com/lockstep-sync/lockstep/bridge"
	"github.com/lockstep-sync/lockstep/bridge/mapping"
)

// resume accepts the shapes of now for a mapping, in the name of a person. It
// returns when that is on disk; the mapping goes on as soon as the system is put
// together anew. The errors are bridge's: ErrNotFound for a mapping that there
// is not, ErrInvalid, with words, where there is nothing to accept or where the
// mapping does not fit the shapes of now.
func (s *system) resume(ctx context.Context, name, by string) error {
	v, ok := s.watch.verdict(name)
	switch {
	case !ok:
		return fmt.Errorf("mapping %s: %w", name, bridge.ErrNotFound)
	case by == "":
		return fmt.Errorf("mapping %s: say who accepts the shapes: %w", name, bridge.ErrInvalid)
	case !v.unsettled():
		return fmt.Errorf("mapping %s goes on already: %w", name, bridge.ErrInvalid)
	}
	if v.rekeyed || v.now[0].gone != "" || v.now[1].gone != "" {
		return fmt.Errorf("mapping %s cannot go on: %s: %w", name, v.paused, bridge.ErrInvalid)
	}
	m, problems := mapping.Compile(v.spec, v.now[0].shape, v.now[1].shape)
	if m == nil {
		return fmt.Errorf("mapping %s does not fit the shapes of now: %s; change it in the configuration and restart: %w", name, problems[0], bridge.ErrInvalid)
	}
	v.Mapping, v.paused, v.without, v.accept = m, "", nil, true
	if err := s.drift.enter(ctx, &v, by); err != nil {
		return err
	}
	s.watch.anew("mapping " + name + " was resumed by " + by)
	return nil
}
