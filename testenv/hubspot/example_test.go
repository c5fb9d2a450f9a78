package hubspot_test

import (
	"fmt"

	"github.com/lockstep-sync/lockstep/testenv/hubspot"
)

// A person edits a record, and the account shows it.
func Example() {
	crm, err := hubspot.Start(hubspot.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer crm.Close()
	id, err := crm.Create("contacts", map[string]string{"email": "Ada@Example.com"})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := crm.Edit("contacts", id, map[string]string{"hubspotscore": "42"}); err != nil {
		fmt.Println(err)
		return
	}
	rec, _ := crm.Record("contacts", id)
	fmt.Println(rec.Properties["email"], rec.Properties["hubspotscore"])
	// Output: ada@example.com 42
}
