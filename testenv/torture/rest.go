package torture

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lockstep-sync/lockstep/testenv"
	"github.com/lockstep-sync/lockstep/testenv/hubspot"
)

// patience bounds how long everything may take to come to rest.
const patience = 5 * time.Minute

// heal ends all troubles.
func (s *stage) heal(ctx context.Context) error {
	if err := s.server.StartAgain(ctx); err != nil {
		return err
	}
	s.wire.Resume()
	s.line.Resume()
	if err := errors.Join(s.wire.Restore(), s.line.Restore(), s.crm.SetFaults(hubspot.Faults{})); err != nil {
		return err
	}
	return s.ls.Await(ctx)
}

// rest waits until nothing is under way any more, on either side. Rest seen once
// proves nothing: it counts when it was seen before and after the reader passed a
// mark in the log, with no value changed in between.
func (s *stage) rest(ctx context.Context) error {
	fmt.Fprintln(s.o.Out, "all is well again; waiting for rest")
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var last error
	var mark string
	var books, handled uint64
	err := testenv.Until(ctx, "rest", func() (bool, error) {
		if s.ls.Ended() {
			return false, fmt.Errorf("lockstep ended by itself: %v", s.ls.Err())
		}
		passed := mark != "" && s.passed(ctx, mark)
		n, m, err := s.still(ctx)
		switch {
		case err != nil:
			last, mark = err, ""
		case mark == "" || n != books || m != handled:
			books, handled = n, m
			mark, last = s.mark(ctx)
		case passed:
			return true, nil
		default:
			last = errors.New("the log is not read to its end")
		}
		return false, nil
	})
	if err != nil {
		return fmt.Errorf("%w: %w\nstatus: %s", err, last, s.ls.StatusText())
	}
	return nil
}

// mark writes to the log and returns where it ends.
func (s *stage) mark(ctx context.Context) (lsn string, err error) {
	if _, err := s.db.Exec(ctx, "BEGIN; SET LOCAL synchronous_commit = on; SELECT pg_logical_emit_message(true, '', ''); COMMIT"); err != nil {
		return "", err
	}
	return lsn, s.db.QueryRow(ctx, "SELECT pg_current_wal_flush_lsn()::text").Scan(&lsn)
}

func (s *stage) passed(ctx context.Context, mark string) (yes bool) {
	err := s.db.QueryRow(ctx, "SELECT coalesce(bool_and(confirmed_flush_lsn >= $1::text::pg_lsn), false) FROM pg_replication_slots WHERE database = current_database()", mark).Scan(&yes)
	return err == nil && yes
}

// still says what is under way, or how many values were changed and changes handled so far.
func (s *stage) still(ctx context.Context) (books, handled uint64, err error) {
	if w := s.crm.Webhooks(); w.Pending > 0 {
		return 0, 0, fmt.Errorf("%d webhook events are not delivered", w.Pending)
	} else if w.Dropped > 0 {
		return 0, 0, fmt.Errorf("%d webhook events were given up: the run says nothing", w.Dropped)
	}
	st, err := s.ls.Status()
	if err != nil {
		return 0, 0, err
	}
	if n := st.Waiting(); n > 0 {
		return 0, 0, fmt.Errorf("%d changes are waiting or under way", n)
	}
	err = s.db.QueryRow(ctx, "SELECT count(*) FROM books").Scan(&books)
	return books, st.Handled(), err
}
