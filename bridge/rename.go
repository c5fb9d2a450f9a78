package bridge

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/lockstep-sync/lockstep/bridge/journal"
	"github.com/lockstep-sync/lockstep/bridge/mapping"
)

// renamedAtOnce is how many links are written by one Store.
const renamedAtOnce = 500

// RenameFields gives fields of one side their new names, old → new, in all
// links of a mapping, so that what both sides last agreed on is still known
// under them. No engine may run on the mapping meanwhile. stamp names this
// renaming: a link that bears it is left alone, so that what was cut short can
// be done again, even where two fields swap their names.
func RenameFields(ctx context.Context, j *journal.Journal, mapping string, side mapping.Side, names map[string]string, stamp string) error {
	var puts []journal.Put
	flush := func() error {
		err := j.Store(ctx, puts...)
		puts = puts[:0]
		return err
	}
	stamp = side.String() + " " + stamp
	err := j.Scan(ctx, "link."+mapping, func(key string, data []byte) error {
		renamed, changed, err := renameLink(data, side, names, stamp)
		if err != nil {
			return fmt.Errorf("read %s: %w", key, err)
		}
		if changed {
			puts = append(puts, put(key, renamed))
		}
		if len(puts) < renamedAtOnce {
			return nil
		}
		return flush()
	})
	if err == nil && len(puts) > 0 {
		err = flush()
	}
	if err != nil {
		return fmt.Errorf("rename fields of mapping %s: %w", mapping, err)
	}
	return nil
}

// renameLink renames fields in a stored link (see merge.Link.Encode), and
// leaves all else as it is.
func renameLink(data []byte, side mapping.Side, names map[string]string, stamp string) ([]byte, bool, error) {
	var link map[string]json.RawMessage
	var fields []map[string]json.RawMessage
	var stamps []string
	if err := json.Unmarshal(data, &link); err != nil {
		return nil, false, err
	}
	for member, into := range map[string]any{"f": &fields, "renamed": &stamps} {
		if raw := link[member]; raw != nil {
			if err := json.Unmarshal(raw, into); err != nil {
				return nil, false, err
			}
		}
	}
	for _, s := range stamps {
		if s == stamp {
			return nil, false, nil
		}
	}
	changed := false
	for _, f := range fields {
		var pair [2]string
		if err := json.Unmarshal(f["n"], &pair); err != nil {
			return nil, false, err
		}
		was := pair[side]
		parts := strings.Split(was, "+") // a field that is several on this side
		for i, p := range parts {
			if now, ok := names[p]; ok {
				parts[i] = now
			}
		}
		if pair[side] = strings.Join(parts, "+"); pair[side] == was {
			continue
		}
		changed = true
		raw, err := json.Marshal(pair)
		if err != nil {
			return nil, false, err
		}
		f["n"] = raw
	}
	if !changed {
		return nil, false, nil
	}
	var err error
	if link["f"], err = json.Marshal(fields); err != nil {
		return nil, false, err
	}
	if link["renamed"], err = json.Marshal(append(stamps, stamp)); err != nil {
		return nil, false, err
	}
	out, err := json.Marshal(link)
	return out, true, err
}
