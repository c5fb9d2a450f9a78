package hubspot

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"
)

const hookSecret = "a-client-secret"

var signedAt = time.UnixMilli(1_742_077_073_905)

// sign is a signature computed from the words of the documentation.
func sign(secret, method, uri, body string, at time.Time) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(method + uri + body + strconv.FormatInt(at.UnixMilli(), 10)))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func receiver(t testing.TB, publicURL string) *Connector {
	t.Helper()
	c, err := New(Options{Connection: "crm", BaseURL: "http://127.0.0.1:1", Token: "token", WebhookSecret: hookSecret, AppID: "9393361", PublicURL: publicURL})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func request(target, signature string, at time.Time) *http.Request {
	r := httptest.NewRequest(http.MethodPost, target, strings.NewReader("body"))
	r.Header.Set(signatureHeader, signature)
	r.Header.Set(timestampHeader, strconv.FormatInt(at.UnixMilli(), 10))
	return r
}

func TestSignaturesCoverTheURIThatHubSpotCalled(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, public, target, signed string
		change                       func(*http.Request)
	}{
		{"as it arrived", "", "http://sync.example/webhooks/crm", "http://sync.example/webhooks/crm", nil},
		{"over TLS", "", "http://sync.example/webhooks/crm", "https://sync.example/webhooks/crm", func(r *http.Request) { r.TLS = &tls.ConnectionState{} }},
		{"behind a proxy that ends TLS", "", "http://sync.example/webhooks/crm", "https://sync.example/webhooks/crm",
			func(r *http.Request) { r.Header.Set("X-Forwarded-Proto", "HTTPS, http") }},
		{"behind a proxy that changes the host", "https://sync.example/", "http://10.0.0.7:8080/webhooks/crm", "https://sync.example/webhooks/crm", nil},
		{"behind a proxy that takes a prefix off", "https://sync.example/lockstep", "http://10.0.0.7/webhooks/crm?a=b", "https://sync.example/lockstep/webhooks/crm?a=b", nil},
		{"with escapes that are not signed", "https://s.example", "http://x/webhooks/crm?u=%3A%2f%3F%40%21%24%27%28%29%2A%2c%3B", "https://s.example/webhooks/crm?u=:/?@!$'()*,;", nil},
		{"with escapes that are", "https://s.example", "http://x/webhooks/crm?u=%20%25%26%3D%C3%A9", "https://s.example/webhooks/crm?u=%20%25%26%3D%C3%A9", nil},
		{"without a request line", "https://s.example", "http://x/webhooks/crm?a=b", "https://s.example/webhooks/crm?a=b", func(r *http.Request) { r.RequestURI = "" }},
	} {
		r := request(c.target, sign(hookSecret, http.MethodPost, c.signed, "body", signedAt), signedAt)
		if c.change != nil {
			c.change(r)
		}
		if err := receiver(t, c.public).Verify(r, []byte("body"), signedAt); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestWhyASignatureIsRefused(t *testing.T) {
	t.Parallel()
	uri := "http://sync.example/webhooks/crm"
	good := sign(hookSecret, http.MethodPost, uri, "body", signedAt)
	for _, c := range []struct {
		name string
		r    *http.Request
		now  time.Time
		want error
	}{
		{"five minutes on the dot", request(uri, good, signedAt), signedAt.Add(5 * time.Minute), nil},
		{"older", request(uri, good, signedAt), signedAt.Add(5*time.Minute + time.Millisecond), ErrTooOld},
		{"five minutes ahead on the dot", request(uri, good, signedAt), signedAt.Add(-5 * time.Minute), nil},
		{"further ahead", request(uri, good, signedAt), signedAt.Add(-5*time.Minute - time.Millisecond), ErrTooNew},
		{"another secret", request(uri, sign("other", http.MethodPost, uri, "body", signedAt), signedAt), signedAt, ErrBadSignature},
		{"another time", request(uri, good, signedAt.Add(time.Second)), signedAt, ErrBadSignature},
		{"an old time under no signature", request(uri, "AAAA", signedAt.Add(-time.Hour)), signedAt, ErrBadSignature},
		{"no base64", request(uri, "?", signedAt), signedAt, ErrBadSignature},
		{"no signature", request(uri, "", signedAt), signedAt, ErrUnsigned},
	} {
		err := receiver(t, "").Verify(c.r, []byte("body"), c.now)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), hookSecret) {
			t.Errorf("%s: the error shows the secret", c.name)
		}
	}
	r := request(uri, good, signedAt)
	r.Header.Set(timestampHeader, "yesterday")
	if err := receiver(t, "").Verify(r, []byte("body"), signedAt); !errors.Is(err, ErrBadSignature) {
		t.Errorf("a time that is none: got %v", err)
	}
	c, err := New(Options{Connection: "crm", Token: "token"})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Verify(request(uri, sign("", http.MethodPost, uri, "body", signedAt), signedAt), []byte("body"), signedAt); !errors.Is(err, ErrNoSecret) {
		t.Errorf("no secret configured: got %v", err)
	}
}

func FuzzVerify(f *testing.F) {
	c := receiver(f, "")
	f.Add("/webhooks/crm?a=%3A%", "AAAA", "1742077073905", []byte("[]"))
	f.Add("/", "", "", []byte(nil))
	f.Fuzz(func(t *testing.T, target, signature, stamp string, body []byte) {
		r := httptest.NewRequest(http.MethodPost, "http://sync.example/", nil)
		r.RequestURI = target
		r.Header.Set(signatureHeader, signature)
		r.Header.Set(timestampHeader, stamp)
		if c.Verify(r, body, signedAt) == nil {
			t.Fatalf("a signature was guessed: %q at %q", signature, stamp)
		}
		// Whatever the bytes, the signature of them is accepted.
		r.Header.Set(timestampHeader, strconv.FormatInt(signedAt.UnixMilli(), 10))
		r.Header.Set(signatureHeader, sign(hookSecret, http.MethodPost, signedURI("http://sync.example"+target), string(body), signedAt))
		if !strings.HasPrefix(target, "/") {
			return // Verify then takes the URL's own
		}
		if err := c.Verify(r, body, signedAt); err != nil {
			t.Fatalf("target %q: %v", target, err)
		}
	})
}
