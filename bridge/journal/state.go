package journal

import (
	"context"
	"fmt"
	"strings"
)

// Put is a new value for a key of STATE. A nil Data deletes the key; empty
// Data that is not nil is a value.
type Put struct {
	Key  string // tokens of letters, digits, - and _, joined by dots: link.contacts.<token>
	Data []byte
}

const statePrefix = "state."

// Store writes the puts in their order and returns nil when all are on disk.
// Concurrent calls share fsyncs. After an error the first of them may be
// stored, never later ones without those before; a call that was queued behind
// one that failed fails with it, so a cursor is never stored past a link that
// was not. STATE still takes writes for a while when CHANGES answers
// ErrDiskFull, so that what waits can be delivered and recorded.
func (j *Journal) Store(ctx context.Context, puts ...Put) error {
	msgs, err := stateMessages(puts)
	if err != nil {
		return err
	}
	return j.state.write(ctx, msgs)
}

// StoreAsync is Store without waiting: done is called once, from the
// committer's goroutine, in the order of all Store and StoreAsync calls, and
// must not block. The puts' data must not change before that. ErrBusy tells a
// caller who does not wait for done that 64 MiB are waiting; only after Close
// is done called at once, by the caller's own goroutine, as it is for puts that
// can never be stored.
func (j *Journal) StoreAsync(puts []Put, done func(error)) {
	msgs, err := stateMessages(puts)
	if err != nil {
		done(err)
		return
	}
	j.state.writeAsync(msgs, done)
}

func stateMessages(puts []Put) ([]message, error) {
	msgs := make([]message, len(puts))
	for i, p := range puts {
		if err := checkKey(p.Key); err != nil {
			return nil, err
		}
		if len(p.Data) > maxPayload-1024 {
			return nil, fmt.Errorf("store %s: %d bytes: %w (%d bytes)", p.Key, len(p.Data), ErrTooLarge, maxPayload-1024)
		}
		msgs[i] = message{subject: statePrefix + p.Key, data: p.Data, deleted: p.Data == nil}
	}
	return msgs, nil
}

func checkKey(key string) error {
	for token := range strings.SplitSeq(key, ".") {
		if !isToken(token) {
			return fmt.Errorf("key %q: want tokens of letters, digits, - and _, joined by dots", key)
		}
	}
	return nil
}

// Load returns the value of a key. It sees everything whose Store has returned.
func (j *Journal) Load(ctx context.Context, key string) (data []byte, found bool, err error) {
	if err := checkKey(key); err != nil {
		return nil, false, err
	}
	if err := j.state.settled(ctx); err != nil {
		return nil, false, err
	}
	m, err := j.ask(ctx, "$JS.API.DIRECT.GET."+streamState+"."+statePrefix+key, nil)
	if err != nil {
		return nil, false, fmt.Errorf("load %s: %w", key, err)
	}
	if m == nil || m.Header.Get(headDeleted) != "" {
		return nil, false, nil
	}
	return m.Data, true, nil
}

// Scan calls each for every key below prefix ("link.contacts", or "" for all)
// with its value. Every key that exists throughout the scan is seen; one that
// is written meanwhile may be seen twice, the newer value later. It holds a few
// hundred values at a time. An error of each ends it and is returned.
func (j *Journal) Scan(ctx context.Context, prefix string, each func(key string, data []byte) error) error {
	filter := statePrefix + ">"
	if prefix = strings.TrimSuffix(prefix, "."); prefix != "" {
		if err := checkKey(prefix); err != nil {
			return err
		}
		filter = statePrefix + prefix + ".>"
	}
	return j.read(ctx, span{stream: streamState, filter: filter}, func(items []item) error {
		for _, it := range items {
			if it.msg.Header.Get(headDeleted) != "" {
				continue
			}
			if err := each(strings.TrimPrefix(it.msg.Subject, statePrefix), it.msg.Data); err != nil {
				return err
			}
		}
		return nil
	})
}
