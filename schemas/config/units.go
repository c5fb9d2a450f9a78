package config

import (
	"math"
	"strconv"
	"strings"
	"time"
)

var sizeUnits = []struct {
	name  string
	bytes uint64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}, {"B", 1}}

// size reads bytes: 256MiB, or a plain number of bytes.
func (o *object) size(key string, otherwise uint64) uint64 {
	n := o.get(key)
	if n == nil {
		return otherwise
	}
	text, unit := strings.TrimSpace(n.text), uint64(1)
	for _, u := range sizeUnits {
		if rest, ok := strings.CutSuffix(text, u.name); ok {
			text, unit = strings.TrimSpace(rest), u.bytes
			break
		}
	}
	v, err := strconv.ParseUint(text, 10, 64)
	if (n.kind != nodeText && n.kind != nodeNumber) || err != nil || v == 0 || v > math.MaxInt64/unit {
		o.d.failAt(n, o.at(key), quoteNode(n)+" is no size", "write a number with KiB, MiB, GiB or TiB, such as 256MiB")
		return otherwise
	}
	return v * unit
}

// duration reads 90d, 24h, 30m or 10s, and sums such as 1h30m.
func (o *object) duration(key string, otherwise time.Duration) time.Duration {
	n := o.get(key)
	if n == nil {
		return otherwise
	}
	var v time.Duration
	var err error
	if days, ok := strings.CutSuffix(n.text, "d"); ok {
		var count int
		count, err = strconv.Atoi(days)
		if count > 100_000 {
			err = strconv.ErrRange
		}
		v = time.Duration(count) * 24 * time.Hour
	} else {
		v, err = time.ParseDuration(n.text)
	}
	if n.kind != nodeText || err != nil || v <= 0 {
		o.d.failAt(n, o.at(key), quoteNode(n)+" is no duration", "write a number with its unit, such as 24h, 30s or 1ms")
		return otherwise
	}
	return v
}
