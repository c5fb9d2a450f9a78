package main

import "fmt"

// invite prints how to play with what is up.
func invite(s *stage, r *report) {
	id := "ID"
	if c, ok := s.contact("ada@example.com"); ok {
		id = c.ID
	}
	control := s.crm.URL() + "/_control"
	contact := control + "/objects/contacts/" + id
	fmt.Fprintln(r.out, "\n"+r.paint(bold, "Everything stays up until Ctrl-C. To play with it:"))
	for _, line := range [][2]string{
		{"the table", "psql '" + s.url + "' -c 'TABLE customers'"},
		{"edit a row", "psql '" + s.url + "' -c \"UPDATE customers SET company = 'Mine' WHERE email = 'ada@example.com'\""},
		{"see its contact", "curl -s " + contact},
		{"edit it as a person", "curl -s -X PATCH " + contact + ` -d '{"properties":{"phone":"+44 1"}}'`},
		{"all contacts", "curl -s " + control + "/objects/contacts"},
		{"what the CRM was asked", "curl -s " + control + "/requests"},
		{"take the CRM down", "curl -s -X PUT " + control + `/faults -d '{"down":true}'   # and {"down":false}`},
		{"lockstep's status", s.lockstep.Binary + " status --listen " + s.lockstep.Listen},
		{"the same as JSON", "curl -s " + s.lockstep.URL("/api/status")},
		{"metrics", "curl -s " + s.lockstep.URL("/metrics")},
		{"its configuration", s.lockstep.Config},
		{"its log", "tail -f " + s.lockstep.Log},
	} {
		r.say("%-24s%s", line[0], line[1])
	}
}
