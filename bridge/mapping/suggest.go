package mapping

import "github.com/lockstep-sync/lockstep/schemas/event"

func fieldNames(o event.Object) []string {
	names := make([]string, len(o.Fields))
	for i, f := range o.Fields {
		names[i] = f.Name
	}
	return names
}

// didYouMean is the remedy for an unknown name.
func didYouMean(name string, known []string) string {
	if n := event.Nearest(name, known); n != "" {
		return "did you mean " + n + "?"
	}
	if len(known) == 0 {
		return ""
	}
	return "there are " + some(known)
}
