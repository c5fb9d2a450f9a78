package journal

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
)

// span is a part of a stream to be read once.
type span struct {
	stream string
	filter string
	from   uint64    // first sequence; 0 = the beginning
	upto   uint64    // last sequence; 0 = whatever is there when the end is reached
	since  time.Time // instead of from: stored at or after this time
}

// item is one stored message.
type item struct {
	seq     uint64
	pending uint64 // matching messages behind it
	msg     *nats.Msg
}

const (
	pullSilence = 5 * time.Second // without a sign of life: the consumer is gone
	pullExpires = 2 * time.Second
)

// errAgain ends a consumer that has no more to say; the next one goes on
// behind the last message that was handed over.
var errAgain = errors.New("consumer ended")

// read hands every message of the span to each, in order and once, in slices
// of what has arrived, and returns when the span's end is reached. It uses a
// consumer in memory that lives as long as the call; one that is lost (it
// expires while each is busy for long) is replaced behind the last message
// handed over. At most two slices are in memory.
func (j *Journal) read(ctx context.Context, s span, each func([]item) error) error {
	wait := 10 * time.Millisecond
	for {
		before := s.from
		more, err := j.readOnce(ctx, &s, each)
		if !more {
			return j.explain(err)
		}
		if j.closing.Err() != nil {
			return ErrClosed
		}
		if s.from != before {
			wait = 10 * time.Millisecond
			continue
		}
		if !errors.Is(err, errAgain) {
			j.log.Warn().Err(err).Str("stream", s.stream).Msg("reading the journal again")
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-j.closing.Done():
			return ErrClosed
		case <-time.After(wait):
			wait = min(2*wait, time.Second)
		}
	}
}

// readOnce reads with one consumer. more: the span is not at its end, and err
// is the journal's, not the reader's.
func (j *Journal) readOnce(ctx context.Context, s *span, each func([]item) error) (more bool, err error) {
	p, pending, err := j.openPull(ctx, s)
	if err != nil {
		return ctx.Err() == nil, errors.Join(err, ctx.Err())
	}
	defer p.close()
	for left := pending; left > 0; {
		items, err := p.next(ctx)
		if err != nil {
			return ctx.Err() == nil, errors.Join(err, ctx.Err())
		}
		if len(items) == 0 {
			continue
		}
		end := items[len(items)-1]
		left = end.pending
		if s.upto > 0 && end.seq >= s.upto {
			left = 0
			for len(items) > 0 && items[len(items)-1].seq > s.upto {
				items = items[:len(items)-1]
			}
		}
		if left > 0 {
			if err := p.ask(); err != nil { // the server fetches while each works
				return true, err
			}
		}
		if len(items) == 0 {
			break
		}
		if err := each(items); err != nil {
			return false, err
		}
		s.from, s.since = end.seq+1, time.Time{}
	}
	return false, nil
}

// pull is one ephemeral consumer and what was asked of it.
type pull struct {
	j     *Journal
	nc    *nats.Conn
	js    jetstream.JetStream
	s     *span
	name  string
	sub   *nats.Subscription
	in    chan *nats.Msg
	left  int // messages asked for and not yet here
	alone bool
}

func (j *Journal) openPull(ctx context.Context, s *span) (*pull, uint64, error) {
	bounded, cancel := j.bound(ctx)
	defer cancel()
	cfg := jetstream.ConsumerConfig{Name: "read-" + nuid.Next(), FilterSubject: s.filter, AckPolicy: jetstream.AckNonePolicy,
		MemoryStorage: true, Replicas: 1, InactiveThreshold: time.Minute, MaxWaiting: 8,
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: max(s.from, 1)}
	if !s.since.IsZero() {
		cfg.DeliverPolicy, cfg.OptStartSeq, cfg.OptStartTime = jetstream.DeliverByStartTimePolicy, 0, &s.since
	}
	c, err := j.js.CreateConsumer(bounded, s.stream, cfg)
	if err != nil {
		return nil, 0, fmt.Errorf("create consumer on %s: %w", s.stream, err)
	}
	p := &pull{j: j, nc: j.reads, js: j.js, s: s, name: cfg.Name, in: make(chan *nats.Msg, 2*sliceMax+16)}
	if p.sub, err = j.reads.ChanSubscribe(nats.NewInbox(), p.in); err != nil {
		return nil, 0, fmt.Errorf("subscribe: %w", err)
	}
	return p, c.CachedInfo().NumPending, nil
}

// close removes the consumer. When that fails, it expires by itself.
func (p *pull) close() {
	if err := p.sub.Unsubscribe(); err != nil && p.j.closing.Err() == nil {
		p.j.log.Debug().Err(err).Msg("unsubscribe reader")
	}
	ctx, cancel := p.j.bound(context.Background())
	defer cancel()
	if err := p.js.DeleteConsumer(ctx, p.s.stream, p.name); err != nil && p.j.closing.Err() == nil &&
		!errors.Is(err, jetstream.ErrConsumerNotFound) {
		p.j.log.Debug().Err(err).Msg("remove reader")
	}
}

// ask asks for the next messages unless some are still to come.
func (p *pull) ask() error {
	if p.left > 0 {
		return nil
	}
	batch, bound := sliceMax, fmt.Sprintf(`"max_bytes":%d,`, sliceBytes)
	if p.alone { // a message larger than the bound comes by itself
		batch, bound, p.alone = 1, "", false
	}
	p.left = batch
	req := fmt.Sprintf(`{"batch":%d,%s"expires":%d}`, batch, bound, pullExpires)
	return p.nc.PublishRequest("$JS.API.CONSUMER.MSG.NEXT."+p.s.stream+"."+p.name, p.sub.Subject, []byte(req))
}

// next waits for messages and returns all that are here.
func (p *pull) next(ctx context.Context) ([]item, error) {
	if err := p.ask(); err != nil {
		return nil, err
	}
	silence := time.NewTimer(pullSilence)
	defer silence.Stop()
	var items []item
	select {
	case m := <-p.in:
		if err := p.take(m, &items); err != nil {
			return nil, err
		}
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-p.j.closing.Done():
		return nil, ErrClosed
	case <-silence.C:
		return nil, fmt.Errorf("the consumer on %s is silent", p.s.stream)
	}
	for len(items) < sliceMax {
		select {
		case m := <-p.in:
			if err := p.take(m, &items); err != nil {
				if len(items) > 0 {
					return items, nil // the consumer's end shows again at the next call
				}
				return nil, err
			}
		default:
			return items, nil
		}
	}
	return items, nil
}

// take sorts one message from the server: a stored one, or a word about the
// request.
func (p *pull) take(m *nats.Msg, items *[]item) error {
	if status := m.Header.Get("Status"); status != "" && len(m.Data) == 0 && !strings.HasPrefix(m.Reply, "$JS.ACK.") {
		switch why := m.Header.Get("Description"); {
		case status == "409" && why == "Batch Completed": // known already, and perhaps asked again
			return nil
		case status == "409" && strings.Contains(why, "MaxBytes"):
			p.left, p.alone = 0, len(*items) == 0
			return nil
		}
		return errAgain
	}
	it, err := readItem(m)
	if err != nil {
		return err
	}
	p.left--
	*items = append(*items, it)
	return nil
}

// readItem reads the reply subject of a delivered message, which is
// $JS.ACK.<stream>.<consumer>.<times>.<sequence>.<delivered>.<time>.<pending>.
func readItem(m *nats.Msg) (item, error) {
	parts := strings.Split(m.Reply, ".")
	if len(parts) != 9 {
		return item{}, fmt.Errorf("read delivery: unknown reply subject %q", m.Reply)
	}
	seq, err1 := strconv.ParseUint(parts[5], 10, 64)
	pending, err2 := strconv.ParseUint(parts[8], 10, 64)
	return item{seq: seq, pending: pending, msg: m}, errors.Join(err1, err2)
}
