package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

// customersTable and contactsObject are the two sides that the verdicts are
// about, before anything happens to them.
func customersTable() event.Object {
	text := func(name, id string) event.Field {
		return event.Field{Name: name, ID: "9." + id, Kind: event.Text, Native: "text", Nullable: true, Scale: -1}
	}
	email := text("email", "2")
	email.Unique, email.Nullable = true, false
	return event.Object{Name: "public.customers", Key: []string{"id"}, Fields: []event.Field{
		{Name: "id", ID: "9.1", Kind: event.Int, Native: "bigint", Generated: true, Unique: true}, email, text("phone", "3"), text("plan", "4"), text("note", "5")}}
}

func contactsObject() event.Object {
	text := func(name string) event.Field {
		return event.Field{Name: name, Kind: event.Text, Native: "string", Nullable: true, MaxLength: 65536, Scale: -1}
	}
	email, tier := text("email"), text("tier")
	email.Unique = true
	tier.Kind, tier.Native, tier.Options = event.Enum, "enumeration", []string{"F", "P"}
	return event.Object{Name: "contacts", Key: []string{"hs_object_id"}, Fields: []event.Field{email, text("phone"), tier, text("spare")}}
}

func contactsSpec(policy mapping.DriftPolicy) mapping.Spec {
	return mapping.Spec{Name: "contacts", Left: mapping.End{Connection: "app", Object: "public.customers"}, Right: mapping.End{Connection: "crm", Object: "contacts"},
		MatchLeft: "email", MatchRight: "email", Drift: policy,
		Fields: []mapping.FieldSpec{{Left: "email", Right: "email"}, {Left: "phone", Right: "phone"},
			{Left: "plan", Right: "tier", Values: []mapping.Pair{{Left: "free", Right: "F"}, {Left: "pro", Right: "P"}}}}}
}

// column changes one field of an object; drop takes it away.
func column(o event.Object, name string, change func(*event.Field)) event.Object {
	o.Fields = slices.Clone(o.Fields)
	for i := range o.Fields {
		if o.Fields[i].Name == name {
			change(&o.Fields[i])
		}
	}
	return o
}

func drop(o event.Object, name string) event.Object {
	o.Fields = slices.DeleteFunc(slices.Clone(o.Fields), func(f event.Field) bool { return f.Name == name })
	return o
}

func add(o event.Object, f event.Field) event.Object {
	o.Fields = append(slices.Clone(o.Fields), f)
	return o
}

// outcome is a verdict in a few words.
func outcome(v verdict) string {
	switch {
	case v.Mapping == nil:
		return "problem"
	case v.paused != "":
		return "paused"
	case len(v.without) > 0:
		return "without " + strings.Join(v.without, " ")
	case v.accept && len(v.news) > 0:
		return "news"
	case v.accept:
		return "accepted"
	}
	return "runs"
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	table, object := customersTable(), contactsObject()
	rename := func(to string) func(*event.Field) { return func(f *event.Field) { f.Name = to } }
	retype := func(kind event.Kind, native string, length int) func(*event.Field) {
		return func(f *event.Field) { f.Kind, f.Native, f.MaxLength = kind, native, length }
	}
	for name, c := range map[string]struct {
		left, right   event.Object
		pause, ignore string
		says          string
	}{
		"nothing happened":                    {table, object, "runs", "runs", ""},
		"a column is new":                     {add(table, event.Field{Name: "fax", ID: "9.6"}), object, "news", "news", "app/public.customers: fax is new"},
		"a column that nobody uses is gone":   {drop(table, "note"), object, "news", "news", "note is gone"},
		"a property that nobody uses is gone": {table, drop(object, "spare"), "news", "news", "crm/contacts: spare is gone"},
		"the type of one that nobody uses":    {table, column(object, "spare", retype(event.Decimal, "number", 0)), "runs", "runs", ""},
		"a column is renamed":                 {column(table, "phone", rename("mobile")), object, "paused", "without phone=phone", "phone was renamed to mobile"},
		"a column is dropped":                 {drop(table, "phone"), object, "paused", "without phone=phone", "phone is gone"},
		"dropped and added again":             {column(table, "phone", func(f *event.Field) { f.ID = "9.7" }), object, "paused", "without phone=phone", "dropped and added again"},
		"a type that does not fit":            {table, column(object, "phone", retype(event.Decimal, "number", 0)), "paused", "without phone=phone", "of type number"},
		"a type that fits all the same":       {column(table, "phone", retype(event.Text, "character varying(40)", 40)), object, "paused", "news", "of type character varying(40)"},
		"a type that takes more":              {column(table, "phone", retype(event.Text, "character varying", 0)), object, "news", "news", "takes more"},
		"read-only":                           {table, column(object, "phone", func(f *event.Field) { f.ReadOnly = true }), "paused", "without phone=phone", "read-only"},
		"a choice of the value table is gone": {table, column(object, "tier", func(f *event.Field) { f.Options = []string{"F"} }), "paused", "without plan=tier", `does not take "P"`},
		"a choice is new":                     {table, column(object, "tier", func(f *event.Field) { f.Options = []string{"F", "P", "X"} }), "news", "news", `takes "X"`},
		"the match field is gone":             {drop(table, "email"), object, "paused", "paused", "email is gone"},
		"the key is another one":              {func() event.Object { o := table; o.Key = []string{"email"}; return o }(), object, "paused", "paused", "named by (email)"},
		"the key column is renamed":           {func() event.Object { o := column(table, "id", rename("nr")); o.Key = []string{"nr"}; return o }(), object, "news", "news", "id was renamed to nr"},
		"the table is another one": {func() event.Object {
			o := table
			o.Fields = slices.Clone(o.Fields)
			for i := range o.Fields {
				o.Fields[i].ID = "8" + o.Fields[i].ID
			}
			return o
		}(), object, "paused", "news", "made anew"},
	} {
		for policy, want := range map[mapping.DriftPolicy]string{mapping.DriftPause: c.pause, mapping.DriftIgnore: c.ignore} {
			spec := contactsSpec(policy)
			stood := &standing{Spec: "same", Shapes: [2]event.Object{table, object}}
			v := judge(spec, "same", stood, [2]sighting{{shape: c.left}, {shape: c.right}})
			if got := outcome(v); got != want {
				t.Errorf("%s, policy %d: got %s, want %s (%v)", name, policy, got, want, v.news)
			}
			if all := strings.Join(v.news, "; "); !strings.Contains(all, c.says) {
				t.Errorf("%s: got news %q, want %q", name, all, c.says)
			}
			if v.paused != "" && !strings.Contains(v.paused, c.says) {
				t.Errorf("%s: paused as %q, want %q in it", name, v.paused, c.says)
			}
		}
	}
}

func TestAMappingThatNeverRanHasProblemsAndNoDrift(t *testing.T) {
	t.Parallel()
	table, object := customersTable(), contactsObject()
	if v := judge(contactsSpec(mapping.DriftPause), "f", nil, [2]sighting{{shape: drop(table, "phone")}, {shape: object}}); outcome(v) != "problem" || len(v.problems) == 0 {
		t.Errorf("got %s with %v, want problems of the configuration", outcome(v), v.problems)
	}
	if v := judge(contactsSpec(mapping.DriftPause), "f", nil, [2]sighting{{shape: table}, {shape: object}}); outcome(v) != "accepted" {
		t.Errorf("got %s, want the first shapes accepted", outcome(v))
	}
}

func TestAChangedConfigurationSettlesDrift(t *testing.T) {
	t.Parallel()
	table, object := customersTable(), contactsObject()
	renamed := column(table, "phone", func(f *event.Field) { f.Name = "mobile" })
	stood := &standing{Spec: "old", Shapes: [2]event.Object{table, object}, Used: [2][]string{{"email", "phone", "plan"}, {"email", "phone", "tier"}}}
	now := [2]sighting{{shape: renamed}, {shape: object}}
	follows := contactsSpec(mapping.DriftPause)
	follows.Fields[1].Left = "mobile"
	if v := judge(follows, "new", stood, now); outcome(v) != "news" || !v.changed || v.renames[mapping.Left]["phone"] != "mobile" {
		t.Errorf("a configuration with the new name: got %s, renames %v; want it accepted, and links to follow", outcome(v), v.renames)
	}
	if v := judge(contactsSpec(mapping.DriftPause), "new", stood, now); outcome(v) != "paused" {
		t.Errorf("a configuration that was changed elsewhere: got %s, want it paused", outcome(v))
	}
	wrong := contactsSpec(mapping.DriftPause)
	wrong.Fields[1].Left = "mobil"
	if v := judge(wrong, "new", stood, now); outcome(v) != "problem" {
		t.Errorf("a configuration that fits neither shape: got %s, want problems", outcome(v))
	}
	rekeyed := table
	rekeyed.Key = []string{"email"}
	if v := judge(contactsSpec(mapping.DriftPause), "new", stood, [2]sighting{{shape: rekeyed}, {shape: object}}); outcome(v) != "paused" || !strings.Contains(v.paused, "another name") {
		t.Errorf("another key: got %s (%s), want it paused whatever was changed", outcome(v), v.paused)
	}
	follows.MatchLeft = "email"
	both := column(rekeyed, "phone", func(f *event.Field) { f.Name = "mobile" })
	if v := judge(follows, "new", stood, [2]sighting{{shape: both}, {shape: object}}); outcome(v) != "problem" || !strings.Contains(v.problems[0].Remedy, "another name") {
		t.Errorf("another key and the new name: got %s (%v), want a problem", outcome(v), v.problems)
	}
	again := column(table, "phone", func(f *event.Field) { f.ID = "9.9" })
	if v := judge(contactsSpec(mapping.DriftPause), "new", stood, [2]sighting{{shape: again}, {shape: object}}); outcome(v) != "paused" || !strings.Contains(v.paused, "lockstep resume") {
		t.Errorf("values that are gone: got %s (%s), want it paused until a person accepts that", outcome(v), v.paused)
	}
	shorter := column(table, "phone", func(f *event.Field) { f.Native, f.MaxLength = "character varying(40)", 40 })
	if v := judge(contactsSpec(mapping.DriftPause), "new", stood, [2]sighting{{shape: shorter}, {shape: object}}); outcome(v) != "news" {
		t.Errorf("a changed configuration that fits: got %s, want it accepted with news", outcome(v))
	}
}

func TestAPausedMappingWantsWhatIsThere(t *testing.T) {
	t.Parallel()
	table, object := customersTable(), contactsObject()
	stood := &standing{Spec: "same", Shapes: [2]event.Object{table, object}}
	v := judge(contactsSpec(mapping.DriftPause), "same", stood, [2]sighting{{shape: drop(table, "phone")}, {shape: object}})
	if !slices.Equal(v.hidden[mapping.Left], []string{"phone"}) || v.absent[mapping.Left] || v.End(mapping.Left).Object != "public.customers" {
		t.Errorf("got hidden %v, absent %v; want phone hidden", v.hidden, v.absent)
	}
	v = judge(contactsSpec(mapping.DriftIgnore), "same", stood, [2]sighting{{gone: "app/public.customers: there is no table"}, {shape: object}})
	if outcome(v) != "paused" || !v.absent[mapping.Left] || !strings.Contains(v.paused, "there is no table") {
		t.Errorf("without its table: got %s (%s), absent %v; want it paused whatever the policy", outcome(v), v.paused, v.absent)
	}
	// One more column is gone: the same verdict in other words, and the database
	// has to be told.
	first := judge(contactsSpec(mapping.DriftPause), "same", stood, [2]sighting{{shape: drop(table, "phone")}, {shape: object}})
	second := judge(contactsSpec(mapping.DriftPause), "same", stood, [2]sighting{{shape: drop(drop(table, "phone"), "plan")}, {shape: object}})
	if first.same(&second) {
		t.Error("a further column that is gone makes no difference")
	}
	third := judge(contactsSpec(mapping.DriftPause), "same", stood, [2]sighting{{shape: drop(drop(table, "phone"), "note")}, {shape: object}})
	if !first.same(&third) {
		t.Error("a column that nobody uses makes a difference")
	}
}
