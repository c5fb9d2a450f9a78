package testenv

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
)

// Ports below the range from which the system takes the near end of outgoing
// connections: such a port is still free when a server comes back to it.
const (
	lowestPort  = 20000
	highestPort = 32000
)

var given struct {
	sync.Mutex
	ports map[int]bool
}

// FreePort finds a loopback port that nobody listens on, and never the same one
// twice in one process: a server that is down keeps its port from the others.
// Another process may take it before the caller does: a server that cannot bind
// asks again.
func FreePort() (int, error) {
	given.Lock()
	defer given.Unlock()
	for range 1000 {
		port := lowestPort + rand.IntN(highestPort-lowestPort)
		if !given.ports[port] && PortFree(port) {
			if given.ports == nil {
				given.ports = map[int]bool{}
			}
			given.ports[port] = true
			return port, nil
		}
	}
	return 0, errors.New("no free loopback port in 1000 tries: see with ss -ltn who holds them")
}

// PortFree tells whether the loopback port can be listened on now.
func PortFree(port int) bool {
	l, err := net.Listen("tcp", Loopback(port))
	if err != nil {
		return false
	}
	return l.Close() == nil
}

// Loopback is the address of a port on this machine.
func Loopback(port int) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}

// listenLoopback listens on a free port.
func listenLoopback() (net.Listener, error) {
	var last error
	for range 20 {
		port, err := FreePort()
		if err != nil {
			return nil, err
		}
		l, err := net.Listen("tcp", Loopback(port))
		if err == nil {
			return l, nil
		}
		last = err
	}
	return nil, fmt.Errorf("listen on a free port: %w", last)
}
