package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/lockstep-sync/lockstep/schemas/ddl"
	"github.com/lockstep-sync/lockstep/schemas/event"
	"github.com/lockstep-sync/lockstep/schemas/pgform"
)

// described is the catalog's answer to describeQuery.
type described struct {
	Kind     string    `json:"kind"`
	Identity string    `json:"identity"`
	Primary  []string  `json:"primary"`
	Replica  []string  `json:"replica"`
	Foreign  []foreign `json:"foreign"`
	Columns  []struct {
		Name      string   `json:"name"`
		ID        string   `json:"id"`
		Type      uint32   `json:"type"`
		Bottom    uint32   `json:"bottom"`
		BottomIs  string   `json:"bottom_is"`
		Native    string   `json:"native"`
		Mod       int      `json:"mod"`
		NotNull   bool     `json:"not_null"`
		Default   bool     `json:"default"`
		Identity  string   `json:"identity"`
		Generated string   `json:"generated"`
		Unique    bool     `json:"unique"`
		Equal     string   `json:"equal"`
		Options   []string `json:"options"`
	} `json:"columns"`
}

// describe reads the table's shape.
func describe(ctx context.Context, s *session, tune statement, object string) (*table, error) {
	schema, name, err := pgform.SplitTable(object)
	if err != nil {
		return nil, rejected("", "%s", err)
	}
	got, err := s.run(ctx, transaction(tune, statement{describeQuery, [][]byte{[]byte(schema), []byte(name)}})...)
	if err != nil {
		return nil, err
	}
	joined := pgform.JoinTable(schema, name)
	if len(got[2].rows) == 0 {
		return nil, rejected("", "there is no table %s: write schema.table exactly as the catalog has it, upper and lower case included", joined)
	}
	var d described
	if err := json.Unmarshal(got[2].rows[0][0], &d); err != nil {
		return nil, fmt.Errorf("read the description of %s: %w", joined, err)
	}
	if why := unfit[d.Kind]; why != "" {
		return nil, rejected("", "%s is %s", joined, why)
	}
	forms, err := types(ctx, s, tune, d)
	if err != nil {
		return nil, err
	}
	return d.table(joined, pgform.QuoteTable(schema, name), forms)
}

// unfit says why nothing is written through other things than tables.
var unfit = map[string]string{
	"v": "a view, which has no log of its changes: name the table under it",
	"m": "a materialized view, which cannot be written: name the tables under it",
	"f": "a foreign table, whose changes are in another server's log: connect to that server",
	"S": "a sequence, not a table",
	"i": "an index, not a table",
	"I": "an index, not a table",
	"c": "a composite type, not a table",
	"t": "a TOAST table: name the table that it belongs to",
}

func (d described) table(name, quoted string, forms map[uint32]pgform.Type) (*table, error) {
	t := &table{name: name, quoted: quoted, foreign: d.Foreign, columns: make([]column, len(d.Columns))}
	for i, c := range d.Columns {
		form, ok := forms[c.Type]
		if !ok {
			return nil, rejected(c.Name, "the type of column %s of %s is unknown: does somebody alter the table right now?", c.Name, name)
		}
		t.columns[i] = column{name: c.Name, id: c.ID, quoted: pgform.QuoteIdent(c.Name), form: form, typed: form.Name, equal: c.Equal,
			native: c.Native, nullable: !c.NotNull, filled: c.Default || c.Identity != "", computed: c.Generated != "", always: c.Identity == "a",
			unique: c.Unique, options: c.Options, scale: scale(form.Kind, c.Mod)}
		if c.Bottom == varcharOID || c.Bottom == bpcharOID {
			t.columns[i].maxLength = max(0, c.Mod-4)
		}
		if c.Type == c.Bottom && c.Bottom != varcharOID && c.BottomIs == "b" && form.Kind != event.Array {
			if _, ok := pgform.Builtin(c.Type); ok && c.Mod >= 0 {
				t.columns[i].typed = c.Native // numeric(12,2): casting rounds as storing does
			}
		}
	}
	key := ddl.KeyColumns(firstByte(d.Identity), d.Primary, d.Replica) // the key that the log names records by
	t.key = t.known(key)
	if len(t.key) == 0 {
		return nil, rejected("", "%s has no key to name its rows by: ALTER TABLE %s ADD PRIMARY KEY (…), with REPLICA IDENTITY DEFAULT or FULL", name, quoted)
	}
	for i := range t.key {
		if t.key[i].equal == "" { // an index on it proves that there is one
			t.key[i].equal = "pg_catalog.="
		}
	}
	return t, nil
}

const (
	bpcharOID  = 1042
	varcharOID = 1043
)

// scale reads the decimal places from numeric's type modifier, -1 = any.
func scale(k event.Kind, mod int) int {
	switch {
	case k == event.Int:
		return 0
	case k != event.Decimal || mod < 4:
		return -1
	}
	return (((mod - 4) & 0x7ff) ^ 1024) - 1024 // eleven bits, signed since PostgreSQL 15
}

func firstByte(s string) byte {
	if s == "" {
		return 0
	}
	return s[0]
}

// types resolves the columns' types.
func types(ctx context.Context, s *session, tune statement, d described) (map[uint32]pgform.Type, error) {
	forms := map[uint32]pgform.Type{}
	var ask []string
	for _, c := range d.Columns {
		if t, ok := pgform.Builtin(c.Type); ok {
			forms[c.Type] = t
		} else {
			ask = append(ask, strconv.FormatUint(uint64(c.Type), 10))
		}
	}
	if len(ask) == 0 {
		return forms, nil
	}
	oids := "{" + strings.Join(ask, ",") + "}"
	got, err := s.run(ctx, transaction(tune, statement{pgform.TypesQuery, [][]byte{[]byte(oids)}})...)
	if err != nil {
		return nil, err
	}
	for _, row := range got[2].rows {
		oid, err := strconv.ParseUint(string(row[0]), 10, 32)
		if err != nil {
			return nil, fmt.Errorf("read a type's OID: %w", err)
		}
		base, err := strconv.ParseUint(string(row[2]), 10, 32)
		if err != nil {
			return nil, fmt.Errorf("read a type's OID: %w", err)
		}
		forms[uint32(oid)] = pgform.Named(uint32(oid), string(row[1]), uint32(base), firstByte(string(row[3])), firstByte(string(row[4])))
	}
	return forms, nil
}
