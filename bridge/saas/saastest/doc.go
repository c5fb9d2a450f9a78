// Package saastest is the promise that every connector keeps, as tests: what the
// engine may rely on whatever the vendor. A connector's own tests call Run with
// a Harness around the vendor's simulator.
//
// The suite speaks in canonical values and classes of faults only. What is
// peculiar to one vendor is tested beside its connector.
package saastest
