package config

import (
	"strings"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// didYouMean is the remedy for an unknown name.
func didYouMean(name string, known []string) string {
	if n := event.Nearest(name, known); n != "" {
		return "did you mean " + n + "?"
	}
	return "known are " + strings.Join(known, ", ")
}
