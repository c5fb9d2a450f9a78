package pgform_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/lockstep-sync/lockstep/schemas/event"
	"github.com/lockstep-sync/lockstep/schemas/pgform"
)

const (
	boolOID, byteaOID, int8OID, textOID, floatOID = 16, 17, 20, 25, 701
	dateOID, timestampOID, timestamptzOID         = 1082, 1114, 1184
	numericOID, uuidOID                           = 1700, 2950
)

func builtin(t testing.TB, oid uint32) pgform.Type {
	t.Helper()
	typ, ok := pgform.Builtin(oid)
	if !ok {
		t.Fatalf("type %d is not known", oid)
	}
	return typ
}

func TestServerTextBecomesCanonicalTextAndBack(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ab", 4001)
	for _, c := range []struct {
		oid       uint32
		server    string
		canonical string
		kind      event.Kind
	}{
		{boolOID, "t", "true", event.Bool},
		{boolOID, "f", "false", event.Bool},
		{int8OID, "-9223372036854775808", "-9223372036854775808", event.Int},
		{numericOID, "0.000000000000000000001000", "0.000000000000000000001000", event.Decimal},
		{numericOID, "NaN", "NaN", event.Decimal},
		{floatOID, "-Infinity", "-Infinity", event.Float},
		{floatOID, "1e-07", "1e-07", event.Float},
		{textOID, "Zoë \"🚀\"\n\\x00", "Zoë \"🚀\"\n\\x00", event.Text},
		{textOID, "", "", event.Text},
		{byteaOID, `\x`, "", event.Bytes},
		{byteaOID, `\x00ff68`, "AP9o", event.Bytes},
		{byteaOID, `\x6869`, "aGk=", event.Bytes},
		{byteaOID, `\x` + long, base64Of(t, long), event.Bytes},
		{dateOID, "0044-03-15 BC", "0044-03-15 BC", event.Date},
		{dateOID, "-infinity", "-infinity", event.Date},
		{timestampOID, "2024-02-29 23:59:59.999999", "2024-02-29T23:59:59.999999", event.Local},
		{timestampOID, "infinity", "infinity", event.Local},
		{timestampOID, "0044-03-15 12:00:00 BC", "0044-03-15T12:00:00 BC", event.Local},
		{timestamptzOID, "2024-02-29 23:59:59.5+00", "2024-02-29T23:59:59.5Z", event.Instant},
		{timestamptzOID, "294276-12-31 23:59:59.999999+00", "294276-12-31T23:59:59.999999Z", event.Instant},
		{timestamptzOID, "4713-11-24 00:00:00.000001+00 BC", "4713-11-24T00:00:00.000001Z BC", event.Instant},
		{timestamptzOID, "-infinity", "-infinity", event.Instant},
		{uuidOID, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", event.UUID},
	} {
		typ := builtin(t, c.oid)
		got := typ.Value([]byte(c.server))
		if got != event.Of(c.kind, c.canonical) {
			t.Errorf("%s: Value(%.60q) = %+v, want %q of kind %v", typ.Name, c.server, got, c.canonical, c.kind)
		}
		if back := typ.Input(event.String(c.canonical)); back != c.server {
			t.Errorf("%s: Input(%.60q) = %.60q, want %.60q", typ.Name, c.canonical, back, c.server)
		}
	}
}

func base64Of(t *testing.T, hexText string) string {
	t.Helper()
	return base64.StdEncoding.EncodeToString([]byte(strings.Repeat("\xab", len(hexText)/2)))
}

func TestWhatIsNoBase64IsNeverTakenForBytes(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"abcdef", "x", `\x00`, "a b"} {
		if got := builtin(t, byteaOID).Input(event.String(s)); got != `\x?`+s {
			t.Errorf("Input(%q) = %q, want a text that the server refuses", s, got)
		}
	}
}

func TestOneColumnCostsOneAllocation(t *testing.T) {
	for oid, server := range map[uint32]string{textOID: "Ann", boolOID: "t", timestamptzOID: "2024-02-29 23:59:59.5+00", byteaOID: `\x00ff68`} {
		typ, text := builtin(t, oid), []byte(server)
		var sink event.Value
		if got := testing.AllocsPerRun(100, func() { sink = typ.Value(text) }); got > 1 {
			t.Errorf("%s: %v allocations for %v, want at most one", typ.Name, got, sink)
		}
	}
}

func TestNamedTypes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what              string
		base              uint32
		typtype, category byte
		want              event.Kind
	}{
		{"a domain over timestamptz", timestamptzOID, 'b', 'D', event.Instant},
		{"an enum", 70001, 'e', 'E', event.Enum},
		{"an array of enums", 70002, 'b', 'A', event.Array},
		{"citext", 70003, 'b', 'S', event.Text},
		{"a composite", 70004, 'c', 'C', event.Other},
	} {
		got := pgform.Named(70000, "public.x", c.base, c.typtype, c.category)
		if got.Kind != c.want || got.OID != 70000 || got.Name != "public.x" {
			t.Errorf("%s: got %+v, want kind %v", c.what, got, c.want)
		}
	}
	domain := pgform.Named(70000, "public.moment", timestamptzOID, 'b', 'D')
	if got := domain.Value([]byte("2024-02-29 23:59:59+00")).Text; got != "2024-02-29T23:59:59Z" {
		t.Errorf("a domain's value is %q, want it spelled like its base's", got)
	}
}

func FuzzValue(f *testing.F) {
	for _, s := range []string{"t", `\x00ff`, "2024-02-29 23:59:59.5+00", "4713-11-24 00:00:00+00 BC", "infinity", "", "{1,NULL}"} {
		f.Add(uint32(timestamptzOID), []byte(s))
		f.Add(uint32(byteaOID), []byte(s))
	}
	f.Fuzz(func(t *testing.T, oid uint32, text []byte) {
		typ, ok := pgform.Builtin(oid)
		if !ok {
			return
		}
		v := typ.Value(text)
		if !v.IsSet() || v.Kind != typ.Kind {
			t.Fatalf("Value(%q) = %+v, want a set value of kind %v", text, v, typ.Kind)
		}
		if back := typ.Value([]byte(typ.Input(v))); oid != byteaOID && back != v {
			t.Errorf("%q became %q, and then %q", text, v.Text, back.Text)
		}
	})
}

func FuzzInput(f *testing.F) {
	f.Add(uint32(timestamptzOID), "2024-02-29T23:59:59.5Z")
	f.Add(uint32(byteaOID), "aGk=")
	f.Add(uint32(byteaOID), "aGl=")
	f.Fuzz(func(t *testing.T, oid uint32, text string) {
		typ, ok := pgform.Builtin(oid)
		if !ok {
			return
		}
		input := typ.Input(event.String(text))
		again := typ.Input(typ.Value([]byte(input)))
		if !strings.HasPrefix(input, `\x?`) && again != input {
			t.Errorf("%q is written %q, read and written again %q", text, input, again)
		}
	})
}

func BenchmarkValue(b *testing.B) {
	for _, c := range []struct {
		oid  uint32
		text string
	}{{textOID, "Ann Example"}, {timestamptzOID, "2024-02-29 23:59:59.123456+00"}, {byteaOID, `\x` + strings.Repeat("ab", 100)}} {
		typ, text := builtin(b, c.oid), []byte(c.text)
		b.Run(typ.Name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				typ.Value(text)
			}
		})
	}
}
