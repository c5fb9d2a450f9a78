// Package testenv gives tests, the demo and the benches real servers on this
// machine: private, on loopback ports, ready when their Start returns, and gone
// when the process that started them is gone, however it ended.
//
// This package is the roof: processes that die with their parent, private
// directories, locks, ports and a network that can be cut. Each server has its
// own folder below (postgres, hubspot). testenv imports no product package, so
// that what it finds is never judged by the code under test.
package testenv
