package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockstep-sync/lockstep/schemas/config"
)

// environment is what the test configurations find set.
func environment(name string) (string, bool) {
	v, ok := map[string]string{
		"APP_DB": "postgres://app:s3cret@localhost:5432/app?sslpassword=s3cret", "HUBSPOT_TOKEN": "pat-na1-s3cret",
		"HUBSPOT_SECRET": "s3cret", "EMPTY": "",
	}[name]
	return v, ok
}

// broken reads testdata/broken.txt: configurations that do not do, and what is
// said of them.
func broken(t *testing.T) (names, inputs, wants []string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "broken.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range strings.Split("\n"+string(data), "\n=== ")[1:] {
		name, rest, _ := strings.Cut(part, "\n")
		input, want, ok := strings.Cut(rest+"\n", "--- want\n")
		if !ok {
			t.Fatalf("case %q has no want", name)
		}
		names, inputs, wants = append(names, name), append(inputs, input), append(wants, strings.TrimSpace(want))
	}
	return names, inputs, wants
}

func TestBrokenConfigurationsAreExplained(t *testing.T) {
	t.Parallel()
	names, inputs, wants := broken(t)
	if len(names) < 40 {
		t.Fatalf("got %d cases, want at least 40", len(names))
	}
	for i := range names {
		t.Run(names[i], func(t *testing.T) {
			t.Parallel()
			c, err := config.Parse("lockstep.yaml", []byte(inputs[i]), environment)
			if c != nil || err == nil {
				t.Fatalf("got a configuration, want problems:\n%s", wants[i])
			}
			var problems config.Problems
			if !errors.As(err, &problems) || len(problems) == 0 {
				t.Fatalf("got error %T %v, want Problems", err, err)
			}
			if got := err.Error(); got != wants[i] {
				t.Errorf("got\n%s\nwant\n%s", got, wants[i])
			}
			for _, p := range problems {
				if p.Line < 1 || p.Column < 1 || p.File != "lockstep.yaml" || p.What == "" {
					t.Errorf("problem %+v has no place or says nothing", p)
				}
			}
		})
	}
}
