package config_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/lockstep-sync/lockstep/schemas/config"
)

func load(t *testing.T, path string) *config.Config {
	t.Helper()
	c, err := config.Load(path, environment)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func text(s string) *string { return &s }

func TestEveryKeyIsRead(t *testing.T) {
	t.Parallel()
	want := &config.Config{
		Data: "/var/lib/lockstep", Listen: ":9000", PublicURL: "https://sync.example.com/lockstep",
		EncryptionKey: config.SecretOf("key-from-a-file-s3cret"), Lanes: 16, MinFree: 1 << 30, LogLevel: "debug",
		Retention: config.Retention{Changes: 48 * time.Hour, MaxChanges: 512 << 20, Audit: 90 * 24 * time.Hour},
		Connections: map[string]config.Connection{
			"app": {Name: "app", Type: "postgres", Precision: time.Microsecond, Postgres: &config.Postgres{
				URL:     config.SecretOf("postgres://app:s3cret@localhost:5432/app?sslpassword=s3cret"),
				ReadURL: config.SecretOf("host=replica user=app password=s3cret"), Slot: "lockstep_app", Publication: "Lockstep"}},
			"crm": {Name: "crm", Type: "hubspot", Precision: 10 * time.Millisecond, HubSpot: &config.HubSpot{URL: "http://127.0.0.1:1",
				Token: config.SecretOf("Bearer${x}-s3cret"), WebhookSecret: config.SecretOf("s3cret"), AppID: "9393361", Limit: 100}},
		},
		Mappings: []config.Mapping{{
			Name: "contacts", Left: config.End{Connection: "app", Object: "public.customers"}, Right: config.End{Connection: "crm", Object: "contacts"},
			Match:  config.Pair{Left: "email", Right: "email"},
			Filter: config.Pair{Left: "row.deleted_at == null", Right: `row.lifecyclestage != "other"`},
			Leave:  config.Leave{ToRight: &config.DeletePolicy{Policy: "unlink"}, ToLeft: &config.DeletePolicy{Policy: "archive", Set: []config.Assignment{{Field: "active", Value: text("false")}}}},
			Fields: []config.Field{
				{Path: "fields[0]", Left: "email", Right: "email"},
				{Path: "fields[1]", Left: "full_name", Right: "firstname", ToRight: "value.split(' ')[0]"},
				{Path: "fields[2]", Left: "visits", Right: "visits", Direction: "both", ToRight: "value", ToLeft: "int(value)"},
				{Path: "fields[3]", Left: "active", Right: "state", Values: []config.Pair{{Left: "true", Right: "on"}, {Left: "false", Right: "off"}},
					DefaultLeft: text("false"), DefaultRight: text("off"), Conflict: &config.Conflict{Prefer: "crm"}},
				{Path: "fields[4]", Left: "note", Right: "note", ToRight: "value == ''\n  ? 'none' : value\n"},
				{Path: "fields[5]", Left: "name", RightParts: []string{"firstname", "lastname"}, ToRightParts: []string{"value.split(' ')[0]", "value.split(' ')[1]"},
					ToLeft: "firstname + ' ' + lastname", Sensitive: true, WhenToRight: "row.active", WhenToLeft: "row.state == 'on'"},
				{Path: "fields[6]", LeftParts: []string{"street", "town"}, Right: "address", ToRight: "street + '; ' + town", ToLeftParts: []string{"value.split('; ')[0]", "value.split('; ')[1]"}},
				{Path: "fields[9]", Left: "tags", Right: "tags", Conflict: &config.Conflict{Merge: "left == null ? right : left"}},
				{Path: "fields[10]", Left: "owner", Right: "owner", Conflict: &config.Conflict{Review: true}},
				{Path: "references[0]", Left: "company_id", Right: "associations.companies", Mapping: "companies", Direction: "both", Conflict: &config.Conflict{}, WhenToLeft: "row.state == null"},
			},
			Constants: []config.Constant{{Path: "fields[7]", Field: "lifecyclestage", Value: "lead"}, {Path: "fields[8]", Left: true, Field: "tenant", Value: "7"}},
			Conflict:  config.Conflict{Prefer: "app"},
			Delete: config.Delete{ToRight: config.DeletePolicy{Policy: "archive"}, ToLeft: config.DeletePolicy{Policy: "archive",
				Set: []config.Assignment{{Field: "deleted_at", Value: text("now()")}, {Field: "active", Value: text("false")}, {Field: "plan"}}},
				MergedLeft: &config.DeletePolicy{Policy: "archive", Set: []config.Assignment{{Field: "active", Value: text("false")}}}},
			Guard: "read", Fuse: config.Fuse{Count: 50, Share: 0.1, Window: time.Hour}, Breaker: config.Breaker{Flips: 4, Within: 30 * time.Second}, Drift: "ignore",
		}, {
			Name: "companies", Left: config.End{Connection: "app", Object: "public.companies"}, Right: config.End{Connection: "crm", Object: "companies"},
			Match: config.Pair{Left: "domain", Right: "domain"}, Fields: []config.Field{{Path: "fields[0]", Left: "domain", Right: "domain"}},
			Delete: config.Delete{ToRight: config.DeletePolicy{Policy: "propagate"}, ToLeft: config.DeletePolicy{Policy: "propagate"}, MergedLeft: &config.DeletePolicy{Policy: "confirm"}},
			Guard:  "none", Drift: "pause",
		}},
	}
	if diff := cmp.Diff(want, load(t, "testdata/full.yaml"), cmpopts.IgnoreUnexported(config.Config{}), cmp.Comparer(sameSecret)); diff != "" {
		t.Errorf("want (-), got (+):\n%s", diff)
	}
}

func sameSecret(a, b config.Secret) bool { return a.Reveal() == b.Reveal() }

func TestEveryExampleLoads(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("../../examples/*.yaml")
	if err != nil || len(paths) < 2 {
		t.Fatalf("got examples %q, %v, want two and more", paths, err)
	}
	for _, path := range paths {
		if c := load(t, path); len(c.Mappings) == 0 {
			t.Errorf("%s has no mappings", path)
		}
	}
}

func TestTheExampleLoadsWithDefaults(t *testing.T) {
	t.Parallel()
	c := load(t, "../../examples/contacts.yaml")
	got := []any{c.Data, c.Listen, c.Lanes, c.MinFree, c.LogLevel, c.Retention, c.Connections["crm"].HubSpot.URL, c.Mappings[0].Guard, c.Mappings[0].Conflict,
		c.Mappings[0].Fuse, c.Mappings[0].Breaker, c.Mappings[0].Drift, c.Mappings[0].Delete.MergedLeft == nil, c.Connections["app"].Precision, c.Connections["crm"].Precision}
	want := []any{config.DefaultData, config.DefaultListen, config.DefaultLanes, uint64(config.DefaultMinFree), config.DefaultLogLevel,
		config.Retention{Changes: config.DefaultKeepChanges, MaxChanges: config.DefaultMaxChanges, Audit: config.DefaultKeepAudit},
		config.DefaultHubSpotURL, "none", config.Conflict{},
		config.Fuse{Count: 500, Share: 0.2, Window: 10 * time.Minute}, config.Breaker{Flips: 8, Within: time.Minute}, "pause", true, time.Microsecond, time.Millisecond}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("want (-), got (+):\n%s", diff)
	}
}

func TestAMappingWithoutDeletePropagatesBothWays(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../examples/contacts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	input, _, _ := strings.Cut(string(data), "    delete:")
	c, err := config.Parse("lockstep.yaml", []byte(input), environment)
	if err != nil {
		t.Fatal(err)
	}
	want := config.Delete{ToRight: config.DeletePolicy{Policy: "propagate"}, ToLeft: config.DeletePolicy{Policy: "propagate"}}
	if diff := cmp.Diff(want, c.Mappings[0].Delete); diff != "" {
		t.Errorf("want (-), got (+):\n%s", diff)
	}
}

func TestSecretsAreNeverShown(t *testing.T) {
	t.Parallel()
	c := load(t, "testdata/full.yaml")
	encoded, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	crm, app := c.Connections["crm"].HubSpot, c.Connections["app"].Postgres
	shown := string(encoded)
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%T"} {
		for _, v := range []any{c, *c, crm, *crm, app, *app, crm.Token, &crm.Token, c.Connections, app.URL.Redacted(), app.ReadURL.Redacted(), []config.Secret{app.URL}} {
			shown += fmt.Sprintf(format+"\n", v)
		}
	}
	for _, spelled := range []string{"s3cret", fmt.Sprintf("%x", "s3cret")} {
		if strings.Contains(shown, spelled) {
			at := strings.Index(shown, spelled)
			t.Errorf("%q is shown: …%s", spelled, shown[max(0, at-100):at+len(spelled)])
		}
	}
}

func TestRedactedKeepsWhatHelps(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"postgres://app:pw@db:5432/app?sslmode=disable": "postgres://app:***@db:5432/app",
		"postgres://db/app":                             "postgres://db/app",
		"host=db password=pw":                           "***",
		"":                                              "",
	} {
		if got := config.SecretOf(in).Redacted(); got != want {
			t.Errorf("Redacted of %q: got %q, want %q", in, got, want)
		}
	}
}

func TestPlacesAreFound(t *testing.T) {
	t.Parallel()
	c := load(t, "testdata/full.yaml")
	for path, want := range map[string]string{
		"lanes":                              "testdata/full.yaml:6:8",
		"connections.app.slot":               "testdata/full.yaml:15:11",
		"mappings[0]":                        "testdata/full.yaml:20:5",
		"mappings[0].fields[1].to_right":     "testdata/full.yaml:27:55",
		"mappings[0].fields[1].to_left":      "testdata/full.yaml:27:9", // not there: its field
		"mappings[0].fields[3].values.true":  "testdata/full.yaml:31:24",
		"mappings[0].fields[99].left":        "testdata/full.yaml:26:7", // no such field: the list
		"mappings[0].delete.to_left.archive": "testdata/full.yaml:53:52",
		"nothing.like.that":                  "testdata/full.yaml:2:1",
	} {
		if got := c.At(path).String(); got != want {
			t.Errorf("At(%q): got %s, want %s", path, got, want)
		}
	}
}

func TestPlacesInsideAnExpressionAreFound(t *testing.T) {
	t.Parallel()
	c := load(t, "testdata/full.yaml")
	for _, tt := range []struct {
		path         string
		line, column int
		want         string
	}{
		{"mappings[0].fields[1].to_right", 1, 1, "testdata/full.yaml:27:56"},  // behind the quote
		{"mappings[0].fields[1].to_right", 1, 12, "testdata/full.yaml:27:67"}, // its twelfth character
		{"mappings[0].fields[2].to_left", 1, 5, "testdata/full.yaml:28:86"},   // no quotes
		{"mappings[0].fields[4].to_right", 2, 5, "testdata/full.yaml:38:15"},  // a block of lines
		{"mappings[0].fields[1].to_left", 1, 5, "testdata/full.yaml:27:9"},    // not there: its field
	} {
		if got := c.Within(tt.path, tt.line, tt.column).String(); got != tt.want {
			t.Errorf("Within(%s, %d, %d): got %s, want %s", tt.path, tt.line, tt.column, got, tt.want)
		}
	}
}

func TestAFileThatCannotBeReadIsNamed(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"testdata/absent.yaml": "read configuration testdata/absent.yaml: no such file or directory",
		"testdata":             "read configuration testdata: it is no regular file",
	} {
		_, err := config.Load(path, environment)
		if err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
