package postgres

import (
	"strconv"
	"strings"
	"time"

	"github.com/lockstep-sync/lockstep/schemas/pgform"
)

// READ COMMITTED whatever the role's default is: a guard must see the row as it
// is when its lock is won, not as it was when the transaction began.
const begin = "BEGIN ISOLATION LEVEL READ COMMITTED"

const (
	// holding is how long a transaction that holds locks waits for one more. It is
	// below PostgreSQL's deadlock_timeout (1 s): in a deadlock with the application
	// we have given up before the server looks for a victim.
	holding = 500 * time.Millisecond
	hurry   = 50 * time.Millisecond
)

// tuning makes a transaction spell values canonically and wait for nobody for
// long; its answer ends with the server's clock and whether it is a standby. It is sent with every transaction, which costs no round trip: behind a
// pooler, what a session was told before is another's.
func tuning(o Options, lock time.Duration) statement {
	settings := pgform.Settings()
	for _, t := range []struct {
		name string
		is   time.Duration
	}{{"lock_timeout", lock}, {"statement_timeout", o.Timeout}, {"idle_in_transaction_session_timeout", o.Timeout}} {
		settings = append(settings, pgform.Setting{Name: t.name, Value: strconv.FormatInt(max(1, t.is.Milliseconds()), 10)})
	}
	var sql strings.Builder
	for i, s := range settings {
		if i > 0 {
			sql.WriteString(", ")
		}
		// All of them are constants of ours, without quotes.
		sql.WriteString("pg_catalog.set_config('" + s.Name + "', '" + s.Value + "', true)")
	}
	// What stands for us must stand after a crash of the server, or the log would
	// never tell that it is gone. How far beyond this server's disk a commit goes
	// is its owner's choice.
	sql.WriteString(", pg_catalog.set_config('synchronous_commit', CASE pg_catalog.current_setting('synchronous_commit') WHEN 'off' THEN 'local' ELSE pg_catalog.current_setting('synchronous_commit') END, true)")
	return statement{sql: tuned + sql.String() + ", " + serverClock + ", pg_catalog.pg_is_in_recovery()"}
}

// tuned is how tuning's statements begin, and no others.
const tuned = "SELECT /* lockstep settings */ "

// isStandby reads tuning's answer: a standby refuses writes with many codes, and
// none that says so.
func isStandby(st statement, a answer) bool {
	return strings.HasPrefix(st.sql, tuned) && len(a.rows) == 1 && string(a.rows[0][len(a.rows[0])-1]) == "t"
}

// transaction frames statements that are sent together and need no isolation.
// Their answers begin at index 2.
func transaction(tune statement, statements ...statement) []statement {
	out := append(make([]statement, 0, len(statements)+3), statement{sql: begin}, tune)
	out = append(out, statements...)
	return append(out, statement{sql: "COMMIT"})
}
