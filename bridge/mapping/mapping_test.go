package mapping_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

func compile(t testing.TB, s mapping.Spec) *mapping.Mapping {
	t.Helper()
	m, problems := mapping.Compile(s, customers(), contacts())
	if len(problems) > 0 {
		t.Fatalf("got problems %v, want none", problems)
	}
	return m
}

func record(pairs ...any) event.Record {
	var r event.Record
	for i := 0; i < len(pairs); i += 2 {
		switch v := pairs[i+1].(type) {
		case nil:
			r.Put(pairs[i].(string), event.NullOf(event.Text))
		case string:
			r.Put(pairs[i].(string), event.String(v))
		case event.Value:
			r.Put(pairs[i].(string), v)
		}
	}
	return r
}

func TestColumnsAreThoseOfFieldsAndFilter(t *testing.T) {
	t.Parallel()
	s := spec(mapping.FieldSpec{Left: "full_name", Right: "firstname", ToRight: "value"}, mapping.FieldSpec{Left: "full_name", Right: "app_id", Direction: "right"})
	s.FilterLeft = "row.deleted_at == null && row.plan != 'x' || row.email == row.plan"
	m := compile(t, s)
	if got, want := m.Columns(mapping.Left), []string{"email", "full_name", "deleted_at", "plan"}; !slices.Equal(got, want) {
		t.Errorf("left: got %q, want %q", got, want)
	}
	if got, want := m.Columns(mapping.Right), []string{"email", "firstname", "app_id"}; !slices.Equal(got, want) {
		t.Errorf("right: got %q, want %q", got, want)
	}
	if got, want := m.FilterColumns(mapping.Left), []string{"deleted_at", "plan", "email"}; !slices.Equal(got, want) {
		t.Errorf("filter: got %q, want %q", got, want)
	}
	if !m.Filtered(mapping.Left) || m.Filtered(mapping.Right) || m.FilterColumns(mapping.Right) != nil {
		t.Error("only the left side is filtered")
	}
}

func TestWhatASpecSaysIsKept(t *testing.T) {
	t.Parallel()
	s := spec(mapping.FieldSpec{Left: "full_name", Right: "firstname", Conflict: &mapping.Rule{Kind: mapping.Prefer, Side: mapping.Right}})
	s.Conflict, s.Guard = mapping.Rule{Kind: mapping.Prefer, Side: mapping.Left}, mapping.GuardRead
	s.DeleteToRight = mapping.DeleteSpec{Kind: mapping.DeleteConfirm}
	m := compile(t, s)
	got := []any{m.Name(), m.End(mapping.Left).String(), m.End(mapping.Right).String(), m.Guard(), m.Fields()[0].Rule(), m.Fields()[1].Rule(),
		m.Delete(mapping.Right).Kind.String(), m.Delete(mapping.Left).Kind.String(), m.MatchIndex(), m.MatchUnique(mapping.Left), m.MatchUnique(mapping.Right)}
	want := []any{"contacts", "app/public.customers", "crm/contacts", mapping.GuardRead, mapping.Rule{Kind: mapping.Prefer, Side: mapping.Left},
		mapping.Rule{Kind: mapping.Prefer, Side: mapping.Right}, "confirm", "propagate", 0, true, true}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("want (-), got (+):\n%s", diff)
	}
}

func TestARequiredColumnThatNothingFillsIsAWarning(t *testing.T) {
	t.Parallel()
	warnings := compile(t, spec()).Warnings()
	if len(warnings) != 1 || warnings[0].What != "app/public.customers requires tenant, and nothing is mapped to it" {
		t.Errorf("got %v, want one about tenant", warnings)
	}
	s := spec()
	s.Fields[0].Direction = "right"
	if got := compile(t, s).Warnings(); len(got) != 0 {
		t.Errorf("nothing is written left: got %v, want no warning", got)
	}
}

func TestRecordsAreMatchedInOneForm(t *testing.T) {
	t.Parallel()
	m := compile(t, spec())
	for _, tt := range []struct {
		side mapping.Side
		in   event.Value
		want string
		ok   bool
	}{
		{mapping.Left, event.String("Ada@Example.com"), "ada@example.com", true},
		{mapping.Right, event.String(" ada@example.com "), "ada@example.com", true},
		{mapping.Left, event.NullOf(event.Text), "", false},
		{mapping.Left, event.String(""), "", false},
		{mapping.Left, event.String("  "), "", false},
		{mapping.Right, event.Value{}, "", false},
	} {
		got, ok := m.MatchValue(tt.side, record("email", tt.in))
		if got != tt.want || ok != tt.ok {
			t.Errorf("%s %s: got %q, %t, want %q, %t", tt.side, tt.in.Display(), got, ok, tt.want, tt.ok)
		}
	}
}

func TestANumberIsMatchedThroughAText(t *testing.T) {
	t.Parallel()
	s := spec(mapping.FieldSpec{Left: "id", Right: "app_id", Direction: "right"})
	s.MatchLeft, s.MatchRight = "id", "app_id"
	m := compile(t, s)
	if !m.MatchUnique(mapping.Left) || m.MatchUnique(mapping.Right) {
		t.Error("the key is unique, the property is not")
	}
	if got, ok := m.MatchValue(mapping.Left, record("id", "42")); got != "42" || !ok {
		t.Errorf("left: got %q, %t, want 42", got, ok)
	}
	got, ok := m.MatchValue(mapping.Right, record("app_id", "42"))
	if got != "42" || !ok || m.LookupValue(mapping.Left, got) != "42" || m.LookupValue(mapping.Right, got) != "42" {
		t.Errorf("right: got %q, %t, looked up as %q, want 42", got, ok, m.LookupValue(mapping.Left, got))
	}
	if got, ok := m.MatchValue(mapping.Right, record("app_id", "forty-two")); ok {
		t.Errorf("a text that is no id: got %q, want none", got)
	}
}

func TestFilters(t *testing.T) {
	t.Parallel()
	rec := func(pairs ...any) event.Record {
		r := record("email", "a@x", "plan", nil, "visits", "5", "ltv", "12.50", "active", "true", "born", "2000-02-29",
			"deleted_at", nil, "seen", "infinity", "extra", `{"vip": true}`)
		for i := 0; i < len(pairs); i += 2 {
			if s, ok := pairs[i+1].(string); ok {
				r.Put(pairs[i].(string), event.String(s))
			} else {
				r.Put(pairs[i].(string), pairs[i+1].(event.Value))
			}
		}
		return r
	}
	for filter, want := range map[string]bool{
		"row.deleted_at == null":                             true,
		"row.deleted_at != null":                             false,
		"row.plan == null":                                   true,
		"row.plan == 'x'":                                    false,
		"row.plan != 'x'":                                    true,  // null is not x
		"!(row.plan == 'x')":                                 true,  //
		"row.plan > 'x'":                                     false, // P3: unknown
		"!(row.plan > 'x')":                                  false, // P3: still unknown
		"row.plan > 'x' || row.visits == 5":                  true,  // unknown or true
		"row.plan > 'x' && row.visits == 6":                  false, //
		"row.plan.startsWith('x')":                           false, // P3
		"row.plan in ['x']":                                  false, //
		"!(row.plan in ['x'])":                               true,  //
		"row.visits + 1 > 5":                                 true,  //
		"row.ltv > 12":                                       true,  // across number types
		"row.ltv == 12.5":                                    true,  //
		"row.active":                                         true,  //
		"!row.active":                                        false, //
		"row.born < timestamp('2001-01-01T00:00:00Z')":       true,
		"row.seen > timestamp('9999-12-31T23:59:59Z')":       true, // infinity
		"row.extra.vip == true":                              true,
		"row.extra.vip == true && row.email.endsWith('@x')":  true,
		"row.extra.missing == 1":                             false, // P3: what JSON does not have
		"has(row.extra.missing) && row.extra.missing == 1":   false,
		"row.`email` == 'a@x'":                               true,
		"[row.email].exists(e, e == 'a@x')":                  true,
		"row.deleted_at < timestamp('2001-01-01T00:00:00Z')": false,
	} {
		s := spec()
		s.FilterLeft = filter
		got, err := compile(t, s).Takes(mapping.Left, rec())
		if got != want || err != nil {
			t.Errorf("%s: got %t, %v, want %t", filter, got, err, want)
		}
	}
	s := spec()
	s.FilterLeft = "row.visits > 1 && row.ltv > 0"
	m := compile(t, s)
	for name, r := range map[string]event.Record{
		"an unknown column":              rec("visits", event.Value{}),
		"a number that is too large":     rec("visits", "9223372036854775808"),
		"a decimal that is not a number": rec("ltv", "NaN"),
	} {
		var fault *event.Fault
		if got, err := m.Takes(mapping.Left, r); got || !errors.As(err, &fault) || fault.Class != event.Rejected {
			t.Errorf("%s: got %t, %v, want a fault", name, got, err)
		}
	}
	if got, err := m.Takes(mapping.Right, event.Record{}); !got || err != nil {
		t.Errorf("no filter: got %t, %v, want every record", got, err)
	}
}

func TestAnExpressionIsStoppedWhenItCostsTooMuch(t *testing.T) {
	t.Parallel()
	list := "[1,2,3,4,5,6,7,8,9,10]"
	f := compileLine(t, mapping.FieldSpec{Left: "l", Right: "r",
		ToRight: list + ".all(a, " + list + ".all(b, " + list + ".all(c, " + list + ".all(d, " + list + ".all(e, " + list + ".all(f, a+b+c+d+e+f < 100 || value == 'x')))))) ? 'y' : 'n'"},
		event.Field{Name: "l"}, event.Field{Name: "r"})
	var fault *event.Fault
	if _, err := f.Convert(mapping.Right, event.String("v")); !errors.As(err, &fault) || fault.Class != event.Rejected {
		t.Errorf("got %v, want a fault", err)
	}
}

func TestAnArchiveSetsConstantsAndTheTime(t *testing.T) {
	t.Parallel()
	s := spec()
	s.DeleteToLeft = mapping.DeleteSpec{Kind: mapping.DeleteArchive, Set: []mapping.Assignment{
		{Field: "deleted_at", Value: text(mapping.Now)}, {Field: "born", Value: text(mapping.Now)}, {Field: "active", Value: text("false")}, {Field: "plan"}, {Field: "full_name", Value: text(mapping.Now + " is no time here")}}}
	m := compile(t, s)
	now := time.Date(2026, 1, 31, 23, 4, 5, 123456789, time.FixedZone("", -3600))
	p := m.Delete(mapping.Left)
	want := record("deleted_at", "2026-02-01T00:04:05.123456Z", "born", "2026-02-01", "active", "false", "plan", nil, "full_name", "now() is no time here")
	if diff := cmp.Diff(want, p.At(now), cmp.Comparer(event.Value.Equal)); diff != "" {
		t.Errorf("want (-), got (+):\n%s", diff)
	}
	if got := p.Set.Get("deleted_at").Text; got != mapping.Now {
		t.Errorf("the policy itself changed: got %q", got)
	}
	if got := m.Delete(mapping.Right).At(now); !got.IsZero() {
		t.Errorf("a policy that sets nothing: got %v", got)
	}
}

func TestFaultsAreBounded(t *testing.T) {
	t.Parallel()
	f := compileLine(t, mapping.FieldSpec{Left: "l", Right: "r", ToRight: "string(int(value))"}, event.Field{Name: "l"}, event.Field{Name: "r"})
	huge := make([]byte, 1<<20)
	for i := range huge {
		huge[i] = 'x'
	}
	_, err := f.Convert(mapping.Right, event.String(string(huge)))
	if err == nil || len(err.Error()) > 500 {
		t.Errorf("got an error of %d bytes, want a short one", len(err.Error()))
	}
}

func TestDeleteWords(t *testing.T) {
	t.Parallel()
	for _, k := range []mapping.DeleteKind{mapping.DeletePropagate, mapping.DeleteArchive, mapping.DeleteUnlink, mapping.DeleteIgnore, mapping.DeleteConfirm} {
		if got, err := mapping.ParseDeleteKind(k.String()); got != k || err != nil {
			t.Errorf("%s: got %s, %v", k, got, err)
		}
	}
	if got, err := mapping.ParseDeleteKind("drop"); err == nil {
		t.Errorf("drop: got %s, want an error", got)
	}
}
