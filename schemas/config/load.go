package config

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// Load reads the configuration file. env looks up environment variables
// (os.LookupEnv). The error is Problems, or says why the file cannot be read.
func Load(path string, env func(string) (string, bool)) (*Config, error) {
	data, err := readSmall(path, maxFile)
	if err != nil {
		return nil, fmt.Errorf("read configuration %s: %w", path, err)
	}
	return Parse(path, data, env)
}

// Parse is Load of a text; name stands for its path in problems, and relative
// ${file:…} start at its folder. All problems are reported at once, as Problems.
func Parse(name string, data []byte, env func(string) (string, bool)) (*Config, error) {
	d := &decoder{file: name, env: env}
	root := d.parseYAML(data)
	if root == nil || len(d.problems) > 0 { // a tree with holes would only give follow-up problems
		return nil, d.problems
	}
	where := &places{file: name, lines: strings.Split(string(data), "\n"), at: map[string]*node{}}
	where.record("", root)
	d.places = where
	c := &Config{places: func() *places { return where }}
	d.config(root, c)
	if len(d.problems) == 0 {
		d.validate(root, c)
	}
	if len(d.problems) > 0 {
		d.problems.Sort()
		return nil, d.problems
	}
	return c, nil
}

func (d *decoder) config(root *node, c *Config) {
	o, ok := d.object(root, "", "examples/contacts.yaml")
	if !ok {
		return
	}
	c.Data = o.settingOr("data", DefaultData)
	c.Listen = d.listen(o)
	c.PublicURL = d.webURL(o, "public_url", "")
	c.EncryptionKey = d.encryptionKey(o)
	c.Lanes = o.integer("lanes", DefaultLanes, 1, 1024)
	c.MinFree = o.size("min_free", DefaultMinFree)
	c.LogLevel = o.word("log_level", DefaultLogLevel, "log level", "debug", "info", "warn", "error")
	c.Retention = d.retention(o)
	c.Connections = d.connections(o)
	c.Mappings = d.mappings(o, c.Connections)
	o.done()
}

// settingOr is a setting with a default.
func (o *object) settingOr(key, otherwise string) string {
	if v := o.setting(key); v != "" {
		return v
	}
	return otherwise
}

func (d *decoder) listen(o *object) string {
	n := o.get("listen")
	text := d.settingOf(n, o.at("listen"))
	if text == "" {
		return DefaultListen
	}
	_, port, err := net.SplitHostPort(text)
	number, err2 := strconv.Atoi(port)
	if err != nil || err2 != nil || number < 0 || number > 65535 {
		d.failAt(n, "listen", quote(text)+" is no address to listen on", "write host:port, such as 127.0.0.1:8080, or :8080 for every interface")
	}
	return text
}

// webURL reads an http or https URL without password, query and fragment.
func (d *decoder) webURL(o *object, key, otherwise string) string {
	n := o.get(key)
	text := d.settingOf(n, o.at(key))
	if text == "" {
		return otherwise
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		d.failAt(n, o.at(key), "this is no web address", "write https://host or https://host/path")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		d.failAt(n, o.at(key), "the address has a user, a query or a fragment", "write https://host or https://host/path only")
	}
	return strings.TrimSuffix(text, "/")
}

func (d *decoder) encryptionKey(o *object) Secret {
	key := o.secret("encryption_key")
	if n := o.get("encryption_key"); n != nil && !key.IsZero() && len(key.Reveal()) < 16 {
		d.failAt(n, "encryption_key", fmt.Sprintf("the key has %d characters", len(key.Reveal())), "use at least 16, such as openssl rand -base64 32 gives")
	}
	return key
}

func (d *decoder) retention(o *object) Retention {
	r := Retention{Changes: DefaultKeepChanges, MaxChanges: DefaultMaxChanges, Audit: DefaultKeepAudit}
	n := o.get("retention")
	if n == nil {
		return r
	}
	in, ok := d.object(n, "retention", "{changes: 24h}")
	if !ok {
		return r
	}
	r.Changes = in.duration("changes", r.Changes)
	r.MaxChanges = in.size("max_changes", r.MaxChanges)
	r.Audit = in.duration("audit", r.Audit)
	in.done()
	return r
}
