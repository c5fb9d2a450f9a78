package main

import (
	"context"
	"errors"
	goflag "flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/lockstep-sync/lockstep/schemas/config"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

var rewrite = goflag.Bool("rewrite", false, "write what broken configurations are answered now, to be read before it is kept")

// drawn are the objects of testdata/broken/shapes.yaml, in place of live ones.
type drawn map[string]event.Object

func (d drawn) see(_ context.Context, end config.End) (sighting, error) {
	o, ok := d[end.Connection+"/"+end.Object]
	if !ok {
		var names []string
		for name := range d {
			if connection, object, _ := strings.Cut(name, "/"); connection == end.Connection {
				names = append(names, object)
			}
		}
		return sighting{gone: end.Connection + " has no " + end.Object + ": did you mean " + event.Nearest(end.Object, names) + "?"}, nil
	}
	return sighting{shape: o}, nil
}

func drawnShapes(t *testing.T) drawn {
	t.Helper()
	data, err := os.ReadFile("testdata/broken/shapes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var objects map[string]struct {
		Key    []string
		Fields []struct {
			Name, Kind, Native, Reference         string
			Options                               []string
			Scale                                 int
			Nullable, Required, Unique, Generated bool
			ReadOnly                              bool `yaml:"read_only"`
		}
	}
	if err := yaml.UnmarshalWithOptions(data, &objects, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	out := drawn{}
	for name, o := range objects {
		_, object, _ := strings.Cut(name, "/")
		shape := event.Object{Name: object, Key: o.Key}
		for _, f := range o.Fields {
			field := event.Field{Name: f.Name, Native: f.Native, Reference: f.Reference, Options: f.Options, Scale: f.Scale,
				Nullable: f.Nullable, Required: f.Required, Unique: f.Unique, Generated: f.Generated, ReadOnly: f.ReadOnly}
			for k := event.Text; k <= event.Other; k++ {
				if k.String() == f.Kind {
					field.Kind = k
				}
			}
			if field.Kind.String() != f.Kind {
				t.Fatalf("%s.%s: there is no kind %q", name, f.Name, f.Kind)
			}
			shape.Fields = append(shape.Fields, field)
		}
		out[name] = shape
	}
	return out
}

// checkText is what check says of a configuration, held against drawn shapes.
func checkText(t *testing.T, path string, shapes drawn) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Parse("lockstep.yaml", data, func(string) (string, bool) { return "", false })
	var problems config.Problems
	if err != nil {
		if !errors.As(err, &problems) {
			t.Fatalf("got error %T %v, want problems", err, err)
		}
	} else {
		if _, problems, err = compileMappings(t.Context(), cfg, shapes); err != nil {
			t.Fatal(err)
		}
		problems.Sort()
	}
	var out strings.Builder
	for _, p := range problems {
		out.WriteString(p.String() + "\n")
		if p.Line < 1 || p.Column < 1 || p.What == "" || p.Remedy == "" {
			t.Errorf("no place, or nothing that helps: %s", p)
		}
	}
	return out.String()
}

func TestBrokenConfigurationsAreAnswered(t *testing.T) {
	t.Parallel()
	shapes := drawnShapes(t)
	paths, err := filepath.Glob("testdata/broken/*-*.yaml")
	if err != nil || len(paths) < 60 {
		t.Fatalf("got %d configurations, %v, want at least 60", len(paths), err)
	}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".yaml")
		t.Run(strings.ReplaceAll(name, "-", " "), func(t *testing.T) {
			t.Parallel()
			got, beside := checkText(t, path, shapes), strings.TrimSuffix(path, ".yaml")+".want"
			if *rewrite {
				if err := os.WriteFile(beside, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(beside)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) || got == "" {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestTheExamplesAreInOrder(t *testing.T) {
	t.Parallel()
	if got := checkText(t, "testdata/broken/sound.yaml", drawnShapes(t)); got != "" {
		t.Errorf("the sound one is answered with\n%s", got)
	}
}
