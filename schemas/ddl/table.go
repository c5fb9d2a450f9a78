package ddl

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/lockstep-sync/lockstep/schemas/pgform"
)

// table is what the catalog tells of a wanted table.
type table struct {
	want     TableWant
	oid      uint32
	kind     string // relkind: r, p; others cannot be published
	unlogged bool   // or temporary: not in the log
	owned    bool
	rls      bool // row security hides rows from us
	delete   bool // privilege
	columns  []columnFact
	parts    []part // the table itself first, then its partitions
}

type columnFact struct {
	Name                   string
	Generated              string // '' no, s stored, v virtual
	Select, Insert, Update bool
}

// part is a table as its rows are logged: a partition's own replica identity
// decides what an old row carries.
type part struct {
	Name           string
	Identity       string
	Primary, Index []string
}

// describe returns nil when there is no such table.
func describe(ctx context.Context, c *pgx.Conn, w TableWant) (*table, error) {
	schema, name, err := pgform.SplitTable(w.Name)
	if err != nil {
		return nil, err
	}
	t := &table{want: w}
	err = c.QueryRow(ctx, `SELECT c.oid, c.relkind::text, c.relpersistence <> 'p', pg_has_role(c.relowner, 'USAGE'),
			row_security_active(c.oid), has_table_privilege(c.oid, 'DELETE')
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2`, schema, name).
		Scan(&t.oid, &t.kind, &t.unlogged, &t.owned, &t.rls, &t.delete)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look at table %s: %w", w.Name, err)
	}
	rows, err := c.Query(ctx, `SELECT attname::text, attgenerated::text, has_column_privilege(attrelid, attnum, 'SELECT'),
			has_column_privilege(attrelid, attnum, 'INSERT'), has_column_privilege(attrelid, attnum, 'UPDATE')
		FROM pg_attribute WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped ORDER BY attnum`, t.oid)
	if err == nil {
		t.columns, err = pgx.CollectRows(rows, pgx.RowToStructByPos[columnFact])
	}
	if err != nil {
		return nil, fmt.Errorf("look at the columns of table %s: %w", w.Name, err)
	}
	if t.parts, err = describeParts(ctx, c, t.oid); err != nil {
		return nil, fmt.Errorf("look at the replica identity of table %s: %w", w.Name, err)
	}
	return t, nil
}

func describeParts(ctx context.Context, c *pgx.Conn, oid uint32) ([]part, error) {
	const keyOf = `ARRAY(SELECT a.attname::text FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY k(num, ord)
		JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.num
		WHERE i.indrelid = c.oid AND i.%s AND k.ord <= i.indnkeyatts ORDER BY k.ord)`
	rows, err := c.Query(ctx, `SELECT c.oid::regclass::text, c.relreplident::text, `+fmt.Sprintf(keyOf, "indisprimary")+`, `+fmt.Sprintf(keyOf, "indisreplident")+`
		FROM pg_class c WHERE c.oid = $1 OR c.oid IN (SELECT relid FROM pg_partition_tree($1) WHERE isleaf)
		ORDER BY c.oid <> $1, c.oid`, oid)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[part])
}

// tableNames lists tables that can be published, for suggestions.
func tableNames(ctx context.Context, c *pgx.Conn) ([]string, error) {
	rows, err := c.Query(ctx, `SELECT n.nspname::text, c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\_%'
		ORDER BY n.nspname = 'public' DESC, 1, 2 LIMIT 10000`)
	if err != nil {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	return pgx.CollectRows(rows, func(r pgx.CollectableRow) (string, error) {
		var schema, name string
		err := r.Scan(&schema, &name)
		return pgform.JoinTable(schema, name), err
	})
}

// identity are the columns that an old row of the part carries; all tells that
// it is the whole row.
func (p part) identity() (columns []string, all bool) {
	switch p.Identity {
	case "f":
		return nil, true
	case "i":
		return p.Index, false
	case "d":
		return p.Primary, false
	}
	return nil, false
}

// full tells whether some old row carries everything. A column list would make
// the application's UPDATE and DELETE fail on such a table.
func (t *table) full() bool {
	return slices.ContainsFunc(t.parts, func(p part) bool { _, all := p.identity(); return all })
}

// identity is what a column list must include so that no UPDATE fails.
func (t *table) identity() []string {
	var out []string
	for _, p := range t.parts {
		columns, _ := p.identity()
		for _, c := range columns {
			if !slices.Contains(out, c) {
				out = append(out, c)
			}
		}
	}
	return out
}

func (t *table) columnNames() []string {
	out := make([]string, len(t.columns))
	for i, c := range t.columns {
		out[i] = c.Name
	}
	return out
}

func (t *table) column(name string) *columnFact {
	for i := range t.columns {
		if t.columns[i].Name == name {
			return &t.columns[i]
		}
	}
	return nil
}

// quoted is the table's name in SQL.
func (t *table) quoted() string { return quoteTable(t.want.Name) }
