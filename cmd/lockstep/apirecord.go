package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/lockstep-sync/lockstep/bridge"
	"github.com/lockstep-sync/lockstep/bridge/journal"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

func oneRecord(q *asked) (any, error) {
	return q.desk.Record(q.Context(), q.PathValue("name"), q.ref())
}

// replayOrder is the body of a replay: one record, all parked ones, or every one
// that the audit speaks of since a time.
type replayOrder struct {
	Left   string `json:"left,omitempty"`
	Right  string `json:"right,omitempty"`
	Parked bool   `json:"parked,omitempty"`
	Since  string `json:"since,omitempty"`
	By     string `json:"by"`
}

func replay(q *asked) (any, error) {
	var o replayOrder
	if err := q.read(&o); err != nil {
		return nil, err
	}
	name := q.PathValue("name")
	switch {
	case o.Left != "" || o.Right != "":
		return q.desk.Replay(q.Context(), name, bridge.RecordRef{Left: keyOf(o.Left), Right: keyOf(o.Right)}, o.By)
	case o.Parked:
		return q.obeyAll(parkedOrder{Mapping: name, Order: "retry", By: o.By})
	case o.Since != "":
		return q.replaySince(name, o)
	}
	return nil, fmt.Errorf("say what to replay: left or right, parked, or since: %w", bridge.ErrInvalid)
}

func (q *asked) replaySince(name string, o replayOrder) (any, error) {
	since, err := moment(o.Since, time.Now())
	if err != nil {
		return nil, err
	}
	keys := map[event.Key]bool{}
	err = q.archive.ReadAudit(q.Context(), journal.AuditFilter{Mapping: name, Since: since}, func(e journal.AuditEntry) error {
		if e.Key != "" {
			keys[event.Key(e.Key)] = true
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	t := tally{Failed: []failure{}}
	for key := range keys {
		out, err := q.desk.Replay(q.Context(), name, bridge.RecordRef{Left: key}, o.By)
		if q.Context().Err() != nil {
			return nil, q.Context().Err()
		}
		if errors.Is(err, bridge.ErrNotFound) {
			out.Already, err = true, nil // it is not linked any more
		}
		t.count(string(key), out, err)
	}
	return t, nil
}

func resumeMapping(q *asked) (any, error) {
	var o struct {
		By string `json:"by"`
	}
	if err := q.read(&o); err != nil {
		return nil, err
	}
	name := q.PathValue("name")
	if err := q.resume(q.Context(), name, o.By); err != nil {
		return nil, err
	}
	return bridge.Outcome{Mapping: name, Done: "the shapes of now are accepted, and the mapping goes on"}, nil
}

// audit streams entries as JSON lines, oldest first. A limit gives the newest.
func (a *api) audit(w http.ResponseWriter, r *http.Request) {
	d, arch, _ := a.parts()
	if arch == nil {
		w.Header().Set("Retry-After", "2")
		refuse(w, http.StatusServiceUnavailable, "lockstep is not running yet", "ask again in a moment")
		return
	}
	q := &asked{Request: r, desk: d, archive: arch}
	f, err := q.auditFilter()
	if err != nil {
		explain(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/jsonl")
	enc := json.NewEncoder(w)
	began := false
	err = arch.ReadAudit(r.Context(), f, func(e journal.AuditEntry) error {
		began = true
		return enc.Encode(e)
	})
	if err != nil && !began {
		explain(w, err)
	} else if err != nil && enc.Encode(apiProblem{err.Error(), "ask again: the answer is cut"}) != nil {
		return // whoever asked went away
	}
}

func (q *asked) auditFilter() (f journal.AuditFilter, err error) {
	v, now := q.URL.Query(), time.Now()
	f = journal.AuditFilter{Mapping: v.Get("mapping"), Kind: v.Get("kind"), Field: v.Get("field")}
	if f.Since, err = moment(v.Get("since"), now); err != nil {
		return f, err
	}
	if f.Until, err = moment(v.Get("until"), now); err != nil {
		return f, err
	}
	if f.Limit, err = q.limit(maxAudit); err != nil {
		return f, err
	}
	f.Limit = min(f.Limit, maxAudit)
	ref := q.ref()
	if ref == (bridge.RecordRef{}) {
		return f, nil
	}
	if f.Key = string(ref.Left); f.Key != "" {
		return f, nil
	}
	if f.Mapping == "" {
		return f, fmt.Errorf("a right key needs the mapping beside it: %w", bridge.ErrInvalid)
	}
	f.Key = string(ref.Right) // what was told before it was linked stands under its own key
	if q.desk != nil {
		s, err := q.desk.Record(q.Context(), f.Mapping, ref)
		if err == nil {
			f.Key = s.Left
		} else if !errors.Is(err, bridge.ErrNotFound) {
			return f, err
		}
	}
	return f, nil
}
