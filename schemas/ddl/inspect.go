package ddl

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// State is what there is on the database, for people and metrics.
type State struct {
	SystemID    string
	Version     int    // major
	End         LSN    // of the server's log
	Slot        *Slot  // nil: it does not exist
	Retained    uint64 // bytes of log that the slot keeps the server from removing
	Publication bool   // it exists
	Ours        bool   // and we made it
}

// Inspect looks at slot, publication and tables of a running connection and
// tells what has drifted from how Install left it. It changes nothing and is
// made to be called every now and then.
func Inspect(ctx context.Context, url string, w Want) (State, []Problem, error) {
	var st State
	w, err := w.settled()
	if err != nil {
		return st, nil, err
	}
	c, err := connect(ctx, url)
	if err != nil {
		return st, nil, err
	}
	defer c.Close(context.WithoutCancel(ctx))
	s, err := lookAtServer(ctx, c)
	if err != nil {
		return st, nil, err
	}
	st.Version = s.version
	problems, err := st.inspectSlot(ctx, c, w)
	if err != nil {
		return st, nil, err
	}
	tables, more, err := describeAll(ctx, c, w, s.version)
	if err != nil {
		return st, nil, err
	}
	problems = append(problems, more...)
	actual, err := findPublication(ctx, c, s.version, w.Publication)
	if err != nil {
		return st, nil, err
	}
	st.Publication, st.Ours = actual != nil, actual != nil && actual.ours()
	problems = append(problems, planFor(w, s, tables).drift(actual)...)
	id, err := identify(ctx, url)
	st.SystemID = id.SystemID
	return st, problems, err
}

func (st *State) inspectSlot(ctx context.Context, c *pgx.Conn, w Want) ([]Problem, error) {
	var end string
	err := c.QueryRow(ctx, `SELECT to_json((CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END)::text)::text`).Scan(&end)
	if err == nil {
		err = st.End.UnmarshalJSON([]byte(end))
	}
	if err != nil {
		return nil, fmt.Errorf("read the end of the server's log: %w", err)
	}
	if st.Slot, err = findSlot(ctx, c, w.Slot); err != nil {
		return nil, err
	}
	if st.Slot == nil {
		return []Problem{{Object: w.Slot, What: (&SlotLost{w.Slot, "it does not exist"}).Error()}}, nil
	}
	if why := st.Slot.Lost(); why != "" {
		return []Problem{{Object: w.Slot, What: (&SlotLost{w.Slot, why}).Error()}}, nil
	}
	if st.Slot.Restart != 0 && st.Slot.Restart < st.End {
		st.Retained = uint64(st.End - st.Slot.Restart)
	}
	if st.Slot.WALStatus == "unreserved" {
		return []Problem{{Object: w.Slot, What: fmt.Sprintf("the server will soon remove log that the slot still needs: %d MB are kept for it", st.Retained>>20),
			Remedy: "let Lockstep catch up, and raise max_slot_wal_keep_size meanwhile"}}, nil
	}
	return nil, nil
}

// Repair puts a publication of ours back to how it is wanted and says what it
// did to it, "" when nothing was to be done. Changes made while it was drifted may
// not be in the log: both sides have to be compared afterwards. The slot is
// nothing that could be repaired.
func Repair(ctx context.Context, url string, w Want) (Made, error) {
	w, err := w.settled()
	if err != nil {
		return "", err
	}
	c, err := connect(ctx, url)
	if err != nil {
		return "", err
	}
	defer c.Close(context.WithoutCancel(ctx))
	s, err := lookAtServer(ctx, c)
	if err != nil {
		return "", err
	}
	tables, problems, err := describeAll(ctx, c, w, s.version)
	if err != nil {
		return "", err
	}
	if len(problems) > 0 {
		return "", &Refused{problems}
	}
	made, _, err := publish(ctx, c, w, s, tables)
	if made == Found {
		made = ""
	}
	return made, err
}
