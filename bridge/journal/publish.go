package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"
)

const (
	headPosition = "Lockstep-Position"
	headOrigin   = "Lockstep-Origin"
	headChange   = "Lockstep-Change"
	headDeleted  = "Lockstep-Deleted"

	headTTL      = "Nats-TTL"
	headExpected = "Nats-Expected-Last-Sequence"
	headID       = "Nats-Msg-Id"
	headAfter    = "Nats-Expected-Last-Msg-Id"
	headBatch    = "Nats-Batch-Id"
	headBatchSeq = "Nats-Batch-Sequence"
	headCommit   = "Nats-Batch-Commit"

	wrongLastSequence = 10071 // the server's code for an unmet headExpected

	// markerTTL is how long a delete marker outlives its key. It has to outlive
	// the write that it follows, no more; it costs memory for as long.
	markerTTL = "60s"
)

// publisher sends messages to the server and waits until it has them on disk.
// One goroutine uses it.
type publisher struct {
	nc      *nats.Conn
	acks    chan *nats.Msg
	cut     chan struct{} // holds a token when the connection was lost, and acknowledgements with it
	inbox   string
	session string // makes batch ids unique across processes
	token   uint64 // of the last reply subject
	ttl     string // of delete markers
	head    headers
}

func newPublisher(nc *nats.Conn) (*publisher, error) {
	p := &publisher{nc: nc, acks: make(chan *nats.Msg, 4096), cut: make(chan struct{}, 1), inbox: nats.NewInbox() + ".", session: nuid.Next(), ttl: markerTTL}
	p.head.h = make(nats.Header)
	nc.SetDisconnectErrHandler(func(*nats.Conn, error) {
		select {
		case p.cut <- struct{}{}:
		default:
		}
	})
	if _, err := nc.ChanSubscribe(p.inbox+"*", p.acks); err != nil {
		return nil, fmt.Errorf("subscribe to acknowledgements: %w", err)
	}
	return p, nil
}

// refusal is the server's answer that it did not store something.
type refusal struct {
	code int
	text string
}

func (r *refusal) Error() string { return fmt.Sprintf("refused: %s (%d)", r.text, r.code) }

// plain publishes the messages one by one, all at once under way, each fsynced
// and acknowledged on its own. stored is called for each one in order. The first
// names the sequence and every other one the id that it must follow, so none is
// stored behind one that was not. It returns how many are known to be stored.
func (p *publisher) plain(msgs []*message, last uint64, stored func(*message)) (int, error) {
	first := p.token + 1
	before := ""
	for i, m := range msgs {
		p.begin(m)
		p.token++
		if i == 0 {
			p.head.set(headExpected, strconv.FormatUint(last, 10))
		} else {
			p.head.set(headAfter, before)
		}
		if len(msgs) > 1 {
			before = p.session + strconv.FormatUint(p.token, 36)
			p.head.set(headID, before)
		}
		if err := p.publish(m, p.token); err != nil {
			return 0, err
		}
	}
	for i, m := range msgs {
		if err := p.await(first+uint64(i), last+uint64(i)+1); err != nil {
			return i, err
		}
		stored(m)
	}
	return len(msgs), nil
}

// batch publishes the messages as one atomic batch with one fsync. A *refusal
// says that none of them is stored; after another error that is not known.
func (p *publisher) batch(msgs []*message, last uint64) error {
	p.token++
	id := p.session + strconv.FormatUint(p.token, 36)
	for i, m := range msgs {
		p.begin(m)
		p.head.set(headBatch, id)
		p.head.set(headBatchSeq, strconv.Itoa(i+1))
		if i == 0 {
			p.head.set(headExpected, strconv.FormatUint(last, 10))
		}
		token := uint64(0)
		if i == len(msgs)-1 {
			p.head.set(headCommit, "1")
			token = p.token
		}
		if err := p.publish(m, token); err != nil {
			return err
		}
	}
	return p.await(p.token, last+uint64(len(msgs)))
}

// barrier returns when the server has dealt with everything published before:
// it sends what is always refused, because no stream is at the sequence that it
// must follow, and waits for the refusal.
func (p *publisher) barrier(subject string) error {
	p.head.reset()
	p.head.set(headExpected, strconv.FormatUint(math.MaxUint64-1, 10))
	p.token++
	if err := p.publish(&message{subject: subject}, p.token); err != nil {
		return err
	}
	err := p.await(p.token, 0)
	var no *refusal
	if errors.As(err, &no) && no.code == wrongLastSequence {
		return nil
	}
	if err == nil {
		err = errors.New("the embedded server took what it had to refuse")
	}
	return err
}

func (p *publisher) begin(m *message) {
	p.head.reset()
	if e := m.entry; e != nil {
		p.head.set(headPosition, e.Position.String())
		if e.Origin.Connection != "" {
			p.head.set(headOrigin, e.Origin.Connection)
		}
		if e.Origin.Change != "" {
			p.head.set(headChange, e.Origin.Change)
		}
	}
	if m.deleted {
		p.head.set(headDeleted, "1")
		p.head.set(headTTL, p.ttl)
	}
}

func (p *publisher) publish(m *message, token uint64) error {
	msg := nats.Msg{Subject: m.subject, Header: p.head.h, Data: m.data}
	if token != 0 {
		msg.Reply = p.inbox + strconv.FormatUint(token, 10)
	}
	if err := p.nc.PublishMsg(&msg); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	return nil
}

// await waits for the acknowledgement with the token, which must be for the
// sequence want. Late ones of earlier failures are passed over.
func (p *publisher) await(token, want uint64) error {
	limit := time.NewTimer(answerWithin)
	defer limit.Stop()
	for {
		select {
		case m := <-p.acks:
			got, err := strconv.ParseUint(strings.TrimPrefix(m.Subject, p.inbox), 10, 64)
			if err != nil || got < token {
				continue
			}
			seq, err := readAck(m)
			if err == nil && seq != want {
				err = fmt.Errorf("stored at %d instead of %d: somebody else writes to the journal", seq, want)
			}
			return err
		case <-p.cut:
			return errors.New("the connection to the embedded server was lost")
		case <-limit.C:
			return fmt.Errorf("the embedded server did not store it within %s; its log says why (a failing or full disk?); "+
				"restart when the disk is well", answerWithin)
		}
	}
}

// readAck reads {"stream":"CHANGES","seq":102} by hand, as there is one for
// every message stored one by one.
func readAck(m *nats.Msg) (uint64, error) {
	if _, rest, ok := bytes.Cut(m.Data, []byte(`"seq":`)); ok && !bytes.Contains(m.Data, []byte(`"error":`)) {
		end := 0
		for end < len(rest) && rest[end] >= '0' && rest[end] <= '9' {
			end++
		}
		return strconv.ParseUint(string(rest[:end]), 10, 64)
	}
	if s := m.Header.Get("Status"); s != "" {
		return 0, fmt.Errorf("the embedded server does not answer for the stream (status %s)", s)
	}
	var answer struct {
		Error struct {
			Code        int    `json:"err_code"`
			Description string `json:"description"`
		} `json:"error"`
	}
	if err := json.Unmarshal(m.Data, &answer); err != nil {
		return 0, fmt.Errorf("read acknowledgement: %w", err)
	}
	return 0, &refusal{answer.Error.Code, answer.Error.Description}
}

// headers is one header map used for message after message: publishing copies
// it, and a map for each of 70,000 messages a second would be felt.
type headers struct {
	h     nats.Header
	slots [8][1]string
	n     int
}

func (x *headers) reset() { clear(x.h); x.n = 0 }

func (x *headers) set(name, value string) {
	x.slots[x.n][0] = value
	x.h[name] = x.slots[x.n][:]
	x.n++
}
