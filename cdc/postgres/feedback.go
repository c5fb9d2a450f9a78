package postgres

import (
	"context"
	"sync"
	"time"
)

// gather is how long a confirmation may wait for the next one: at a thousand
// commits a second the server need not hear of each.
const gather = 100 * time.Millisecond

// feedback tells the server what is confirmed, and that we live, from its own
// goroutine: also while the sink holds up the stream.
type feedback struct {
	reader  *Reader
	link    *link
	urgent  chan struct{} // the server wants an answer now
	stop    chan struct{}
	stopped sync.WaitGroup
	buffer  []byte
}

func startFeedback(r *Reader, l *link) *feedback {
	f := &feedback{reader: r, link: l, urgent: make(chan struct{}, 1), stop: make(chan struct{})}
	f.stopped.Go(f.run)
	return f
}

// end sends the last word and returns when nothing more is written.
func (f *feedback) end() {
	close(f.stop)
	f.stopped.Wait()
}

// answer has the server hear from us at once.
func (f *feedback) answer() {
	select {
	case f.urgent <- struct{}{}:
	default:
	}
}

func (f *feedback) run() {
	beat := time.NewTicker(f.reader.options.StatusInterval)
	defer beat.Stop()
	gathered := time.NewTimer(gather)
	gathered.Stop()
	defer gathered.Stop()
	waiting := false
	for {
		ask := false
		select {
		case <-f.stop:
			f.send(false) // the stream ends anyway if this fails
			return
		case <-f.reader.kick:
			if !waiting {
				waiting = true
				gathered.Reset(gather)
			}
			continue
		case <-gathered.C:
			waiting = false
		case <-f.urgent:
		case <-beat.C:
			ask = true // its answer proves that the way back is open
		}
		if !f.send(ask) {
			// The reading side then fails too, and says so.
			_ = f.link.conn.Conn().Close()
			<-f.stop
			return
		}
	}
}

func (f *feedback) send(ask bool) bool {
	conn := f.link.conn.Conn()
	f.buffer = statusUpdate(f.buffer[:0], f.reader.tell(), f.reader.options.Now(), ask)
	if conn.SetWriteDeadline(time.Now().Add(f.reader.options.SilenceLimit)) != nil {
		return false
	}
	_, err := conn.Write(f.buffer)
	return err == nil
}

// closeOn closes the connection when ctx ends, which ends a blocked read.
func (l *link) closeOn(ctx context.Context, f *feedback) (stop func()) {
	done := context.AfterFunc(ctx, func() {
		f.end()
		_ = l.conn.Conn().Close()
	})
	return func() {
		if done() {
			f.end()
		} else {
			f.stopped.Wait()
		}
	}
}
