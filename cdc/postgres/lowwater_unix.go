//go:build unix

package postgres

import "syscall"

// setLowWater sets the number of bytes from which on the socket is readable.
func setLowWater(c syscall.RawConn, n int) bool {
	var failed error
	err := c.Control(func(fd uintptr) { failed = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVLOWAT, n) })
	return err == nil && failed == nil
}
