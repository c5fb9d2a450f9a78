// Package cdctest is the promise of package cdc as tests: what passes Run, a
// Reader over a real database under a real Pump, neither skips nor repeats a
// change, whatever is cut, killed or restarted.
//
// A reader's package supplies a Harness and calls Run for each version of its
// database. The databases are real; only the Log is a double, in memory, that
// checks what a journal relies on.
package cdctest
