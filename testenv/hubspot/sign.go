package hubspot

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"
)

// signedURI undoes the escapes that HubSpot does not count when it signs.
var signedURI = strings.NewReplacer(
	"%3A", ":", "%2F", "/", "%3F", "?", "%40", "@", "%21", "!", "%24", "$", "%27", "'", "%28", "(", "%29", ")", "%2A", "*", "%2C", ",", "%3B", ";",
	"%3a", ":", "%2f", "/", "%3f", "?", "%2a", "*", "%2c", ",", "%3b", ";",
)

// Sign returns the value of X-HubSpot-Signature-v3: base64 of the HMAC-SHA256
// of method, URI, body and timestamp. The URI is the full URL that the webhook
// is configured with, the timestamp is in milliseconds and stands in
// X-HubSpot-Request-Timestamp.
func Sign(secret, method, uri string, body []byte, timestampMS int64) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(method + signedURI.Replace(uri)))
	mac.Write(body)
	mac.Write(strconv.AppendInt(nil, timestampMS, 10))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// SignV1 returns the value of the older X-HubSpot-Signature: hex of the SHA-256
// of secret and body.
func SignV1(secret string, body []byte) string {
	sum := sha256.New()
	sum.Write([]byte(secret))
	sum.Write(body)
	return hex.EncodeToString(sum.Sum(nil))
}
