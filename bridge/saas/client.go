package saas

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

const (
	defaultTimeout = 30 * time.Second
	defaultBody    = 64 << 20
)

// Vendor is what a connector tells the client about its vendor.
type Vendor interface {
	// Authorize puts the credentials on a request, in headers only.
	Authorize(r *http.Request) error
	// Budget reads the limits that a response tells.
	Budget(h http.Header) Budget
	// Classify says what an answer with a status of 300 or more means. The client
	// turns Transient into InDoubt where the call may have been applied.
	Classify(a Answer) *event.Fault
}

// Request is one call. Path is escaped already and below the base URL.
type Request struct {
	Method   string
	Path     string
	Query    url.Values
	Body     any    // marshalled as JSON; nil = none
	Mutating bool   // the call changes something: when it breaks off, it may have
	Class    string // of the limiter; "" = none
}

// Answer is what came back, whatever its status.
type Answer struct {
	Request Request
	Status  int
	Header  http.Header
	Body    []byte
}

// Client makes the calls of one connection: authorised, paced, bounded in time
// and size, over kept connections. The exported fields may be set before the
// first call. Safe for concurrent use.
type Client struct {
	HTTP      *http.Client                // default: a pool of its own
	Timeout   time.Duration               // of one call from the first byte sent; default 30 s
	MaxBody   int64                       // bytes of an answer, unpacked; default 64 MiB
	UserAgent string                      // default "lockstep"
	Refresh   func(context.Context) error // renews refused credentials; nil = they cannot be. Called concurrently
	Now       func() time.Time            // our clock, for ClockOffset; default time.Now

	base    *url.URL
	vendor  Vendor
	limiter *Limiter
	clock   clock
}

// NewClient makes a client for the API below base.
func NewClient(base string, vendor Vendor, limiter *Limiter) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" {
		return nil, errors.New("base URL: want http(s)://host[/path] without user, password and query") // not shown: it may hold one
	}
	return &Client{
		HTTP:      &http.Client{Transport: transport(cap(limiter.slots))},
		Timeout:   defaultTimeout,
		MaxBody:   defaultBody,
		UserAgent: "lockstep",
		Now:       time.Now,
		base:      u, vendor: vendor, limiter: limiter,
	}, nil
}

// transport keeps as many connections as there can be calls. It asks for gzip
// and unpacks it.
func transport(conns int) *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = conns
	t.IdleConnTimeout = 90 * time.Second
	return t
}

// Status returns the connection's limits and counters.
func (c *Client) Status() Status { return c.limiter.Status() }

// ClockOffset tells by how much the vendor's clock is ahead of ours, and how far
// the truth may be from that; known is false until the first answer with a Date.
// It is learned from the answers of the last minute before the latest one, so a
// clock that is set is followed within a minute of calls, mostly after three. It
// never blocks.
func (c *Client) ClockOffset() (offset, uncertainty time.Duration, known bool) {
	return c.clock.offset()
}

// Do makes a call, waiting for its turn first, and decodes a 2xx answer into
// into (nil: not at all). The answer's status and header are returned also with
// a fault that came as an answer.
func (c *Client) Do(ctx context.Context, r Request, into any) (Answer, *event.Fault) {
	body, err := encode(r.Body)
	if err != nil {
		return Answer{}, &event.Fault{Class: event.Rejected, Message: c.at(r) + ": " + err.Error(), Err: err}
	}
	answer, fault := c.once(ctx, r, body)
	if fault != nil && answer.Status == http.StatusUnauthorized && c.Refresh != nil {
		// 401 was answered before anything was done: repeating is safe.
		if err := c.Refresh(ctx); err != nil {
			fault.Err = err
			return answer, fault
		}
		answer, fault = c.once(ctx, r, body)
	}
	if fault != nil || into == nil || len(answer.Body) == 0 {
		return answer, fault
	}
	if err := json.Unmarshal(answer.Body, into); err != nil {
		return answer, c.broken(r, true, event.Transient, fmt.Sprintf("status %d with an answer that is not the JSON expected", answer.Status), err)
	}
	return answer, nil
}

func encode(body any) ([]byte, error) {
	if body == nil {
		return nil, nil
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // <, > and & are a third of what some texts hold
	if err := e.Encode(body); err != nil {
		return nil, fmt.Errorf("encode request: %w", err)
	}
	return b.Bytes(), nil
}

// once makes the call a single time.
func (c *Client) once(ctx context.Context, r Request, body []byte) (Answer, *event.Fault) {
	release, fault := c.limiter.Acquire(ctx, r.Class)
	if fault != nil {
		return Answer{}, fault
	}
	defer release()
	timed, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	var sent atomic.Pointer[time.Time] // when, by our clock; nil while nothing was
	timed = httptrace.WithClientTrace(timed, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { sent.Store(nil) }, // net/http starts over on a stale connection
		WroteHeaders: func() {
			now := c.Now()
			sent.Store(&now)
		},
	})
	req, err := c.request(timed, r, body)
	if err != nil {
		return Answer{}, &event.Fault{Class: event.Unauthorized, Message: c.at(r) + ": " + err.Error(), Err: err}
	}
	answer, err := c.roundTrip(req, r, &sent)
	if err != nil {
		return answer, c.failed(ctx, timed, r, sent.Load() != nil, err)
	}
	c.limiter.Learn(c.vendor.Budget(answer.Header))
	if answer.Status < 300 {
		return answer, nil
	}
	return answer, c.refused(answer, req)
}

func (c *Client) request(ctx context.Context, r Request, body []byte) (*http.Request, error) {
	u := *c.base
	full := strings.TrimSuffix(c.base.EscapedPath(), "/") + r.Path
	path, err := url.PathUnescape(full)
	if err != nil {
		return nil, fmt.Errorf("path: %w", err)
	}
	u.Path, u.RawPath, u.RawQuery = path, full, r.Query.Encode()
	var reader io.Reader
	if body != nil {
		reader = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, u.String(), reader)
	if err != nil {
		return nil, withoutURL(err)
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", c.UserAgent)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, c.vendor.Authorize(req)
}

var errTooLarge = errors.New("the answer is larger than allowed")

func (c *Client) roundTrip(req *http.Request, r Request, sent *atomic.Pointer[time.Time]) (Answer, error) {
	client := *c.HTTP
	// A redirected POST turns into a GET, and credentials follow it: never.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	client.Timeout = 0
	resp, err := client.Do(req)
	if err != nil {
		return Answer{}, withoutURL(err)
	}
	defer resp.Body.Close()
	if at := sent.Load(); at != nil {
		c.clock.observe(*at, c.Now(), resp.Header) // before the body, which may take its time
	}
	answer := Answer{Request: r, Status: resp.StatusCode, Header: resp.Header}
	answer.Body, err = io.ReadAll(io.LimitReader(resp.Body, c.MaxBody+1))
	if err == nil && int64(len(answer.Body)) > c.MaxBody {
		answer.Body, err = nil, errTooLarge
	}
	return answer, err
}

// withoutURL drops net/http's wrapper, which shows the whole URL.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// at names a call for people: method, host and path, no query.
func (c *Client) at(r Request) string {
	return r.Method + " " + c.base.Host + strings.TrimSuffix(c.base.Path, "/") + r.Path
}
