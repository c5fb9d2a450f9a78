package main

import (
	"context"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
)

// kind is one sort of server that up can start. A new one is a file beside this
// with such a value and a line in kinds.
type kind interface {
	// name is the flag and the key in the JSON line.
	name() string
	// flags adds --name, and what else the kind can be told.
	flags(*pflag.FlagSet)
	// wanted is how many servers the flags ask for.
	wanted() int
	// start starts the i-th server, counted from 0, and returns when it is
	// ready. dir is the server's own directory, which exists only if the server
	// makes it. ctx bounds the start only.
	start(ctx context.Context, i int, dir string) (server, error)
}

// server is a started server: what the JSON line says of it, and its end.
type server struct {
	facts any
	stop  func() error
}

// kinds are all sorts of servers, in the order of their start: databases first,
// they take longest to fail.
func kinds() []kind { return []kind{&postgresKind{}, &hubspotKind{}} }

func kindNames() []string {
	var names []string
	for _, k := range kinds() {
		names = append(names, k.name())
	}
	return names
}

// serverName is the key of the i-th server of a kind: postgres, postgres2, ….
func serverName(kind string, i int) string {
	if i == 0 {
		return kind
	}
	return kind + strconv.Itoa(i+1)
}

// joinValues turns "--postgres 18" into "--postgres=18" for the named flags.
// Their value is optional, and pflag then reads it after an equals sign only.
func joinValues(args []string, flags ...string) []string {
	var joined []string
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if arg == "--" {
			return append(joined, args[i:]...)
		}
		for _, flag := range flags {
			if arg == "--"+flag && i+1 < len(args) && !strings.HasPrefix(args[i+1], "-") {
				i++
				arg += "=" + args[i]
				break
			}
		}
		joined = append(joined, arg)
	}
	return joined
}
