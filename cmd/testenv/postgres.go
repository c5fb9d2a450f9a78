package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/lockstep-sync/lockstep/testenv/postgres"
	"github.com/spf13/pflag"
)

// postgresKind starts PostgreSQL servers; the flag may be repeated.
type postgresKind struct {
	versions []int
	port     int
}

type postgresFacts struct {
	URL string `json:"url"`
}

func (k *postgresKind) name() string { return "postgres" }
func (k *postgresKind) wanted() int  { return len(k.versions) }

func (k *postgresKind) flags(fs *pflag.FlagSet) {
	fs.Var(k, k.name(), fmt.Sprintf("start PostgreSQL of this `version`, one of %v; may be repeated", postgres.Versions()))
	fs.Lookup(k.name()).NoOptDefVal = strconv.Itoa(postgres.Default)
	fs.IntVar(&k.port, "postgres-port", 0, "`port` of the first PostgreSQL (default: the last run's, or a free one)")
}

func (k *postgresKind) start(ctx context.Context, i int, dir string) (server, error) {
	// Durable and with an identity of its own, as a server in production is.
	o := postgres.Options{Version: k.versions[i], Dir: dir, OwnIdentity: true}
	if i == 0 {
		o.Port = k.port
	}
	s, err := postgres.Start(ctx, o)
	if err != nil {
		return server{}, err
	}
	return server{facts: postgresFacts{URL: s.URL()}, stop: s.Stop}, nil
}

// Set, String and Type make the kind its own flag's value.
func (k *postgresKind) Set(text string) error {
	version, err := strconv.Atoi(text)
	if err != nil || !slices.Contains(postgres.Versions(), version) {
		return errors.New("want one of " + strings.Trim(fmt.Sprint(postgres.Versions()), "[]"))
	}
	k.versions = append(k.versions, version)
	return nil
}

func (k *postgresKind) String() string { return "" }
func (k *postgresKind) Type() string   { return "version" }
