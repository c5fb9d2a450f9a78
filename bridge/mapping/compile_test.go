package mapping_test

import (
	"strings"
	"testing"

	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

// customers and contacts are the two sides of most tests.
func customers() event.Object {
	return event.Object{Name: "public.customers", Key: []string{"id"}, Fields: []event.Field{
		{Name: "id", Kind: event.Int, Native: "bigint", Generated: true},
		{Name: "email", Kind: event.Text, Native: "text", Unique: true, Required: true},
		{Name: "full_name", Kind: event.Text, Native: "text", Nullable: true},
		{Name: "plan", Kind: event.Text, Native: "text", Nullable: true},
		{Name: "visits", Kind: event.Int, Native: "integer", Nullable: true},
		{Name: "ltv", Kind: event.Decimal, Native: "numeric(12,2)", Scale: 2, Nullable: true},
		{Name: "score", Kind: event.Float, Native: "double precision", Nullable: true},
		{Name: "active", Kind: event.Bool, Native: "boolean", Nullable: true},
		{Name: "born", Kind: event.Date, Native: "date", Nullable: true},
		{Name: "seen", Kind: event.Local, Native: "timestamp without time zone", Nullable: true},
		{Name: "deleted_at", Kind: event.Instant, Native: "timestamp with time zone", Nullable: true},
		{Name: "extra", Kind: event.JSON, Native: "jsonb", Nullable: true},
		{Name: "tags", Kind: event.Array, Native: "text[]", Nullable: true},
		{Name: "computed", Kind: event.Text, Native: "text", ReadOnly: true},
		{Name: "tenant", Kind: event.Text, Native: "text", Required: true},
	}}
}

func contacts() event.Object {
	return event.Object{Name: "contacts", Key: []string{"hs_object_id"}, Fields: []event.Field{
		{Name: "hs_object_id", Kind: event.Decimal, Native: "number", Scale: -1, Unique: true, ReadOnly: true, Generated: true},
		{Name: "email", Kind: event.Text, Native: "string", Unique: true, Nullable: true},
		{Name: "firstname", Kind: event.Text, Native: "string", Nullable: true},
		{Name: "app_id", Kind: event.Text, Native: "string", Nullable: true},
		{Name: "plan_tier", Kind: event.Enum, Native: "enumeration", Options: []string{"F", "P"}, Nullable: true},
		{Name: "interests", Kind: event.Multi, Native: "enumeration", Options: []string{"wine", "tea"}, Nullable: true},
		{Name: "visits", Kind: event.Decimal, Native: "number", Scale: -1, Nullable: true},
		{Name: "vip", Kind: event.Bool, Native: "bool", Nullable: true},
		{Name: "birthday", Kind: event.Date, Native: "date", Nullable: true},
		{Name: "signed_up", Kind: event.Instant, Native: "datetime", Nullable: true},
		{Name: "hubspotscore", Kind: event.Decimal, Native: "number", Scale: -1, ReadOnly: true, Nullable: true},
	}}
}

// spec is a mapping of email, and of more lines.
func spec(lines ...mapping.FieldSpec) mapping.Spec {
	return mapping.Spec{Name: "contacts", Left: mapping.End{Connection: "app", Object: "public.customers"}, Right: mapping.End{Connection: "crm", Object: "contacts"},
		MatchLeft: "email", MatchRight: "email", Fields: append([]mapping.FieldSpec{{Left: "email", Right: "email"}}, lines...)}
}

func text(s string) *string { return &s }

func TestMistakesAreExplained(t *testing.T) {
	t.Parallel()
	line := func(f mapping.FieldSpec) func(*mapping.Spec) {
		return func(s *mapping.Spec) { s.Fields = append(s.Fields, f) }
	}
	for _, tt := range []struct {
		name string
		make func(*mapping.Spec)
		want string // the problems, one a line
	}{
		{"no name", func(s *mapping.Spec) { s.Name = "" }, `name: the mapping has no name: give it one: name: contacts`},
		{"an unknown column", line(mapping.FieldSpec{Left: "fullname", Right: "firstname"}),
			`fields[1].left: app/public.customers has no fullname: did you mean full_name?`},
		{"an unknown property", line(mapping.FieldSpec{Left: "full_name", Right: "zzz"}),
			`fields[1].right: crm/contacts has no zzz: there are hs_object_id, email, firstname, app_id, plan_tier, interests, visits, vip, birthday, signed_up, hubspotscore`},
		{"an unknown direction", line(mapping.FieldSpec{Left: "full_name", Right: "firstname", Direction: "up"}),
			`fields[1].direction: "up" is no direction: write left, right or both`},
		{"text into a choice's column and back", line(mapping.FieldSpec{Left: "visits", Right: "app_id"}),
			`fields[1].to_left: right → left: app_id (text) is no integer (visits): write direction: right, or add to_left: "int(value)" and to_right: "value"`},
		{"text into a number, one way", line(mapping.FieldSpec{Left: "full_name", Right: "visits", Direction: "right"}),
			`fields[1].to_right: left → right: full_name (text) is no decimal (visits, number): add to_right: "double(value)"`},
		{"text into a number, both ways", line(mapping.FieldSpec{Left: "full_name", Right: "visits"}),
			`fields[1].to_right: left → right: full_name (text) is no decimal (visits, number): write direction: left, or add to_right: "double(value)" and to_left: "value"`},
		{"a flag into a number", line(mapping.FieldSpec{Left: "active", Right: "visits", Direction: "right"}),
			`fields[1].to_right: left → right: active (boolean) is no decimal (visits, number): add to_right: "value ? 1.0 : 0.0"`},
		{"a time into a day", line(mapping.FieldSpec{Left: "deleted_at", Right: "birthday", Direction: "right"}),
			`fields[1].to_right: left → right: deleted_at (timestamp with zone) is no date (birthday): add to_right: "value"`},
		{"a time without a zone into one with", line(mapping.FieldSpec{Left: "seen", Right: "signed_up", Direction: "right"}),
			`fields[1].to_right: left → right: seen (timestamp without zone) is no timestamp with zone (signed_up, datetime): add to_right: "value"`},
		{"an array into a multiple choice", line(mapping.FieldSpec{Left: "tags", Right: "interests", Direction: "right"}),
			`fields[1].to_right: left → right: tags (array) is no multiple choice (interests, enumeration): add to_right: "value.replace('{', '').replace('}', '').replace(',', ';')"`},
		{"a read-only target", line(mapping.FieldSpec{Left: "score", Right: "hubspotscore"}),
			`fields[1].right: hubspotscore of crm/contacts is read-only: write direction: left`},
		{"the database's own key as a target", line(mapping.FieldSpec{Left: "id", Right: "app_id", ToRight: "value", ToLeft: "int(value)"}),
			`fields[1].left: id of app/public.customers is the key that the left side gives its records: write direction: right`},
		{"two lines for one target", func(s *mapping.Spec) {
			s.Fields = append(s.Fields, mapping.FieldSpec{Left: "full_name", Right: "firstname"}, mapping.FieldSpec{Left: "plan", Right: "firstname", Direction: "right"})
		}, `fields[2].right: firstname is written by fields[1] already: let one of the two lines only read it: direction: left`},
		{"one line twice", line(mapping.FieldSpec{Left: "email", Right: "email", Direction: "right"}),
			`fields[1]: email and email are mapped to each other already, by fields[0]: leave one of the lines`},
		{"a transform without its inverse", line(mapping.FieldSpec{Left: "full_name", Right: "firstname", Direction: "both", ToRight: "value"}),
			`fields[1].to_right: a two-way field with an expression needs its inverse: add to_left ("value" where the value goes back as it is), or write direction: right`},
		{"an expression nobody uses", line(mapping.FieldSpec{Left: "full_name", Right: "firstname", Direction: "left", ToRight: "value"}),
			`fields[1].to_right: to_right is never used, for the field is not written to the right side: remove it, or write direction: both`},
		{"values and an expression", line(mapping.FieldSpec{Left: "full_name", Right: "firstname", ToRight: "value", Values: []mapping.Pair{{Left: "a", Right: "b"}}}),
			`fields[1].values: a field has either values or expressions: leave one of the two`},
		{"an expression that is none", line(mapping.FieldSpec{Left: "full_name", Right: "firstname", ToRight: "value.split("}),
			`fields[1].to_right (line 1, column 13): this is no expression: mismatched input '<EOF>': look at its parentheses and quotes`},
		{"an expression over two lines", line(mapping.FieldSpec{Left: "full_name", Right: "firstname", ToRight: "value +\n  valu"}),
			`fields[1].to_right (line 2, column 3): the expression knows no valu: did you mean value?`},
		{"a row in a field's expression", line(mapping.FieldSpec{Left: "full_name", Right: "firstname", ToRight: "row.plan"}),
			`fields[1].to_right (line 1, column 1): the expression knows no row: a field's expression sees only value; row is for filters and conditions`},
		{"an expression that gives text for a number", line(mapping.FieldSpec{Left: "full_name", Right: "visits", ToRight: "value + '1'"}),
			`fields[1].to_right (line 1, column 1): gives a text, which visits (decimal) does not take: convert it: double(…)`},
		{"an expression that gives a list", line(mapping.FieldSpec{Left: "full_name", Right: "firstname", ToRight: "value.split(' ')"}),
			`fields[1].to_right (line 1, column 1): gives a list(string), which firstname (text) does not take: pick one of the list's items, such as …[0], or join them: ….join(';')`},
		{"an expression that gives a fraction for a whole number", line(mapping.FieldSpec{Left: "visits", Right: "visits", ToLeft: "value * 2.0"}),
			`fields[1].to_left (line 1, column 1): gives a number, which visits (integer) does not take: convert it: int(…)`},
		{"an expression that mixes text and number", line(mapping.FieldSpec{Left: "visits", Right: "firstname", ToRight: "value + '!'"}),
			`fields[1].to_right (line 1, column 7): + does not take a whole number and a text: convert one of the two: int(…), double(…), string(…) or timestamp(…)`},
		{"an expression that always fails", line(mapping.FieldSpec{Left: "full_name", Right: "firstname", ToRight: "value + string(int('x'))"}),
			`fields[1].to_right: the expression always fails: type conversion error from 'string' to 'int'`},
		{"an expression of endless length", line(mapping.FieldSpec{Left: "full_name", Right: "firstname", ToRight: strings.Repeat(" ", 5000) + "value"}),
			`fields[1].to_right: the expression has 5005 bytes: use at most 4096`},
		{"a value that is no option", line(mapping.FieldSpec{Left: "plan", Right: "plan_tier", Values: []mapping.Pair{{Left: "free", Right: "Free"}}}),
			`fields[1].values.free: "Free" is no option of plan_tier, which has F, P: write a value that plan_tier can hold`},
		{"two values with one counterpart", line(mapping.FieldSpec{Left: "plan", Right: "plan_tier", Values: []mapping.Pair{{Left: "free", Right: "F"}, {Left: "gratis", Right: "F"}}}),
			`fields[1].values.gratis: "F" stands for both "free" and "gratis", so there is no way back from it: give each value a counterpart of its own, or write direction: right`},
		{"one value twice in two spellings", line(mapping.FieldSpec{Left: "ltv", Right: "plan_tier", Values: []mapping.Pair{{Left: "1", Right: "F"}, {Left: "1.00", Right: "P"}}}),
			`fields[1].values.1.00: "1.00" is listed twice: leave one of the lines`},
		{"a default that does not fit", line(mapping.FieldSpec{Left: "visits", Right: "visits", Direction: "right", DefaultRight: text("none")}),
			`fields[1].default.right: "none" is no number: write a value that visits can hold`},
		{"a default on the side that is not written", line(mapping.FieldSpec{Left: "visits", Right: "visits", Direction: "right", DefaultLeft: text("0")}),
			`fields[1].default.left: the default is never used, for the field is not written to the left side: remove it`},
		{"no match", func(s *mapping.Spec) { s.MatchLeft = "" },
			`match: the mapping does not say which records belong together: name a field of each side: match: {left: email, right: email}`},
		{"a match that is not mapped", func(s *mapping.Spec) { s.MatchLeft = "id" },
			`match: id and email are not mapped to each other: add {left: id, right: email} to fields`},
		{"a match by an expression one way", func(s *mapping.Spec) {
			s.Fields = append(s.Fields, mapping.FieldSpec{Left: "full_name", Right: "firstname", ToRight: "value.trim()"})
			s.MatchLeft, s.MatchRight = "full_name", "firstname"
		}, `match: records cannot be found on the left side: full_name has an expression one way and none back: match by a field that goes both ways`},
		{"a filter on an unknown column", func(s *mapping.Spec) { s.FilterLeft = "row.deleted == null" },
			`filter.left (line 1, column 4): app/public.customers has no deleted: did you mean deleted_at?`},
		{"a filter that is no truth", func(s *mapping.Spec) { s.FilterRight = "row.firstname" },
			`filter.right (line 1, column 1): gives a text, and a filter has to be true or false: compare it: row.deleted_at == null`},
		{"a filter over value", func(s *mapping.Spec) { s.FilterLeft = "value == 1" },
			`filter.left (line 1, column 1): the expression knows no value: a filter sees row: write row.column`},
		{"a filter that compares text with a number", func(s *mapping.Spec) { s.FilterLeft = "row.visits == '1'" },
			`filter.left (line 1, column 12): == does not take a whole number and a text: convert one of the two: int(…), double(…), string(…) or timestamp(…)`},
		{"an unknown guard", func(s *mapping.Spec) { s.Guard = "etag" }, `guard: "etag" is no guard: write none or read`},
		{"an archive of an unknown column", func(s *mapping.Spec) {
			s.DeleteToLeft = mapping.DeleteSpec{Kind: mapping.DeleteArchive, Set: []mapping.Assignment{{Field: "deleted", Value: text(mapping.Now)}}}
		}, `delete.to_left.archive.set.deleted: app/public.customers has no deleted: did you mean deleted_at?`},
		{"an archive with a time in a flag", func(s *mapping.Spec) {
			s.DeleteToLeft = mapping.DeleteSpec{Kind: mapping.DeleteArchive, Set: []mapping.Assignment{{Field: "active", Value: text(mapping.Now)}}}
		}, `delete.to_left.archive.set.active: active is a boolean and cannot hold a time: write a constant`},
		{"an archive that changes the key", func(s *mapping.Spec) {
			s.DeleteToLeft = mapping.DeleteSpec{Kind: mapping.DeleteArchive, Set: []mapping.Assignment{{Field: "id", Value: text("0")}}}
		}, `delete.to_left.archive.set.id: id is the record's key: set another field`},
		{"fields to set without archive", func(s *mapping.Spec) {
			s.DeleteToLeft = mapping.DeleteSpec{Kind: mapping.DeleteUnlink, Set: []mapping.Assignment{{Field: "active"}}}
		}, `delete.to_left: unlink sets no fields: write archive: {set: …}`},
		{"lists on both sides", line(mapping.FieldSpec{Parts: [2][]string{{"full_name", "plan"}, {"firstname", "app_id"}}}),
			`fields[1].right: both sides are lists: name one field on the left or on the right side; others get lines of their own`},
		{"a list of one", line(mapping.FieldSpec{Left: "full_name", Parts: [2][]string{nil, {"firstname"}}}),
			`fields[1].right: the list has one name: write right: firstname`},
		{"a list that names a field twice", line(mapping.FieldSpec{Left: "full_name", Parts: [2][]string{nil, {"firstname", "firstname"}}}),
			`fields[1].right: a field is listed twice: name each one once`},
		{"a list with values", line(mapping.FieldSpec{Left: "full_name", Parts: [2][]string{nil, {"firstname", "app_id"}}, Values: []mapping.Pair{{Left: "a", Right: "b"}}}),
			`fields[1].values: a field of several parts has no table of values: write expressions`},
		{"a list without expressions", line(mapping.FieldSpec{Left: "full_name", Parts: [2][]string{nil, {"firstname", "app_id"}}}),
			`fields[1]: nothing says how full_name becomes firstname, app_id: add to_right with a list of an expression for each, such as ["value.split(' ')[0]", …], or write direction: left`},
		{"a list without its way back", line(mapping.FieldSpec{Left: "full_name", Direction: "both", Parts: [2][]string{nil, {"firstname", "app_id"}}, ToParts: [2][]string{nil, {"value", "value"}}}),
			`fields[1]: nothing says how firstname, app_id become full_name: add to_left with an expression over them, such as "firstname + ' ' + app_id", or write direction: right`},
		{"one expression for a list", line(mapping.FieldSpec{Left: "full_name", ToRight: "value", ToLeft: "firstname", Parts: [2][]string{nil, {"firstname", "app_id"}}}),
			`fields[1].to_right: one expression stands where each of firstname, app_id needs one: write a list: to_right: ["…", "…"]`},
		{"a list of expressions for one field", line(mapping.FieldSpec{Left: "full_name", Right: "firstname", ToParts: [2][]string{nil, {"value", "value"}}}),
			`fields[1].to_right: a list of expressions stands where firstname is one field: write one expression`},
		{"a default for a list", line(mapping.FieldSpec{Left: "full_name", DefaultRight: text("x"), ToLeft: "firstname", Parts: [2][]string{nil, {"firstname", "app_id"}}, ToParts: [2][]string{nil, {"value", "value"}}}),
			`fields[1].default.right: firstname and app_id are several fields, which have no common default: remove it`},
		{"two lists that write one field", func(s *mapping.Spec) {
			for _, name := range []string{"full_name", "plan"} {
				s.Fields = append(s.Fields, mapping.FieldSpec{Left: name, Parts: [2][]string{nil, {"firstname", "app_id"}}, ToParts: [2][]string{nil, {"value", "value"}}})
			}
		}, "fields[2].right: firstname is written by fields[1] already: let one of the two lines only read it: direction: left\n" +
			"fields[2].right: app_id is written by fields[1] already: let one of the two lines only read it: direction: left"},
		{"leaving without a filter", func(s *mapping.Spec) { s.LeaveToRight = &mapping.DeleteSpec{Kind: mapping.DeleteUnlink} },
			`filter.leave.to_right: the left side has no filter that a record could leave: add filter.left, or remove this line`},
		{"a reference with an expression", line(mapping.FieldSpec{Path: "references[0]", Left: "visits", Right: "app_id", Reference: "companies", ToRight: "string(value)"}),
			`references[0]: a reference is translated by the other mapping's links, not by expressions or values: remove them`},
		{"a reference that is merged", line(mapping.FieldSpec{Path: "references[0]", Left: "visits", Right: "app_id", Reference: "companies", Conflict: &mapping.Rule{Kind: mapping.Merge, Expression: "left"}}),
			`references[0].conflict.merge: visits refers to a record, and two references cannot be merged: give the line a rule of its own: conflict: newest, review or {prefer: …}`},
		{"an empty merge expression", line(mapping.FieldSpec{Left: "plan", Right: "app_id", Conflict: &mapping.Rule{Kind: mapping.Merge}}),
			`fields[1].conflict.merge: the expression is empty: write one; a merge expression sees left, right and base`},
		{"everything at once", func(s *mapping.Spec) {
			s.Fields = append(s.Fields, mapping.FieldSpec{Left: "no", Right: "nope"}, mapping.FieldSpec{Left: "visits", Right: "app_id"})
			s.Guard = "x"
		}, `fields[1].left: app/public.customers has no no: there are id, email, full_name, plan, visits, ltv, score, active, born, seen, deleted_at, extra and 3 more
fields[1].right: crm/contacts has no nope: there are hs_object_id, email, firstname, app_id, plan_tier, interests, visits, vip, birthday, signed_up, hubspotscore
fields[2].to_left: right → left: app_id (text) is no integer (visits): write direction: right, or add to_left: "int(value)" and to_right: "value"
guard: "x" is no guard: write none or read`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := spec()
			tt.make(&s)
			m, problems := mapping.Compile(s, customers(), contacts())
			if m != nil || len(problems) == 0 {
				t.Fatalf("got a mapping, want a problem:\n%s", tt.want)
			}
			lines := make([]string, len(problems))
			for i, p := range problems {
				lines[i] = p.String()
			}
			if got := strings.Join(lines, "\n"); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}
