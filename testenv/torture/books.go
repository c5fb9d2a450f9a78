package torture

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// entry is one value that a field had on one side.
type entry struct {
	value string
	actor bool // set by an actor; else by Lockstep
	end   bool // the record was deleted
}

// field names one field of one record: kind ("contacts"), uid, and the column.
type field struct{ kind, uid, name string }

// books are all values that one side ever had, in their order.
type books struct {
	entries map[field][]entry
	live    map[string]map[string]map[string]string // kind, uid: the values that stand, by column
	twice   []field                                 // records of which there is more than one
	keys    map[string][]string                     // kind and uid: the keys that it has or had on this side
}

func newBooks() *books {
	return &books{keys: map[string][]string{}, entries: map[field][]entry{}, live: map[string]map[string]map[string]string{"contacts": {}, "companies": {}}}
}

func (b *books) stands(kind, uid string, values map[string]string) {
	if _, again := b.live[kind][uid]; again {
		b.twice = append(b.twice, field{kind, uid, columns[kind][0]})
	}
	b.live[kind][uid] = values
}

func (b *books) known(kind, uid, key string) {
	if !slices.Contains(b.keys[kind+uid], key) {
		b.keys[kind+uid] = append(b.keys[kind+uid], key)
	}
}

// columns are what is compared, by kind; the property of the same place in
// properties is its other half.
var (
	columns    = map[string][]string{"contacts": {"email", "first_name", "last_name", "phone", "bio"}, "companies": {"name", "city"}}
	properties = map[string][]string{"contacts": {"email", "firstname", "lastname", "phone", "bio"}, "companies": {"name", "city"}}
)

// readLeft reads the database's books.
func (s *stage) readLeft(ctx context.Context) (*books, error) {
	b := newBooks()
	kinds := map[string]string{"customers": "contacts", "companies": "companies"}
	rows, err := s.db.Query(ctx, "SELECT kind, uid, op, actor, coalesce(was, '{}')::text, coalesce(now, '{}')::text FROM books ORDER BY seq")
	if err != nil {
		return nil, fmt.Errorf("read the books: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var table, uid, op, was, now string
		var actor bool
		if err := rows.Scan(&table, &uid, &op, &actor, &was, &now); err != nil {
			return nil, err
		}
		before, after := map[string]any{}, map[string]any{}
		if err := json.Unmarshal([]byte(was), &before); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(now), &after); err != nil {
			return nil, err
		}
		kind := kinds[table]
		for _, image := range []map[string]any{before, after} {
			if id, ok := image["id"].(float64); ok {
				b.known(kind, uid, fmt.Sprintf("[\"%d\"]", int64(id)))
			}
		}
		for _, c := range columns[kind] {
			f := field{kind, uid, c}
			switch {
			case op == "DELETE":
				b.entries[f] = append(b.entries[f], entry{actor: actor, end: true})
			case text(before[c]) != text(after[c]):
				b.entries[f] = append(b.entries[f], entry{value: text(after[c]), actor: actor})
			}
		}
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	return b, s.readRows(ctx, b)
}

// text is a JSON value as a property shows it: nothing is "".
func text(v any) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// readRows reads what stands in the tables.
func (s *stage) readRows(ctx context.Context, b *books) error {
	for kind, query := range map[string]string{
		"companies": "SELECT to_jsonb(companies)::text FROM companies",
		"contacts":  "SELECT (to_jsonb(customers) || jsonb_build_object('company', (SELECT uid FROM companies WHERE id = company_id)))::text FROM customers",
	} {
		rows, err := s.db.Query(ctx, query)
		if err != nil {
			return fmt.Errorf("read the tables: %w", err)
		}
		defer rows.Close()
		for rows.Next() {
			var line string
			row := map[string]any{}
			if err := rows.Scan(&line); err != nil {
				return err
			}
			if err := json.Unmarshal([]byte(line), &row); err != nil {
				return err
			}
			values := map[string]string{}
			for name, v := range row {
				values[name] = text(v)
			}
			values["key"] = fmt.Sprintf("[\"%v\"]", int64(row["id"].(float64)))
			b.stands(kind, values["uid"], values)
		}
		if err := rows.Err(); err != nil {
			return err
		}
	}
	return nil
}

// readRight reads the vendor's books.
func (s *stage) readRight() *books {
	b := newBooks()
	companies := map[string]string{}
	for _, kind := range []string{"companies", "contacts"} {
		for _, r := range s.crm.Records(kind) {
			uid := r.Properties["uid"]
			history := s.crm.History(kind, r.ID)
			b.known(kind, uid, "[\""+r.ID+"\"]")
			for i, p := range properties[kind] {
				f := field{kind, uid, columns[kind][i]}
				for _, v := range history[p] {
					b.entries[f] = append(b.entries[f], entry{value: v.Value, actor: v.Person})
				}
				if r.Archived {
					b.entries[f] = append(b.entries[f], entry{actor: r.ByPerson, end: true})
				}
			}
			if r.Archived {
				continue
			}
			values := maps.Clone(r.Properties)
			for i, p := range properties[kind] {
				values[columns[kind][i]] = r.Properties[p]
			}
			if kind == "companies" {
				companies[r.ID] = uid
			} else {
				values["company"] = s.employer(r.ID, companies)
			}
			b.stands(kind, uid, values)
		}
	}
	return b
}

// employer is the uid of a contact's main company.
func (s *stage) employer(contact string, companies map[string]string) string {
	for _, a := range s.crm.Associations("contacts", contact, "companies") {
		if a.Main {
			return companies[a.ID]
		}
	}
	return ""
}

// tellings are all values that the audit speaks of as sides of a conflict or a
// decision, and what of each record waits for a person.
type tellings struct {
	values  map[string]bool
	entries int
	waiting map[string]bool // kind, key, field: "contacts [\"1\"] phone=phone"
	reviews int
	stories []telling
}

// telling is one line of the audit, or of what is parked.
type telling struct{ kind, left, right, line string }

// about tells whether it is about a record that has or had one of these keys.
func (t *telling) about(kind string, lefts, rights []string) bool {
	return t.kind == kind && (slices.Contains(lefts, t.left) || slices.Contains(rights, t.right))
}

func (t *tellings) keep(e map[string]any) {
	left, right := text(e["left_key"]), text(e["right_key"])
	if left == "" {
		left = text(e["key"])
	}
	line := fmt.Sprint(text(e["at"]), text(e["since"]), " ", left, " ", right, " ", text(e["kind"]))
	for _, name := range []string{"field", "rule", "winner", "left", "right", "values", "change", "message", "text"} {
		if v := text(e[name]); v != "" {
			line += " " + name + "=" + v
		}
	}
	t.stories = append(t.stories, telling{text(e["mapping"]), left, right, line})
}

func (s *stage) readTellings(ctx context.Context) (*tellings, error) {
	t := &tellings{values: map[string]bool{}, waiting: map[string]bool{}}
	err := s.listed(ctx, func(e map[string]any) {
		t.keep(e)
		switch e["kind"] {
		case "conflict", "review", "recalled", "resumed", "one-way":
			t.entries++
			_, lost, _ := strings.Cut(text(e["text"]), "lost: ")
			for _, v := range []string{text(e["left"]), text(e["right"]), lost} {
				t.tell(v)
			}
		}
	}, "audit", "--json")
	if err != nil {
		return nil, err
	}
	err = s.listed(ctx, func(e map[string]any) {
		t.reviews++
		t.waiting[fmt.Sprint(e["mapping"], " ", e["left"], " ", e["field"])] = true
		t.tell(text(e["left_value"]))
		t.tell(text(e["right_value"]))
	}, "review", "list", "--json")
	if err != nil {
		return nil, err
	}
	return t, s.listed(ctx, func(e map[string]any) {
		e["left_key"], e["right_key"] = e["left"], e["right"]
		e["kind"] = "PARKED " + text(e["kind"])
		t.keep(e)
	}, "parked", "list", "--json")
}

// tell notes a value, and the parts of one that an expression made of two.
func (t *tellings) tell(value string) {
	t.values[value] = true
	for _, part := range strings.Split(value, "&") {
		t.values[part] = true
	}
}

// listed runs a command that prints JSON lines, or one JSON list.
func (s *stage) listed(ctx context.Context, take func(map[string]any), args ...string) error {
	out, err := s.ls.Command(ctx, append(args, "--config", s.ls.Config, "--data", s.ls.Data, "--listen", s.ls.Listen)...)
	if err != nil {
		return err
	}
	for d := json.NewDecoder(strings.NewReader(out)); d.More(); {
		var v any
		if err := d.Decode(&v); err != nil {
			return fmt.Errorf("lockstep %s: %w", args[0], err)
		}
		list, ok := v.([]any)
		if !ok {
			list = []any{v}
		}
		for _, one := range list {
			if e, ok := one.(map[string]any); ok {
				take(e)
			}
		}
	}
	return nil
}

// sorted are the fields of both books, in a fixed order.
func sorted(left, right *books) []field {
	all := map[field]bool{}
	for _, b := range []*books{left, right} {
		for f := range b.entries {
			all[f] = true
		}
	}
	return slices.SortedFunc(maps.Keys(all), func(a, b field) int {
		return strings.Compare(a.kind+a.uid+a.name, b.kind+b.uid+b.name)
	})
}
