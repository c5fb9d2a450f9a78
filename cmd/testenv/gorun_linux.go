package main

import (
	"os"
	"strconv"
	"strings"
	"syscall"
)

// followGoRun makes a SIGTERM to "go run" end this process too. go run does not
// pass it on but dies, and its child would stay behind with all its servers.
func followGoRun() {
	parent := os.Getppid()
	name, err := os.ReadFile("/proc/" + strconv.Itoa(parent) + "/comm")
	if err != nil || strings.TrimSpace(string(name)) != "go" {
		return // a shell that ends in peace must not end us
	}
	_, _, failed := syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_PDEATHSIG, uintptr(syscall.SIGTERM), 0)
	if failed == 0 && os.Getppid() != parent {
		_ = syscall.Kill(os.Getpid(), syscall.SIGTERM) // it died before the call
	}
}
