package hubspot

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/lockstep-sync/lockstep/bridge/saas"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

const (
	// Name is source.connector of the changes that Parse makes.
	Name = "hubspot"
	// DefaultURL is HubSpot's API.
	DefaultURL = "https://api.hubapi.com"

	maxBatch     = 100
	maxHistories = 50 // a batch read that asks for histories takes no more
	concurrency  = 4

	classSearch = "search"
)

// Options are a connection's settings. Connection and Token are needed.
type Options struct {
	Connection    string           // its name in the configuration
	BaseURL       string           // default DefaultURL
	Token         string           // of a private app, or an access token
	WebhookSecret string           // the app's client secret; without it every webhook is refused
	AppID         string           // decimal; webhooks of changes this app made are marked as our own
	PublicURL     string           // where HubSpot reaches us, up to /webhooks/…; default: what the request says
	Limit         int              // calls in ten seconds; 0 = what HubSpot's headers tell
	HTTP          *http.Client     // default: a pool of its own
	Timeout       time.Duration    // of one call; default 30 s
	Now           func() time.Time // default time.Now
	Log           zerolog.Logger   // default: none
}

// Connector is one HubSpot account. It implements bridge's Side and writeback's
// Source, and is safe for concurrent use. It starts nothing and holds only idle
// connections.
type Connector struct {
	o      Options
	client *saas.Client
	shapes *shapes
	hooks  hookCounters
	heard  heard
}

// New checks the options; it makes no call.
func New(o Options) (*Connector, error) {
	if o.Connection == "" {
		return nil, errors.New("hubspot: the connection has no name")
	}
	fail := func(problem string) (*Connector, error) {
		return nil, fmt.Errorf("connection %s (hubspot): %s", o.Connection, problem)
	}
	if o.Token == "" || strings.ContainsAny(o.Token, " \r\n\t") {
		return fail("token: want the access token of a private app, without white space")
	}
	if strings.Trim(o.AppID, "0123456789") != "" {
		return fail("app_id: want the app's number, such as 9393361")
	}
	if u, err := url.Parse(o.PublicURL); err != nil || o.PublicURL != "" && (u.Scheme == "" || u.Host == "") {
		return fail("public_url: want https://host[/path]")
	}
	if o.BaseURL == "" {
		o.BaseURL = DefaultURL
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	var limit saas.Rate
	if o.Limit > 0 {
		limit = saas.Rate{Calls: o.Limit, Per: 10 * time.Second}
	}
	// Searches have a limit per account that no header tells.
	limiter := saas.NewLimiter(concurrency, limit, map[string]saas.Rate{classSearch: {Calls: 5, Per: time.Second}})
	client, err := saas.NewClient(o.BaseURL, vendor{token: o.Token, now: o.Now}, limiter)
	if err != nil {
		return fail("base_url: " + err.Error())
	}
	if o.HTTP != nil {
		client.HTTP = o.HTTP
	}
	if o.Timeout > 0 {
		client.Timeout = o.Timeout
	}
	client.Now = o.Now
	c := &Connector{o: o, client: client}
	c.shapes = newShapes(c.fetchShape, o.Now, func(object string, f *event.Fault) {
		o.Log.Warn().Str("connection", o.Connection).Str("object", object).Err(f).Msg("properties cannot be read again; going on with those known")
	})
	return c, nil
}

// Limits tells what one Apply takes at best: a hundred writes of one operation
// and object. More, or mixed ones, are cut into several calls.
func (c *Connector) Limits(string) event.Limits {
	return event.Limits{Batch: maxBatch, Mixed: false, Concurrency: concurrency}
}

// ClockOffset tells by how much HubSpot's clock is ahead of ours, and how far the
// truth may be from that; known is false until the first answer. It comes from
// the Date of ordinary answers, and never blocks.
func (c *Connector) ClockOffset() (offset, uncertainty time.Duration, known bool) {
	return c.client.ClockOffset()
}

// Status returns the call limits and counters.
func (c *Connector) Status() saas.Status { return c.client.Status() }

// objects is the path of an object's records.
func objects(object, rest string) string { return "/crm/v3/objects/" + url.PathEscape(object) + rest }

// noKey is a key that is no HubSpot id.
func noKey(key event.Key) *event.Fault {
	return &event.Fault{Class: event.Rejected, Message: fmt.Sprintf("key %q is not a HubSpot record id: want one decimal number", string(key))}
}

// recordID returns the id in a key, which is a decimal number.
func recordID(key event.Key) (string, bool) {
	id := key.ID()
	return id, id != "" && strings.Trim(id, "0123456789") == ""
}

// own tells whether a value's source is this connection's own app.
func (c *Connector) own(sourceType string, sourceID text) bool {
	return sourceType == "INTEGRATION" && c.o.AppID != "" && sourceID.value == c.o.AppID
}
