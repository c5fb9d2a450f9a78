package mapping_test

import (
	"testing"

	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

func TestANumberWithoutPlacesGoesIntoAWholeOneWhileItIsWhole(t *testing.T) {
	t.Parallel()
	f := compileLine(t, mapping.FieldSpec{Left: "l", Right: "r"}, event.Field{Name: "l", Kind: event.Int}, event.Field{Name: "r", Kind: event.Decimal, Scale: -1})
	if got, err := f.Convert(mapping.Left, event.Of(event.Decimal, "12.0")); err != nil || got.Text != "12" {
		t.Errorf("got %q, %v; want 12", got.Text, err)
	}
	if got, err := f.Convert(mapping.Left, event.Of(event.Decimal, "12.5")); err == nil {
		t.Errorf("got %q, want a refusal of the fraction", got.Text)
	}
}
