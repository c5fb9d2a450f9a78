package main

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// collector turns a report into metrics at every scrape: one set of numbers,
// shown in two ways. No label holds a customer's value.
type collector struct{ board *board }

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("lockstep_"+name, help, labels, nil)
}

var (
	descReady     = desc("ready", "1 when every part works.")
	descProblems  = desc("problems", "Problems that a person should look at.")
	descSource    = desc("source_streaming", "1 when the database's log is being read.", "connection")
	descLag       = desc("source_lag_seconds", "Age of what has not been read from the log.", "connection")
	descBehind    = desc("source_behind_bytes", "Log that is not confirmed yet.", "connection")
	descRead      = desc("source_changes_total", "Row changes read.", "connection")
	descCalls     = desc("connection_calls_total", "Calls made to a connection.", "connection")
	descWritten   = desc("connection_writes_total", "Records written to a connection.", "connection")
	descFaults    = desc("connection_faults_total", "Failed writes and calls by class.", "connection", "class")
	descInLine    = desc("connection_waiting_records", "Records whose write is in line.", "connection")
	descUp        = desc("connection_up", "0 while a connection takes no calls.", "connection")
	descChanges   = desc("mapping_changes_total", "Changes handled.", "mapping")
	descEdits     = desc("mapping_edits_total", "Changes that were edits of a mapped field.", "mapping", "side")
	descWrites    = desc("mapping_writes_total", "Writes that stand.", "mapping", "side", "operation")
	descWaiting   = desc("mapping_waiting_changes", "Changes on disk that no lane has read.", "mapping")
	descUnderWay  = desc("mapping_under_way_changes", "Changes read and not done.", "mapping")
	descConflicts = desc("mapping_conflicts_total", "Edits that collided.", "mapping")
	descMisses    = desc("mapping_guard_misses_total", "Guarded writes that found another edit.", "mapping")
	descParked    = desc("mapping_parked_records", "Records that wait for a person or their next change.", "mapping")
	descHeld      = desc("mapping_held_deletions", "Deletions that wait for a person: to be confirmed, or held by the fuse.", "mapping")
	descReviews   = desc("mapping_reviews", "Fields that wait for a person: conflicts, failed merges, frozen ones.", "mapping")
	descRecords   = desc("mapping_records", "Linked pairs of records.", "mapping")
	descHooks     = desc("webhooks_total", "Webhook requests taken.", "connection")
	descEvents    = desc("webhook_events_total", "Events in webhooks taken.", "connection")
	descRefused   = desc("webhooks_refused_total", "Webhook requests refused, by reason.", "connection", "reason")
	descFree      = desc("journal_free_bytes", "Free space on the data directory's disk.")
)

// Describe sends nothing: what there is depends on the configuration.
func (c collector) Describe(chan<- *prometheus.Desc) {}

// Collect takes a report and sends it.
func (c collector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	r := c.board.report(ctx)
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	count := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
	}
	gauge(descReady, flag(r.Ready))
	gauge(descProblems, float64(len(r.Problems)))
	for _, s := range r.Sources {
		gauge(descSource, flag(s.State == "streaming"), s.Name)
		gauge(descLag, s.LagSeconds, s.Name)
		gauge(descBehind, float64(s.BehindBytes), s.Name)
		count(descRead, float64(s.Changes), s.Name)
	}
	for _, s := range r.Connections {
		count(descCalls, float64(s.Calls), s.Name)
		count(descWritten, float64(s.Writes), s.Name)
		gauge(descInLine, float64(s.Waiting), s.Name)
		gauge(descUp, flag(s.State != "unreachable"), s.Name)
		for class, n := range s.Faults {
			count(descFaults, float64(n), s.Name, class)
		}
	}
	for _, m := range r.Mappings {
		count(descChanges, float64(m.Changes), m.Name)
		count(descEdits, float64(m.LeftEdits), m.Name, "left")
		count(descEdits, float64(m.RightEdits), m.Name, "right")
		for side, writes := range map[string]map[string]uint64{"left": m.LeftWrites, "right": m.RightWrites} {
			for op, n := range writes {
				count(descWrites, float64(n), m.Name, side, op)
			}
		}
		gauge(descWaiting, float64(m.Waiting), m.Name)
		gauge(descUnderWay, float64(m.UnderWay), m.Name)
		count(descConflicts, float64(m.Conflicts), m.Name)
		count(descMisses, float64(m.GuardMisses), m.Name)
		gauge(descParked, float64(m.Parked), m.Name)
		gauge(descHeld, float64(m.Held), m.Name)
		gauge(descReviews, float64(m.Reviews), m.Name)
		gauge(descRecords, float64(m.Records), m.Name)
	}
	for name, w := range r.Webhooks {
		count(descHooks, float64(w.Accepted), name)
		count(descEvents, float64(w.Events), name)
		for reason, n := range w.Refused {
			count(descRefused, float64(n), name, string(reason))
		}
	}
	if r.Journal != nil {
		gauge(descFree, float64(r.Journal.Free))
	}
}

func flag(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
