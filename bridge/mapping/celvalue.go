package mapping

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// celType is what an expression sees of a kind. Decimals are doubles inside an
// expression, and only there; JSON is what it holds; an array, a time of day and
// everything else are text.
func celType(k event.Kind) *cel.Type {
	switch k {
	case event.Int:
		return cel.IntType
	case event.Decimal, event.Float:
		return cel.DoubleType
	case event.Bool:
		return cel.BoolType
	case event.Date, event.Local, event.Instant:
		return cel.TimestampType
	case event.Bytes:
		return cel.BytesType
	case event.JSON:
		return cel.DynType
	default:
		return cel.StringType
	}
}

// celValue is a canonical text as an expression sees it.
func celValue(k event.Kind, s string, at func(event.Kind, string) (time.Time, error)) (ref.Val, error) {
	switch k {
	case event.Int:
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return nil, errors.New("is no whole number within 64 bits, which is what expressions know")
		}
		return types.Int(n), nil
	case event.Decimal, event.Float:
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return nil, errors.New("is no number within the range of a double, which is what expressions know")
		}
		return types.Double(f), nil
	case event.Bool:
		if s != "true" && s != "false" {
			return nil, errors.New("is neither true nor false")
		}
		return types.Bool(s == "true"), nil
	case event.Date, event.Local, event.Instant:
		t, err := at(k, s)
		return types.Timestamp{Time: t}, err
	case event.Bytes:
		return celBytes(s)
	case event.JSON:
		return celJSON(s)
	default:
		return types.String(s), nil
	}
}

// canonicalOf is the canonical text of what an expression gave.
func canonicalOf(k event.Kind, out ref.Val) (string, error) {
	if k == event.JSON {
		return jsonOf(out)
	}
	switch v := out.(type) {
	case types.String:
		if spelled(k) {
			return string(v), nil
		}
	case types.Bool:
		if k == event.Bool || spelled(k) {
			return strconv.FormatBool(bool(v)), nil
		}
	case types.Int:
		if k != event.Bool && !isMoment(k) {
			return strconv.FormatInt(int64(v), 10), nil
		}
	case types.Uint:
		if k != event.Bool && !isMoment(k) {
			return strconv.FormatUint(uint64(v), 10), nil
		}
	case types.Double:
		if k == event.Decimal || k == event.Float || spelled(k) {
			return doubleText(float64(v)), nil
		}
	case types.Timestamp:
		if isMoment(k) {
			return momentText(k, v.Time)
		}
		if spelled(k) {
			return momentText(event.Instant, v.Time)
		}
	case types.Bytes:
		if k == event.Bytes {
			return bytesText(v), nil
		}
	}
	return "", fmt.Errorf("makes the expression give a %s, which is no %s", out.Type().TypeName(), k)
}

func doubleText(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	n, _ := parseNumber(strconv.FormatFloat(f, 'e', -1, 64))
	return n.text(0)
}
