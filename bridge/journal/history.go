package journal

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// ReadAudit calls each for the chosen entries that were stored when it was
// called, oldest first. With a limit, only the newest are read and held in
// memory; without one, entries go by as they are read. An error of each ends it
// and is returned.
func (j *Journal) ReadAudit(ctx context.Context, f AuditFilter, each func(AuditEntry) error) error {
	s, err := j.auditSpan(ctx, &f)
	if err != nil || s.upto == 0 {
		return err
	}
	if f.Limit == 0 {
		return j.auditOf(ctx, s, &f, each)
	}
	newest, err := j.newestAudit(ctx, s, &f)
	for i := 0; err == nil && i < len(newest); i++ {
		err = each(newest[i])
	}
	return err
}

// auditSpan is where the chosen entries are; upto is 0 when there are none.
func (j *Journal) auditSpan(ctx context.Context, f *AuditFilter) (s span, err error) {
	mapping, bucketOf, kind := "*", "*", "*"
	if f.Mapping != "" {
		mapping = token(f.Mapping)
	}
	if f.Key != "" {
		bucketOf = bucket(f.Key)
	}
	if f.Kind != "" {
		kind = token(f.Kind)
	}
	s = span{stream: streamAudit, filter: auditSubject(mapping, bucketOf, kind), from: 1}
	if !f.Since.IsZero() {
		since := f.Since.Add(-time.Hour) // an entry is stored after it happened; the hour is for clocks that are set
		if s.from, err = j.firstSince(ctx, s.stream, s.filter, since); err != nil || s.from == 0 {
			return s, err
		}
	}
	s.upto, err = j.lastSeq(ctx, streamAudit)
	return s, err
}

// firstSince is the sequence of the first matching message stored at or after a
// time, 0 when there is none.
func (j *Journal) firstSince(ctx context.Context, stream, filter string, since time.Time) (uint64, error) {
	m, err := j.get(ctx, stream, getRequest{From: &since, Next: filter})
	if err != nil || m == nil {
		return 0, err
	}
	seq, err := strconv.ParseUint(m.Header.Get("Nats-Sequence"), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read sequence in %s: %w", stream, err)
	}
	return seq, nil
}

// newestAudit reads the span from its end, in parts that grow, until the limit is
// reached: the last few entries of a long audit are found at once.
func (j *Journal) newestAudit(ctx context.Context, s span, f *AuditFilter) ([]AuditEntry, error) {
	floor, width := s.from, uint64(2*f.Limit+1000)
	var found []AuditEntry
	for s.upto >= floor && len(found) < f.Limit {
		if s.from = floor; s.upto-floor >= width {
			s.from = s.upto - width + 1
		}
		part := ring{limit: f.Limit - len(found)}
		if err := j.auditOf(ctx, s, f, part.push); err != nil {
			return nil, err
		}
		found = append(part.all(), found...)
		s.upto, width = s.from-1, 8*width
	}
	return found, nil
}

func (j *Journal) auditOf(ctx context.Context, s span, f *AuditFilter, each func(AuditEntry) error) error {
	return j.read(ctx, s, func(items []item) error {
		for _, it := range items {
			var e AuditEntry
			if err := json.Unmarshal(it.msg.Data, &e); err != nil {
				return fmt.Errorf("read audit entry %d: %w", it.seq, err)
			}
			if !f.takes(&e) {
				continue
			}
			if err := each(e); err != nil {
				return err
			}
		}
		return nil
	})
}

// ring keeps the last entries pushed.
type ring struct {
	limit   int
	entries []AuditEntry
	oldest  int
}

func (r *ring) push(e AuditEntry) error {
	if len(r.entries) < r.limit {
		r.entries = append(r.entries, e)
		return nil
	}
	r.entries[r.oldest] = e
	r.oldest = (r.oldest + 1) % r.limit
	return nil
}

func (r *ring) all() []AuditEntry { return append(r.entries[r.oldest:], r.entries[:r.oldest]...) }

// ChangesSince calls each for every change of a mapping, of either side, that was
// stored at or after a time and is kept still, in the order of CHANGES. A change
// that was handed to another lane comes twice. An error of each ends it and is
// returned.
func (j *Journal) ChangesSince(ctx context.Context, mapping string, since time.Time, each func(*event.Change) error) error {
	if !isToken(mapping) {
		return nil // no such mapping can have changes
	}
	s := span{stream: streamChanges, filter: changeSubject("*", mapping, "*")}
	var err error
	if s.from, err = j.firstSince(ctx, s.stream, s.filter, since); err != nil || s.from == 0 {
		return err
	}
	if s.upto, err = j.lastSeq(ctx, s.stream); err != nil {
		return err
	}
	return j.read(ctx, s, func(items []item) error {
		for _, it := range items {
			c, err := event.ParseChange(it.msg.Data)
			if err != nil {
				return fmt.Errorf("read change %d: %w", it.seq, err)
			}
			if err := each(&c); err != nil {
				return err
			}
		}
		return nil
	})
}
