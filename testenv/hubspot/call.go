package hubspot

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// maxRequest bounds what a caller may send: 100 inputs of long texts fit.
const maxRequest = 32 << 20

// call is one vendor call on its way through the server.
type call struct {
	s     *Server
	r     *http.Request
	query url.Values
	rules *Assumptions

	kind, to *kind // object types in the path
	id, toID string
	name     string // a property's, pipeline's or owner's
	table    *table // of kind
}

// answer is the outcome of a call.
type answer struct {
	status  int
	body    []byte
	html    bool
	written int // records that were written
}

func ok(body []byte) answer { return answer{status: http.StatusOK, body: body} }

func noContent() answer { return answer{status: http.StatusNoContent} }

// asJSON answers a value.
func asJSON(status int, value any) answer {
	body, err := json.Marshal(value)
	if err != nil {
		return answer{status: http.StatusInternalServerError, body: []byte(err.Error())}
	}
	return answer{status: status, body: body}
}

func (c *call) refuse(f *fault) answer { return answer{status: f.status, body: f.body(c.s.dice)} }

// read decodes the body into a value.
func (c *call) read(into any) *fault {
	text, err := io.ReadAll(io.LimitReader(c.r.Body, maxRequest+1))
	if err != nil {
		return invalid("Unable to read the request: " + err.Error())
	}
	if len(text) > maxRequest {
		return &fault{status: http.StatusRequestEntityTooLarge, category: "VALIDATION_ERROR", message: "Request entity too large"}
	}
	if err := json.Unmarshal(text, into); err != nil {
		return invalid("Invalid input JSON: " + err.Error())
	}
	return nil
}

// ServeHTTP answers vendor calls, and control calls under /_control.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/_control" || strings.HasPrefix(r.URL.Path, "/_control/") {
		s.serveControl(w, r)
		return
	}
	c := &call{s: s, r: r, query: r.URL.Query(), rules: s.rules.Load()}
	way := c.route(pathSegments(r.URL))
	out := s.answer(c, &way, w.Header())
	applied, cut := way.write && out.status < 300, false
	if applied && s.dice.hits(s.faults.Load().ApplyThenFailRate) {
		out, cut = answer{status: http.StatusGatewayTimeout, body: gatewayBody("504 Gateway Timeout"), html: true, written: out.written}, s.dice.hits(0.5)
		s.count(c, &way, out, cut, true)
	} else {
		s.count(c, &way, out, false, out.status < 300)
	}
	if applied {
		s.hold(c, true) // whatever ends the wait: the call is applied and counted
	}
	if cut && hangUp(w) {
		return
	}
	s.respond(w, out)
}

// answer lets a call through what stands before the application — latency,
// outages, the token, the limits — and then into it.
func (s *Server) answer(c *call, way *route, header http.Header) answer {
	faults := s.faults.Load()
	if wait := faults.latency(); wait > 0 && !s.pause(c.r, wait) {
		return answer{status: http.StatusServiceUnavailable}
	}
	if faults.Down {
		return answer{status: http.StatusServiceUnavailable, body: gatewayBody("503 Service Unavailable"), html: true}
	}
	if s.dice.hits(faults.ErrorRate) {
		return s.outage()
	}
	if c.r.Header.Get("Authorization") != "Bearer "+s.token {
		return c.refuse(&fault{
			status: http.StatusUnauthorized, category: "INVALID_AUTHENTICATION",
			message: "Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find more details at https://developers.hubspot.com/docs/methods/auth/oauth-overview",
		})
	}
	left, free := s.limits.take(s.now(), way.search, faults.ThrottlePer10s)
	if !way.search {
		left.advertise(header)
	}
	if !free {
		return c.refuse(&fault{status: http.StatusTooManyRequests, message: left.reason, policy: left.policy})
	}
	if way.serve == nil {
		return answer{status: http.StatusNotFound, body: gatewayBody("404 Not Found"), html: true}
	}
	if !s.holdBefore(c, way) {
		return answer{status: http.StatusServiceUnavailable} // nobody is there to hear it, and nothing was applied
	}
	return way.serve(c)
}

// pause waits out simulated latency; false when the caller or the server went.
func (s *Server) pause(r *http.Request, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
	case <-s.closed:
	}
	return false
}

// outage is one of the vendor's failures that say nothing was done.
func (s *Server) outage() answer {
	switch s.dice.below(3) {
	case 0:
		f := &fault{status: http.StatusInternalServerError, message: "internal error"}
		return answer{status: f.status, body: f.body(s.dice)}
	case 1:
		return answer{status: http.StatusBadGateway, body: gatewayBody("502 Bad Gateway"), html: true}
	}
	return answer{status: http.StatusServiceUnavailable, body: gatewayBody("503 Service Unavailable"), html: true}
}

func gatewayBody(title string) []byte {
	return []byte("<html>\r\n<head><title>" + title + "</title></head>\r\n<body>\r\n<center><h1>" + title + "</h1></center>\r\n</body>\r\n</html>\r\n")
}

// count books the call and wakes who waits.
func (s *Server) count(c *call, way *route, out answer, cut, applied bool) {
	status := out.status
	if cut {
		status = 0
	}
	s.ledger.note(c.r.Method, way.template, status, out.written, way.write && applied)
	s.notify()
}

// hangUp cuts the connection without an answer.
func hangUp(w http.ResponseWriter) bool {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return false
	}
	_ = conn.Close() // the caller is to see a broken connection, whatever this says
	return true
}

func (s *Server) respond(w http.ResponseWriter, out answer) {
	header := w.Header()
	header.Set("Date", time.UnixMilli(s.clock()).UTC().Format(http.TimeFormat))
	switch {
	case out.html:
		header.Set("Content-Type", "text/html; charset=iso-8859-1")
	case len(out.body) > 0:
		header.Set("Content-Type", "application/json;charset=utf-8")
	}
	if out.status != http.StatusNoContent {
		header.Set("Content-Length", strconv.Itoa(len(out.body)))
	}
	w.WriteHeader(out.status)
	_, _ = w.Write(out.body) // the caller may be gone: there is nobody to tell
}

// advertise sets the vendor's limit headers.
func (a *allowance) advertise(h http.Header) {
	h["X-HubSpot-RateLimit-Max"] = []string{strconv.Itoa(a.max)}
	h["X-HubSpot-RateLimit-Remaining"] = []string{strconv.Itoa(a.remaining)}
	h["X-HubSpot-RateLimit-Interval-Milliseconds"] = []string{"10000"}
	h["X-HubSpot-RateLimit-Daily"] = []string{strconv.Itoa(a.daily)}
	h["X-HubSpot-RateLimit-Daily-Remaining"] = []string{strconv.Itoa(a.dailyRemaining)}
}

// pathSegments splits the path and undoes its escapes segment by segment, so
// that an id may hold a slash.
func pathSegments(u *url.URL) []string {
	segments := strings.Split(strings.Trim(u.EscapedPath(), "/"), "/")
	for i, segment := range segments {
		if plain, err := url.PathUnescape(segment); err == nil {
			segments[i] = plain
		}
	}
	return segments
}
