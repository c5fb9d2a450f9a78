package mapping

import (
	"fmt"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// lands tells why a type of result is not for the target, "" when it is.
func lands(out *cel.Type, to event.Field) (why, remedy string) {
	var ok bool
	switch out.Kind() {
	case types.DynKind, types.NullTypeKind:
		ok = true // seen when it is there
	case types.StringKind:
		ok = spelled(to.Kind) && to.Kind != event.Bytes
	case types.IntKind, types.UintKind:
		ok = numeric(to.Kind) || to.Kind == event.Text || to.Kind == event.Enum
	case types.DoubleKind:
		ok = to.Kind == event.Decimal || to.Kind == event.Float || to.Kind == event.Text
	case types.BoolKind:
		ok = to.Kind == event.Bool || to.Kind == event.Text || to.Kind == event.Enum
	case types.TimestampKind:
		ok = isMoment(to.Kind) || to.Kind == event.Text
	case types.BytesKind:
		ok = to.Kind == event.Bytes
	}
	if ok || to.Kind == event.JSON {
		return "", ""
	}
	return fmt.Sprintf("gives a %s, which %s (%s) does not take", typeWord(out), to.Name, to.Kind), resultRemedy(out, to.Kind)
}

func typeWord(t *cel.Type) string {
	switch t.Kind() {
	case types.StringKind:
		return "text"
	case types.IntKind, types.UintKind:
		return "whole number"
	case types.DoubleKind:
		return "number"
	default:
		return t.String()
	}
}

func resultRemedy(out *cel.Type, to event.Kind) string {
	from := event.Other
	switch out.Kind() {
	case types.IntKind, types.UintKind:
		from = event.Int
	case types.DoubleKind:
		from = event.Decimal
	case types.BoolKind:
		from = event.Bool
	case types.ListKind:
		return "pick one of the list's items, such as …[0], or join them: ….join(';')"
	case types.TimestampKind, types.MapKind, types.BytesKind:
		return "give what the field takes"
	}
	wrap := map[event.Kind]string{event.Int: "int(…)", event.Decimal: "double(…)", event.Float: "double(…)",
		event.Instant: "timestamp(…)", event.Local: "timestamp(…)", event.Date: "timestamp(…)", event.Bool: "… == 'yes'"}[to]
	switch {
	case wrap == "" || from == event.Bool:
		return "convert it: string(…)"
	case to == event.Bool:
		return "compare it: " + wrap
	}
	return "convert it: " + wrap
}
