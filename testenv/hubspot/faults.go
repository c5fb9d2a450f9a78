package hubspot

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// Faults is what goes wrong on the vendor's side. The zero value is a healthy
// vendor. Faults hit vendor calls and webhooks only, never the control API.
type Faults struct {
	Down              bool  `json:"down"`                 // every vendor call answers 503; webhooks still go out
	ErrorRate         Rate  `json:"error_rate"`           // share of calls answered 500, 502 or 503, nothing applied
	ApplyThenFailRate Rate  `json:"apply_then_fail_rate"` // share of writes applied and then answered 504, or cut off
	LatencyMS         int64 `json:"latency_ms"`           // wait before each vendor call
	ThrottlePer10s    int   `json:"throttle_per_10s"`     // calls per 10 s instead of Options.Limit; 0 = off
	DropWebhooks      Rate  `json:"drop_webhooks"`        // share of events never sent
	DuplicateWebhooks Rate  `json:"duplicate_webhooks"`   // share of events sent twice
	DelayWebhooksMS   int64 `json:"delay_webhooks_ms"`    // wait before an event is sent
	ShuffleWebhooks   bool  `json:"shuffle_webhooks"`     // waiting events go out in random order
	HoldWebhooks      bool  `json:"hold_webhooks"`        // no POST starts until this is false again, see ReleaseWebhooks
	HoldWrites        bool  `json:"hold_writes"`          // write calls wait before they are applied, see ReleaseWrites
	HoldWritesAfter   bool  `json:"hold_writes_after"`    // write calls are applied, and their answers wait
	ClockSkewMS       int64 `json:"clock_skew_ms"`        // added to every time the vendor tells: records, events, Date, signatures
}

// Rate is a share between 0 and 1. In JSON true stands for 1 and false for 0.
type Rate float64

// UnmarshalJSON takes a number between 0 and 1, or a bool.
func (r *Rate) UnmarshalJSON(text []byte) error {
	switch string(text) {
	case "true":
		*r = 1
		return nil
	case "false":
		*r = 0
		return nil
	}
	var number float64
	if err := json.Unmarshal(text, &number); err != nil {
		return fmt.Errorf("a rate is a number between 0 and 1, or true or false: %w", err)
	}
	*r = Rate(number)
	return nil
}

// validate refuses what no fault can mean.
func (f *Faults) validate() error {
	for _, rate := range []Rate{f.ErrorRate, f.ApplyThenFailRate, f.DropWebhooks, f.DuplicateWebhooks} {
		if !(rate >= 0 && rate <= 1) {
			return fmt.Errorf("rate %v is not between 0 and 1", float64(rate))
		}
	}
	if f.LatencyMS < 0 || f.DelayWebhooksMS < 0 || f.ThrottlePer10s < 0 {
		return errors.New("latency_ms, delay_webhooks_ms and throttle_per_10s cannot be negative")
	}
	return nil
}

func (f *Faults) latency() time.Duration { return time.Duration(f.LatencyMS) * time.Millisecond }

func (f *Faults) delay() time.Duration { return time.Duration(f.DelayWebhooksMS) * time.Millisecond }

// dice is the one source of chance, seeded so that a run can be repeated as far
// as the order of its requests can.
type dice struct {
	mu  sync.Mutex
	rng *rand.Rand
}

func newDice(seed uint64) *dice {
	return &dice{rng: rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15))}
}

// hits is true in the given share of calls. A rate of 0 costs no draw.
func (d *dice) hits(rate Rate) bool {
	if rate <= 0 {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rng.Float64() < float64(rate)
}

// below returns a number from 0 to n-1.
func (d *dice) below(n int64) int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rng.Int64N(n)
}

func (d *dice) shuffle(n int, swap func(i, j int)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rng.Shuffle(n, swap)
}

// uuid returns an id in the shape of the vendor's correlation ids.
func (d *dice) uuid() string {
	d.mu.Lock()
	a, b := d.rng.Uint64(), d.rng.Uint64()
	d.mu.Unlock()
	return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", uint32(a>>32), uint16(a>>16), a&0xfff, 0x8000|(b>>48)&0x3fff, b&0xffffffffffff)
}
