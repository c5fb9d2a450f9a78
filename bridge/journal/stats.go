package journal

import (
	"context"
	"fmt"
)

// StreamStats is the size of one stream.
type StreamStats struct {
	Messages uint64 `json:"messages"`
	Bytes    uint64 `json:"bytes"`
	FirstSeq uint64 `json:"first_seq"`
	LastSeq  uint64 `json:"last_seq"`
}

// Stats is the state of a journal.
type Stats struct {
	Changes  StreamStats `json:"changes"`
	State    StreamStats `json:"state"`
	Audit    StreamStats `json:"audit"`
	Free     uint64      `json:"free"`      // bytes on the disk
	DiskFull bool        `json:"disk_full"` // no changes are taken until there is room
	Lost     uint64      `json:"lost"`      // entries found missing in the middle of CHANGES at the start: run verify
}

// Stats looks at the streams and the disk.
func (j *Journal) Stats(ctx context.Context) (Stats, error) {
	out := Stats{Lost: j.lost}
	bounded, cancel := j.bound(ctx)
	defer cancel()
	for name, to := range map[string]*StreamStats{streamChanges: &out.Changes, streamState: &out.State, streamAudit: &out.Audit} {
		s, err := j.js.Stream(bounded, name)
		if err != nil {
			return Stats{}, j.explain(fmt.Errorf("look at stream %s: %w", name, err))
		}
		st := s.CachedInfo().State
		*to = StreamStats{Messages: st.Msgs, Bytes: st.Bytes, FirstSeq: st.FirstSeq, LastSeq: st.LastSeq}
	}
	var err error
	out.Free, out.DiskFull, err = j.space.look()
	return out, err
}
