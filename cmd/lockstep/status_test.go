package main

import (
	"strings"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/bridge"
)

func TestStatusTellsWhatWaitsForAPerson(t *testing.T) {
	t.Parallel()
	r := report{Version: "1", State: "running", Ready: true, Started: time.Now(),
		Mappings: []mappingReport{{MappingStatus: bridge.MappingStatus{Name: "contacts", State: "attention", Left: "app/customers", Right: "crm/contacts", Conflicts: 7, Reviews: 5, Held: 512, Parked: 3}}},
		Parked:   []bridge.ParkedRecord{{Mapping: "contacts", Left: `["42"]`, Kind: "rejected", Message: "phone:\x1b[2J too\nlong"}},
		Problems: []string{"mapping contacts: more than 500 deletions"}}
	var b strings.Builder
	if err := printStatus(&b, r); err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(b.String()), " ")
	for _, want := range []string{"CONFLICTS REVIEWS HELD PARKED", "contacts attention app/customers crm/contacts 0 0 0 0 0 7 5 512 3", "contacts 42 ", "rejected: phone:\ufffd[2J too long", "- mapping contacts: more than 500 deletions"} {
		if !strings.Contains(text, want) {
			t.Errorf("status does not print %q:\n%s", want, &b)
		}
	}
}
