package ddl

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

const prefix = "lockstep_"

// Name is the name of a connection's publication and slot: lockstep_<connection>
// in lower-case letters, digits and underscores, at most 63 bytes. Where that
// changes the connection's name, a hash keeps two connections apart.
func Name(connection string) string {
	clean := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_' {
			return r
		}
		return '_'
	}, strings.ToLower(connection))
	if clean == connection && len(prefix+clean) <= 63 {
		return prefix + clean
	}
	sum := sha256.Sum256([]byte(connection))
	suffix := "_" + hex.EncodeToString(sum[:4])
	if most := 63 - len(prefix) - len(suffix); len(clean) > most {
		clean = clean[:most]
	}
	return prefix + clean + suffix
}
