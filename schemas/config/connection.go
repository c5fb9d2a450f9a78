package config

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// validName is what connections and mappings may be called: a word that fits
// into subjects, slot names and URLs.
var (
	validName = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,39}$`)
	validSlot = regexp.MustCompile(`^[a-z0-9_]{1,63}$`)
	digits    = regexp.MustCompile(`^[0-9]{1,20}$`)
)

const nameRemedy = "use at most 40 lower-case letters, digits, _ and -, and start with a letter"

func (d *decoder) connections(o *object) map[string]Connection {
	out := map[string]Connection{}
	n := o.need("connections", "connections: with one entry for each system")
	if n == nil {
		return out
	}
	group, ok := d.object(n, "connections", `connections: {app: {type: postgres, url: "${env:APP_DB}"}}`)
	if !ok {
		return out
	}
	if len(n.entries) == 0 {
		d.failAt(n, "connections", "there are no connections", "add one for each system")
	}
	for _, e := range n.entries {
		group.known = append(group.known, e.key)
		path := group.at(e.key)
		if !validName.MatchString(e.key) {
			d.fail(e.line, e.column, path, quote(e.key)+" is no name for a connection", nameRemedy)
		}
		out[e.key] = d.connection(e, path)
	}
	group.done()
	return out
}

func (d *decoder) connection(e entry, path string) Connection {
	c := Connection{Name: e.key}
	if e.value.kind == nodeNull {
		d.fail(e.line, e.column, path, "the connection is empty", "write {type: postgres, url: …} or {type: hubspot, token: …}")
		return c
	}
	o, ok := d.object(e.value, path, `{type: postgres, url: "${env:APP_DB}"}`)
	if !ok {
		return c
	}
	if o.need("type", "type: postgres or type: hubspot") == nil {
		return c // which keys it may have depends on it
	}
	c.Type = o.word("type", "", "type of connection", TypePostgres, TypeHubSpot)
	switch c.Type {
	case TypePostgres:
		c.Postgres = d.postgres(o)
		c.Precision = o.precision(DefaultPostgresPrecision)
		o.done()
	case TypeHubSpot:
		c.HubSpot = d.hubspot(o)
		c.Precision = o.precision(DefaultHubSpotPrecision)
		o.done()
	}
	return c
}

// precision is how exact a connection's times are. Beyond a minute newest would
// mean little.
func (o *object) precision(otherwise time.Duration) time.Duration {
	v := o.duration("clock_precision", otherwise)
	if v > time.Minute {
		o.d.failAt(o.get("clock_precision"), o.at("clock_precision"), v.String()+" is more than a minute", "write how exact its times are, such as 1us, 1ms or 1s")
	}
	return v
}

func (d *decoder) postgres(o *object) *Postgres {
	o.need("url", `url: "${env:APP_DB}"`)
	p := &Postgres{URL: d.databaseURL(o, "url"), ReadURL: d.databaseURL(o, "read_url")}
	p.Slot = d.matching(o, "slot", validSlot, "is no name for a replication slot", "use at most 63 lower-case letters, digits and _")
	p.Publication = o.text("publication")
	if len(p.Publication) > 63 {
		d.failAt(o.get("publication"), o.at("publication"), fmt.Sprintf("the name has %d bytes", len(p.Publication)), "PostgreSQL takes 63")
	}
	return p
}

// databaseURL reads a PostgreSQL connection string, as a URL or as keywords. It
// holds a password: no problem shows it.
func (d *decoder) databaseURL(o *object, key string) Secret {
	s := o.secret(key)
	n := o.get(key)
	if s.IsZero() || n == nil {
		return s
	}
	text := s.Reveal()
	if strings.HasPrefix(text, "postgres://") || strings.HasPrefix(text, "postgresql://") {
		if _, err := url.Parse(text); err != nil {
			d.failAt(n, o.at(key), "the address cannot be read", "write postgres://user:password@host:5432/database, with special characters of the password as %XX")
		}
		return s
	}
	if strings.Contains(text, "://") || !strings.Contains(text, "=") {
		d.failAt(n, o.at(key), "this is no address of a PostgreSQL database", "write postgres://user:password@host:5432/database")
	}
	return s
}

func (d *decoder) hubspot(o *object) *HubSpot {
	o.need("token", `token: "${env:HUBSPOT_TOKEN}"`)
	h := &HubSpot{URL: d.webURL(o, "url", DefaultHubSpotURL), Token: o.secret("token"), WebhookSecret: o.secret("webhook_secret")}
	if strings.ContainsAny(h.Token.Reveal(), " \t\r\n") {
		d.failAt(o.get("token"), o.at("token"), "the token has white space in it", "use the access token of a private app, as HubSpot shows it")
	}
	h.AppID = d.matching(o, "app_id", digits, "is no app id", "write the app's number, such as 9393361")
	h.Limit = o.integer("limit", 0, 1, 10000)
	return h
}

// matching reads a setting that has to look like the pattern.
func (d *decoder) matching(o *object, key string, pattern *regexp.Regexp, what, remedy string) string {
	text := o.setting(key)
	if text != "" && !pattern.MatchString(text) {
		d.failAt(o.get(key), o.at(key), quote(text)+" "+what, remedy)
		return ""
	}
	return text
}
