package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/testenv/hubspot"
)

const accountedMapping = `
  - name: contacts
    left: app/public.customers
    right: crm/contacts
    match: {left: email, right: email}
    breaker: off
    fields:
      - {left: email, right: email}
      - {left: first_name, right: firstname}
      - {left: last_name, right: lastname, conflict: {prefer: app}}
      - {left: phone, right: phone, conflict: review}
      - {left: bio, right: bio, conflict: {merge: "left + '&' + right"}}
`

// accounted are the fields that both actors edit, by column and property.
var accounted = [][2]string{{"first_name", "firstname"}, {"last_name", "lastname"}, {"phone", "phone"}, {"bio", "bio"}}

// ledger is what two actors did to the same fields, as they know it themselves.
type ledger struct {
	mu    sync.Mutex
	last  map[[2]string][2]string // record, column: the last edit of each side
	seen  map[string]bool         // values that an actor found and replaced
	edits int
}

func (l *ledger) note(record, column string, side int, value, replaced string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	both := l.last[[2]string{record, column}]
	both[side] = value
	l.last[[2]string{record, column}] = both
	l.seen[replaced] = true
	l.edits++
}

// TestEveryEditIsAccountedFor is the sentence "no edit is ever lost silently":
// both sides edit the same fields under every fault and kills; at rest each edit
// is final, superseded on its own side, replaced by somebody who saw it, the
// loser of a named rule in the audit, or in review.
func TestEveryEditIsAccountedFor(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("LOCKSTEP_SEED"); text != "" {
		seed, _ = strconv.ParseUint(text, 10, 64)
	}
	length := 12 * time.Second
	if text := os.Getenv("LOCKSTEP_ACCOUNTING"); text != "" {
		seconds, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("LOCKSTEP_ACCOUNTING: %v", err)
		}
		length = time.Duration(seconds) * time.Second
	}
	t.Logf("LOCKSTEP_SEED=%d", seed)
	r := newRig(t, rigOptions{mappings: accountedMapping, crm: hubspot.Options{RetrySchedule: retries(), Seed: seed}})
	r.start()
	const records = 12
	ids := map[string]string{}
	for i := range records {
		_, ids[person(i)] = r.pair(person(i))
	}
	faults := hubspot.Faults{ErrorRate: 0.1, ApplyThenFailRate: 0.05, LatencyMS: 3, DuplicateWebhooks: 0.2, ShuffleWebhooks: true, DelayWebhooksMS: 15}
	if err := r.crm.SetFaults(faults); err != nil {
		t.Fatal(err)
	}
	book := &ledger{last: map[[2]string][2]string{}, seen: map[string]bool{}}
	ctx, end := context.WithTimeout(t.Context(), length)
	defer end()
	var actors sync.WaitGroup
	for side, edit := range []func(record, column, property, value string) (string, error){r.editRow, func(record, _, property, value string) (string, error) {
		return r.editContact(ids[record], property, value)
	}} {
		actors.Go(func() {
			chance := rand.New(rand.NewPCG(seed, uint64(side)))
			for n := 0; ctx.Err() == nil; n++ {
				record, field := person(chance.IntN(records)), accounted[chance.IntN(len(accounted))]
				value := fmt.Sprintf("%c%d", "LR"[side], n)
				replaced, err := edit(record, field[0], field[1], value)
				if err != nil {
					t.Error(err)
					return
				}
				book.note(record, field[0], side, value, replaced)
				<-time.After(time.Duration(chance.IntN(20)) * time.Millisecond)
			}
		})
	}
	for range 3 {
		<-time.After(length / 4)
		r.kill()
		r.launch()
		r.within(time.Minute, "lockstep is ready again", r.ready)
	}
	actors.Wait()
	if err := r.crm.SetFaults(hubspot.Faults{}); err != nil {
		t.Fatal(err)
	}
	r.within(time.Minute, "lockstep is ready again", r.ready)
	r.settled()
	r.balance(book, ids)
}

// editRow edits a row and returns what it replaced, exactly.
func (r *rig) editRow(record, column, _, value string) (replaced string, err error) {
	err = r.db.QueryRow(context.Background(), fmt.Sprintf(`WITH old AS (SELECT id, %[1]s AS v FROM customers WHERE email = $1 FOR UPDATE)
		UPDATE customers SET %[1]s = $2 FROM old WHERE customers.id = old.id RETURNING coalesce(old.v, '')`, column), record, value).Scan(&replaced)
	return replaced, err
}

func (r *rig) editContact(id, property, value string) (replaced string, err error) {
	c, _ := r.crm.Record("contacts", id)
	return c.Properties[property], r.crm.Edit("contacts", id, map[string]string{property: value})
}

// replacedByPeople are the values of a property that a person's edit came right
// after, as HubSpot's own history has it.
func (r *rig) replacedByPeople(id, property string) map[string]bool {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, r.crm.URL()+"/crm/v3/objects/contacts/"+id+"?propertiesWithHistory="+property, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.crm.Token())
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	var answer struct {
		PropertiesWithHistory map[string][]struct{ Value, SourceType string }
	}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		r.t.Fatal(err)
	}
	out := map[string]bool{}
	newestFirst := answer.PropertiesWithHistory[property]
	for i := 1; i < len(newestFirst); i++ {
		if newestFirst[i-1].SourceType != "INTEGRATION" {
			out[newestFirst[i].Value] = true
		}
	}
	return out
}

// balance compares the ledger with what there is.
func (r *rig) balance(book *ledger, ids map[string]string) {
	r.t.Helper()
	told := map[string]bool{}
	conflicts := 0
	for _, e := range listed(r.t, r.order(0, "audit", "--mapping", "contacts", "--json")) {
		if kind := e["kind"]; kind != "conflict" && kind != "review" && kind != "resumed" {
			continue
		}
		conflicts++
		text, _ := e["text"].(string)
		_, lost, _ := strings.Cut(text, "lost: ")
		for _, v := range []any{e["left"], e["right"], lost} {
			told[fmt.Sprint(v)] = true
		}
	}
	waiting := map[string]bool{}
	for _, review := range listed(r.t, r.order(0, "review", "list", "--json")) {
		waiting[fmt.Sprint(review["left"], review["field"])] = true
	}
	missing := 0
	for at, edits := range book.last {
		record, column := at[0], at[1]
		property := column
		for _, f := range accounted {
			if f[0] == column {
				property = f[1]
			}
		}
		left, right := r.column(record, column), r.property(record, property)
		if left != right && !waiting[`["`+r.column(record, "id")+`"]`+column+"="+property] {
			r.t.Errorf("%s of %s: the row has %s, the contact %s, and nothing waits for a person", column, record, left, right)
		}
		for _, edit := range edits { // earlier ones were superseded on their own side
			if edit == "" || edit == left || edit == right || told[edit] || book.seen[edit] || r.replacedByPeople(ids[record], property)[edit] {
				continue
			}
			missing++
			r.t.Errorf("edit %s of %s of %s is lost: the sides hold %s and %s; its story:\n%s", edit, column, record, left, right,
				r.order(0, "audit", "--record", r.column(record, "id"), "--field", column))
		}
	}
	r.t.Logf("%d edits, %d entries of conflicts, %d fields in review, %d missing", book.edits, conflicts, len(waiting), missing)
}
