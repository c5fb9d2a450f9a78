package config_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/lockstep-sync/lockstep/schemas/config"
)

// TestTheSchemaHasNoKeyThatIsNotRead holds the schema against full.yaml, which
// the loader, which knows no more keys than it reads, accepts.
func TestTheSchemaHasNoKeyThatIsNotRead(t *testing.T) {
	t.Parallel()
	full, err := os.ReadFile("testdata/full.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var schema any
	if err := json.Unmarshal(config.Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	keys := map[string]bool{}
	collect(schema, keys)
	if len(keys) < 30 {
		t.Fatalf("got %d keys in the schema, want 30 and more", len(keys))
	}
	for key := range keys {
		if !strings.Contains(string(full), key+":") {
			t.Errorf("the schema has a key %s that full.yaml does not show", key)
		}
	}
}

func collect(v any, keys map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for name, sub := range v {
			if properties, ok := sub.(map[string]any); ok && name == "properties" {
				for key := range properties {
					keys[key] = true
				}
			}
			collect(sub, keys)
		}
	case []any:
		for _, sub := range v {
			collect(sub, keys)
		}
	}
}

// disagreement finds problems that only the schema saw in a file that the
// loader itself would have accepted.
func disagreement(err error) string {
	if err != nil && strings.Contains(err.Error(), ": see docs/configuration.md") {
		return err.Error()
	}
	return ""
}

func FuzzParse(f *testing.F) {
	data, err := os.ReadFile("testdata/broken.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, part := range strings.Split(string(data), "=== ") {
		_, input, _ := strings.Cut(part, "\n")
		input, _, _ = strings.Cut(input, "--- want")
		f.Add([]byte(input))
	}
	for _, path := range []string{"testdata/full.yaml", "../../examples/contacts.yaml"} {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(strings.Repeat("[", 5000)))
	f.Add([]byte(strings.Repeat("- ", 5000) + "a"))
	f.Add([]byte(strings.Repeat("? ", 5000) + "a"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := config.Parse("lockstep.yaml", data, environment)
		if (c == nil) == (err == nil) {
			t.Fatalf("got configuration %v and error %v, want exactly one", c != nil, err)
		}
		if d := disagreement(err); d != "" {
			t.Fatalf("the schema refuses what the loader accepts:\n%s", d)
		}
		if err != nil && strings.Contains(err.Error(), "s3cret") {
			t.Fatalf("a secret is in the error:\n%v", err)
		}
	})
}
