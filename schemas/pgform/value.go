package pgform

import (
	"encoding/base64"
	"encoding/hex"
	"strings"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// Value returns the canonical value of the server's text, with at most one
// allocation. text is not kept.
func (t Type) Value(text []byte) event.Value {
	switch t.form {
	case boolean:
		if len(text) == 1 && text[0] == 't' {
			return event.Of(t.Kind, "true")
		}
		if len(text) == 1 && text[0] == 'f' {
			return event.Of(t.Kind, "false")
		}
	case binary:
		if s, ok := base64OfHex(text); ok {
			return event.Of(t.Kind, s)
		}
	case datetime:
		return event.Of(t.Kind, rfc3339(text))
	}
	return event.Of(t.Kind, string(text))
}

// Input returns the text that the server reads as the value, which must be set.
// The value's own kind does not matter. Input of what Value returned is the
// server's text again. What is no value of the type becomes a text that the
// server refuses; the one exception is a Text, which is anything but \x00.
func (t Type) Input(v event.Value) string {
	switch t.form {
	case boolean:
		switch v.Text {
		case "true":
			return "t"
		case "false":
			return "f"
		}
	case binary:
		return hexOfBase64(v.Text)
	case datetime:
		return serverTime(v.Text)
	}
	return v.Text
}

// base64OfHex turns \x6869 into aGk=, piece by piece through the stack.
func base64OfHex(text []byte) (string, bool) {
	if len(text) < 2 || text[0] != '\\' || text[1] != 'x' || len(text)%2 != 0 {
		return "", false
	}
	text = text[2:]
	var out strings.Builder
	out.Grow(base64.StdEncoding.EncodedLen(len(text) / 2))
	const step = 192 // a multiple of three: no padding inside
	var raw [step]byte
	var enc [step / 3 * 4]byte
	for len(text) > 0 {
		n := min(len(text), 2*step)
		if _, err := hex.Decode(raw[:n/2], text[:n]); err != nil {
			return "", false
		}
		base64.StdEncoding.Encode(enc[:], raw[:n/2])
		out.Write(enc[:base64.StdEncoding.EncodedLen(n/2)])
		text = text[n:]
	}
	return out.String(), true
}

// hexOfBase64 never lets through what is no base64: the server would take it
// for bytea's other input form and store something else.
func hexOfBase64(s string) string {
	raw, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return `\x?` + s
	}
	out := make([]byte, 2+hex.EncodedLen(len(raw)))
	out[0], out[1] = '\\', 'x'
	hex.Encode(out[2:], raw)
	return string(out)
}
