//go:build !linux

package main

// followGoRun does nothing: only Linux tells a child of its parent's death.
func followGoRun() {}
