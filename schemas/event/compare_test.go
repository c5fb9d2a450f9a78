package event_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// table is a shape as PostgreSQL describes one, with identities.
func table(fields ...event.Field) event.Object {
	o := event.Object{Name: "public.customers", Key: []string{"id"}, Fields: []event.Field{{Name: "id", ID: "7.1", Kind: event.Int, Native: "bigint"}}}
	for _, f := range fields {
		if f.ID == "" {
			f.ID = "7." + f.Name
		}
		o.Fields = append(o.Fields, f)
	}
	return o
}

// saas is the same without them.
func saas(fields ...event.Field) event.Object {
	o := table(fields...)
	for i := range o.Fields {
		o.Fields[i].ID = ""
	}
	return o
}

func text(name string) event.Field {
	return event.Field{Name: name, Kind: event.Text, Native: "text", Nullable: true}
}

func with(f event.Field, change func(*event.Field)) event.Field {
	change(&f)
	return f
}

func TestCompareObjects(t *testing.T) {
	t.Parallel()
	phone := text("phone")
	native := func(kind event.Kind, name string) event.Field {
		return event.Field{Name: "phone", Kind: kind, Native: name, Nullable: true}
	}
	choice := func(options ...string) event.Field {
		return event.Field{Name: "plan", Kind: event.Enum, Native: "enumeration", Nullable: true, Options: options}
	}
	again := func(f event.Field, id string) event.Field { return with(f, func(f *event.Field) { f.ID = id }) }
	for name, c := range map[string]struct {
		old, now event.Object
		want     []string
		breaks   string // for a reader only; for a writer too: r, w, - for neither
	}{
		"nothing":                               {table(phone), table(phone), nil, "--"},
		"a new label is nothing":                {table(phone), table(with(phone, func(f *event.Field) { f.Label = "Telephone" })), nil, "--"},
		"a field is new":                        {table(phone), table(phone, text("fax")), []string{"fax is new"}, "--"},
		"a required field is new":               {table(phone), table(phone, event.Field{Name: "fax", Required: true}), []string{"fax is new, and a record created there has to have it"}, "--"},
		"a field is gone":                       {table(phone, text("fax")), table(text("fax")), []string{"phone is gone"}, "rw"},
		"a field is renamed":                    {table(phone), table(again(text("mobile"), "7.phone")), []string{"phone was renamed to mobile"}, "rw"},
		"renamed and retyped":                   {table(phone), table(again(event.Field{Name: "mobile", Kind: event.Int, Native: "bigint", Nullable: true}, "7.phone")), []string{"phone was renamed to mobile", "phone is of type bigint now instead of text"}, "rw"},
		"dropped, and another one is new":       {table(phone), table(text("mobile")), []string{"phone is gone", "mobile is new"}, "rw"},
		"dropped and added again":               {table(phone), table(again(phone, "7.9")), []string{"phone was dropped and added again, so that its values are gone"}, "rw"},
		"two fields swap names":                 {table(phone, text("fax")), table(again(text("fax"), "7.phone"), again(text("phone"), "7.fax")), []string{"phone was renamed to fax", "fax was renamed to phone"}, "rw"},
		"probably renamed":                      {saas(phone), saas(text("mobile")), []string{"phone is gone, and mobile, of the same type, is new: it was probably renamed"}, "rw"},
		"gone, and two of its type are new":     {saas(phone), saas(text("mobile"), text("fax")), []string{"phone is gone", "mobile is new", "fax is new"}, "rw"},
		"gone, and one of another type":         {saas(phone), saas(event.Field{Name: "mobile", Kind: event.Int, Native: "number"}), []string{"phone is gone", "mobile is new"}, "rw"},
		"an unused one is gone":                 {saas(phone, text("fax")), saas(phone, text("mobile")), []string{"fax is gone", "mobile is new"}, "--"},
		"another type":                          {table(phone), table(native(event.Int, "bigint")), []string{"phone is of type bigint now instead of text"}, "rw"},
		"shorter":                               {table(phone), table(with(native(event.Text, "character varying(5)"), func(f *event.Field) { f.MaxLength = 5 })), []string{"phone is of type character varying(5) now instead of text"}, "rw"},
		"longer":                                {table(with(native(event.Text, "character varying(5)"), func(f *event.Field) { f.MaxLength = 5 })), table(phone), []string{"phone takes more than before: text instead of character varying(5)"}, "--"},
		"text without case":                     {table(phone), table(native(event.Text, "citext")), []string{"phone is of type citext now instead of text"}, "rw"},
		"a larger integer":                      {table(native(event.Int, "integer")), table(native(event.Int, "bigint")), []string{"phone takes more than before: bigint instead of integer"}, "--"},
		"a smaller integer":                     {table(native(event.Int, "bigint")), table(native(event.Int, "integer")), []string{"phone is of type integer now instead of bigint"}, "rw"},
		"fewer decimals":                        {table(native(event.Decimal, "numeric(12,4)")), table(native(event.Decimal, "numeric(12,2)")), []string{"phone is of type numeric(12,2) now instead of numeric(12,4)"}, "rw"},
		"read-only":                             {table(phone), table(with(phone, func(f *event.Field) { f.ReadOnly = true })), []string{"phone is read-only now"}, "-w"},
		"not read-only any more":                {table(with(phone, func(f *event.Field) { f.ReadOnly = true })), table(phone), []string{"phone can be written now"}, "--"},
		"required":                              {table(phone), table(with(phone, func(f *event.Field) { f.Nullable, f.Required = false, true })), []string{"phone does not take null any more"}, "-w"},
		"optional":                              {table(with(phone, func(f *event.Field) { f.Nullable = false })), table(phone), []string{"phone takes null now"}, "--"},
		"unique and not":                        {table(with(phone, func(f *event.Field) { f.Unique = true })), table(phone), []string{"several records may hold the same phone now"}, "--"},
		"a choice is gone":                      {saas(phone, choice("a", "b")), saas(phone, choice("a")), []string{`plan does not take "b" any more`}, "-w"},
		"a choice is new":                       {saas(phone, choice("a")), saas(phone, choice("a", "b")), []string{`plan takes "b" now`}, "--"},
		"many choices are gone":                 {saas(phone, choice("a", "b", "c", "d", "e", "f", "g")), saas(phone, choice("a")), []string{`plan does not take "b", "c", "d", "e", "f" and 1 more any more`}, "-w"},
		"one choice becomes several":            {saas(phone, choice("a")), saas(phone, with(choice("a"), func(f *event.Field) { f.Kind = event.Multi })), []string{"plan is of type multiple choice now instead of enumeration"}, "rw"},
		"it refers to others":                   {table(with(phone, func(f *event.Field) { f.Reference = "public.a" })), table(with(phone, func(f *event.Field) { f.Reference = "public.b" })), []string{"phone refers to public.b now instead of public.a"}, "rw"},
		"a foreign key that is gone is no news": {table(with(phone, func(f *event.Field) { f.Reference = "public.a" })), table(phone), nil, "--"},
	} {
		got := event.CompareObjects(c.old, c.now, []string{"phone", "plan"})
		var texts []string
		breaks := []byte("--")
		for _, d := range got {
			texts = append(texts, d.String())
			if d.Sure != strings.Contains(d.Text, "was renamed") {
				t.Errorf("%s: %q is sure: %v", name, d, d.Sure)
			}
			if d.Field != "phone" && d.Field != "plan" || d.Kind == event.FieldAdded {
				continue
			}
			if d.Breaks(true, false) {
				breaks[0] = 'r'
			}
			if d.Breaks(true, true) {
				breaks[1] = 'w'
			}
		}
		if !slices.Equal(texts, c.want) {
			t.Errorf("%s: got\n  %s\nwant\n  %s", name, strings.Join(texts, "\n  "), strings.Join(c.want, "\n  "))
		}
		if string(breaks) != c.breaks {
			t.Errorf("%s: breaks %s, want %s", name, breaks, c.breaks)
		}
	}
}

func TestAKeyIsComparedByItsFields(t *testing.T) {
	t.Parallel()
	old := table(text("email"))
	renamed := table(text("email"))
	renamed.Fields[0].Name, renamed.Key = "customer_id", []string{"customer_id"}
	if got := event.CompareObjects(old, renamed, nil); len(got) != 1 || got[0].Kind != event.FieldRenamed || got[0].Breaks(false, false) {
		t.Errorf("a key column that was renamed: got %v, want the renaming only, which breaks nobody who does not use it", got)
	}
	other := table(text("email"))
	other.Key = []string{"email"}
	if got := event.CompareObjects(old, other, nil); len(got) != 1 || got[0].Kind != event.KeyChanged || !got[0].Breaks(false, false) {
		t.Errorf("another key: got %v, want that it changed, which breaks all", got)
	}
}

func TestATableThatWasMadeAnewIsToldByItsNames(t *testing.T) {
	t.Parallel()
	old, now := table(text("email"), text("phone")), table(text("phone"), text("email"))
	for i := range now.Fields {
		now.Fields[i].ID = "8." + now.Fields[i].Name
	}
	if got := event.CompareObjects(old, now, nil); len(got) != 1 || got[0].Kind != event.ObjectMadeNew || !got[0].Breaks(false, false) {
		t.Errorf("got %v, want only that it is another table", got)
	}
}
