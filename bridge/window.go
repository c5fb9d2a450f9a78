package bridge

import "sort"

// window knows which entries of a lane are under way. Its low mark is the
// lane's cursor: every entry below it is done (B2). It is not safe for
// concurrent use.
type window struct {
	seqs []uint64 // ascending
	done []bool
	head int
	next uint64 // one past the newest entry that was taken in
	open int
}

// add takes in an entry; sequences come in ascending order.
func (w *window) add(seq uint64) {
	w.seqs, w.done = append(w.seqs, seq), append(w.done, false)
	w.next = seq + 1
	w.open++
}

// finish marks entries as done and moves the low mark over all that are.
func (w *window) finish(seqs []uint64) {
	for _, seq := range seqs {
		live := w.seqs[w.head:]
		i := sort.Search(len(live), func(i int) bool { return live[i] >= seq })
		if i < len(live) && live[i] == seq && !w.done[w.head+i] {
			w.done[w.head+i] = true
			w.open--
		}
	}
	for w.head < len(w.seqs) && w.done[w.head] {
		w.head++
	}
	if w.head == len(w.seqs) {
		w.seqs, w.done, w.head = w.seqs[:0], w.done[:0], 0
	} else if w.head > 4096 && w.head > len(w.seqs)/2 { // give the passed part back
		w.seqs, w.done = append([]uint64(nil), w.seqs[w.head:]...), append([]bool(nil), w.done[w.head:]...)
		w.head = 0
	}
}

// low is the sequence from which a restart has to read again.
func (w *window) low() uint64 {
	if w.head < len(w.seqs) {
		return w.seqs[w.head]
	}
	return w.next
}
