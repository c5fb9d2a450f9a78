package merge_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/bridge/merge"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

// FuzzWorld lets the fuzzer draw what happens in the oracle's world.
func FuzzWorld(f *testing.F) {
	f.Fuzz(rapid.MakeFuzz(func(t *rapid.T) {
		kind := mapping.RuleKind(rapid.IntRange(0, 3).Draw(t, "rule"))
		rule := mapping.Rule{Kind: kind}
		if kind == mapping.Merge {
			rule.Expression = "left + '&' + right"
		}
		w := newWorld(t, rule)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			w.step()
		}
		w.rest()
		w.check()
	}))
}

// FuzzDecode reads what a disk may hold: a link that cannot be read is an error,
// one that can is written as it was read.
func FuzzDecode(f *testing.F) {
	m := twoFields(f)
	link := merge.NewLink(m, mapping.Left, event.KeyOf("1"))
	link.Fields[1].Frozen = &merge.Frozen{Kind: merge.FrozenConflict}
	link.Fields[1].Cell[mapping.Left] = merge.Cell{Shadow: event.String("a"), Now: event.NullOf(event.Text)}
	data, err := link.Encode(m)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"f":[{"n":["f","f"],"tn":"r3@17","sd":{"v":["=a","0"],"r":"merge"},"c":[{"s":"=x","h":["=y"]},{"n":"0"}]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := merge.Decode(m, data)
		if err != nil {
			return
		}
		first, err := l.Encode(m)
		if err != nil {
			t.Fatalf("encode what was decoded: %v", err)
		}
		again, err := merge.Decode(m, first)
		if err != nil {
			t.Fatalf("decode what was encoded: %v\n%s", err, first)
		}
		second, err := again.Encode(m)
		if err != nil || string(first) != string(second) {
			t.Errorf("written as\n%s\nand after reading that as\n%s (%v)", first, second, err)
		}
	})
}

func twoFields(tb testing.TB) *mapping.Mapping {
	object := event.Object{Name: "o", Key: []string{"id"}, Fields: []event.Field{{Name: "id", Kind: event.Int}, {Name: "key", Unique: true}, {Name: "f", Nullable: true}}}
	m, problems := mapping.Compile(mapping.Spec{Name: "m", Left: mapping.End{Connection: "l", Object: "o"}, Right: mapping.End{Connection: "r", Object: "o"},
		MatchLeft: "key", MatchRight: "key", Fields: []mapping.FieldSpec{{Left: "key", Right: "key"}, {Left: "f", Right: "f"}}}, object, object)
	if len(problems) > 0 {
		tb.Fatal(problems)
	}
	return m
}
