package mapping

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

func celBytes(s string) (ref.Val, error) {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return nil, errors.New("is no base64, which is how binary data is written")
	}
	return types.Bytes(b), nil
}

func bytesText(b types.Bytes) string { return base64.StdEncoding.EncodeToString(b) }

// celJSON is a JSON text as an expression sees it. Whole numbers within 64 bits
// are ints, all others doubles.
func celJSON(s string) (ref.Val, error) {
	v, ok := readJSON(s)
	if !ok {
		return nil, errors.New("is no JSON")
	}
	return types.DefaultTypeAdapter.NativeToValue(plainNumbers(v)), nil
}

func plainNumbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, err := v.Float64()
		if err != nil {
			return v.String()
		}
		return f
	case []any:
		for i := range v {
			v[i] = plainNumbers(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = plainNumbers(v[k])
		}
	}
	return v
}

// jsonOf is what an expression gave, as JSON. Members are sorted by name.
func jsonOf(out ref.Val) (string, error) {
	plain, err := plainOf(out)
	if err != nil {
		return "", err
	}
	b, err := json.Marshal(plain)
	if err != nil {
		return "", &detailed{"makes the expression give what JSON cannot hold", short(err.Error())}
	}
	return string(b), nil
}

func plainOf(out ref.Val) (any, error) {
	switch v := out.(type) {
	case types.Null:
		return nil, nil
	case types.Double:
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return nil, errors.New("makes the expression give a number that JSON cannot hold")
		}
		return json.Number(doubleText(float64(v))), nil
	case types.Timestamp:
		return momentText(event.Instant, v.Time)
	}
	switch out.Type() {
	case types.BoolType, types.IntType, types.UintType, types.StringType:
		return out.Value(), nil
	case types.ListType:
		native, err := out.ConvertToNative(reflect.TypeFor[[]ref.Val]())
		if err != nil {
			return nil, &detailed{"makes the expression give a list that cannot be read", short(err.Error())}
		}
		return plainList(native.([]ref.Val))
	case types.MapType:
		native, err := out.ConvertToNative(reflect.TypeFor[map[string]ref.Val]())
		if err != nil {
			return nil, &detailed{"makes the expression give a map that JSON cannot hold", short(err.Error())}
		}
		return plainMap(native.(map[string]ref.Val))
	}
	return nil, fmt.Errorf("makes the expression give a %s, which is no JSON", out.Type().TypeName())
}

func plainList(in []ref.Val) (any, error) {
	list := make([]any, len(in))
	for i, v := range in {
		var err error
		if list[i], err = plainOf(v); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func plainMap(in map[string]ref.Val) (any, error) {
	out := make(map[string]any, len(in))
	for k, v := range in {
		var err error
		if out[k], err = plainOf(v); err != nil {
			return nil, err
		}
	}
	return out, nil
}
