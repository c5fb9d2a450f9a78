package ddl

import (
	"strings"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// didYouMean is a remedy for an unknown name.
func didYouMean(name string, known []string) string {
	if n := event.Nearest(name, known); n != "" {
		return "did you mean " + n + "?"
	}
	const most = 12
	return "known are " + strings.Join(known[:min(len(known), most)], ", ")
}
