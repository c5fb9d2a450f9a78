package event

import (
	"encoding/base64"
	"strconv"
	"unicode/utf8"
)

// Unavailable is what Debezium writes for a value that the log did not carry;
// source.unchanged lists the names, so that no customer's text is mistaken for it.
const Unavailable = "__debezium_unavailable_value"

// AppendChange appends the change as one JSON object in Debezium's envelope
// (before, after, source, op, ts_ms) to dst and returns it. Integers, floats
// and booleans are JSON numbers and booleans, everything else is text.
// ParseChange reads back the same change, except for Value.Kind, of which JSON
// keeps only text, number and boolean.
func AppendChange(dst []byte, c *Change) []byte {
	dst = append(dst, `{"before":`...)
	dst = appendRecord(dst, c.Before, false)
	dst = append(dst, `,"after":`...)
	if c.Op == Delete {
		dst = append(dst, "null"...)
	} else {
		dst = appendRecord(dst, c.After, true)
	}
	dst = append(dst, `,"source":{"version":"1","connector":`...)
	dst = AppendString(dst, c.Connector)
	dst = append(dst, `,"name":`...)
	dst = AppendString(dst, c.Connection)
	dst = append(dst, `,"table":`...)
	dst = AppendString(dst, c.Object)
	dst = append(dst, `,"ts_ms":`...)
	dst = strconv.AppendInt(dst, c.At.UnixMilli(), 10)
	dst = append(dst, `,"ts_us":`...)
	dst = strconv.AppendInt(dst, c.At.UnixMicro(), 10)
	if c.Tx != 0 {
		dst = append(dst, `,"txId":`...)
		dst = strconv.AppendUint(dst, c.Tx, 10)
	}
	dst = append(dst, `,"position":"`...)
	dst = append(dst, c.Position.String()...)
	dst = append(dst, '"')
	dst = appendKey(dst, `,"key":`, c.Key)
	dst = appendKey(dst, `,"old_key":`, c.OldKey)
	if !c.Origin.IsZero() {
		dst = append(dst, `,"origin":`...)
		dst = AppendString(dst, c.Origin.Connection)
		dst = append(dst, `,"change":`...)
		dst = AppendString(dst, c.Origin.Change)
	}
	dst = appendUnchanged(dst, c.After)
	dst = append(dst, `},"op":"`...)
	dst = append(dst, byte(c.Op))
	dst = append(dst, `","ts_ms":`...)
	dst = strconv.AppendInt(dst, c.Seen.UnixMilli(), 10)
	return append(dst, '}')
}

// appendKey writes a key as it is: a Key is a JSON array already.
func appendKey(dst []byte, name string, k Key) []byte {
	if k.IsZero() {
		return dst
	}
	dst = append(dst, name...)
	return append(dst, k...)
}

func appendUnchanged(dst []byte, r Record) []byte {
	first := true
	for i, v := range r.Values {
		if v.State != Unchanged {
			continue
		}
		if first {
			dst = append(dst, `,"unchanged":[`...)
		} else {
			dst = append(dst, ',')
		}
		first = false
		dst = AppendString(dst, r.Names[i])
	}
	if !first {
		dst = append(dst, ']')
	}
	return dst
}

// appendRecord writes an image. In an after image an unchanged value is named
// with Debezium's placeholder; a before image just leaves it out.
func appendRecord(dst []byte, r Record, placeholder bool) []byte {
	if r.IsZero() {
		return append(dst, "null"...)
	}
	dst = append(dst, '{')
	first := true
	for i, v := range r.Values {
		if v.State == Unchanged && !placeholder {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = AppendString(dst, r.Names[i])
		dst = append(dst, ':')
		dst = appendValue(dst, v)
	}
	return append(dst, '}')
}

func appendValue(dst []byte, v Value) []byte {
	switch {
	case v.State == Null:
		return append(dst, "null"...)
	case v.State == Unchanged:
		return append(dst, `"`+Unavailable+`"`...)
	case (v.Kind == Int || v.Kind == Float) && isNumber(v.Text), v.Kind == Bool && (v.Text == "true" || v.Text == "false"):
		return append(dst, v.Text...)
	default:
		return AppendString(dst, v.Text)
	}
}

// isNumber tells whether the text is a JSON number as it stands, so that it
// can be written bare and read back as the same text.
func isNumber(s string) bool {
	i := 0
	digits := func() bool {
		start := i
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
		return i > start
	}
	if i < len(s) && s[i] == '-' {
		i++
	}
	if i < len(s) && s[i] == '0' {
		i++
	} else if !digits() {
		return false
	}
	if i < len(s) && s[i] == '.' {
		i++
		if !digits() {
			return false
		}
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		i++
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		if !digits() {
			return false
		}
	}
	return i == len(s)
}

const hexDigits = "0123456789abcdef"

// AppendString appends s as a JSON string. Bytes that are no UTF-8 are written
// as they are: ParseChange gives back exactly what the database held.
func AppendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		b := s[i]
		if b >= utf8.RuneSelf || b >= ' ' && b != '"' && b != '\\' {
			i++
			continue
		}
		dst = append(dst, s[start:i]...)
		switch b {
		case '"', '\\':
			dst = append(dst, '\\', b)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[b>>4], hexDigits[b&15])
		}
		i++
		start = i
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

// BytesOf returns the canonical value of binary data.
func BytesOf(b []byte) Value { return Of(Bytes, base64.StdEncoding.EncodeToString(b)) }
