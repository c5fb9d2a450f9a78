//go:build unix && !linux

package testenv

import "syscall"

// dieWithParent does nothing: outside Linux no signal follows a parent's death.
func dieWithParent(*syscall.SysProcAttr, syscall.Signal) {}

// Alive tells whether a process runs.
func Alive(pid int) bool { return syscall.Kill(pid, 0) == nil }

// descendants is empty: the servers' children notice by themselves that their
// parent is gone.
func descendants(int) []int { return nil }
