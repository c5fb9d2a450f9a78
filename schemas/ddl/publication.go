package ddl

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/lockstep-sync/lockstep/schemas/pgform"
)

// mark begins the comment by which a publication of ours is known.
const mark = "Lockstep publication; filters "

// publication is one as the catalog has it.
type publication struct {
	comment   string
	everyone  bool // FOR ALL TABLES
	viaRoot   bool
	publishes bool // insert, update, delete and truncate, all four
	tables    map[string]published
}

type published struct {
	columns []string // nil: all
	filter  string   // as the server writes it, "": none
}

func (p *publication) ours() bool { return strings.HasPrefix(p.comment, mark) }

// filters tells whether it keeps any row back.
func (p *publication) filters() bool {
	for _, t := range p.tables {
		if t.filter != "" {
			return true
		}
	}
	return false
}

// findPublication returns nil when there is none.
func findPublication(ctx context.Context, c interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}, version int, name string) (*publication, error) {
	p := &publication{tables: map[string]published{}}
	var oid uint32
	err := c.QueryRow(ctx, `SELECT oid, coalesce(obj_description(oid, 'pg_publication'), ''), puballtables, pubviaroot,
		pubinsert AND pubupdate AND pubdelete AND pubtruncate FROM pg_publication WHERE pubname = $1`, name).
		Scan(&oid, &p.comment, &p.everyone, &p.viaRoot, &p.publishes)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read publication %s: %w", name, err)
	}
	sql := `SELECT n.nspname::text, c.relname::text, NULL::text[], '' FROM pg_publication_rel r JOIN pg_class c ON c.oid = r.prrelid
		JOIN pg_namespace n ON n.oid = c.relnamespace WHERE r.prpubid = $1`
	if version >= 15 { // column lists, row filters, and FOR TABLES IN SCHEMA
		sql = `SELECT n.nspname::text, c.relname::text,
				CASE WHEN r.prattrs IS NOT NULL THEN ARRAY(SELECT a.attname::text FROM unnest(r.prattrs::int2[]) k(num)
					JOIN pg_attribute a ON a.attrelid = r.prrelid AND a.attnum = k.num) END,
				coalesce(pg_get_expr(r.prqual, r.prrelid), '')
			FROM pg_publication_rel r JOIN pg_class c ON c.oid = r.prrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE r.prpubid = $1
			UNION ALL SELECT n.nspname::text, c.relname::text, NULL, '' FROM pg_publication_namespace s
			JOIN pg_namespace n ON n.oid = s.pnnspid JOIN pg_class c ON c.relnamespace = n.oid AND c.relkind IN ('r', 'p') WHERE s.pnpubid = $1`
	}
	rows, err := c.Query(ctx, sql, oid)
	if err != nil {
		return nil, fmt.Errorf("read the tables of publication %s: %w", name, err)
	}
	var schema, table, filter string
	var columns []string
	_, err = pgx.ForEachRow(rows, []any{&schema, &table, &columns, &filter}, func() error {
		p.tables[pgform.JoinTable(schema, table)] = published{columns: slices.Clone(columns), filter: filter}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the tables of publication %s: %w", name, err)
	}
	return p, nil
}

func quoteTable(name string) string {
	schema, table, err := pgform.SplitTable(name)
	if err != nil {
		return pgform.QuoteIdent(name) // cannot happen: a settled Want joined it
	}
	return pgform.QuoteTable(schema, table)
}

func quoteAll(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = pgform.QuoteIdent(n)
	}
	return strings.Join(quoted, ", ")
}
