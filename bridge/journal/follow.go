package journal

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// Delivery is one entry and its sequence in CHANGES, which grows along the
// stream. It is the receiver's own memory.
type Delivery struct {
	Seq   uint64
	Entry event.Entry
}

// Follow hands every entry of a mapping's lane, from all connections, with a
// sequence of at least from, to handle: in order, without gap or repeat, first
// what is stored, then what is appended while it runs. Each call of handle gets
// what has arrived, at most 500 entries and about 2 MiB; its slowness holds
// nobody else up. Follow blocks until ctx ends (and returns its error), handle
// fails (and returns that), or the journal closes (ErrClosed). An entry is
// handed over only when it is on disk.
func (j *Journal) Follow(ctx context.Context, mapping string, number int, from uint64, handle func(context.Context, []Delivery) error) error {
	if !isToken(mapping) || number < 0 || number >= j.opts.Lanes {
		return fmt.Errorf("follow lane %d of mapping %q: there is no such lane", number, mapping)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(j.closing, func() { cancel(ErrClosed) })()
	l, f := lane{mapping, number}, &follower{ready: make(chan struct{}, 1)}
	defer j.hub.detach(l, f)
	next := from
	give := func(arrived []Delivery) error {
		for len(arrived) > 0 && arrived[0].Seq < next {
			arrived = arrived[1:] // live already, but the caller asked for later ones only
		}
		if len(arrived) == 0 {
			return nil
		}
		if err := handle(ctx, arrived); err != nil {
			return &handlerError{err}
		}
		next = arrived[len(arrived)-1].Seq + 1
		return nil
	}
	for {
		last := j.hub.attach(l, f)
		err := j.catchUp(ctx, l, &next, last, give)
		if err == nil {
			next = max(next, last+1)
			err = j.live(ctx, f, give)
		}
		var mine *handlerError
		switch {
		case errors.As(err, &mine):
			return mine.err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			return err
		}
	}
}

// handlerError tells the handler's errors from the journal's.
type handlerError struct{ err error }

func (e *handlerError) Error() string { return e.err.Error() }

// live hands over what is queued, until the queue has a gap.
func (j *Journal) live(ctx context.Context, f *follower, give func([]Delivery) error) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-f.ready:
		}
		arrived, ok := j.hub.take(f)
		if err := give(arrived); err != nil || !ok {
			return err
		}
	}
}

// catchUp hands over what the stream holds from next up to last.
func (j *Journal) catchUp(ctx context.Context, l lane, next *uint64, last uint64, give func([]Delivery) error) error {
	if *next > last {
		return nil
	}
	filter := changeSubject("*", l.mapping, strconv.Itoa(l.number))
	return j.read(ctx, span{stream: streamChanges, filter: filter, from: *next, upto: last}, func(items []item) error {
		arrived := make([]Delivery, len(items))
		for i, it := range items {
			e, err := readEntry(it.msg, it.msg.Subject)
			if err != nil {
				return fmt.Errorf("read entry %d of CHANGES: %w", it.seq, err)
			}
			arrived[i] = Delivery{Seq: it.seq, Entry: e}
		}
		return give(arrived)
	})
}

// Backlog is the number of entries of a mapping's lane with a sequence of at
// least from.
func (j *Journal) Backlog(ctx context.Context, mapping string, number int, from uint64) (uint64, error) {
	if !isToken(mapping) || number < 0 || number >= j.opts.Lanes {
		return 0, fmt.Errorf("backlog of lane %d of mapping %q: there is no such lane", number, mapping)
	}
	// A batch of one comes with the number of those behind it.
	m, err := j.get(ctx, streamChanges, getRequest{Seq: max(from, 1), Batch: 1, MaxBytes: 1,
		Next: changeSubject("*", mapping, strconv.Itoa(number))})
	if err != nil || m == nil {
		return 0, err
	}
	behind, err := strconv.ParseUint(m.Header.Get("Nats-Num-Pending"), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read backlog of lane %d of mapping %s: %w", number, mapping, err)
	}
	return behind + 1, nil
}
