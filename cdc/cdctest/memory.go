package cdctest

import (
	"runtime"
	"testing"
)

// flatMemory reads 100 MB of rows in one transaction with a small heap (I4 of
// package cdc). It runs alone: the heap is the process's.
func flatMemory(t *testing.T, h Harness) {
	const count, most = 100_000, 24 << 20
	db := h.Shared(t)
	db.Exec(t, people)
	db.Install(t, "people")
	db.Exec(t, db.Dialect().Many("people", 1, count))
	log := NewLog(t)
	log.forget = true
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	base, peak := m.HeapAlloc, uint64(0)
	log.watch = func() {
		runtime.ReadMemStats(&m)
		peak = max(peak, m.HeapAlloc)
	}
	p := NewPump(db.Reader(t, nil), log, Everything)
	stop := Start(t, p)
	log.Wait(t, count)
	stop()
	if peak > base+most {
		t.Errorf("the heap grew from %d to %d MB, want %d more at most", base>>20, peak>>20, most>>20)
	}
	if log.count != count {
		t.Errorf("%d changes, want %d", log.count, count)
	}
}
