package hubspot

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Options say what account to simulate. The zero value is a working one.
type Options struct {
	Addr          string // where to listen; default 127.0.0.1:0
	Token         string // bearer token of the API; generated when empty
	WebhookSecret string // client secret that signs webhooks; generated when empty
	AppID         string // decimal; generated when empty
	PortalID      int64  // default 49547190
	WebhookURL    string // where events go; none when empty, see SetWebhook

	Limit       int // calls per 10 s: default 190, negative for none
	SearchLimit int // searches per second: default 5, negative for none
	DailyLimit  int // calls per day (UTC): default 625,000, negative for none

	Properties     map[string][]Property // further properties, by object type
	Assumptions    *Assumptions          // nil for DefaultAssumptions
	Faults         Faults
	RetrySchedule  []time.Duration  // pauses between deliveries of a webhook; nil for CompressedRetries
	WebhookTimeout time.Duration    // how long a receiver may take to answer; default 5 s
	Versions       int              // values kept of each property; 0 means 20, which is all that the API shows
	Seed           uint64           // of all chance; 0 means 1
	Now            func() time.Time // default time.Now; the vendor's clock before clock_skew_ms
}

// unlimited is what the headers advertise where there is no limit.
const unlimited = 1_000_000_000

// Server is a running account. Its methods may be called from any goroutine.
type Server struct {
	token, secret, appID string
	portal               int64
	now                  func() time.Time
	dice                 *dice
	store                *store
	hooks                *webhooks
	limits               *limits
	ledger               ledger
	gate                 gate
	faults               atomic.Pointer[Faults]
	rules                atomic.Pointer[Assumptions]
	app                  *actor
	settings             sync.Mutex // makes partial changes of faults and rules one step

	http     *http.Server
	listener net.Listener
	serving  sync.WaitGroup
	closed   chan struct{}
	closing  sync.Once

	waitMu sync.Mutex
	waiter chan struct{} // closed at the next change; nil while nobody waits
}

// Start listens and serves. The caller closes the server.
func Start(o Options) (*Server, error) {
	s, err := newServer(o)
	if err != nil {
		return nil, err
	}
	addr := o.Addr
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	if s.listener, err = net.Listen("tcp", addr); err != nil {
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	s.hooks.run()
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: 30 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
	s.serving.Go(func() { _ = s.http.Serve(s.listener) }) // ends with ErrServerClosed, at Close
	return s, nil
}

// newServer builds everything but the listener.
func newServer(o Options) (*Server, error) {
	s := &Server{
		token: o.Token, secret: o.WebhookSecret, appID: o.AppID, portal: o.PortalID, now: o.Now,
		limits: newLimits(o), closed: make(chan struct{}),
	}
	if s.now == nil {
		s.now = time.Now
	}
	s.dice = newDice(max(o.Seed, 1))
	if err := s.identify(); err != nil {
		return nil, err
	}
	rules := DefaultAssumptions()
	if o.Assumptions != nil {
		rules = *o.Assumptions
	}
	s.rules.Store(&rules)
	if err := s.SetFaults(o.Faults); err != nil {
		return nil, err
	}
	s.hooks = s.newWebhooks(o)
	if err := s.hooks.setURL(o.WebhookURL); err != nil {
		return nil, err
	}
	var err error
	if s.store, err = newStore(s.clock, s.hooks.take, max(o.Versions, maxVersions)); err != nil {
		return nil, err
	}
	for objectType, list := range o.Properties {
		for _, p := range list {
			if err := s.AddProperty(objectType, p); err != nil {
				return nil, err
			}
		}
	}
	return s, nil
}

// identify fills in what the caller left to chance.
func (s *Server) identify() error {
	random := make([]byte, 40)
	if _, err := rand.Read(random); err != nil {
		return fmt.Errorf("generate secrets: %w", err)
	}
	if s.token == "" {
		t := hex.EncodeToString(random[:16])
		s.token = "pat-na1-" + t[:8] + "-" + t[8:12] + "-" + t[12:16] + "-" + t[16:20] + "-" + t[20:]
	}
	if s.secret == "" {
		s.secret = hex.EncodeToString(random[16:32])
	}
	if s.appID == "" {
		s.appID = fmt.Sprint(9_000_000 + int(random[39])<<8 + int(random[38]))
	}
	for _, digit := range s.appID {
		if digit < '0' || digit > '9' {
			return errors.New("option AppID is not a decimal number: " + s.appID)
		}
	}
	if s.portal == 0 {
		s.portal = 49547190
	}
	s.app = &actor{source: "INTEGRATION", id: s.appID}
	return nil
}

func (s *Server) newWebhooks(o Options) *webhooks {
	schedule := o.RetrySchedule
	if schedule == nil {
		schedule = CompressedRetries()
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost, transport.Proxy = maxPosts, nil
	return &webhooks{
		client: &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // a redirect is a failed delivery
		},
		timeout: cmp.Or(o.WebhookTimeout, 5*time.Second), secret: s.secret, from: sender{s.portal, s.appID}, schedule: schedule,
		clock: s.clock, dice: s.dice, faults: s.faults.Load, rules: s.rules.Load, changed: s.notify,
	}
}

func newLimits(o Options) *limits {
	pick := func(option, fallback int) int {
		switch {
		case option == 0:
			return fallback
		case option < 0:
			return unlimited
		}
		return option
	}
	return &limits{
		perTenSeconds: pick(o.Limit, 190), perDay: pick(o.DailyLimit, 625_000), searchPerSecond: pick(o.SearchLimit, 5),
		burst: window{span: 10 * time.Second}, search: window{span: time.Second},
	}
}

// URL is the base of every path, without a slash at the end.
func (s *Server) URL() string {
	addr := s.listener.Addr().(*net.TCPAddr) // Start listens on nothing else
	if addr.IP.IsUnspecified() {
		return "http://127.0.0.1:" + strconv.Itoa(addr.Port)
	}
	return "http://" + addr.String()
}

// Token is the bearer token that the API takes.
func (s *Server) Token() string { return s.token }

// WebhookSecret signs the webhooks.
func (s *Server) WebhookSecret() string { return s.secret }

// AppID is the sourceId of what the API changes.
func (s *Server) AppID() string { return s.appID }

// PortalID is the account's number.
func (s *Server) PortalID() int64 { return s.portal }

// Close stops listening, cuts open calls and deliveries off and waits until
// every goroutine of the server has ended. It may be called twice.
func (s *Server) Close() error {
	s.closing.Do(func() {
		close(s.closed)
		_ = s.http.Close() // closes the listener and all connections; its error only repeats that they were open
		s.serving.Wait()
		s.hooks.close()
	})
	return nil
}

// clock is the vendor's time in milliseconds, with its skew.
func (s *Server) clock() int64 { return s.now().UnixMilli() + s.faults.Load().ClockSkewMS }

// Changed returns a channel that is closed when something happens: a call was
// answered, a person edited, a webhook was delivered or failed. Take it before
// looking at the condition that is waited for.
func (s *Server) Changed() <-chan struct{} {
	s.waitMu.Lock()
	defer s.waitMu.Unlock()
	if s.waiter == nil {
		s.waiter = make(chan struct{})
	}
	return s.waiter
}

func (s *Server) notify() {
	s.waitMu.Lock()
	defer s.waitMu.Unlock()
	if s.waiter != nil {
		close(s.waiter)
		s.waiter = nil
	}
}

// WaitFor returns nil as soon as the condition holds, looking again after each
// change, or an error when the context ends first.
func (s *Server) WaitFor(ctx context.Context, condition func() bool) error {
	for {
		changed := s.Changed()
		if condition() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("wait for a condition of the simulated account: %w", ctx.Err())
		case <-s.closed:
			return errors.New("wait for a condition of the simulated account: it was closed")
		}
	}
}
