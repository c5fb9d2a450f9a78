package postgres

import (
	"bytes"
	"encoding/binary"
	"errors"
	"time"
)

// errShort says that a message ended before what it announced.
var errShort = errors.New("message ends too early")

// wire reads one pgoutput message. After the first error it yields zeroes: ask
// err once at the end, before anything read is used.
//
// What it takes is part of the message: valid until the next one is received.
type wire struct {
	in  []byte
	err error
}

func (w *wire) take(n int) []byte {
	if n < 0 || n > len(w.in) {
		w.in, w.err = nil, errShort
		return nil
	}
	s := w.in[:n]
	w.in = w.in[n:]
	return s
}

func (w *wire) byte() byte {
	if len(w.in) == 0 {
		w.err = errShort
		return 0
	}
	b := w.in[0]
	w.in = w.in[1:]
	return b
}

func (w *wire) uint16() int {
	s := w.take(2)
	if len(s) < 2 {
		return 0
	}
	return int(s[0])<<8 | int(s[1])
}

func (w *wire) uint32() uint32 {
	s := w.take(4)
	if len(s) < 4 {
		return 0
	}
	return uint32(s[0])<<24 | uint32(s[1])<<16 | uint32(s[2])<<8 | uint32(s[3])
}

func (w *wire) uint64() uint64 {
	high := w.uint32()
	return uint64(high)<<32 | uint64(w.uint32())
}

// text reads up to a zero byte.
func (w *wire) text() string {
	i := bytes.IndexByte(w.in, 0)
	if i < 0 {
		w.in, w.err = nil, errShort
		return ""
	}
	s := string(w.in[:i])
	w.in = w.in[i+1:]
	return s
}

// time reads microseconds since 2000.
func (w *wire) time() time.Time { return fromMicros(int64(w.uint64())) }

const year2000 = 946_684_800 // seconds since 1970

func fromMicros(us int64) time.Time {
	return time.UnixMicro(us + year2000*1_000_000).UTC()
}

// statusUpdate is a standby status update as the server wants it on the wire.
// Written, flushed and applied are the same to us: durable.
func statusUpdate(dst []byte, confirmed uint64, now time.Time, reply bool) []byte {
	dst = append(dst, 'd', 0, 0, 0, 38, 'r')
	for range 3 {
		dst = binary.BigEndian.AppendUint64(dst, confirmed)
	}
	dst = binary.BigEndian.AppendUint64(dst, uint64(now.UnixMicro()-year2000*1_000_000))
	if reply {
		return append(dst, 1)
	}
	return append(dst, 0)
}
