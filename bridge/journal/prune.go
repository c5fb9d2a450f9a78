package journal

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Prune removes entries of CHANGES that everybody has handled (those below the
// sequence below) and that are older than Retention, or of which more than
// about MaxBytes are kept; when the disk is nearly full, all of them. An entry
// at or above below is never removed, nor is the very last one, and what Tail
// answers stays the same. One call at a time.
func (j *Journal) Prune(ctx context.Context, below uint64) error {
	bounded, cancel := j.bound(ctx)
	defer cancel()
	stream, err := j.js.Stream(bounded, streamChanges)
	if err != nil {
		return j.explain(fmt.Errorf("prune: look at %s: %w", streamChanges, err))
	}
	st := stream.CachedInfo().State
	// Invariant: the last message stays. It holds the sequence, to which the
	// cursors in STATE refer, through any kind of restart.
	below = min(below, st.LastSeq)
	if st.Msgs == 0 || below <= st.FirstSeq {
		return nil
	}
	to, err := j.pruneTo(ctx, st, below)
	if err != nil || to <= st.FirstSeq {
		return err
	}
	if err := j.rememberTails(ctx, stream, to); err != nil {
		return fmt.Errorf("prune: remember tails: %w", err)
	}
	if err := stream.Purge(bounded, jetstream.WithPurgeSequence(to)); err != nil {
		return j.explain(fmt.Errorf("prune: %w", err))
	}
	return nil
}

// pruneTo is the sequence below which everything goes.
func (j *Journal) pruneTo(ctx context.Context, st jetstream.StreamState, below uint64) (uint64, error) {
	_, full, err := j.space.look()
	if err != nil || full {
		return below, err
	}
	since := time.Now().Add(-j.opts.Retention)
	to := below
	m, err := j.get(ctx, streamChanges, getRequest{From: &since, Next: "changes.>"})
	if err != nil {
		return 0, fmt.Errorf("prune: %w", err)
	}
	if m != nil {
		young, err := strconv.ParseUint(m.Header.Get("Nats-Sequence"), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("prune: read sequence: %w", err)
		}
		to = min(to, young)
	}
	// How many bytes lie below a sequence is told by the average only; the next
	// call is nearer the mark.
	each := max(st.Bytes/st.Msgs, 1)
	if keep := j.opts.MaxBytes / each; below-st.FirstSeq > keep {
		to = max(to, below-keep)
	}
	return to, nil
}

// rememberTails stores the tail of every connection and mapping whose last
// entry is about to go. Invariant: tails are durable before their entries go.
func (j *Journal) rememberTails(ctx context.Context, stream jetstream.Stream, to uint64) error {
	bounded, cancel := j.bound(ctx)
	defer cancel()
	info, err := stream.Info(bounded, jetstream.WithSubjectFilter("changes.>"))
	if err != nil {
		return j.explain(err)
	}
	seen := make(map[string]bool)
	var puts []Put
	for subject := range info.State.Subjects {
		parts := strings.Split(subject, ".")
		if len(parts) != 4 || seen[parts[1]+"."+parts[2]] {
			continue
		}
		seen[parts[1]+"."+parts[2]] = true
		t, err := j.lastOf(ctx, parts[1], parts[2])
		if err != nil {
			return err
		}
		if t.seq > 0 && t.seq < to {
			puts = append(puts, Put{Key: tailKey(parts[1], parts[2]), Data: []byte(t.position.String())})
		}
	}
	if len(puts) == 0 {
		return nil
	}
	return j.Store(ctx, puts...)
}
