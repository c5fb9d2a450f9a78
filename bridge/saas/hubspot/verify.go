package hubspot

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	signatureHeader = "X-HubSpot-Signature-v3"
	timestampHeader = "X-HubSpot-Request-Timestamp"
	maxAge          = 5 * time.Minute // a signature's, by HubSpot's clock, and how far ahead of it one may be
)

// Why Verify refuses a webhook.
var (
	ErrNoSecret     = errors.New("the connection has no webhook_secret: set it to the app's client secret")
	ErrUnsigned     = errors.New("the request carries no HubSpot signature of version 3")
	ErrBadSignature = errors.New("the HubSpot signature does not match: check webhook_secret, and public_url when a proxy stands between")
	ErrTooOld       = errors.New("the HubSpot signature is older than five minutes: a repeat by somebody else, or a clock that is off")
	ErrTooNew       = errors.New("the HubSpot signature is of more than five minutes ahead: a clock is off; HubSpot sends it again, which helps once a call has shown by how much")
)

// Verify tells whether HubSpot sent the request: its signature of version 3
// covers method, URI, body and time. Older signatures are not accepted: they
// do not cover the time. A refusal wraps one of the errors above.
//
// The time may be five minutes from HubSpot's own, which is now as corrected by
// ClockOffset; before an offset is known, our clock counts as HubSpot's. So a
// request that somebody has recorded can be repeated for five minutes and no
// longer, whatever the two clocks show: the offset comes from answers to our own
// authenticated calls, and nothing that a webhook holds moves it.
func (c *Connector) Verify(r *http.Request, body []byte, now time.Time) error {
	if c.o.WebhookSecret == "" {
		return ErrNoSecret
	}
	signature, stamp := r.Header.Get(signatureHeader), r.Header.Get(timestampHeader)
	if signature == "" || stamp == "" {
		return ErrUnsigned
	}
	ms, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || ms < 0 || ms > maxMillis {
		return fmt.Errorf("%w: its timestamp is not a number of milliseconds", ErrBadSignature)
	}
	given, err := base64.StdEncoding.DecodeString(signature)
	if err != nil {
		return fmt.Errorf("%w: it is not base64", ErrBadSignature)
	}
	mac := hmac.New(sha256.New, []byte(c.o.WebhookSecret))
	mac.Write([]byte(r.Method + signedURI(c.uri(r))))
	mac.Write(body)
	mac.Write([]byte(stamp))
	if !hmac.Equal(given, mac.Sum(nil)) { // constant time: a guess learns nothing from ours
		return ErrBadSignature
	}
	if offset, _, known := c.ClockOffset(); known {
		now = now.Add(offset)
	}
	switch age := now.Sub(time.UnixMilli(ms)); {
	case age > maxAge:
		return ErrTooOld
	case age < -maxAge:
		return ErrTooNew
	}
	return nil
}

// uri is the URL that HubSpot called, which proxies on the way may have changed.
func (c *Connector) uri(r *http.Request) string {
	target := r.RequestURI
	if !strings.HasPrefix(target, "/") { // the form in which proxies are asked names the host too
		target = r.URL.RequestURI()
	}
	if c.o.PublicURL != "" {
		return strings.TrimRight(c.o.PublicURL, "/") + target
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	if forwarded, _, _ := strings.Cut(r.Header.Get("X-Forwarded-Proto"), ","); forwarded != "" {
		scheme = strings.ToLower(strings.TrimSpace(forwarded))
	}
	return scheme + "://" + r.Host + target
}

// unescaped are the bytes whose escapes HubSpot undoes before it signs.
const unescaped = ":/?@!$'()*,;"

// signedURI undoes the escapes of a URI that HubSpot does not sign, and no
// others.
func signedURI(uri string) string {
	var b strings.Builder
	for i := 0; i < len(uri); i++ {
		if uri[i] == '%' && i+2 < len(uri) {
			if n, err := strconv.ParseUint(uri[i+1:i+3], 16, 8); err == nil && strings.IndexByte(unescaped, byte(n)) >= 0 {
				b.WriteByte(byte(n))
				i += 2
				continue
			}
		}
		b.WriteByte(uri[i])
	}
	return b.String()
}
