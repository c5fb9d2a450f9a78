package postgres

import (
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

// While the server sends as fast as it can, it sends row by row, and to wake us
// for each row costs it more than the row. So in such a flow we ask the kernel
// to wake us for a gulp, or after a moment when no gulp comes together.
// BenchmarkDrain beside pg_recvlogical on 2 busy cores: 0.25 to 0.7 of its rate
// without this, 0.75 to 1.15 with it.
const (
	gulp   = 32 << 10
	moment = time.Millisecond
	flood  = 2_000 // bytes in a millisecond that count as a flow
	window = 5 * time.Millisecond
)

// input is the receiving half of the connection. It counts the silence of the
// server, only while we listen: when the sink holds up the stream, nothing is
// wrong.
type input struct {
	from   io.Reader
	conn   net.Conn
	socket syscall.RawConn // nil where there is none to tune
	limit  time.Duration
	now    func() time.Time

	pause   func()      // called before each wait, while streaming
	watched atomic.Bool // while streaming; before that ctx has the deadline
	last    time.Time   // of the last arrival

	lowest  int // what the kernel wakes us for, in bytes
	bytes   int // arrived since the window began
	began   time.Time
	flowing bool
}

func newInput(in io.Reader, out io.Writer, o Options) *input {
	i := &input{from: in, limit: o.SilenceLimit, now: o.Now, lowest: 1}
	i.conn, _ = out.(net.Conn)
	below := i.conn
	if tls, ok := below.(interface{ NetConn() net.Conn }); ok {
		below = tls.NetConn()
	}
	if tcp, ok := below.(*net.TCPConn); ok {
		i.socket, _ = tcp.SyscallConn() // without it there are no gulps
	}
	return i
}

// Read implements io.Reader.
func (in *input) Read(p []byte) (int, error) {
	if !in.watched.Load() || in.conn == nil {
		n, err := in.from.Read(p)
		in.last = in.now()
		return n, err
	}
	in.pause()
	if in.flowing && in.wakeAt(gulp) {
		n, err := in.wait(p, moment)
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
	}
	in.wakeAt(1)
	return in.wait(p, in.limit)
}

func (in *input) wait(p []byte, most time.Duration) (int, error) {
	if err := in.conn.SetReadDeadline(time.Now().Add(most)); err != nil {
		return 0, err
	}
	n, err := in.from.Read(p)
	in.last = in.now()
	in.measure(n)
	return n, err
}

func (in *input) measure(n int) {
	in.bytes += n
	now := time.Now()
	if passed := now.Sub(in.began); passed >= window {
		in.flowing = in.bytes > flood*int(passed/time.Millisecond)
		in.began, in.bytes = now, 0
	}
}

// wakeAt has the kernel wake us for so many bytes; false where it cannot.
func (in *input) wakeAt(n int) bool {
	if in.socket == nil || in.lowest == n {
		return in.socket != nil
	}
	if !setLowWater(in.socket, n) {
		in.socket = nil
		return false
	}
	in.lowest = n
	return true
}

// seen is when the bytes now decoded arrived.
func (in *input) seen() time.Time { return in.last }
