package hubspot

import (
	"cmp"
	"slices"
	"sync"
)

// Requests is what the API was asked since Start or the last reset.
type Requests struct {
	Total  int    `json:"total"` // vendor calls, refused and failed ones included
	Calls  []Call `json:"calls"`
	Writes Writes `json:"writes"`
	Held   int    `json:"held"` // write calls that wait at hold_writes or hold_writes_after now
}

// Call counts the calls of one kind that ended in one status. Path is a
// template: ids are {id}. Status 0 means the connection was cut.
type Call struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	Status int    `json:"status"`
	Count  int    `json:"count"`
}

// Writes counts mutating calls that were applied, and the records they wrote: a
// batch counts its successful inputs. What apply_then_fail_rate applied and then
// hid from the caller counts; refused calls do not.
type Writes struct {
	Calls   int `json:"calls"`
	Records int `json:"records"`
}

// ledger counts requests. The number of its keys is bounded by the routes.
type ledger struct {
	mu     sync.Mutex
	calls  map[Call]int // Count is 0 in keys
	total  int
	writes Writes
}

func (l *ledger) note(method, path string, status, written int, write bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total++
	if l.calls == nil {
		l.calls = make(map[Call]int)
	}
	l.calls[Call{Method: method, Path: path, Status: status}]++
	if write {
		l.writes.Calls++
		l.writes.Records += written
	}
}

func (l *ledger) snapshot() Requests {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := Requests{Total: l.total, Writes: l.writes, Calls: make([]Call, 0, len(l.calls))}
	for call, count := range l.calls {
		call.Count = count
		out.Calls = append(out.Calls, call)
	}
	slices.SortFunc(out.Calls, func(a, b Call) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Method, b.Method), cmp.Compare(a.Status, b.Status))
	})
	return out
}

func (l *ledger) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls, l.total, l.writes = nil, 0, Writes{}
}
