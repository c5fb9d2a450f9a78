package event

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/fnv"
)

// Key is a record's identity within its object: the primary key's values, in
// the key's column order, as a JSON array of texts, such as ["42"] or
// ["eu","42"]. A SaaS record's key is its id alone. The zero Key means none.
// Two keys are the same record exactly when they are equal as strings.
type Key string

// KeyOf makes a key from values in key order.
func KeyOf(values ...string) Key {
	b := make([]byte, 0, 32)
	b = append(b, '[')
	for i, v := range values {
		if i > 0 {
			b = append(b, ',')
		}
		b = AppendString(b, v)
	}
	return Key(append(b, ']'))
}

// Values returns the key's values in order.
func (k Key) Values() ([]string, error) {
	var out []string
	if err := json.Unmarshal([]byte(k), &out); err != nil {
		return nil, fmt.Errorf("read key %q: %w", string(k), err)
	}
	return out, nil
}

// ID returns the value of a key of one column (every SaaS id), and "" for the
// zero key or a key of several columns.
func (k Key) ID() string {
	v, err := k.Values()
	if err != nil || len(v) != 1 {
		return ""
	}
	return v[0]
}

// IsZero tells whether there is no key.
func (k Key) IsZero() bool { return k == "" }

// Token is the key's name in a subject: 128 bits of its SHA-256, base64url. It
// holds no customer value, is safe in subjects and file names, and equal keys
// have equal tokens.
func (k Key) Token() string {
	sum := sha256.Sum256([]byte(k))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// Lane is the number of the lane, below lanes, in which all changes of the
// record run.
func (k Key) Lane(lanes int) int {
	h := fnv.New32a()
	h.Write([]byte(k))
	return int(h.Sum32() % uint32(lanes))
}
