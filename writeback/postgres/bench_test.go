package postgres_test

import (
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// BenchmarkApply compares a hundred guarded, origin-tagged updates in one Apply
// with a hundred bare updates in one pgx batch, on the same rows. One operation
// is a hundred rows.
func BenchmarkApply(b *testing.B) {
	r := newRig(b, 0, customers+`; INSERT INTO customers (name, email) SELECT '0', n || '@x.org' FROM generate_series(1, 100) n`)
	last := "0"
	guarded := func(b *testing.B, id func(n int) string) {
		writes := make([]event.Write, 100)
		for n := 0; b.Loop(); n++ {
			next := fmt.Sprint(id(1), b.N, "-", n)
			for i := range writes {
				writes[i] = update(i+1, rec("name", next), rec("name", last))
				writes[i].ID = id(i)
			}
			for _, res := range r.Apply(b.Context(), writes) {
				if res.Err != nil {
					b.Fatal(res.Err)
				}
			}
			last = next
		}
	}
	b.Run("a hundred guarded writes", func(b *testing.B) { guarded(b, func(n int) string { return fmt.Sprint("crm:", n) }) })
	b.Run("a hundred guarded writes of one change", func(b *testing.B) { guarded(b, func(int) string { return "crm:1" }) })
	b.Run("a hundred bare updates in a pgx batch", func(b *testing.B) {
		for n := 0; b.Loop(); n++ {
			batch := &pgx.Batch{}
			batch.Queue("BEGIN")
			for i := range 100 {
				batch.Queue("UPDATE customers SET name = $1 WHERE id = $2", fmt.Sprint("b", n), i+1)
			}
			batch.Queue("COMMIT")
			if err := r.app.SendBatch(b.Context(), batch).Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("one guarded write", func(b *testing.B) {
		r.sql(`UPDATE customers SET name = '0'`)
		last := "0"
		for n := 0; b.Loop(); n++ {
			next := fmt.Sprint("c", b.N, "-", n)
			if res := r.Apply(b.Context(), []event.Write{update(1, rec("name", next), rec("name", last))})[0]; res.Err != nil {
				b.Fatal(res.Err)
			}
			last = next
		}
	})
}
