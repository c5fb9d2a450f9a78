package bridge

import (
	"encoding/json"
	"testing"

	"github.com/lockstep-sync/lockstep/bridge/mapping"
)

func TestFieldsOfALinkAreRenamedOnce(t *testing.T) {
	t.Parallel()
	stored := []byte(`{"k":["[\"1\"]","[\"2\"]"],"st":2,"f":[{"n":["phone","phone"],"c":[{"s":"=1"},{"s":"=1"}]},{"n":["fax","phone2"],"c":[{},{}]},{"n":["first+last","name"],"c":[{},{}]}],"p":{"x":1}}`)
	names := map[string]string{"phone": "fax", "fax": "phone", "last": "surname"} // two of them swap
	once, changed, err := renameLink(stored, mapping.Left, names, "left a")
	if err != nil || !changed {
		t.Fatalf("got %v, %v", changed, err)
	}
	var got struct {
		K [2]string
		F []struct {
			N [2]string
			C []json.RawMessage
		}
		P json.RawMessage
	}
	if err := json.Unmarshal(once, &got); err != nil {
		t.Fatal(err)
	}
	want := [][2]string{{"fax", "phone"}, {"phone", "phone2"}, {"first+surname", "name"}}
	for i, f := range got.F {
		if f.N != want[i] {
			t.Errorf("field %d is called %v, want %v", i, f.N, want[i])
		}
	}
	if string(got.F[0].C[0]) != `{"s":"=1"}` || got.K[1] != `["2"]` || string(got.P) != `{"x":1}` {
		t.Errorf("something else was touched: %s", once)
	}
	if _, changed, err := renameLink(once, mapping.Left, names, "left a"); err != nil || changed {
		t.Errorf("a second time: changed %v, %v; want nothing", changed, err)
	}
	if _, changed, err := renameLink(once, mapping.Right, map[string]string{"phone2": "x"}, "right a"); err != nil || !changed {
		t.Errorf("the other side: changed %v, %v; want it renamed too", changed, err)
	}
	if _, changed, err := renameLink(stored, mapping.Left, map[string]string{"nothing": "x"}, "left b"); err != nil || changed {
		t.Errorf("a name that no field has: changed %v, %v; want nothing", changed, err)
	}
	if _, _, err := renameLink([]byte(`{"f":3}`), mapping.Left, names, "left a"); err == nil {
		t.Error("what is no link passes")
	}
}
