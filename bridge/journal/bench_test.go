package journal

import (
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

func benchEntries(n int) []event.Entry {
	list := entries("app", 1, n, 8)
	for i := range list {
		list[i].Data = make([]byte, 200)
	}
	return list
}

// BenchmarkAppend stores entries of 200 bytes, so many in one call.
func BenchmarkAppend(b *testing.B) {
	for _, scratch := range []string{"", "none"} {
		for _, n := range []int{1, 3, 4, 13, 50, 200, 1000, 5000} {
			name := "memory"
			if scratch != "" {
				name = "disk"
			}
			b.Run(fmt.Sprintf("staged=%s/entries=%d", name, n), func(b *testing.B) {
				j := open(b, Options{Scratch: scratch})
				list := benchEntries(n)
				b.ResetTimer()
				for b.Loop() {
					must(b, j.Append(b.Context(), list))
				}
				b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "entries/s")
			})
		}
	}
}

// BenchmarkRaw is the embedded server without the journal around it: the most
// that one batch of 1,000 under way can give.
func BenchmarkRaw(b *testing.B) {
	j := open(b, Options{})
	list := benchEntries(1000)
	msgs := make([]*message, len(list))
	for i := range list {
		msgs[i] = &message{subject: "changes.a.b." + strconv.Itoa(i%8), data: list[i].Data}
	}
	last := uint64(0)
	b.ResetTimer()
	for b.Loop() {
		must(b, j.changes.pub.batch(msgs, last))
		last += 1000
	}
	b.ReportMetric(float64(1000*b.N)/b.Elapsed().Seconds(), "entries/s")
	j.changes.doubtful() // the committer was passed by
}

func BenchmarkStore(b *testing.B) {
	for _, callers := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			j := open(b, Options{})
			data := make([]byte, 300)
			var n atomic.Int64
			b.SetParallelism((callers + 1) / 2) // times GOMAXPROCS, 2 here
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := j.Store(b.Context(), Put{fmt.Sprintf("link.contacts.%d", n.Add(1)%10_000), data}); err != nil {
						b.Error(err)
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "stores/s")
		})
	}
}

func BenchmarkLoad(b *testing.B) {
	j := open(b, Options{})
	var puts []Put
	for i := range 10_000 {
		puts = append(puts, Put{fmt.Sprintf("link.contacts.%d", i), make([]byte, 300)})
	}
	must(b, j.Store(b.Context(), puts...))
	i := 0
	b.ResetTimer()
	for b.Loop() {
		i++
		if _, found, err := j.Load(b.Context(), puts[i%len(puts)].Key); err != nil || !found {
			b.Fatal(found, err)
		}
	}
}

// BenchmarkScan reads all of 200,000 keys.
func BenchmarkScan(b *testing.B) {
	j := open(b, Options{})
	const n = 200_000
	var puts []Put
	for i := range n {
		puts = append(puts, Put{fmt.Sprintf("link.contacts.%d", i), make([]byte, 300)})
	}
	must(b, j.Store(b.Context(), puts...))
	b.ResetTimer()
	for b.Loop() {
		got := 0
		must(b, j.Scan(b.Context(), "link", func(string, []byte) error { got++; return nil }))
		if got != n {
			b.Fatalf("got %d keys", got)
		}
	}
	b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "keys/s")
}

// BenchmarkCatchUp reads a backlog of one lane among eight.
func BenchmarkCatchUp(b *testing.B) {
	j := open(b, Options{})
	const n = 200_000
	must(b, j.Append(b.Context(), benchEntries(n)))
	b.ResetTimer()
	for b.Loop() {
		got := 0
		next := uint64(0)
		must(b, j.catchUp(b.Context(), lane{"contacts", 3}, &next, n, func(d []Delivery) error { got += len(d); return nil }))
		if got != n/8 {
			b.Fatalf("got %d entries", got)
		}
	}
	b.ReportMetric(float64(n/8*b.N)/b.Elapsed().Seconds(), "entries/s")
}
