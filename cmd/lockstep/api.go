package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/lockstep-sync/lockstep/bridge"
	"github.com/lockstep-sync/lockstep/bridge/journal"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

// desk is what people ask of the engine.
type desk interface {
	Reviews(ctx context.Context, f bridge.ReviewFilter) ([]bridge.Review, error)
	Choose(ctx context.Context, c bridge.Choice) (bridge.Outcome, error)
	Parked(ctx context.Context, f bridge.ParkedFilter) ([]bridge.ParkedRecord, error)
	Retry(ctx context.Context, id, by string) (bridge.Outcome, error)
	Drop(ctx context.Context, id, by string) (bridge.Outcome, error)
	Replay(ctx context.Context, mapping string, ref bridge.RecordRef, by string) (bridge.Outcome, error)
	Record(ctx context.Context, mapping string, ref bridge.RecordRef) (bridge.RecordState, error)
}

// archive is where the history is read.
type archive interface {
	ReadAudit(ctx context.Context, f journal.AuditFilter, each func(journal.AuditEntry) error) error
}

// api answers what a console, or the command line, asks. All of it needs the
// token; every order is idempotent and names who gives it.
type api struct {
	token string
	// parts returns what to ask, nil while the system is not running.
	parts func() (desk, archive, func(ctx context.Context, mapping, by string) error)
}

const (
	maxBody  = 64 << 10
	maxAudit = 100_000 // entries of one answer
)

func (a *api) mux() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/reviews", a.with(listReviews))
	mux.HandleFunc("GET /api/reviews/{id}", a.with(oneReview))
	mux.HandleFunc("POST /api/reviews/{id}", a.with(chooseOne))
	mux.HandleFunc("POST /api/reviews", a.with(chooseMany))
	mux.HandleFunc("GET /api/parked", a.with(listParked))
	mux.HandleFunc("POST /api/parked/{id}/{order}", a.with(orderParked))
	mux.HandleFunc("POST /api/parked", a.with(orderManyParked))
	mux.HandleFunc("GET /api/mappings/{name}/records", a.with(oneRecord))
	mux.HandleFunc("POST /api/mappings/{name}/replay", a.with(replay))
	mux.HandleFunc("POST /api/mappings/{name}/resume", a.with(resumeMapping))
	mux.HandleFunc("GET /api/audit", a.audit)
	mux.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusNotFound, "there is no "+r.Method+" "+r.URL.Path, "see docs/api.md")
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if problem, status := allowed(r, a.token); status != 0 {
			refuse(w, status, problem, "lockstep's own commands read it from --data")
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// asked is one request, with all that answers it.
type asked struct {
	*http.Request
	desk    desk
	archive archive
	resume  func(ctx context.Context, mapping, by string) error
}

func (a *api) with(f func(q *asked) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		d, arch, resume := a.parts()
		if d == nil {
			w.Header().Set("Retry-After", "2")
			refuse(w, http.StatusServiceUnavailable, "lockstep is not running yet", "ask again in a moment")
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		out, err := f(&asked{r, d, arch, resume})
		if err != nil {
			explain(w, err)
			return
		}
		answer(w, out)
	}
}

func answer(w http.ResponseWriter, out any) {
	data, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		refuse(w, http.StatusInternalServerError, "the answer cannot be written", "")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	write(w, http.StatusOK, string(data)+"\n")
}

// apiProblem is what an error looks like.
type apiProblem struct {
	Error  string `json:"error"`
	Remedy string `json:"remedy,omitempty"`
}

func refuse(w http.ResponseWriter, status int, problem, remedy string) {
	data, err := json.Marshal(apiProblem{problem, remedy})
	if err != nil {
		data = []byte(`{"error":"it failed"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	write(w, status, string(data)+"\n")
}

// explain answers an error with the status of its kind.
func explain(w http.ResponseWriter, err error) {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		refuse(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("the body has more than %d bytes", maxBody), "")
	case errors.Is(err, bridge.ErrNotFound):
		refuse(w, http.StatusNotFound, err.Error(), "list what there is")
	case errors.Is(err, bridge.ErrDecided):
		refuse(w, http.StatusConflict, err.Error(), "")
	case errors.Is(err, bridge.ErrInvalid):
		refuse(w, http.StatusBadRequest, err.Error(), "")
	default:
		refuse(w, http.StatusServiceUnavailable, err.Error(), "ask again in a moment")
	}
}

// read takes the body in, strictly.
func (q *asked) read(into any) error {
	d := json.NewDecoder(q.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return err
		}
		return fmt.Errorf("the body is no such JSON: %w: %w", err, bridge.ErrInvalid)
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("the body goes on behind its JSON: %w", bridge.ErrInvalid)
	}
	return nil
}

func (q *asked) ref() bridge.RecordRef {
	v := q.URL.Query()
	return bridge.RecordRef{Left: keyOf(v.Get("left")), Right: keyOf(v.Get("right"))}
}

// keyOf reads a key as people write it: 42, or ["eu","42"].
func keyOf(text string) event.Key {
	switch {
	case text == "":
		return ""
	case text[0] == '[':
		var parts []string
		if json.Unmarshal([]byte(text), &parts) == nil {
			return event.KeyOf(parts...)
		}
	}
	return event.KeyOf(text)
}

func (q *asked) limit(otherwise int) (int, error) {
	text := q.URL.Query().Get("limit")
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("limit %q is no number above 0: %w", text, bridge.ErrInvalid)
	}
	return n, nil
}

// moment reads a time, or an age such as 24h.
func moment(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if age, err := time.ParseDuration(text); err == nil && age > 0 {
		return now.Add(-age), nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04", "2006-01-02"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time: write 2026-01-31T15:04:05Z, 2026-01-31, or an age such as 24h: %w", text, bridge.ErrInvalid)
}
