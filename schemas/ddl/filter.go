package ddl

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// provable adds to the plan the row filters that are safe: the server accepts
// the expression, and every column of it is in the table's replica identity in
// every partition. With any other filter the application's UPDATE and DELETE
// would fail. A filter that is not safe is left out, and package bridge filters
// alone. It works within tx, on the publication, which must exist; nothing that
// it tries is left behind.
func (p *plan) provable(ctx context.Context, tx pgx.Tx, version int) error {
	if version < 15 {
		return nil
	}
	for i := range p.tables {
		t := &p.tables[i]
		if t.table.want.Filter == "" {
			continue
		}
		columns, err := filterColumns(ctx, tx, p.name, t.table)
		if err != nil {
			return err
		}
		if columns == nil {
			continue
		}
		safe := true
		for _, part := range t.table.parts {
			identity, all := part.identity()
			safe = safe && (all || covers(identity, columns))
		}
		if safe {
			t.filter = t.table.want.Filter
		}
	}
	return nil
}

// filterColumns asks the server which columns a filter reads, by trying it. It
// is nil when the server refuses the filter.
func filterColumns(ctx context.Context, tx pgx.Tx, publication string, t *table) ([]string, error) {
	try, err := tx.Begin(ctx) // a savepoint
	if err != nil {
		return nil, fmt.Errorf("try the filter of table %s: %w", t.want.Name, err)
	}
	// The savepoint is rolled back whatever happens; an error of that shows in tx.
	defer try.Rollback(ctx)
	_, err = try.Exec(ctx, "ALTER PUBLICATION "+quoteAll([]string{publication})+" SET TABLE "+planned{table: t, filter: t.want.Filter}.item())
	if err != nil {
		if ctx.Err() != nil || tx.Conn().IsClosed() {
			return nil, fmt.Errorf("try the filter of table %s: %w", t.want.Name, err)
		}
		return nil, nil
	}
	rows, err := try.Query(ctx, `SELECT DISTINCT a.attname::text FROM pg_publication_rel r
		JOIN pg_publication p ON p.oid = r.prpubid AND p.pubname = $1
		JOIN pg_depend d ON d.classid = 'pg_publication_rel'::regclass AND d.objid = r.oid
			AND d.refclassid = 'pg_class'::regclass AND d.refobjid = r.prrelid AND d.refobjsubid > 0
		JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid WHERE r.prrelid = $2`, publication, t.oid)
	if err != nil {
		return nil, fmt.Errorf("read the filter's columns of table %s: %w", t.want.Name, err)
	}
	columns, err := pgx.AppendRows(make([]string, 0, 4), rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("read the filter's columns of table %s: %w", t.want.Name, err)
	}
	return columns, nil
}
