package event_test

import (
	"strings"
	"testing"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

func TestNearest(t *testing.T) {
	t.Parallel()
	known := []string{"email", "first_name", "last_name", "phone"}
	for wrote, want := range map[string]string{"emial": "email", "firstname": "first_name", "PHONE": "phone", "zzz": "", "": "", strings.Repeat("x", 500): ""} {
		if got := event.Nearest(wrote, known); got != want {
			t.Errorf("Nearest(%.20q): got %q, want %q", wrote, got, want)
		}
	}
}
