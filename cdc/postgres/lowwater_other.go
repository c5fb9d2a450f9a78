//go:build !unix

package postgres

import "syscall"

// setLowWater: there is no such setting here.
func setLowWater(syscall.RawConn, int) bool { return false }
