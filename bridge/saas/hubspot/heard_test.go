package hubspot

import (
	"strconv"
	"testing"
	"time"
)

func TestTheLatestTimeOfAnAssociationIsHeard(t *testing.T) {
	t.Parallel()
	var h heard
	at := time.UnixMilli(1_742_077_073_905)
	if got := h.at("contacts", "f", "1"); !got.IsZero() {
		t.Errorf("got %v before anything was heard", got)
	}
	h.note("contacts", "f", "1", at)
	h.note("contacts", "f", "1", at.Add(-time.Second)) // events come in any order
	if got := h.at("contacts", "f", "1"); !got.Equal(at) {
		t.Errorf("got %v, want %v", got, at)
	}
	if got := h.at("deals", "f", "1"); !got.IsZero() {
		t.Errorf("another object's: got %v", got)
	}
	for i := range mostHeard { // the older generation still knows
		h.note("contacts", "f", "x"+strconv.Itoa(i), at)
	}
	if got := h.at("contacts", "f", "1"); !got.Equal(at) {
		t.Errorf("after a generation: got %v, want %v", got, at)
	}
	for i := range 2 * mostHeard {
		h.note("contacts", "f", "y"+strconv.Itoa(i), at)
	}
	if got := h.at("contacts", "f", "1"); !got.IsZero() || len(h.young)+len(h.old) > 2*mostHeard {
		t.Errorf("after three generations: got %v, %d times kept", got, len(h.young)+len(h.old))
	}
}
