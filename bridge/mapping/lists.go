package mapping

import (
	"slices"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// listFunctions are distinct and sort, which merging multiple choices needs. P4:
// the expression library's own distinct takes the square of a list's length, and
// is stopped only after that.
func listFunctions() []cel.EnvOption {
	list := cel.ListType(cel.TypeParamType("T"))
	function := func(name string, f func([]ref.Val) ref.Val) cel.EnvOption {
		return cel.Function(name, cel.MemberOverload("list_"+name, []*cel.Type{list}, list, cel.UnaryBinding(func(arg ref.Val) ref.Val {
			in, ok := arg.(traits.Lister)
			if !ok {
				return types.MaybeNoSuchOverloadErr(arg)
			}
			var items []ref.Val
			for it := in.Iterator(); it.HasNext() == types.True; {
				items = append(items, it.Next())
			}
			return f(items)
		})))
	}
	return []cel.EnvOption{function("distinct", distinct), function("sort", sorted)}
}

// distinct keeps the first of equal items.
func distinct(items []ref.Val) ref.Val {
	seen, out := map[any]bool{}, []ref.Val{}
	for _, v := range items {
		switch v.(type) {
		case types.String, types.Int, types.Uint, types.Double, types.Bool, types.Null:
		default:
			return types.NewErr("distinct takes texts, numbers, true and false")
		}
		if !seen[v] {
			seen[v] = true
			out = append(out, v)
		}
	}
	return types.DefaultTypeAdapter.NativeToValue(out)
}

// sorted puts items of one kind in order.
func sorted(items []ref.Val) ref.Val {
	var bad ref.Val
	slices.SortStableFunc(items, func(a, b ref.Val) int {
		c, ok := a.(traits.Comparer)
		if !ok {
			bad = types.MaybeNoSuchOverloadErr(a)
			return 0
		}
		order, ok := c.Compare(b).(types.Int)
		if !ok {
			bad = types.NewErr("sort takes items of one kind")
		}
		return int(order)
	})
	if bad != nil {
		return bad
	}
	return types.DefaultTypeAdapter.NativeToValue(items)
}
