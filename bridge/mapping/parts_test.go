package mapping_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

// person is a full name on the left whose parts the right side holds.
func person() mapping.FieldSpec {
	return mapping.FieldSpec{Left: "full_name", Parts: [2][]string{mapping.Right: {"firstname", "app_id"}},
		ToParts: [2][]string{mapping.Right: {"value.split(' ')[0]", "value.contains(' ') ? value.substring(value.indexOf(' ') + 1) : ''"}},
		ToLeft:  "(firstname + ' ' + app_id).trim()"}
}

func TestSeveralFieldsMakeUpOne(t *testing.T) {
	t.Parallel()
	f := compile(t, spec(person())).Fields()[1]
	if got, want := f.Name(mapping.Right), "firstname+app_id"; got != want || f.Name(mapping.Left) != "full_name" || !slices.Equal(f.Names(mapping.Right), []string{"firstname", "app_id"}) {
		t.Errorf("names: got %s, %s, %q", f.Name(mapping.Left), got, f.Names(mapping.Right))
	}
	for in, want := range map[string]string{"Ada Lovelace": `["Ada","Lovelace"]`, "Ada": `["Ada",null]`, "Ada King of Lovelace": `["Ada","King of Lovelace"]`, `A"da \x`: `["A\"da","\\x"]`} {
		got, err := f.Convert(mapping.Right, event.String(in))
		if err != nil || got.Text != want || got.Kind != event.JSON {
			t.Errorf("%q: got %s, %v, want %s", in, got.Display(), err, want)
		}
		back, err := f.Convert(mapping.Left, got)
		if err != nil || back.Text != in {
			t.Errorf("%q: came back as %s, %v", in, back.Display(), err)
		}
		if ok, back, err := f.RoundTrips(mapping.Left, event.String(in)); !ok || err != nil {
			t.Errorf("%q round-trips: got %t, %s, %v", in, ok, back.Display(), err)
		}
		if ok, back, err := f.RoundTrips(mapping.Right, got); !ok || err != nil {
			t.Errorf("%s round-trips from the right: got %t, %s, %v", got.Text, ok, back.Display(), err)
		}
		if !f.Same(event.String(in), got) {
			t.Errorf("%q and %s are not the same", in, got.Text)
		}
	}
	if got, err := f.Convert(mapping.Right, event.NullOf(event.Text)); err != nil || !got.IsNull() {
		t.Errorf("null: got %s, %v", got.Display(), err)
	}
	if got, err := f.Convert(mapping.Right, event.String("")); err != nil || !got.IsNull() {
		t.Errorf("an empty text gives no part at all: got %s, %v, want NULL", got.Display(), err)
	}
	if got, err := f.Convert(mapping.Left, event.Of(event.JSON, `[null,"Lovelace"]`)); err != nil || got.Text != "Lovelace" {
		t.Errorf("a missing part is the empty text: got %s, %v", got.Display(), err)
	}
	if got, want := compile(t, spec(person())).Columns(mapping.Right), []string{"email", "firstname", "app_id"}; !slices.Equal(got, want) {
		t.Errorf("columns: got %q, want %q", got, want)
	}
}

func TestPartsAreTakenFromRecordsAndSpreadIntoThem(t *testing.T) {
	t.Parallel()
	f := compile(t, spec(person())).Fields()[1]
	value := func(s string) event.Value { return event.Of(event.JSON, s) }
	for _, tt := range []struct {
		name string
		rec  event.Record
		now  event.Value
		want string
	}{
		{"both", record("firstname", "Ada", "app_id", "King"), event.Value{}, `["Ada","King"]`},
		{"both null", record("firstname", nil, "app_id", nil), value(`["a","b"]`), "NULL"},
		{"one told, the other known", record("firstname", "Ada"), value(`["Eve","King"]`), `["Ada","King"]`},
		{"one told, the other null", record("firstname", "Ada"), event.NullOf(event.JSON), `["Ada",null]`},
		{"one told, nothing known", record("firstname", "Ada"), event.Value{}, "(unchanged)"},
		{"one told, the other unchanged in the record", record("firstname", "Ada", "app_id", event.Value{}), value(`["Eve","King"]`), `["Ada","King"]`},
		{"none told", record("email", "x"), value(`["Eve","King"]`), "(unchanged)"},
		{"what is known is none of ours", record("firstname", "Ada"), value(`"text"`), "(unchanged)"},
		{"what is known has another number of parts", record("firstname", "Ada"), value(`["a","b","c"]`), "(unchanged)"},
	} {
		if got := f.Take(mapping.Right, tt.rec, tt.now); got.Display() != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got.Display(), tt.want)
		}
	}
	for _, tt := range []struct {
		name   string
		v, now event.Value
		want   string
	}{
		{"nothing known", value(`["Ada",null]`), event.Value{}, "firstname=Ada app_id=NULL"},
		{"one differs", value(`["Ada","King"]`), value(`["Ada","Lovelace"]`), "app_id=King"},
		{"null over parts", event.NullOf(event.JSON), value(`["Ada",null]`), "firstname=NULL"},
		{"parts over null", value(`["Ada",null]`), event.NullOf(event.JSON), "firstname=Ada"},
		{"the same", value(`["Ada",null]`), value(`["Ada",null]`), ""},
	} {
		got := f.Spread(mapping.Right, tt.v, tt.now)
		var words []string
		for i, name := range got.Names {
			words = append(words, name+"="+got.Values[i].Display())
		}
		if strings.Join(words, " ") != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, words, tt.want)
		}
	}
	if got := f.Take(mapping.Left, record("full_name", "x"), event.Value{}); got.Text != "x" {
		t.Errorf("an ordinary side: got %s", got.Display())
	}
}

// What Spread writes over now is what Take then reads.
func TestWhatIsSpreadIsTakenAgain(t *testing.T) {
	t.Parallel()
	f := compile(t, spec(person())).Fields()[1]
	part := rapid.Custom(func(t *rapid.T) event.Value {
		if rapid.Bool().Draw(t, "null") {
			return event.NullOf(event.Text)
		}
		return event.String(rapid.String().Draw(t, "part"))
	})
	rapid.Check(t, func(t *rapid.T) {
		take := func(a, b event.Value) event.Value {
			return f.Take(mapping.Right, record("firstname", a, "app_id", b), event.Value{})
		}
		v, now := take(part.Draw(t, "a"), part.Draw(t, "b")), take(part.Draw(t, "c"), part.Draw(t, "d"))
		if v.Equal(now) {
			return
		}
		if got := f.Take(mapping.Right, f.Spread(mapping.Right, v, now), now); !got.Equal(v) {
			t.Fatalf("%s over %s: got %s", v.Display(), now.Display(), got.Display())
		}
	})
}

func TestPartsOfOtherKindsKeepTheirForm(t *testing.T) {
	t.Parallel()
	// The mirror: one field on the right, several on the left, one of them a number
	// and one that takes no null.
	left := event.Object{Name: "t", Key: []string{"id"}, Fields: []event.Field{{Name: "id", Kind: event.Int}, {Name: "k"}, {Name: "street", Kind: event.Text}, {Name: "type", Kind: event.Int, Nullable: true}}}
	right := event.Object{Name: "o", Fields: []event.Field{{Name: "k"}, {Name: "address", Kind: event.Text, Nullable: true}}}
	m, problems := mapping.Compile(mapping.Spec{Name: "m", MatchLeft: "k", MatchRight: "k", Fields: []mapping.FieldSpec{{Left: "k", Right: "k"},
		{Parts: [2][]string{mapping.Left: {"street", "type"}}, Right: "address",
			ToRight: "_type == null ? street : street + ' ' + string(_type)",
			ToParts: [2][]string{mapping.Left: {"value.split(' ')[0]", "value.contains(' ') ? dyn(int(value.split(' ')[1])) : dyn(null)"}}}}}, left, right)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	f := m.Fields()[1]
	for in, want := range map[string]string{"Main 5": `["Main","5"]`, "Main": `["Main",null]`, "": `["",null]`} {
		got, err := f.Convert(mapping.Left, event.String(in))
		if err != nil || got.Text != want {
			t.Errorf("%q: got %s, %v, want %s", in, got.Display(), err, want)
		}
		if back, err := f.Convert(mapping.Right, got); err != nil || back.Text != in {
			t.Errorf("%s: came back as %s, %v", want, back.Display(), err)
		}
	}
	if !f.Same(event.Of(event.JSON, `["Main","05"]`), event.String("Main 5")) {
		t.Error("parts are compared as what they are")
	}
	rec := f.Spread(mapping.Left, event.Of(event.JSON, `["Main","5"]`), event.Value{})
	if rec.Get("type").Kind != event.Int {
		t.Errorf("a part has its own kind: got %s", rec.Get("type").Kind)
	}
	var fault *event.Fault
	if _, err := f.Convert(mapping.Left, event.String("Main Street")); !errors.As(err, &fault) || fault.Field != "address" || !strings.HasPrefix(fault.Message, `address holds "Main Street", which does not give type: it makes the expression fail`) {
		t.Errorf("got %v", err)
	}
}
