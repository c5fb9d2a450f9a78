package mapping

import (
	"errors"
	"strings"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// Sensitive tells whether the field's values are masked wherever people read
// them: the faults of Convert and Merge do not quote them.
func (f *Field) Sensitive() bool { return f.hidden }

// P5. detailed is what is wrong with a value, and words that may quote it. All other
// errors of this package say what is wrong without the value: what shows it is
// Show, which masks it.
type detailed struct{ what, detail string }

func (e *detailed) Error() string { return e.what + ": " + e.detail }

// words are an error's, without those that may quote a sensitive value.
func (f *Field) words(err error) string {
	var d *detailed
	if f.hidden && errors.As(err, &d) {
		return d.what
	}
	return err.Error()
}

// Show is a value of a side in a message for people, bounded: of several parts
// each one, and nothing of a sensitive field's value.
func (f *Field) Show(side Side, v event.Value) string {
	switch {
	case !v.IsSet():
		return v.Display()
	case f.hidden:
		return "a value"
	case len(f.names[side]) == 1:
		return quote(v.Text)
	}
	parts := f.split(side, v)
	words := make([]string, len(parts))
	for i, p := range parts {
		words[i] = "nothing"
		if p.IsSet() {
			words[i] = quote(p.Text)
		}
	}
	return strings.Join(words, " and ")
}
