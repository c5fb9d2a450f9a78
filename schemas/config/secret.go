package config

import (
	"fmt"
	"net/url"
)

const hidden = "***"

// Secret is a text that must never be seen in a log, an error or a status page.
// Every way of printing it gives three asterisks; Reveal alone gives the text.
// The zero Secret is none.
//
// The text is behind a function, because a wrong verb (%s of a struct with a
// pointer to a struct with a Secret) makes fmt print fields without asking
// their Format.
type Secret struct{ reveal func() string }

// SecretOf makes a secret of a text.
func SecretOf(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{func() string { return text }}
}

// Reveal returns the text, for the one call that needs it.
func (s Secret) Reveal() string {
	if s.reveal == nil {
		return ""
	}
	return s.reveal()
}

// IsZero tells whether there is none.
func (s Secret) IsZero() bool { return s.reveal == nil }

// Redacted is a URL without password, query and fragment, fit to show; of
// anything that is no URL, three asterisks.
func (s Secret) Redacted() string {
	u, err := url.Parse(s.Reveal())
	if err != nil || u.Scheme == "" || u.Host == "" {
		return s.String()
	}
	shown := u.Scheme + "://"
	if name := u.User.Username(); name != "" {
		shown += url.User(name).String()
		if _, has := u.User.Password(); has {
			shown += ":" + hidden
		}
		shown += "@"
	}
	return shown + u.Host + u.EscapedPath()
}

// String, GoString, Format, MarshalText and MarshalJSON hide the text. A
// missing secret is shown as empty, which tells apart none and some.
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return hidden
}

// GoString hides the text.
func (s Secret) GoString() string { return s.String() }

// Format hides the text from every verb, %x and %q as well.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, s.String()) }

// MarshalText hides the text, also as a map's key and in YAML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalJSON hides the text.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + s.String() + `"`), nil }
