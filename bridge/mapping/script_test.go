package mapping_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

// script is one situation of testdata: a field, and what becomes of values.
type script struct {
	About string `yaml:"about"`
	Left  shape  `yaml:"left"`
	Right shape  `yaml:"right"`
	Field struct {
		Direction string        `yaml:"direction"`
		ToRight   string        `yaml:"to_right"`
		ToLeft    string        `yaml:"to_left"`
		Values    yaml.MapSlice `yaml:"values"`
		Default   struct {
			Left  *string `yaml:"left"`
			Right *string `yaml:"right"`
		} `yaml:"default"`
	} `yaml:"field"`
	Writes     string   `yaml:"writes"` // both when left out
	ToRight    []string `yaml:"to_right"`
	ToLeft     []string `yaml:"to_left"`
	Same       []string `yaml:"same"`
	Different  []string `yaml:"different"`
	RoundTrips []string `yaml:"round_trips"`
}

type shape struct {
	Name    string   `yaml:"name"`
	Kind    string   `yaml:"kind"`
	Native  string   `yaml:"native"`
	Options []string `yaml:"options"`
	Scale   int      `yaml:"scale"`
	Max     int      `yaml:"max"`
	Unique  bool     `yaml:"unique"`
}

func (s shape) field(t *testing.T) event.Field {
	t.Helper()
	for k := event.Text; k <= event.Other; k++ {
		if k.String() == s.Kind {
			return event.Field{Name: s.Name, Kind: k, Native: s.Native, Options: s.Options, Scale: s.Scale, MaxLength: s.Max, Unique: s.Unique, Nullable: true}
		}
	}
	t.Fatalf("there is no kind %q", s.Kind)
	return event.Field{}
}

func (s script) compile(t *testing.T) *mapping.Field {
	t.Helper()
	line := mapping.FieldSpec{Left: s.Left.Name, Right: s.Right.Name, Direction: s.Field.Direction, ToRight: s.Field.ToRight, ToLeft: s.Field.ToLeft,
		DefaultLeft: s.Field.Default.Left, DefaultRight: s.Field.Default.Right}
	for _, v := range s.Field.Values {
		line.Values = append(line.Values, mapping.Pair{Left: v.Key.(string), Right: v.Value.(string)})
	}
	return compileLine(t, line, s.Left.field(t), s.Right.field(t))
}

// compileLine makes a mapping of one line, matched by a pair of its own.
func compileLine(t testing.TB, line mapping.FieldSpec, left, right event.Field) *mapping.Field {
	t.Helper()
	key := event.Field{Name: "match_key", Kind: event.Text}
	m, problems := mapping.Compile(mapping.Spec{
		Name: "m", Left: mapping.End{Connection: "app", Object: "public.t"}, Right: mapping.End{Connection: "crm", Object: "o"},
		MatchLeft: key.Name, MatchRight: key.Name, Fields: []mapping.FieldSpec{line, {Left: key.Name, Right: key.Name}},
	}, event.Object{Name: "public.t", Fields: []event.Field{left, key}}, event.Object{Name: "o", Fields: []event.Field{right, key}})
	if len(problems) > 0 {
		t.Fatalf("got problems %v, want none", problems)
	}
	return m.Fields()[0]
}

func value(k event.Kind, text string) event.Value {
	switch text {
	case "null":
		return event.NullOf(k)
	case "unchanged":
		return event.Value{Kind: k}
	}
	return event.Of(k, text)
}

func show(v event.Value) string {
	switch v.State {
	case event.Null:
		return "null"
	case event.Unchanged:
		return "unchanged"
	}
	return v.Text
}

func TestScripts(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(paths) < 20 {
		t.Fatalf("got %d scripts and %v, want at least 20", len(paths), err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var s script
		if err := yaml.UnmarshalWithOptions(data, &s, yaml.Strict()); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		t.Run(s.About, func(t *testing.T) {
			t.Parallel()
			s.run(t)
		})
	}
}

func (s script) run(t *testing.T) {
	f := s.compile(t)
	for _, side := range mapping.Sides {
		want := s.Writes == "" && s.Field.Direction == "" || s.Writes == side.String() || s.Field.Direction == side.String()
		if got := f.Writes(side); got != want {
			t.Errorf("writes to the %s side: got %t, want %t", side, got, want)
		}
	}
	for side, lines := range map[mapping.Side][]string{mapping.Right: s.ToRight, mapping.Left: s.ToLeft} {
		for _, line := range lines {
			in, want, ok := strings.Cut(line, " -> ")
			if !ok {
				t.Fatalf("line %q has no arrow", line)
			}
			s.convert(t, f, side, in, want)
		}
	}
	for want, lines := range map[bool][]string{true: s.Same, false: s.Different} {
		for _, line := range lines {
			l, r, ok := strings.Cut(line, " = ")
			if !ok {
				t.Fatalf("line %q has no equals sign", line)
			}
			if got := f.Same(value(f.Shape(mapping.Left).Kind, l), value(f.Shape(mapping.Right).Kind, r)); got != want {
				t.Errorf("%q and %q are the same: got %t, want %t", l, r, got, want)
			}
		}
	}
	for _, text := range s.RoundTrips {
		if ok, back, err := f.RoundTrips(mapping.Left, value(f.Shape(mapping.Left).Kind, text)); !ok || err != nil {
			t.Errorf("%q round-trips: got %t, %s, %v", text, ok, show(back), err)
		}
	}
}

func (s script) convert(t *testing.T, f *mapping.Field, to mapping.Side, in, want string) {
	t.Helper()
	// A value that comes from the journal has lost its kind: it must not matter.
	v := value(event.Text, in)
	got, err := f.Convert(to, v)
	if complaint, bad := strings.CutPrefix(want, "! "); bad {
		var fault *event.Fault
		if !errors.As(err, &fault) || fault.Class != event.Rejected || fault.Field != f.Name(to.Other()) || !strings.HasPrefix(fault.Message, complaint) {
			t.Errorf("%q to the %s: got %s, %v, want a rejection of %s: %s", in, to, show(got), err, f.Name(to.Other()), complaint)
		}
		return
	}
	if err != nil || show(got) != want || got.Kind != f.Shape(to).Kind {
		t.Errorf("%q to the %s: got %s (%s), %v, want %s", in, to, show(got), got.Kind, err, want)
	}
}
