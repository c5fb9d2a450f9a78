package mapping_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

func TestAMergeRuleMakesOneValueOfTwoEdits(t *testing.T) {
	t.Parallel()
	set := func(k event.Kind, s string) event.Value {
		if s == "" {
			return event.NullOf(k)
		}
		return event.Of(k, s)
	}
	for _, tt := range []struct {
		left, right, expression string
		l, r, base, want        string // "" is null
	}{
		{"visits", "visits", "left + right - base", "7", "9", "5", "11"},
		{"visits", "visits", "left == null ? right : right == null ? left : left > right ? left : right", "7", "", "5", "7"},
		{"visits", "visits", "left == null ? right : right == null ? left : left > right ? left : right", "", "9", "", "9"},
		{"visits", "visits", "[left, right].exists(v, v == null) ? base : math.greatest(left, right)", "3", "9", "5", "9"},
		{"full_name", "firstname", "base == null ? left + ' / ' + right : left", "a", "b", "", "a / b"},
		{"full_name", "firstname", "left.size() > right.size() ? left : right", "long", "x", "", "long"},
		{"full_name", "firstname", "left == right ? left : null", "a", "b", "", ""},
		{"ltv", "visits", "math.greatest(left, right)", "12.50", "13", "1", "13.00"},
		{"active", "vip", "left || right", "false", "true", "", "true"},
		{"born", "birthday", "left < right ? left : right", "2001-02-03", "2000-02-03", "", "2000-02-03"},
		{"deleted_at", "signed_up", "base == null ? (left < right ? left : right) : left", "2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z", "", "2026-01-01T00:00:00Z"},
		{"plan", "interests", "(left.split(';') + right.split(';')).sort().distinct().join(';')", "wine", "tea;wine", "", "tea;wine"},
	} {
		s := spec(mapping.FieldSpec{Left: tt.left, Right: tt.right, Conflict: &mapping.Rule{Kind: mapping.Merge, Expression: tt.expression}})
		if tt.right == "visits" && tt.left == "ltv" {
			s.Fields[1].ToRight, s.Fields[1].ToLeft = "value", "value"
		}
		f := compile(t, s).Fields()[1]
		k := f.Shape(mapping.Left).Kind
		got, err := f.Merge(set(k, tt.l), set(k, tt.r), set(k, tt.base))
		if err != nil || got.Text != tt.want || got.IsNull() != (tt.want == "") || got.Kind != k {
			t.Errorf("%s of %q, %q, %q: got %s (%s), %v, want %q", tt.expression, tt.l, tt.r, tt.base, got.Display(), got.Kind, err, tt.want)
		}
		if f.Rule().Kind != mapping.Merge {
			t.Errorf("%s: the rule is %v", tt.expression, f.Rule())
		}
	}
}

func TestAMergeThatFailsIsAFault(t *testing.T) {
	t.Parallel()
	f := compile(t, spec(mapping.FieldSpec{Left: "visits", Right: "visits", Conflict: &mapping.Rule{Kind: mapping.Merge, Expression: "left + right"}})).Fields()[1]
	for _, tt := range []struct {
		l, r event.Value
		want string
	}{
		{event.Of(event.Int, "1"), event.NullOf(event.Int), "visits: what both sides hold makes the expression compute with what is not there"},
		{event.Of(event.Int, "99999999999999999999"), event.Of(event.Int, "1"), `visits: the left value "99999999999999999999" is no whole number within 64 bits`},
		{event.Of(event.Int, "9223372036854775807"), event.Of(event.Int, "1"), "visits: what both sides hold makes the expression fail: integer overflow"},
	} {
		var fault *event.Fault
		if got, err := f.Merge(tt.l, tt.r, event.NullOf(event.Int)); !errors.As(err, &fault) || fault.Class != event.Rejected || !strings.HasPrefix(fault.Message, tt.want) {
			t.Errorf("got %s, %v, want %s", got.Display(), err, tt.want)
		}
	}
	var fault *event.Fault
	if _, err := compile(t, spec()).Fields()[0].Merge(event.String("a"), event.String("b"), event.Value{}); !errors.As(err, &fault) {
		t.Errorf("a field without such a rule: got %v, want a fault", err)
	}
}

func TestARuleOfTheMappingPassesOverFieldsOfOneWay(t *testing.T) {
	t.Parallel()
	s := spec(mapping.FieldSpec{Left: "visits", Right: "visits", Direction: "right"}, mapping.FieldSpec{Left: "full_name", Right: "firstname", Conflict: &mapping.Rule{Kind: mapping.Review}})
	s.Conflict = mapping.Rule{Kind: mapping.Merge, Expression: "left + right"}
	m := compile(t, s)
	for i, want := range []mapping.RuleKind{mapping.Merge, mapping.Newest, mapping.Review} {
		if got := m.Fields()[i].Rule().Kind; got != want {
			t.Errorf("field %d: got rule %d, want %d", i, got, want)
		}
	}
}

func TestAConditionSeesTheOtherSidesMappedFields(t *testing.T) {
	t.Parallel()
	m := compile(t, spec(mapping.FieldSpec{Left: "active", Right: "vip", Direction: "right"}, person(),
		mapping.FieldSpec{Left: "plan", Right: "plan_tier", Values: []mapping.Pair{{Left: "free", Right: "F"}},
			When: [2]string{mapping.Right: "row.active && row.full_name.startsWith('A')", mapping.Left: "row.firstname == 'Ada'"}}))
	f := m.Fields()[3]
	for _, tt := range []struct {
		to   mapping.Side
		rec  event.Record
		want bool
	}{
		{mapping.Right, record("active", "true", "full_name", "Ada"), true},
		{mapping.Right, record("active", "false", "full_name", "Ada"), false},
		{mapping.Right, record("active", nil, "full_name", "Ada"), false}, // P3
		{mapping.Right, record("active", "true", "full_name", nil), false},
		{mapping.Left, record("firstname", "Ada"), true},
		{mapping.Left, record("firstname", nil), false},
	} {
		if got, err := f.Allows(tt.to, tt.rec); got != tt.want || err != nil {
			t.Errorf("%v to the %s: got %t, %v, want %t", tt.rec, tt.to, got, err, tt.want)
		}
	}
	var fault *event.Fault
	if got, err := f.Allows(mapping.Right, record("active", "true")); got || !errors.As(err, &fault) || fault.Class != event.Rejected {
		t.Errorf("a field that is not known: got %t, %v, want a fault", got, err)
	}
	if got, err := m.Fields()[0].Allows(mapping.Left, event.Record{}); !got || err != nil {
		t.Errorf("no condition: got %t, %v, want true", got, err)
	}
}

func TestConstantsAreWrittenAtCreation(t *testing.T) {
	t.Parallel()
	s := spec()
	s.Constants = []mapping.ConstantSpec{{Side: mapping.Right, Field: "plan_tier", Value: "F"}, {Side: mapping.Left, Field: "tenant", Value: "acme"}, {Side: mapping.Left, Field: "ltv", Value: "1"}}
	m := compile(t, s)
	if diff := cmp.Diff(record("plan_tier", event.Of(event.Enum, "F")), m.Initial(mapping.Right)); diff != "" {
		t.Errorf("right: want (-), got (+):\n%s", diff)
	}
	if diff := cmp.Diff(record("tenant", event.String("acme"), "ltv", event.Of(event.Decimal, "1.00")), m.Initial(mapping.Left)); diff != "" {
		t.Errorf("left: want (-), got (+):\n%s", diff)
	}
	if len(m.Fields()) != 1 || len(m.Columns(mapping.Left)) != 1 {
		t.Errorf("constants are no mapped fields: got %d fields, columns %q", len(m.Fields()), m.Columns(mapping.Left))
	}
	if got := m.Warnings(); len(got) != 0 {
		t.Errorf("what is required is given: got %v", got)
	}
}

func TestPoliciesOfLeavingAndMerging(t *testing.T) {
	t.Parallel()
	s := spec()
	s.FilterLeft = "row.deleted_at == null"
	s.DeleteToRight, s.DeleteToLeft = mapping.DeleteSpec{Kind: mapping.DeleteArchive}, mapping.DeleteSpec{Kind: mapping.DeleteConfirm}
	m := compile(t, s)
	for i, got := range []mapping.DeletePolicy{m.Leave(mapping.Right), m.Leave(mapping.Left), m.Merged(mapping.Right), m.Merged(mapping.Left)} {
		if want := []mapping.DeleteKind{mapping.DeleteArchive, mapping.DeleteConfirm, mapping.DeleteIgnore, mapping.DeleteIgnore}[i]; got.Kind != want {
			t.Errorf("by default, %d: got %s, want %s", i, got.Kind, want)
		}
	}
	s.LeaveToRight = &mapping.DeleteSpec{Kind: mapping.DeleteUnlink}
	s.MergedLeft = &mapping.DeleteSpec{Kind: mapping.DeleteArchive, Set: []mapping.Assignment{{Field: "active", Value: text("false")}}}
	s.Fuse, s.Breaker, s.Drift = mapping.Fuse{Count: 5, Share: 0.5, Window: time.Minute}, mapping.Breaker{Flips: 3, Within: time.Second}, mapping.DriftIgnore
	m = compile(t, s)
	if m.Leave(mapping.Right).Kind != mapping.DeleteUnlink || m.Merged(mapping.Left).Set.Get("active").Text != "false" || m.Merged(mapping.Right).Kind != mapping.DeleteIgnore {
		t.Errorf("got %v, %v, %v", m.Leave(mapping.Right), m.Merged(mapping.Left), m.Merged(mapping.Right))
	}
	if m.Fuse() != s.Fuse || m.Breaker() != s.Breaker || m.Drift() != s.Drift {
		t.Errorf("got %v, %v, %v", m.Fuse(), m.Breaker(), m.Drift())
	}
}

func TestFaultsOfSensitiveFieldsQuoteNothing(t *testing.T) {
	t.Parallel()
	const secret = "K7!tr0ub4dor"
	hidden := func(f mapping.FieldSpec) mapping.FieldSpec { f.Sensitive = true; return f }
	s := spec(hidden(mapping.FieldSpec{Left: "full_name", Right: "app_id", ToRight: "{'a': 'b'}[value]", ToLeft: "value"}),
		hidden(mapping.FieldSpec{Left: "plan", Right: "plan_tier"}),
		hidden(mapping.FieldSpec{Left: "extra", Right: "firstname", ToRight: "value.matches(string(value) + '(') ? 'x' : 'y'"}),
		hidden(mapping.FieldSpec{Left: "visits", Right: "visits", When: [2]string{mapping.Right: "row.visits > 1"}}))
	s.Fields[1].Conflict = &mapping.Rule{Kind: mapping.Merge, Expression: "{'a': 'b'}[left]"}
	s.FilterLeft = "row.visits > 1"
	m := compile(t, s)
	if !m.Fields()[1].Sensitive() || m.Fields()[0].Sensitive() {
		t.Error("which fields are sensitive is not kept")
	}
	var errs []error
	for _, f := range m.Fields()[1:] {
		for _, v := range []string{secret, `"` + secret + `"`} {
			_, err := f.Convert(mapping.Right, event.String(v))
			errs = append(errs, err)
		}
	}
	_, err := m.Fields()[1].Merge(event.String(secret), event.String(secret), event.NullOf(event.Text))
	errs = append(errs, err)
	_, err = m.Takes(mapping.Left, record("visits", secret))
	errs = append(errs, err)
	_, err = m.Fields()[4].Allows(mapping.Right, record("visits", secret))
	errs = append(errs, err)
	for i, err := range errs {
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%d: got %v, want a fault without the value", i, err)
		}
	}
}

func TestReferencesAreHeldAgainstTheMappingTheyName(t *testing.T) {
	t.Parallel()
	companies := func(name string) (*mapping.Mapping, mapping.Spec) {
		s := mapping.Spec{Name: name, Left: mapping.End{Connection: "app", Object: "public.companies"}, Right: mapping.End{Connection: "crm", Object: "companies"},
			MatchLeft: "domain", MatchRight: "domain", Fields: []mapping.FieldSpec{{Left: "domain", Right: "domain"}}}
		m, problems := mapping.Compile(s, event.Object{Name: "public.companies", Key: []string{"id"}, Fields: []event.Field{{Name: "id", Kind: event.Int}, {Name: "domain"}}},
			event.Object{Name: "companies", Key: []string{"hs_object_id"}, Fields: []event.Field{{Name: "hs_object_id", Kind: event.Decimal}, {Name: "domain"}}})
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		return m, s
	}
	child := func(of, leftTo string, leftKind event.Kind) (*mapping.Mapping, mapping.Spec) {
		s := mapping.Spec{Name: "people", Left: mapping.End{Connection: "app", Object: "public.people"}, Right: mapping.End{Connection: "crm", Object: "contacts"},
			MatchLeft: "email", MatchRight: "email", Fields: []mapping.FieldSpec{{Left: "email", Right: "email"}, {Path: "references[0]", Left: "company_id", Right: "associations.companies", Reference: of}}}
		m, problems := mapping.Compile(s, event.Object{Name: "public.people", Key: []string{"a", "b"}, Fields: []event.Field{{Name: "a"}, {Name: "b"}, {Name: "email"}, {Name: "company_id", Kind: leftKind, Reference: leftTo, Nullable: true}}},
			event.Object{Name: "contacts", Key: []string{"hs_object_id"}, Fields: []event.Field{{Name: "hs_object_id", Kind: event.Decimal}, {Name: "email"}, {Name: "associations.companies", Reference: "companies", Nullable: true}}})
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		return m, s
	}
	parent, parentSpec := companies("companies")
	for _, tt := range []struct {
		name, of, leftTo string
		kind             event.Kind
		want             string
	}{
		{"a declared foreign key", "companies", "public.companies", event.Int, ""},
		{"a column without one", "companies", "", event.Int, ""},
		{"an unknown mapping", "company", "", event.Int, `references[0].mapping: there is no mapping company: did you mean companies?`},
		{"another table's foreign key", "companies", "public.firms", event.Int, `references[0].left: company_id of app/public.people refers to public.firms, and mapping companies keeps public.companies in step: name the mapping of public.firms`},
		{"a column that holds no key", "companies", "", event.Bool, `references[0].left: company_id of app/public.people (boolean) holds no key of public.companies (integer): name the field that refers to public.companies`},
		{"its own mapping, whose key has two columns", "people", "public.people", event.Int,
			"references[0].mapping: records of app/public.people have a key of 2 columns, and a reference holds one: remove the line: such records cannot be referred to\n" +
				"references[0].right: associations.companies of crm/contacts refers to companies, and mapping people keeps contacts in step: name the mapping of companies"},
	} {
		m, s := child(tt.of, tt.leftTo, tt.kind)
		var got []string
		for _, p := range mapping.CheckReferences([]*mapping.Mapping{parent, m}, []mapping.Spec{parentSpec, s})[1] {
			got = append(got, p.String())
		}
		if strings.Join(got, "\n") != tt.want {
			t.Errorf("%s: got\n%s\nwant\n%s", tt.name, strings.Join(got, "\n"), tt.want)
		}
	}
	m, s := child("companies", "", event.Int)
	f := m.Fields()[1]
	if f.Reference() != "companies" || f.Name(mapping.Right) != "associations.companies" {
		t.Errorf("got %q, %q", f.Reference(), f.Name(mapping.Right))
	}
	if got := mapping.CheckReferences([]*mapping.Mapping{m}, []mapping.Spec{s, {Name: "companies"}}); len(got[0]) > 0 {
		t.Errorf("a mapping that did not compile is not blamed here: got %v", got)
	}
	if ok, _, err := f.RoundTrips(mapping.Left, event.Of(event.Int, "5")); !ok || err != nil {
		t.Errorf("a reference has nothing to come back: got %t, %v", ok, err)
	}
}

func TestNullsThatATargetDoesNotTakeAreAWarning(t *testing.T) {
	t.Parallel()
	warned := func(s mapping.Spec) string {
		var out []string
		for _, w := range compile(t, s).Warnings() {
			out = append(out, w.String())
		}
		return strings.Join(out, "\n")
	}
	line := mapping.FieldSpec{Left: "tenant", Right: "app_id"}
	if got, want := warned(spec(line)), "fields[1]: app_id of crm/contacts may be null, and tenant of app/public.customers takes no null: add default: {left: …}, or expect such records to wait for a person"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	line.DefaultLeft = text("none")
	if got := warned(spec(line)); got != "" {
		t.Errorf("with a default: got %q", got)
	}
}
