package mapping_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

// canonical draws values of a kind as a side would tell them.
func canonical(k event.Kind) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		switch k {
		case event.Int:
			return new(big.Int).SetBytes(rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "integer")).String()
		case event.Decimal:
			whole := strconv.FormatInt(rapid.Int64().Draw(t, "whole"), 10)
			return whole + rapid.StringMatching(`(\.[0-9]{1,20})?`).Draw(t, "fraction")
		case event.Float:
			return strconv.FormatFloat(rapid.Float64().Draw(t, "float"), 'g', -1, 64)
		case event.Bool:
			return strconv.FormatBool(rapid.Bool().Draw(t, "flag"))
		case event.Date, event.Local, event.Instant:
			if rapid.IntRange(0, 20).Draw(t, "infinite") == 0 {
				return "infinity"
			}
			layout := map[event.Kind]string{event.Date: "2006-01-02", event.Local: "2006-01-02T15:04:05.999999", event.Instant: "2006-01-02T15:04:05.999999Z"}[k]
			return moment(t).Format(layout)
		case event.Time:
			return moment(t).Format("15:04:05.999999")
		case event.UUID:
			return rapid.StringMatching(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`).Draw(t, "uuid")
		case event.Bytes:
			return base64.StdEncoding.EncodeToString(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
		case event.JSON:
			b, err := json.Marshal(rapid.MapOf(rapid.String(), rapid.SliceOf(rapid.Int64())).Draw(t, "json"))
			if err != nil {
				t.Fatal(err)
			}
			return string(b)
		case event.Array:
			items := rapid.SliceOfN(rapid.StringMatching(`[a-z{}", \\]{0,8}`), 0, 4).Draw(t, "items")
			for i, s := range items {
				items[i] = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
			}
			return "{" + strings.Join(items, ",") + "}"
		case event.Enum:
			return rapid.SampledFrom([]string{"a", "b", "c d"}).Draw(t, "choice")
		case event.Multi:
			return strings.Join(rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c d"}), 1, 3, rapid.ID).Draw(t, "choices"), ";")
		}
		return rapid.String().Draw(t, "text")
	})
}

func moment(t *rapid.T) time.Time {
	us := rapid.Int64Range(time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro(), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).UnixMicro()).Draw(t, "moment")
	return time.UnixMicro(us).UTC()
}

func plainField(name string, k event.Kind) event.Field {
	f := event.Field{Name: name, Kind: k, Nullable: true, Scale: -1}
	if k == event.Enum || k == event.Multi {
		f.Options = []string{"a", "b", "c d"}
	}
	return f
}

// tryLine is compileLine that may fail: nil when the pair of kinds has no such mapping.
func tryLine(line mapping.FieldSpec, left, right event.Field) *mapping.Field {
	key := event.Field{Name: "match_key"}
	m, _ := mapping.Compile(mapping.Spec{Name: "m", MatchLeft: key.Name, MatchRight: key.Name, Fields: []mapping.FieldSpec{line, {Left: key.Name, Right: key.Name}}},
		event.Object{Fields: []event.Field{left, key}}, event.Object{Fields: []event.Field{right, key}})
	if m == nil {
		return nil
	}
	return m.Fields()[0]
}

// eachDirect runs a property for every pair of kinds that has a direct mapping.
func eachDirect(t *testing.T, direction string, property func(t *rapid.T, f *mapping.Field, left, right event.Kind)) {
	pairs := 0
	for left := event.Text; left <= event.Other; left++ {
		for right := event.Text; right <= event.Other; right++ {
			f := tryLine(mapping.FieldSpec{Left: "l", Right: "r", Direction: direction}, plainField("l", left), plainField("r", right))
			if f == nil {
				continue
			}
			pairs++
			t.Run(fmt.Sprintf("%s to %s", left, right), func(t *testing.T) {
				t.Parallel()
				rapid.Check(t, func(t *rapid.T) { property(t, f, left, right) })
			})
		}
	}
	if pairs < 30 {
		t.Errorf("got %d pairs of kinds that map directly, want 30 and more", pairs)
	}
}

// P1, for fields that go both ways: what arrives comes back as it went, or did
// not arrive at all.
func TestDirectTwoWayFieldsRoundTrip(t *testing.T) {
	t.Parallel()
	eachDirect(t, "both", func(t *rapid.T, f *mapping.Field, left, right event.Kind) {
		v := event.Of(left, canonical(left).Draw(t, "value"))
		there, err := f.Convert(mapping.Right, v)
		if err != nil {
			return
		}
		if !f.Same(v, there) {
			t.Fatalf("%q became %q, which is not the same", v.Text, there.Text)
		}
		ok, back, err := f.RoundTrips(mapping.Left, v)
		if !ok || err != nil {
			t.Fatalf("%q became %q and came back as %q, %v", v.Text, there.Text, back.Text, err)
		}
		again, err := f.Convert(mapping.Right, back)
		if err != nil || again.Text != there.Text {
			t.Fatalf("%q: the second time it becomes %q, %v, want %q", v.Text, again.Text, err, there.Text)
		}
	})
}

// Everything has a text, and its own kind accepts it.
func TestEveryValueHasATextAndASelf(t *testing.T) {
	t.Parallel()
	for k := event.Text; k <= event.Other; k++ {
		for _, to := range []event.Kind{event.Text, k} {
			f := compileLine(t, mapping.FieldSpec{Left: "l", Right: "r", Direction: "right"}, plainField("l", k), plainField("r", to))
			t.Run(fmt.Sprintf("%s to %s", k, to), func(t *testing.T) {
				t.Parallel()
				rapid.Check(t, func(t *rapid.T) {
					v := event.Of(k, canonical(k).Draw(t, "value"))
					got, err := f.Convert(mapping.Right, v)
					if err != nil || got.Kind != to || !f.Same(v, got) {
						t.Fatalf("%q: got %q (%s), %v", v.Text, got.Text, got.Kind, err)
					}
					if to == event.Text && k != event.Text && got.Text != v.Text {
						t.Fatalf("%q became the text %q", v.Text, got.Text)
					}
				})
			})
		}
	}
}

// P2 holds for every field, whatever its kinds, values and expressions.
func TestNullAndUnchangedStayWhatTheyAre(t *testing.T) {
	t.Parallel()
	eachDirect(t, "right", func(t *rapid.T, f *mapping.Field, _, right event.Kind) {
		for _, v := range []event.Value{{}, event.NullOf(event.Text)} {
			if got, err := f.Convert(mapping.Right, v); err != nil || got.State != v.State || got.Kind != right {
				t.Fatalf("%s: got %s (%s), %v", v.Display(), got.Display(), got.Kind, err)
			}
		}
	})
}

// The identity expression gives back every value that fits into an expression
// at all, with none of its digits lost.
func TestTheIdentityExpressionIsExact(t *testing.T) {
	t.Parallel()
	for _, k := range []event.Kind{event.Text, event.Int, event.Float, event.Bool, event.Date, event.Local, event.Instant, event.Bytes, event.UUID, event.Time} {
		f := compileLine(t, mapping.FieldSpec{Left: "l", Right: "r", ToRight: "value", ToLeft: "value"}, plainField("l", k), plainField("r", k))
		t.Run(k.String(), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				v := event.Of(k, canonical(k).Draw(t, "value"))
				if got, err := f.Convert(mapping.Right, v); err == nil && !f.Same(v, got) {
					t.Fatalf("%q became %q", v.Text, got.Text)
				} else if err != nil && v.Text != "infinity" && (k != event.Int || len(v.Text) < 19) {
					t.Fatalf("%q: %v", v.Text, err)
				}
			})
		})
	}
}

// Same agrees with arithmetic of exact rationals, an independent judge.
func TestNumbersAreComparedExactly(t *testing.T) {
	t.Parallel()
	f := compileLine(t, mapping.FieldSpec{Left: "l", Right: "r"}, plainField("l", event.Decimal), plainField("r", event.Decimal))
	number := rapid.StringMatching(`-?(0|[0-9]{1,25})(\.[0-9]{1,10})?([eE][+-]?[0-9]{1,2})?`)
	rapid.Check(t, func(t *rapid.T) {
		a := number.Draw(t, "a")
		b := number.Draw(t, "b")
		if rapid.Bool().Draw(t, "shifted") { // the same number, written otherwise
			x, _ := new(big.Rat).SetString(a)
			b = x.FloatString(120) + rapid.SampledFrom([]string{"", "0", "1"}).Draw(t, "end")
		}
		x, ok1 := new(big.Rat).SetString(a)
		y, ok2 := new(big.Rat).SetString(b)
		if !ok1 || !ok2 {
			t.Fatalf("%q or %q is no number", a, b)
		}
		if got, want := f.Same(event.String(a), event.String(b)), x.Cmp(y) == 0; got != want {
			t.Fatalf("%s and %s are the same: got %t, want %t", a, b, got, want)
		}
		got, err := f.Convert(mapping.Right, event.String(a))
		if z, ok := new(big.Rat).SetString(got.Text); err != nil || !ok || z.Cmp(x) != 0 {
			t.Fatalf("%s became %s, %v", a, got.Text, err)
		}
	})
}

func FuzzConvert(f *testing.F) {
	for k := event.Text; k <= event.Other; k++ {
		for _, s := range []string{"", "0", "-1.5e300", "NaN", "infinity", "2026-01-31T15:04:05.123456Z", "true", "{a,\"b\"}", `{"a":[1]}`, "a;b", "aGVsbG8=", "23:59:60+14:30"} {
			f.Add(uint8(k), uint8(event.Text), s)
			f.Add(uint8(event.Text), uint8(k), s)
			f.Add(uint8(k), uint8(k), s)
		}
	}
	fields := map[[2]event.Kind][]*mapping.Field{}
	for left := event.Text; left <= event.Other; left++ {
		for right := event.Text; right <= event.Other; right++ {
			for _, line := range []mapping.FieldSpec{{Left: "l", Right: "r"}, {Left: "l", Right: "r", Direction: "right"}, {Left: "l", Right: "r", ToRight: "value"}} {
				if field := tryLine(line, plainField("l", left), plainField("r", right)); field != nil {
					fields[[2]event.Kind{left, right}] = append(fields[[2]event.Kind{left, right}], field)
				}
			}
		}
	}
	f.Fuzz(func(t *testing.T, left, right uint8, s string) {
		for _, field := range fields[[2]event.Kind{event.Kind(left % 16), event.Kind(right % 16)}] {
			v := event.Of(event.Kind(left%16), s)
			got, err := field.Convert(mapping.Right, v)
			if err != nil {
				if _, ok := err.(*event.Fault); !ok || len(err.Error()) > 1000 {
					t.Fatalf("%q: got error %T of %d bytes, want a bounded fault", s, err, len(err.Error()))
				}
				continue
			}
			again, err := field.Convert(mapping.Right, v)
			if err != nil || !again.Equal(got) {
				t.Fatalf("%q: got %q first and %q, %v then", s, got.Text, again.Text, err)
			}
			field.Same(v, got)
			if ok, back, err := field.RoundTrips(mapping.Left, v); err == nil && !ok && field.Writes(mapping.Left) {
				t.Fatalf("%q became %q and came back as %q", s, got.Text, back.Text)
			}
		}
	})
}
