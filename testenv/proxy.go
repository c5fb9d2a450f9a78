package testenv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"sync"
	"time"
)

// Proxy stands between a client and a server and is the network that fails: it
// forwards TCP from a loopback port to the target until a test cuts or pauses
// it. Its methods are safe for concurrent use. Who made it closes it.
type Proxy struct {
	target, addr string

	mu       sync.Mutex
	listener net.Listener // nil while cut
	links    map[*link]struct{}
	open     chan struct{} // closed while bytes flow
	closed   bool
	running  sync.WaitGroup
}

// link is one client's connection and, once it stands, the one to the target.
type link struct {
	near, far net.Conn
	cut       chan struct{} // closed when the link is dropped
}

// NewProxy listens on a free loopback port and forwards to target, a host:port.
// The target need not be up yet.
func NewProxy(target string) (*Proxy, error) {
	l, err := listenLoopback()
	if err != nil {
		return nil, fmt.Errorf("start proxy: %w", err)
	}
	p := &Proxy{target: target, addr: l.Addr().String(), links: map[*link]struct{}{}, open: make(chan struct{})}
	close(p.open)
	p.serve(l)
	return p, nil
}

// Addr is the host:port that clients connect to. It stays the same.
func (p *Proxy) Addr() string { return p.addr }

// URL leads a server's URL, of whatever scheme, through the proxy.
func (p *Proxy) URL(server string) (string, error) {
	u, err := url.Parse(server)
	if err != nil {
		return "", fmt.Errorf("lead through the proxy: %w", err)
	}
	u.Host = p.addr
	return u.String(), nil
}

// Cut drops every connection at once and refuses new ones until Restore.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut()
}

func (p *Proxy) cut() {
	if p.listener != nil {
		_ = p.listener.Close()
		p.listener = nil
	}
	for l := range p.links {
		p.drop(l)
	}
}

// Restore takes connections again after Cut. It fails only if another process
// has taken the port meanwhile and keeps it.
func (p *Proxy) Restore() error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return Until(ctx, "the proxy's port "+p.addr, func() (bool, error) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.closed {
			return false, errors.New("restore proxy: it is closed")
		}
		if p.listener != nil {
			return true, nil
		}
		l, err := net.Listen("tcp", p.addr)
		if err != nil {
			return false, nil
		}
		p.serve(l)
		return true, nil
	})
}

// Pause makes the network a black hole: connections stand and new ones can be
// made, but no byte arrives, in either direction, until Resume.
func (p *Proxy) Pause() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.open:
		p.open = make(chan struct{})
	default:
	}
}

// Resume lets the bytes held back by Pause through, in order, and all others.
func (p *Proxy) Resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.open:
	default:
		close(p.open)
	}
}

// Close drops all connections and returns when nothing of the proxy runs.
func (p *Proxy) Close() error {
	p.mu.Lock()
	p.closed = true
	p.cut()
	p.mu.Unlock()
	p.running.Wait()
	return nil
}

// serve takes connections of the listener. The caller holds the mutex, or the
// proxy is not yet known to anybody.
func (p *Proxy) serve(l net.Listener) {
	p.listener = l
	p.running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return // Cut or Close
			}
			p.accept(l, conn)
		}
	})
}

func (p *Proxy) accept(from net.Listener, conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != from { // cut between the accept and here
		_ = conn.Close()
		return
	}
	l := &link{near: conn, cut: make(chan struct{})}
	p.links[l] = struct{}{}
	p.running.Go(func() { p.carry(l) })
}

// carry connects to the target and forwards until both directions have ended.
func (p *Proxy) carry(l *link) {
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.drop(l)
	}()
	if !p.pass(l) {
		return
	}
	far, err := net.DialTimeout("tcp", p.target, 10*time.Second)
	if err != nil {
		return // the client sees its connection end
	}
	p.mu.Lock()
	l.far = far
	_, standing := p.links[l]
	p.mu.Unlock()
	if !standing {
		_ = far.Close()
		return
	}
	var both sync.WaitGroup
	both.Go(func() { p.forward(l, far, l.near) })
	both.Go(func() { p.forward(l, l.near, far) })
	both.Wait()
}

// forward copies one direction and passes its end on, as TCP does: the other
// direction may still have much to say.
func (p *Proxy) forward(l *link, to, from net.Conn) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			if !p.pass(l) {
				return
			}
			if _, err := to.Write(buffer[:n]); err != nil {
				_ = from.Close() // nobody reads this direction any more
				return
			}
		}
		if err == nil {
			continue
		}
		if half, ok := to.(interface{ CloseWrite() error }); ok && errors.Is(err, io.EOF) && p.pass(l) {
			_ = half.CloseWrite()
		} else {
			_ = to.Close()
		}
		return
	}
}

// pass waits while the proxy is paused. It is false when the link was cut.
func (p *Proxy) pass(l *link) bool {
	p.mu.Lock()
	open := p.open
	p.mu.Unlock()
	select {
	case <-open:
		return true
	case <-l.cut:
		return false
	}
}

// drop ends the link. The caller holds the mutex.
func (p *Proxy) drop(l *link) {
	if _, standing := p.links[l]; !standing {
		return
	}
	delete(p.links, l)
	close(l.cut)
	for _, conn := range []net.Conn{l.near, l.far} {
		if conn == nil {
			continue
		}
		// A reset, not an orderly end: the far side sees what a broken network shows.
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = conn.Close()
	}
}
