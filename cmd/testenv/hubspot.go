package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"github.com/lockstep-sync/lockstep/testenv"
	"github.com/lockstep-sync/lockstep/testenv/hubspot"
	"github.com/spf13/pflag"
)

// hubspotKind starts simulated HubSpot accounts. Their records live in memory;
// address and secrets outlive a run, so that a configuration stays good.
type hubspotKind struct {
	count              int
	limit              int
	listen             string
	token, secret, app string
	webhook            string
}

type hubspotFacts struct {
	URL           string `json:"url"`
	Token         string `json:"token"`
	WebhookSecret string `json:"webhook_secret"`
	AppID         string `json:"app_id"`
}

func (k *hubspotKind) name() string { return "hubspot" }
func (k *hubspotKind) wanted() int  { return k.count }

func (k *hubspotKind) flags(fs *pflag.FlagSet) {
	fs.Var(k, k.name(), "start this `many` simulated HubSpot accounts; may be repeated")
	fs.Lookup(k.name()).NoOptDefVal = "1"
	fs.IntVar(&k.limit, "hubspot-limit", 0, "`requests` per 10 s that an account takes; negative: any number (default: the vendor's)")
	fs.StringVar(&k.listen, "hubspot-listen", "", "`address` of the first account (default: the last run's port, or a free one)")
	fs.StringVar(&k.token, "hubspot-token", os.Getenv("HUBSPOT_TOKEN"), "access `token`, else $HUBSPOT_TOKEN")
	fs.StringVar(&k.secret, "hubspot-webhook-secret", os.Getenv("HUBSPOT_WEBHOOK_SECRET"), "`secret` that signs webhooks, else $HUBSPOT_WEBHOOK_SECRET")
	fs.StringVar(&k.app, "hubspot-app-id", os.Getenv("HUBSPOT_APP_ID"), "the app's `id`, else $HUBSPOT_APP_ID")
	fs.StringVar(&k.webhook, "hubspot-webhook-url", "", "`url` that the accounts post their webhooks to (default: none until the control API names one)")
	for _, name := range []string{"hubspot-token", "hubspot-webhook-secret", "hubspot-app-id"} {
		fs.Lookup(name).DefValue = "" // --help does not show a secret
	}
}

func (k *hubspotKind) start(_ context.Context, i int, dir string) (server, error) {
	last, err := recall(dir)
	if err != nil {
		return server{}, err
	}
	o := hubspot.Options{
		Addr:          last.Addr,
		Token:         cmp.Or(k.token, last.Token),
		WebhookSecret: cmp.Or(k.secret, last.WebhookSecret),
		AppID:         cmp.Or(k.app, last.AppID),
		WebhookURL:    k.webhook,
		Limit:         k.limit,
	}
	if i == 0 && k.listen != "" {
		o.Addr = k.listen
	}
	if o.Addr == "" {
		port, err := testenv.FreePort()
		if err != nil {
			return server{}, err
		}
		o.Addr = testenv.Loopback(port)
	}
	s, err := hubspot.Start(o)
	if err != nil {
		return server{}, err
	}
	facts := hubspotFacts{URL: s.URL(), Token: s.Token(), WebhookSecret: s.WebhookSecret(), AppID: s.AppID()}
	if err := remember(dir, account{Addr: o.Addr, hubspotFacts: facts}); err != nil {
		return server{}, errors.Join(err, s.Close())
	}
	return server{facts: facts, stop: s.Close}, nil
}

// account is what a run leaves for the next one on the same directory.
type account struct {
	Addr string `json:"addr"`
	hubspotFacts
}

func accountFile(dir string) string { return filepath.Join(dir, "account.json") }

func recall(dir string) (account, error) {
	text, err := os.ReadFile(accountFile(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return account{}, nil
	}
	if err != nil {
		return account{}, fmt.Errorf("read the last run's account: %w", err)
	}
	var a account
	if err := json.Unmarshal(text, &a); err != nil {
		return account{}, fmt.Errorf("read the last run's account: %w; remove %s to get a new one", err, accountFile(dir))
	}
	if _, port, err := net.SplitHostPort(a.Addr); err == nil {
		if n, err := strconv.Atoi(port); err == nil && !testenv.PortFree(n) {
			a.Addr = ""
		}
	}
	return a, nil
}

func remember(dir string, a account) error {
	text, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("remember the account: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("remember the account: %w", err)
	}
	if err := os.WriteFile(accountFile(dir), text, 0o600); err != nil {
		return fmt.Errorf("remember the account: %w", err)
	}
	return nil
}

// Set, String and Type make the kind its own flag's value.
func (k *hubspotKind) Set(text string) error {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 20 {
		return errors.New("want how many, 1 to 20")
	}
	k.count += n
	return nil
}

func (k *hubspotKind) String() string { return "" }
func (k *hubspotKind) Type() string   { return "many" }
