package postgres

import (
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/lockstep-sync/lockstep/schemas/event"
	"github.com/lockstep-sync/lockstep/schemas/pgform"
)

// explain says what the server's codes leave open where rows refer to each
// other: which column is at fault, and what can be done.
func (j *job) explain(f *event.Fault, pg *pgconn.PgError) {
	switch pg.Code {
	case "23503", "23001": // foreign_key_violation, restrict_violation
	default:
		return
	}
	child := pgform.JoinTable(pg.SchemaName, pg.TableName)
	if pg.Code == "23001" || j.Op == event.DoDelete {
		f.Message = bounded("rows of " + child + " still refer to the row (constraint " + pg.ConstraintName + "): delete or re-assign them, " +
			"let the constraint do so (ON DELETE CASCADE or SET NULL), or choose archive or unlink as the mapping's delete policy")
		return
	}
	f.Message = "the row that it refers to does not exist (constraint " + pg.ConstraintName + " of " + child + ")"
	at := slices.IndexFunc(j.table.foreign, func(f foreign) bool { return f.Name == pg.ConstraintName })
	if at < 0 { // a partition's own
		f.Message = bounded(f.Message + ": create the row that it refers to, or clear the reference")
		return
	}
	key := j.table.foreign[at]
	f.Field = key.Columns[0]
	f.Message = bounded("column " + strings.Join(key.Columns, ", ") + " names a row that " + pgform.JoinTable(key.Schema, key.Table) + " does not have (constraint " +
		pg.ConstraintName + "): create that row, clear the reference, or map it as a reference, so that the record waits for its parent")
}
