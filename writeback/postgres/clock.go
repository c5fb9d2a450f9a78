package postgres

import (
	"strconv"
	"strings"
	"sync"
	"time"
)

// clock knows by how much the server's clock differs from ours. It learns from
// transactions that run anyway: each begins with a look at the server's clock,
// which was read at some moment between the sending and the answer.
type clock struct {
	now func() time.Time

	mu   sync.Mutex
	best sample
}

// sample is one look: the true offset was within uncertainty of offset.
type sample struct {
	offset, uncertainty time.Duration
	at                  time.Time // by our clock; zero: none
}

// aged is the sample's uncertainty now. Clocks drift, by much less than a
// thousandth; the rest lets an old look give way to a fresh one within seconds.
func (s sample) aged(now time.Time) time.Duration {
	return s.uncertainty + max(now.Sub(s.at), 0)/1000
}

// observe takes in one look. The best of the recent ones stands: the surest,
// unless a newer one contradicts it, for then one of the clocks was set.
func (c *clock) observe(sent, answered, server time.Time) {
	half := answered.Sub(sent) / 2
	if half < 0 {
		return // our own clock was set meanwhile
	}
	fresh := sample{offset: server.Sub(sent.Add(half)), uncertainty: half, at: answered}
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.best.aged(answered)
	apart := (fresh.offset - c.best.offset).Abs()
	if c.best.at.IsZero() || fresh.uncertainty <= known || apart > fresh.uncertainty+known {
		c.best = fresh
	}
}

// ClockOffset tells how far the server's clock is ahead of ours, and how sure
// that is; known is false until the first transaction. It never blocks: the
// answer comes from the transactions of the last seconds. A clock that is set is
// followed with the next transaction.
func (a *Applier) ClockOffset() (offset, uncertainty time.Duration, known bool) {
	c := a.clock
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.best.at.IsZero() {
		return 0, 0, false
	}
	return c.best.offset, c.best.aged(c.now()), true
}

// look finds the server's clock in the answers to statements.
func (c *clock) look(sent, answered time.Time, statements []statement, answers []answer) {
	for i, a := range answers {
		if !strings.HasPrefix(statements[i].sql, tuned) || len(a.rows) != 1 {
			continue
		}
		row := a.rows[0]
		if micros, err := strconv.ParseInt(string(row[len(row)-2]), 10, 64); err == nil {
			c.observe(sent, answered, time.UnixMicro(micros))
		}
		return
	}
}
