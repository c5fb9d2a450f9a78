package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/lockstep-sync/lockstep/bridge"
	"github.com/lockstep-sync/lockstep/bridge/journal"
)

// stalled is how long whoever reads the audit may take nothing.
const stalled = 30 * time.Second

// audit streams entries as JSON lines, oldest first, as they are read. A limit
// gives the newest. An error on the way is the last line.
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
	enc, c := json.NewEncoder(w), http.NewResponseController(w)
	n := 0
	err = arch.ReadAudit(r.Context(), f, func(e journal.AuditEntry) error {
		if n++; n%100 == 1 {
			if err := c.SetWriteDeadline(time.Now().Add(stalled)); err != nil && !errors.Is(err, http.ErrNotSupported) {
				return err
			}
		}
		return enc.Encode(e)
	})
	if err != nil && n == 0 {
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
	if f.Limit, err = q.limit(); err != nil {
		return f, err
	}
	ref, err := q.ref()
	if err != nil || ref == (bridge.RecordRef{}) {
		return f, err
	}
	if err := oneOf(ref); err != nil {
		return f, err
	}
	if f.Key = string(ref.Left); f.Key != "" {
		return f, nil
	}
	if f.Mapping == "" {
		return f, fmt.Errorf("a right key needs the mapping beside it: %w", bridge.ErrInvalid)
	}
	f.Key, err = q.historyOf(f.Mapping, ref)
	return f, err
}

// historyOf is the key that the history of a right record stands under: its
// partner's. A record that is in no pair now may have been in one; one that never
// was has its history under its own key.
func (q *asked) historyOf(name string, ref bridge.RecordRef) (string, error) {
	if q.desk != nil {
		left, err := q.leftOf(name, ref.Right)
		if err != nil || left != "" {
			return string(left), err
		}
	}
	key := string(ref.Right)
	for _, kind := range []string{"linked", "created"} {
		err := q.archive.ReadAudit(q.Context(), journal.AuditFilter{Mapping: name, Kind: kind}, func(e journal.AuditEntry) error {
			if e.Right == string(ref.Right) && e.Key != "" {
				key = e.Key
			}
			return nil
		})
		if err != nil {
			return "", err
		}
	}
	return key, nil
}
