//go:build race

package main_test

// buildFlags builds lockstep with the race detector when the tests have it.
var buildFlags = []string{"-race"}
