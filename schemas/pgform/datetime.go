package pgform

import "strings"

// longest is room for any date and time of the server: 294276-12-31
// 23:59:59.999999+00, or a BC date.
const longest = 64

// rfc3339 makes 2006-01-02T15:04:05.9Z of 2006-01-02 15:04:05.9+00. The T
// replaces the space after the date, Z the zone; " BC" stays at the end, and
// infinity as it is.
func rfc3339(text []byte) string {
	if len(text) > longest {
		return string(text)
	}
	at := dateLen(text)
	if at == 0 || at == len(text) || text[at] != ' ' {
		return string(text)
	}
	var buf [longest]byte
	out := append(buf[:0], text...)
	out[at] = 'T'
	rest := out[at:]
	for i, b := range rest {
		if b != '+' {
			continue
		}
		end := at + i + 3
		if end <= len(out) && string(rest[i:i+3]) == "+00" && (end == len(out) || out[end] == ' ') {
			out[at+i] = 'Z'
			out = append(out[:at+i+1], out[end:]...)
		}
		break
	}
	return string(out)
}

// serverTime is the inverse. What is not of that form is handed on as it is:
// the server reads many.
func serverTime(s string) string {
	at := dateLen(s)
	if at == 0 || at == len(s) || s[at] != 'T' || len(s) > longest {
		return s
	}
	clock, zone := s[at+1:], ""
	if i := strings.IndexByte(clock, 'Z'); i >= 0 && (i+1 == len(clock) || clock[i+1] == ' ') {
		clock, zone = clock[:i], "+00"+clock[i+1:]
	}
	return s[:at] + " " + clock + zone
}

// dateLen is the length of the date that the text begins with: 0 where it
// begins with something else.
func dateLen[T string | []byte](s T) int {
	i, dashes := 0, 0
	for i < len(s) && (s[i] >= '0' && s[i] <= '9' || s[i] == '-') {
		if s[i] == '-' {
			dashes++
		}
		i++
	}
	if dashes != 2 || s[0] == '-' {
		return 0
	}
	return i
}
