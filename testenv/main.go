package testenv

import (
	"sync"
	"testing"
)

var exits struct {
	sync.Mutex
	list []func()
}

// AtExit has Main call the function when the tests have run, the last one
// first. Shared servers hand in their stop here.
func AtExit(f func()) {
	exits.Lock()
	defer exits.Unlock()
	exits.list = append(exits.list, f)
}

// Main is the TestMain of a package whose tests share servers:
//
//	func TestMain(m *testing.M) { testenv.Main(m) }
//
// It runs the tests and then stops the servers in order. Without it they die
// with the process and the next run clears their directories away.
func Main(m *testing.M) {
	m.Run() // testing remembers the exit code and uses it when TestMain returns
	exits.Lock()
	list := exits.list
	exits.list = nil
	exits.Unlock()
	for i := len(list) - 1; i >= 0; i-- {
		list[i]()
	}
}
