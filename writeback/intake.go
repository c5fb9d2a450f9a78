package writeback

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// Defaults of an Intake's fields.
const (
	DefaultMaxBody     = 8 << 20
	DefaultConcurrency = 32
	DefaultReadTimeout = 5 * time.Second
	DefaultTimeout     = 10 * time.Second

	prefix     = "/webhooks/"
	retryAfter = "5" // seconds, with every 503
)

// Source is one connection that sends webhooks. Both methods are called
// concurrently.
type Source interface {
	// Verify tells whether the connection's vendor sent the request. The body of r
	// has been read: it is body.
	Verify(r *http.Request, body []byte, now time.Time) error
	// Parse turns a verified body into changes. An *event.Fault of a class other
	// than Rejected says that the body cannot be read at the moment and is to be
	// sent again; any other error, that it never can.
	Parse(body []byte) ([]event.Change, error)
}

// RouteFunc appends to dst a Route for each mapping that takes the change, and
// returns it; none is a fine answer. It keeps nothing of the change but texts,
// and is called concurrently.
type RouteFunc func(ctx context.Context, c *event.Change, dst []event.Route) ([]event.Route, error)

// Appender stores entries. It returns nil only when all of them are on disk;
// after an error some, all or none may be. Called concurrently.
type Appender interface {
	Append(ctx context.Context, entries []event.Entry) error
}

// Intake serves POST /webhooks/<connection>.
//
// It answers 200 only when the entries of every change in the body are on disk,
// all given to one Append. Every other answer stores nothing, or nothing that
// the vendor's repeat would not store again: repeats and disorder are stored as
// they come, and are the engine's to see through.
//
// The exported fields may be set before the first request. Safe for concurrent
// use; memory is bounded by Concurrency times MaxBody, and what Parse makes of
// it.
type Intake struct {
	MaxBody     int64         // bytes of a body; larger ones are refused with 413
	Concurrency int           // requests at once; more are refused with 503
	ReadTimeout time.Duration // for a body to arrive
	Timeout     time.Duration // for routing and storing
	Now         func() time.Time
	Log         zerolog.Logger // default: none

	sources map[string]Source
	route   RouteFunc
	journal Appender
	counts  counters
}

// NewIntake makes the handler for the connections in sources, by name.
func NewIntake(sources map[string]Source, route RouteFunc, journal Appender) *Intake {
	return &Intake{
		MaxBody: DefaultMaxBody, Concurrency: DefaultConcurrency, ReadTimeout: DefaultReadTimeout, Timeout: DefaultTimeout,
		Now: time.Now, Log: zerolog.Nop(),
		sources: sources, route: route, journal: journal,
	}
}

// refusal is an answer other than 200.
type refusal struct {
	status int
	reason Reason
	err    error // for the log, never for the answer
}

// ServeHTTP answers one webhook. Nothing of the body is echoed.
func (in *Intake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, prefix)
	source := in.sources[name]
	no := in.admit(r, source)
	if no == nil {
		if in.counts.enter(in.Concurrency) {
			defer in.counts.leave()
			no = in.take(w, r, name, source)
		} else {
			no = &refusal{http.StatusServiceUnavailable, Busy, nil}
		}
	}
	if no == nil {
		w.WriteHeader(http.StatusOK)
		return
	}
	if source == nil {
		name = "" // a stranger's text: it would make a counter of its own
	}
	in.counts.refuse(name, no.reason)
	in.Log.Warn().Str("connection", name).Str("reason", string(no.reason)).Int("status", no.status).Err(no.err).Msg("webhook refused")
	in.answer(w, no)
}

// admit refuses what needs no look at the body.
func (in *Intake) admit(r *http.Request, source Source) *refusal {
	switch {
	case r.Method != http.MethodPost:
		return &refusal{http.StatusMethodNotAllowed, WrongMethod, nil}
	case !strings.HasPrefix(r.URL.Path, prefix) || source == nil:
		return &refusal{http.StatusNotFound, UnknownConnection, nil}
	case r.ContentLength > in.MaxBody:
		return &refusal{http.StatusRequestEntityTooLarge, TooLarge, nil}
	}
	return nil
}

func (in *Intake) answer(w http.ResponseWriter, no *refusal) {
	switch no.status {
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", http.MethodPost)
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", retryAfter)
	case http.StatusRequestEntityTooLarge, http.StatusRequestTimeout:
		w.Header().Set("Connection", "close") // the rest of the body is not read
	}
	http.Error(w, string(no.reason), no.status)
}

// take reads, verifies, parses, routes and stores one webhook; nil means that
// its changes are on disk.
func (in *Intake) take(w http.ResponseWriter, r *http.Request, name string, source Source) *refusal {
	body, no := in.read(w, r)
	if no != nil {
		return no
	}
	now := in.Now()
	if err := source.Verify(r, body, now); err != nil {
		return &refusal{http.StatusUnauthorized, BadSignature, err}
	}
	changes, err := source.Parse(body)
	if err != nil {
		var fault *event.Fault
		if errors.As(err, &fault) && fault.Class != event.Rejected {
			return &refusal{http.StatusServiceUnavailable, NotReady, err}
		}
		return &refusal{http.StatusBadRequest, Malformed, err}
	}
	ctx, cancel := context.WithTimeout(r.Context(), in.Timeout)
	defer cancel()
	entries, err := in.entries(ctx, name, changes, now)
	if err != nil {
		return &refusal{http.StatusServiceUnavailable, NotRouted, err}
	}
	if len(entries) > 0 {
		if err := in.journal.Append(ctx, entries); err != nil {
			return &refusal{http.StatusServiceUnavailable, NotStored, err}
		}
	}
	in.counts.accept(name, len(changes), len(entries), now)
	return nil
}

// read reads the whole body, as far as it may be, whatever Content-Length says.
func (in *Intake) read(w http.ResponseWriter, r *http.Request) ([]byte, *refusal) {
	// net/http takes the deadline off again when the body has ended: storing may
	// last longer.
	if err := http.NewResponseController(w).SetReadDeadline(time.Now().Add(in.ReadTimeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return nil, &refusal{http.StatusServiceUnavailable, NotReady, err}
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, in.MaxBody+1))
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, &refusal{http.StatusRequestTimeout, TooSlow, err}
	case err != nil:
		return nil, &refusal{http.StatusBadRequest, CutOff, err}
	case int64(len(body)) > in.MaxBody:
		return nil, &refusal{http.StatusRequestEntityTooLarge, TooLarge, nil}
	}
	return body, nil
}

// entries makes one entry of each change for each mapping that takes it. The
// entries of one change share its encoding.
func (in *Intake) entries(ctx context.Context, name string, changes []event.Change, now time.Time) ([]event.Entry, error) {
	entries := make([]event.Entry, 0, len(changes))
	var routes []event.Route
	for i := range changes {
		c := &changes[i]
		c.Connection = name // who sent it is known from the path and the signature, not from the body
		if c.Seen.IsZero() {
			c.Seen = now
		}
		var err error
		if routes, err = in.route(ctx, c, routes[:0]); err != nil {
			return nil, err
		}
		if len(routes) == 0 {
			continue
		}
		data := event.AppendChange(nil, c)
		for _, to := range routes {
			entries = append(entries, event.Entry{
				Connection: name, Mapping: to.Mapping, Lane: to.Lane, Position: c.Position, Origin: c.Origin, Data: data,
			})
		}
	}
	return entries, nil
}

// Stats returns the counters since the start.
func (in *Intake) Stats() Stats { return in.counts.snapshot() }
