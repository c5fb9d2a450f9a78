package saas

import "github.com/lockstep-sync/lockstep/schemas/event"

// Batches cuts writes into runs of at most limit that have one operation and
// one object and name no record twice (a creation makes a record of its own,
// whatever its Key says), and returns their indices. Order is
// kept: the runs are to be sent one after another, so that two writes of one
// record reach the vendor in the order given.
func Batches(writes []event.Write, limit int) [][]int {
	var runs [][]int
	var run []int
	var seen map[event.Key]bool
	for i := range writes {
		w := &writes[i]
		named := !w.Key.IsZero() && w.Op != event.DoCreate
		if len(run) > 0 {
			first := &writes[run[0]]
			if len(run) == limit || w.Op != first.Op || w.Object != first.Object || named && seen[w.Key] {
				runs, run = append(runs, run), nil
			}
		}
		if len(run) == 0 {
			seen = make(map[event.Key]bool)
		}
		run = append(run, i)
		seen[w.Key] = true
	}
	if len(run) > 0 {
		runs = append(runs, run)
	}
	return runs
}

// Refusal is a batch that the vendor refused as a whole, without applying any
// of it.
type Refusal struct {
	Fault  *event.Fault
	Named  map[int]*event.Fault // the inputs at fault by their index, where the vendor names them
	Shared bool                 // the fault is not about an input: no part would fare better
}

// Isolate sends a batch of indices and, where the vendor refuses all of it
// because of some, finds those: it sends the rest again without the ones that
// were named, or else each half. fail is called once for every index that
// cannot be sent. At most 2n-1 calls are made for n indices.
func Isolate(batch []int, send func(batch []int) *Refusal, fail func(i int, f *event.Fault)) {
	waiting := [][]int{batch}
	for len(waiting) > 0 {
		part := waiting[len(waiting)-1]
		waiting = waiting[:len(waiting)-1]
		refusal := send(part)
		if refusal == nil {
			continue
		}
		var rest []int
		for _, i := range part {
			if f := refusal.Named[i]; f != nil {
				fail(i, f)
			} else {
				rest = append(rest, i)
			}
		}
		switch {
		case refusal.Shared || len(part) == 1:
			for _, i := range rest {
				f := *refusal.Fault // results are changed one by one by who gets them
				fail(i, &f)
			}
		case len(rest) == 0:
		case len(rest) < len(part):
			waiting = append(waiting, rest)
		default:
			half := len(rest) / 2
			waiting = append(waiting, rest[half:], rest[:half]) // the first half is sent first
		}
	}
}
