package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lockstep-sync/lockstep/schemas/pgform"
)

// catalog tells the decoder what the stream does not.
type catalog interface {
	shape(ctx context.Context, r *relation) (shape, error)
}

// serverCatalog asks the server that is read from, over a connection of its own
// that it makes when there is a question and keeps until the stream ends.
type serverCatalog struct {
	options Options
	conn    *pgx.Conn
	forms   map[uint32]pgform.Type
}

func newCatalog(o Options) *serverCatalog {
	return &serverCatalog{options: o, forms: map[uint32]pgform.Type{}}
}

// shape is answered from the catalog of now, while the relation may be of an
// hour ago: see relation.keyOf. A table that is gone has no key there.
func (c *serverCatalog) shape(ctx context.Context, r *relation) (shape, error) {
	s := shape{forms: c.forms}
	err := c.ask(ctx, func(ctx context.Context) error {
		const keyOf = `ARRAY(SELECT a.attname::text FROM pg_catalog.pg_index i
			CROSS JOIN LATERAL pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY k(num, ord)
			JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.num
			WHERE i.indrelid = $1 AND i.%s AND k.ord <= i.indnkeyatts ORDER BY k.ord)`
		err := c.conn.QueryRow(ctx, "SELECT "+fmt.Sprintf(keyOf, "indisprimary")+", "+fmt.Sprintf(keyOf, "indisreplident")+`,
			ARRAY(SELECT attname::text FROM pg_catalog.pg_attribute WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped ORDER BY attnum)`,
			r.id).Scan(&s.primary, &s.identity, &s.columns)
		if err != nil {
			return err
		}
		return c.resolve(ctx, r)
	})
	if err != nil {
		return s, fmt.Errorf("look up table %s: %w", r.object, err)
	}
	return s, nil
}

// resolve looks up the types that are not known yet.
func (c *serverCatalog) resolve(ctx context.Context, r *relation) error {
	var unknown []uint32
	for _, col := range r.columns {
		if _, ok := c.forms[col.oid]; ok || slices.Contains(unknown, col.oid) {
			continue
		}
		if form, ok := pgform.Builtin(col.oid); ok {
			c.forms[col.oid] = form
			continue
		}
		unknown = append(unknown, col.oid)
	}
	if len(unknown) == 0 {
		return nil
	}
	rows, err := c.conn.Query(ctx, pgform.TypesQuery, unknown)
	if err != nil {
		return err
	}
	var oid, base uint32
	var name string
	var typtype, category byte
	_, err = pgx.ForEachRow(rows, []any{&oid, &name, &base, &typtype, &category}, func() error {
		c.forms[oid] = pgform.Named(oid, name, base, typtype, category)
		return nil
	})
	return err
}

// ask runs f with a connection, once more with a new one if the old had gone.
func (c *serverCatalog) ask(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, c.options.ConnectTimeout)
	defer cancel()
	fresh := c.conn == nil
	if fresh {
		if err := c.connect(ctx); err != nil {
			return err
		}
	}
	err := f(ctx)
	if err == nil || fresh || !c.conn.IsClosed() {
		return err
	}
	c.conn = nil
	if again := c.connect(ctx); again != nil {
		return errors.Join(err, again)
	}
	return f(ctx)
}

func (c *serverCatalog) connect(ctx context.Context) error {
	config, err := pgx.ParseConfig(c.options.ReadURL)
	if err != nil {
		return err
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	config.RuntimeParams["application_name"] = "lockstep"
	c.conn, err = pgx.ConnectConfig(ctx, config)
	return err
}

func (c *serverCatalog) close() {
	if c.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	// Only questions were asked: nothing is lost with the connection.
	_ = c.conn.Close(ctx)
}
