package mapping_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

// FuzzExpression gives any text as every kind of expression: it is refused with
// a place and words, or what it makes of values is a value or a bounded fault.
func FuzzExpression(f *testing.F) {
	for _, text := range []string{"", "value", "left + right - base", "row.email == null", "firstname + app_id", "value.split(' ').distinct().sort()[0]", "[[value]].map(x, x[0])[0]",
		"dyn(left) == 1 ? right : base", "row.extra.a.b > 1 && has(row.extra.c)", "'\\u0000' + value", "\"\"\"\n\"\"\" + value", "value.format([1])", "string(bytes(value))", "math.greatest(left, right)",
		"timestamp(value) + duration('1s')", "{'a': value}.a", "row.`born`", "-9223372036854775808 + left", "value[0", "type(value)"} {
		f.Add(text, "v")
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		for _, make := range []func(*mapping.Spec){
			func(s *mapping.Spec) { s.FilterLeft = text },
			func(s *mapping.Spec) { s.Fields[1].ToRight = text },
			func(s *mapping.Spec) { s.Fields[1].Conflict = &mapping.Rule{Kind: mapping.Merge, Expression: text} },
			func(s *mapping.Spec) { s.Fields[1].When[mapping.Right] = text },
			func(s *mapping.Spec) {
				s.Fields[1].Parts, s.Fields[1].Right, s.Fields[1].ToLeft = [2][]string{nil, {"firstname", "vip"}}, "", text
			},
		} {
			s := spec(mapping.FieldSpec{Left: "full_name", Right: "firstname"})
			make(&s)
			m, problems := mapping.Compile(s, customers(), contacts())
			for _, p := range problems {
				if p.What == "" || p.Line < 0 || p.Column < 0 || p.Line > strings.Count(text, "\n")+strings.Count(text, "\r")+1 || len(p.String()) > 2000 {
					t.Fatalf("%q: got problem %+v", text, p)
				}
			}
			if m != nil {
				evaluate(t, m, value)
			}
		}
	})
}

func evaluate(t *testing.T, m *mapping.Mapping, value string) {
	v, field := event.String(value), m.Fields()[1]
	_, err1 := m.Takes(mapping.Left, record("full_name", v, "email", v, "extra", v, "visits", v))
	_, err2 := field.Convert(mapping.Right, v)
	_, err3 := field.Convert(mapping.Left, field.Take(mapping.Right, record("firstname", v, "vip", nil), event.Value{}))
	_, err4 := field.Allows(mapping.Right, record("full_name", v, "email", v))
	_, err5 := field.Merge(v, v, event.NullOf(event.Text))
	for _, err := range []error{err1, err2, err3, err4, err5} {
		var fault *event.Fault
		if err != nil && (!errors.As(err, &fault) || len(err.Error()) > 1000) {
			t.Fatalf("%q: got error %T of %d bytes, want a bounded fault", value, err, len(err.Error()))
		}
	}
}
