package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
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
	Status(ctx context.Context) (bridge.Status, error)
}

// archive is where the history is read.
type archive interface {
	ReadAudit(ctx context.Context, f journal.AuditFilter, each func(journal.AuditEntry) error) error
	ChangesSince(ctx context.Context, mapping string, since time.Time, each func(*event.Change) error) error
}

// api answers what a console, or the command line, asks. All of it needs the
// token; every order is idempotent and names who gives it.
type api struct {
	token string
	// parts returns what to ask, nil while the system is not running.
	parts func() (desk, archive, func(ctx context.Context, mapping, by string) error)
	// ending is done when the server ends: whoever still waits is told so.
	ending context.Context
}

const (
	maxBody = 64 << 10
	maxName = 200 // of who gives an order
	// maxLimit bounds what a limit can ask to be held in memory.
	maxLimit = 100_000
	// patience is how long one order may take. The engine that took it may have
	// ended meanwhile; orders can be repeated.
	patience = 30 * time.Second
)

func (a *api) mux() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/reviews", a.with(listReviews))
	mux.HandleFunc("GET /api/reviews/{id}", a.with(oneReview))
	mux.HandleFunc("POST /api/reviews/{id}", a.with(chooseOne))
	mux.HandleFunc("POST /api/reviews", a.with(chooseMany))
	mux.HandleFunc("GET /api/parked", a.with(listParked))
	mux.HandleFunc("GET /api/parked/{id}", a.with(oneParked))
	mux.HandleFunc("POST /api/parked/{id}/{order}", a.with(orderParked))
	mux.HandleFunc("POST /api/parked", a.with(orderManyParked))
	mux.HandleFunc("GET /api/mappings/{name}/records", a.with(oneRecord))
	mux.HandleFunc("POST /api/mappings/{name}/replay", a.with(replay))
	mux.HandleFunc("POST /api/mappings/{name}/resume", a.with(resumeMapping))
	mux.HandleFunc("GET /api/audit", a.audit)
	mux.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusNotFound, "there is no "+r.Method+" "+r.URL.Path, "see docs/api.md")
	})
	return a.guard(mux)
}

// guard lets nobody pass who has not the token, and ends every request when the
// server ends.
func (a *api) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store") // values of records
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if foreign(r) {
			refuse(w, http.StatusForbidden, "a page of another site may not ask this", "serve the page from this address, or ask from a server of yours")
			return
		}
		if !allowed(r, a.token) {
			w.Header().Set("WWW-Authenticate", `Bearer realm="lockstep"`)
			refuse(w, http.StatusUnauthorized, "this needs the token of the data directory's "+tokenFile, "send it as Authorization: Bearer …; lockstep's own commands read it from --data or --token-file")
			return
		}
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		defer context.AfterFunc(a.ending, cancel)()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
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
		out, err := f(&asked{Request: r, desk: d, archive: arch, resume: resume})
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

// refuse answers with an error.
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
		refuse(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("the body has more than %d bytes", maxBody), "name many records by mapping, kind and field")
	case errors.Is(err, bridge.ErrNotFound):
		refuse(w, http.StatusNotFound, reason(err), "list what there is; it may have been settled meanwhile")
	case errors.Is(err, bridge.ErrDecided):
		refuse(w, http.StatusConflict, reason(err), "edit the record itself if that was wrong")
	case errors.Is(err, bridge.ErrInvalid):
		refuse(w, http.StatusBadRequest, reason(err), "docs/api.md says what can be asked")
	default:
		refuse(w, http.StatusServiceUnavailable, err.Error(), "ask again in a moment")
	}
}

// reason is an error's text without the kind at its end, where the status and
// the words before it say as much.
func reason(err error) string {
	text := err.Error()
	for _, kind := range []error{bridge.ErrInvalid, bridge.ErrDecided} {
		if rest, ok := strings.CutSuffix(text, ": "+kind.Error()); ok {
			return rest
		}
	}
	return text
}
