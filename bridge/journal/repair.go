package journal

import (
	"context"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go/jetstream"
)

const keyCut = "journal.cut"

// repair makes CHANGES a prefix of what was appended again. A power cut in the
// middle of a batch that spans two block files may keep the later file's part
// and lose the earlier one's. Nothing of that batch was acknowledged, and Tail
// must not point behind the hole: what follows it is removed, and the pump
// appends it again. A hole further back than one batch is a disk that lost what
// it had confirmed, which nobody can repair here; Stats.Lost counts it.
func (j *Journal) repair(ctx context.Context) error {
	bounded, cancel := j.bound(ctx)
	defer cancel()
	stream, err := j.js.Stream(bounded, streamChanges)
	if err != nil {
		return fmt.Errorf("look at stream %s: %w", streamChanges, err)
	}
	st := stream.CachedInfo().State
	if st.NumDeleted == 0 {
		return nil
	}
	done, err := j.loadNumber(ctx, keyCut)
	if err != nil {
		return err
	}
	info, err := stream.Info(bounded, jetstream.WithDeletedDetails(true))
	if err != nil {
		return fmt.Errorf("look at stream %s: %w", streamChanges, err)
	}
	var hole uint64 // the first of the last batch's sequences that is missing
	missing := make(map[uint64]bool, len(info.State.Deleted))
	for _, seq := range info.State.Deleted {
		missing[seq] = true
		switch {
		case seq <= done: // removed by an earlier repair
		case seq+uint64(j.changes.batchMax) <= st.LastSeq:
			j.lost++
		case hole == 0:
			hole = seq
		}
	}
	if j.lost > 0 {
		j.log.Error().Uint64("entries", j.lost).Msg("entries are missing in the middle of CHANGES: the disk lost what it had confirmed; run verify")
	}
	if hole == 0 {
		return nil
	}
	j.log.Warn().Uint64("from", hole).Uint64("to", st.LastSeq).Msg("a batch was cut off before it was acknowledged: removing its rest")
	for seq := hole; seq <= st.LastSeq; seq++ {
		if missing[seq] {
			continue
		}
		if err := stream.DeleteMsg(bounded, seq); err != nil {
			return fmt.Errorf("remove entry %d behind a hole: %w", seq, err)
		}
	}
	return j.Store(ctx, Put{Key: keyCut, Data: strconv.AppendUint(nil, st.LastSeq, 10)})
}

func (j *Journal) loadNumber(ctx context.Context, key string) (uint64, error) {
	data, found, err := j.Load(ctx, key)
	if err != nil || !found {
		return 0, err
	}
	n, err := strconv.ParseUint(string(data), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", key, err)
	}
	return n, nil
}
