package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/testenv/hubspot"
)

// TestSituations plays the table of testdata/situations end to end: the real
// binary between a real PostgreSQL and the simulated HubSpot. Each file is one
// configuration and many situations, each with a pair of records of its own; see
// its README for the words.
func TestSituations(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/situations/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no situations: %v", err)
	}
	total := 0
	for _, file := range files {
		plan := readSituations(t, file)
		total += len(plan.situations)
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, rigOptions{mappings: plan.mappings, crm: hubspot.Options{Faults: plan.faults}})
			for _, sql := range plan.schema {
				r.exec(sql)
			}
			r.start()
			for n, s := range plan.situations {
				t.Run(s.name, func(t *testing.T) { newScene(t, r, n, s, plan.faults).play() })
			}
		})
	}
	if total < 60 {
		t.Errorf("the table has %d situations, want at least 60", total)
	}
}

type situations struct {
	mappings   string
	faults     hubspot.Faults
	schema     []string
	situations []situation
}

type situation struct {
	name  string
	lines []string
	at    int // line of the first one
}

// readSituations reads a file: mappings as the configuration has them, lines
// that begin with sql for the schema, then the situations.
func readSituations(t *testing.T, file string) (p situations) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for n, line := range strings.Split(string(data), "\n") {
		name, begins := strings.CutPrefix(line, "=== ")
		sql, isSQL := strings.CutPrefix(line, "sql ")
		switch last := len(p.situations) - 1; {
		case begins:
			p.situations = append(p.situations, situation{name: name, at: n + 2})
		case last >= 0:
			p.situations[last].lines = append(p.situations[last].lines, line)
		case strings.HasPrefix(line, "faults "):
			if err := json.Unmarshal([]byte(strings.TrimPrefix(line, "faults ")), &p.faults); err != nil {
				t.Fatal(err)
			}
		case isSQL:
			p.schema = append(p.schema, sql)
		case !strings.HasPrefix(line, "#"):
			p.mappings += line + "\n"
		}
	}
	return p
}

// scene is one situation being played.
type scene struct {
	*rig
	situation
	faults              hubspot.Faults // of the whole file
	email, row, contact string
	line                string
}

func newScene(t *testing.T, shared *rig, n int, s situation, faults hubspot.Faults) *scene {
	r := *shared
	r.t = t
	t.Cleanup(func() { shared.proc, shared.ended = r.proc, r.ended })
	return &scene{rig: &r, situation: s, faults: faults, email: fmt.Sprintf("p%d@example.com", n)}
}

func (s *scene) play() {
	defer func() {
		if s.t.Failed() {
			s.t.Logf("line %q failed; the record's story:\n%s", s.line, s.story())
		}
	}()
	for _, line := range s.lines {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		s.line = line
		words := split(strings.ReplaceAll(line, "{email}", s.email))
		s.do(words[0], words[1:])
		if s.t.Failed() {
			break
		}
	}
	s.reset()
}

// reset leaves the shared process as the next situation expects it.
func (s *scene) reset() {
	if s.proc == nil {
		s.start()
	}
	if err := s.crm.SetFaults(s.faults); err != nil {
		s.t.Error(err)
	}
	s.settled()
}

// split cuts a line at blanks outside of single quotes.
func split(line string) (words []string) {
	word, quoted := "", false
	for _, c := range line {
		switch {
		case c == '\'':
			quoted = !quoted
			word += string(c)
		case c == ' ' && !quoted:
			if word != "" {
				words = append(words, word)
			}
			word = ""
		default:
			word += string(c)
		}
	}
	if word != "" {
		words = append(words, word)
	}
	return words
}

// value takes the quotes off; NULL is none.
func value(text string) *string {
	if text == "NULL" {
		return nil
	}
	text = strings.Trim(text, "'")
	return &text
}

func pairs(words []string) map[string]*string {
	out := map[string]*string{}
	for _, w := range words {
		if k, v, ok := strings.Cut(w, "="); ok {
			out[k] = value(v)
		}
	}
	return out
}

// apart lets the clock move on, so that two edits in a row are not simultaneous
// for a vendor that keeps milliseconds.
func apart() { <-time.After(5 * time.Millisecond) }

// eventually is the rig's, with a limit that lets a broken table end soon.
func (s *scene) eventually(what string, condition func() error) {
	s.t.Helper()
	s.within(10*time.Second, what, condition)
}

func (s *scene) do(verb string, args []string) {
	defer apart()
	switch verb {
	case "pair":
		s.doRow(args)
		s.eventually("the pair's contact comes into being", func() error {
			if s.find(); s.contact == "" {
				return fmt.Errorf("there is none")
			}
			return nil
		})
		s.settled()
	case "row":
		s.doRow(args)
	case "contact":
		s.doContact(args)
	case "sql":
		s.exec(strings.Join(args, " "))
	case "settle":
		s.settled()
	case "stop":
		s.stop()
	case "kill":
		s.kill()
	case "start":
		s.start()
		s.settled()
	case "hold", "release", "faults":
		s.doFaults(verb, args)
	case "held":
		n, _ := strconv.Atoi(args[0])
		s.eventually("calls are held", func() error {
			if got := s.crm.Held(); got < n {
				return fmt.Errorf("%d", got)
			}
			return nil
		})
	case "choose":
		s.choose(args)
	case "company":
		s.employ(args[0])
	case "expect":
		s.expect(args)
	default:
		s.t.Fatalf("unknown word %q", verb)
	}
}

// doRow inserts, updates or deletes the row.
func (s *scene) doRow(args []string) {
	set := pairs(args)
	var names, places []string
	var values []any
	for _, name := range slices.Sorted(maps.Keys(set)) {
		names = append(names, name)
		values = append(values, set[name])
		places = append(places, fmt.Sprintf("$%d", len(values)))
	}
	switch {
	case args[0] == "delete":
		s.exec("DELETE FROM customers WHERE id = " + s.row)
	case s.row == "" || args[0] == "insert":
		if _, given := set["email"]; !given {
			names, places, values = append(names, "email"), append(places, fmt.Sprintf("$%d", len(values)+1)), append(values, s.email)
		}
		var id int64
		sql := fmt.Sprintf("INSERT INTO customers (%s) OVERRIDING SYSTEM VALUE VALUES (%s) RETURNING id", strings.Join(names, ", "), strings.Join(places, ", "))
		for i, p := range places { // everything is given as text
			sql = strings.Replace(sql, p+")", "("+p+"::text)::"+s.typeOf(names[i])+")", 1)
			sql = strings.Replace(sql, p+",", "("+p+"::text)::"+s.typeOf(names[i])+",", 1)
		}
		if err := s.db.QueryRow(s.t.Context(), sql, values...).Scan(&id); err != nil {
			s.t.Fatalf("%s: %v", sql, err)
		}
		s.row = strconv.FormatInt(id, 10)
	default:
		var sets []string
		for i, name := range names {
			sets = append(sets, fmt.Sprintf("%s = (%s::text)::%s", name, places[i], s.typeOf(name)))
		}
		s.exec("UPDATE customers SET "+strings.Join(sets, ", ")+" WHERE id = "+s.row, values...)
		if id, changed := set["id"]; changed {
			s.row = *id
		}
	}
}

func (s *scene) typeOf(column string) (kind string) {
	err := s.db.QueryRow(s.t.Context(), "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'customers'::regclass AND attname = $1", column).Scan(&kind)
	if err != nil {
		s.t.Fatalf("column %s: %v", column, err)
	}
	return kind
}

func (s *scene) find() {
	if c, ok := contact(s.crm, s.email); ok {
		s.contact = c.ID
	}
	if s.row == "" {
		if id := s.column(s.email, "id"); id != "no row" {
			s.row = id
		}
	}
}

// doContact creates, edits, archives, restores or merges the contact.
func (s *scene) doContact(args []string) {
	var err error
	set := map[string]string{}
	for name, v := range pairs(args) {
		set[name] = ""
		if v != nil {
			set[name] = *v
		}
	}
	switch {
	case args[0] == "archive":
		err = s.crm.Archive("contacts", s.contact)
	case args[0] == "restore":
		err = s.crm.Restore("contacts", s.contact)
	case args[0] == "into": // merged into the contact of another situation's e-mail address
		other, ok := contact(s.crm, args[1])
		if !ok {
			s.t.Fatalf("no contact %s", args[1])
		}
		_, err = s.crm.Merge("contacts", other.ID, s.contact)
	case s.contact == "" || args[0] == "create":
		if set["email"] == "" {
			set["email"] = s.email
		}
		s.contact, err = s.crm.Create("contacts", set)
	default:
		err = s.crm.Edit("contacts", s.contact, set)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// doFaults sets the simulator's faults: hold webhooks, release writes, faults {…}.
func (s *scene) doFaults(verb string, args []string) {
	f := s.crm.Faults()
	switch verb + " " + args[0] {
	case "hold webhooks":
		f.HoldWebhooks = true
	case "release webhooks":
		f.HoldWebhooks = false
	case "hold writes":
		f.HoldWrites = true
	case "release writes":
		f.HoldWrites = false
	case "hold answers":
		f.HoldWritesAfter = true
	case "release answers":
		f.HoldWritesAfter = false
	default:
		if err := json.Unmarshal([]byte(strings.Join(args, " ")), &f); err != nil {
			s.t.Fatal(err)
		}
	}
	if err := s.crm.SetFaults(f); err != nil {
		s.t.Fatal(err)
	}
	if verb == "release" && !f.HoldWebhooks && !f.HoldWrites && !f.HoldWritesAfter {
		s.settled()
	}
}

// choose decides the one review of the record.
func (s *scene) choose(args []string) {
	all := s.reviews()
	if len(all) != 1 {
		s.t.Fatalf("%d reviews of the record, want one to choose", len(all))
	}
	command := []string{"review", "choose", all[0]["id"].(string), args[0], "--by", "ann"}
	if args[0] == "value" {
		command = append(command, "--value", strings.Trim(args[1], "'"))
	}
	s.order(0, command...)
	s.settled()
}

func (s *scene) reviews() []map[string]any {
	if s.row == "" {
		return nil
	}
	return listed(s.t, s.order(0, "review", "list", "--record", s.row, "--json"))
}

// expect compares; what it names is waited for.
func (s *scene) expect(args []string) {
	what := strings.Join(args, " ")
	s.eventually("expect "+what, func() error {
		switch args[0] {
		case "row":
			return s.same(args[1:], func(name string) string { return s.cell(name) })
		case "contact":
			return s.same(args[1:], func(name string) string { return s.propertyOf(name) })
		case "audit":
			return s.told(args[1:])
		case "review":
			all := s.reviews()
			if len(all) != 1 || all[0]["kind"] != args[1] {
				return fmt.Errorf("reviews are %v", all)
			}
			return nil
		case "parked":
			return s.parkedAs(args[1:])
		case "no":
			if f := s.crm.Faults(); !f.HoldWebhooks && !f.HoldWrites && !f.HoldWritesAfter {
				s.settled() // what is not there yet may only be on its way
			}
			return s.absent(args[1:])
		case "firm", "company":
			return s.employed(args[0], args[1])
		case "contacts", "rows":
			return s.number(args[0], args[1])
		}
		s.t.Fatalf("unknown expectation %q", what)
		return nil
	})
}

func (s *scene) cell(name string) string {
	var v *string
	err := s.db.QueryRow(context.Background(), "SELECT ("+name+")::text FROM customers WHERE id = $1::bigint", s.rowID()).Scan(&v)
	switch {
	case err != nil:
		return err.Error()
	case v == nil:
		return "NULL"
	}
	return *v
}

func (s *scene) rowID() string {
	if s.row == "" {
		s.find()
	}
	if s.row == "" {
		return "0"
	}
	return s.row
}

// propertyOf is a property of the record's live contact: the one it was paired
// with, or the one with its e-mail address.
func (s *scene) propertyOf(name string) string {
	c, ok := s.crm.Record("contacts", s.contact)
	if !ok || c.Archived {
		c, ok = contact(s.crm, s.email)
	}
	if !ok {
		return "no contact"
	}
	if v := c.Properties[name]; v != "" {
		return v
	}
	return "NULL"
}

func (s *scene) same(args []string, get func(string) string) error {
	for name, v := range pairs(args) {
		want := "NULL"
		if v != nil {
			want = *v
		}
		if got := get(name); got != want {
			return fmt.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	return nil
}

// told looks for an audit entry: conflict field=phone rule=newest winner=left lost=Bob.
func (s *scene) told(args []string) error {
	want := pairs(args[1:])
	var seen []string
	for _, e := range s.audit() {
		if e["kind"] != args[0] {
			continue
		}
		seen = append(seen, fmt.Sprint(e))
		ok := true
		for key, v := range want {
			text, _ := e[key].(string)
			if v == nil {
				null := "NULL"
				v = &null
			}
			switch key {
			case "field":
				left, right, _ := strings.Cut(text, "=")
				ok = ok && (left == *v || right == *v)
			case "lost":
				said, _ := e["text"].(string)
				ok = ok && strings.HasSuffix(said, "lost: "+*v)
			default:
				ok = ok && text == *v
			}
		}
		if ok {
			return nil
		}
	}
	return fmt.Errorf("the audit has of that kind: %v", seen)
}

func (s *scene) audit() []map[string]any {
	if s.rowID() == "0" {
		return nil
	}
	return listed(s.t, s.order(0, "audit", "--record", s.row, "--json"))
}

func (s *scene) parkedAs(args []string) error {
	all := listed(s.t, s.order(0, "parked", "list", "--json"))
	for _, p := range all {
		if p["left"] == `["`+s.row+`"]` && s.row != "" || s.contact != "" && p["right"] == `["`+s.contact+`"]` {
			if p["kind"] == args[0] {
				return nil
			}
		}
	}
	return fmt.Errorf("parked are %v", all)
}

// absent is the opposite of row, contact, review, parked, or an audit kind.
func (s *scene) absent(args []string) error {
	switch args[0] {
	case "row":
		var n int
		if err := s.db.QueryRow(context.Background(), "SELECT count(*) FROM customers WHERE email = $1 OR id = $2::bigint", s.email, s.rowID()).Scan(&n); err != nil || n > 0 {
			return fmt.Errorf("%d rows, %v", n, err)
		}
	case "contact":
		if c, ok := contact(s.crm, s.email); ok {
			return fmt.Errorf("contact %s is there", c.ID)
		}
		if c, ok := s.crm.Record("contacts", s.contact); ok && !c.Archived {
			return fmt.Errorf("contact %s is there", c.ID)
		}
	case "review":
		if all := s.reviews(); len(all) > 0 {
			return fmt.Errorf("reviews are %v", all)
		}
	case "parked":
		for _, p := range listed(s.t, s.order(0, "parked", "list", "--json")) {
			if p["left"] == `["`+s.row+`"]` || p["right"] == `["`+s.contact+`"]` {
				return fmt.Errorf("it is parked: %v", p)
			}
		}
	case "audit":
		for _, e := range s.audit() {
			if e["kind"] == args[1] {
				return fmt.Errorf("the audit has %v", e)
			}
		}
	}
	return nil
}

// employ makes a company the contact's main one, and creates it where need be.
func (s *scene) employ(name string) {
	id := ""
	for _, c := range s.crm.Records("companies") {
		if c.Properties["name"] == name {
			id = c.ID
		}
	}
	var err error
	if id == "" {
		if id, err = s.crm.Create("companies", map[string]string{"name": name}); err != nil {
			s.t.Fatal(err)
		}
	}
	if s.find(); s.crm.AssociateMain("contacts", s.contact, "companies", id) != nil {
		s.t.Fatalf("contact %s cannot be associated with company %s", s.contact, id)
	}
}

// employed compares the name of the company that either side refers to.
func (s *scene) employed(side, want string) error {
	got := "NULL"
	if side == "firm" {
		got = s.cell("SELECT name FROM companies WHERE id = company_id")
	} else if s.find(); s.contact != "" {
		for _, a := range s.crm.Associations("contacts", s.contact, "companies") {
			if c, ok := s.crm.Record("companies", a.ID); ok && a.Main {
				got = c.Properties["name"]
			}
		}
	}
	if got != want {
		return fmt.Errorf("it is %s", got)
	}
	return nil
}

func (s *scene) number(what, want string) error {
	n := 0
	if what == "rows" {
		if err := s.db.QueryRow(context.Background(), "SELECT count(*) FROM customers WHERE email = $1", s.email).Scan(&n); err != nil {
			return err
		}
	} else {
		for _, c := range s.crm.Records("contacts") {
			if !c.Archived && c.Properties["email"] == strings.ToLower(s.email) {
				n++
			}
		}
	}
	if strconv.Itoa(n) != want {
		return fmt.Errorf("%d %s", n, what)
	}
	return nil
}

// story is the record's whole history, for a failure.
func (s *scene) story() string {
	if s.proc == nil || s.rowID() == "0" {
		return fmt.Sprintf("row %s, contact %s, at %s", s.row, s.contact, time.Now().UTC())
	}
	out, errs, _ := s.cli("audit", "--record", s.row, "--config", s.config, "--data", filepath.Join(s.dir, "data"), "--listen", s.listen)
	c, _ := s.crm.Record("contacts", s.contact)
	return fmt.Sprintf("%s%s\ncontact %+v\nparked:\n%s", out, errs, c, s.order(0, "parked", "list"))
}
