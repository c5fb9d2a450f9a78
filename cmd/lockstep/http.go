package main

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/rs/zerolog"
)

// server serves webhooks and the pages for people and scripts. It answers from
// the first moment on; webhooks are taken as soon as the engine runs.
type server struct {
	board    *board
	webhooks atomic.Pointer[http.Handler]
	api      atomic.Pointer[http.Handler]
	listener net.Listener
	log      zerolog.Logger

	ending context.Context // done when Run ends
	end    context.CancelFunc
}

func listen(addr string, b *board, log zerolog.Logger) (*server, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	s := &server{board: b, listener: l, log: log}
	s.ending, s.end = context.WithCancel(context.Background())
	return s, nil
}

// take lets webhooks in from here on.
func (s *server) take(h http.Handler) { s.webhooks.Store(&h) }

// Run serves until ctx ends, then lets requests under way end. Those of the API
// are told to: an order that was not carried out by then is not carried out by
// this process any more, and a long answer from the audit can be had again.
func (s *server) Run(ctx context.Context) error {
	srv := &http.Server{Handler: s.mux(), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10}
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		s.end()
		stopped <- srv.Shutdown(ctx)
	})
	defer stop()
	defer s.end()
	if err := srv.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}

func (s *server) mux() http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector{s.board})
	mux := http.NewServeMux()
	mux.HandleFunc("/webhooks/", s.webhook)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { write(w, http.StatusOK, "ok\n") })
	mux.HandleFunc("GET /readyz", s.ready)
	mux.HandleFunc("GET /api/status", s.status)
	mux.HandleFunc("/api/", s.orders)
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	return mux
}

func (s *server) webhook(w http.ResponseWriter, r *http.Request) {
	h := s.webhooks.Load()
	if h == nil { // the vendor repeats it
		w.Header().Set("Retry-After", "5")
		write(w, http.StatusServiceUnavailable, "starting\n")
		return
	}
	(*h).ServeHTTP(w, r)
}

// open lets orders in from here on.
func (s *server) open(token string) {
	h := (&api{token: token, parts: s.board.parts, ending: s.ending}).mux()
	s.api.Store(&h)
}

func (s *server) orders(w http.ResponseWriter, r *http.Request) {
	h := s.api.Load()
	if h == nil {
		w.Header().Set("Retry-After", "2")
		refuse(w, http.StatusServiceUnavailable, "lockstep is starting", "ask again in a moment")
		return
	}
	(*h).ServeHTTP(w, r)
}

func (s *server) ready(w http.ResponseWriter, r *http.Request) {
	rep := s.board.report(r.Context())
	if rep.Ready {
		write(w, http.StatusOK, "ready\n")
		return
	}
	text := "not ready: " + rep.State + "\n"
	if len(rep.Problems) > 0 {
		text = "not ready:\n" + strings.Join(rep.Problems, "\n") + "\n"
	}
	write(w, http.StatusServiceUnavailable, text)
}

func (s *server) status(w http.ResponseWriter, r *http.Request) {
	data, err := json.MarshalIndent(s.board.report(r.Context()), "", "  ")
	if err != nil {
		s.log.Error().Err(err).Msg("status cannot be written")
		write(w, http.StatusInternalServerError, "status cannot be written\n")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	write(w, http.StatusOK, string(data)+"\n")
}

// write answers; a client that went away is no error of ours.
func write(w http.ResponseWriter, status int, text string) {
	w.WriteHeader(status)
	if _, err := w.Write([]byte(text)); err != nil {
		return
	}
}
