package postgres_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/testenv"
	"github.com/lockstep-sync/lockstep/testenv/postgres"
)

func TestStandbyFollowsAndIsPromoted(t *testing.T) {
	t.Parallel()
	for _, version := range postgres.Versions() {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			t.Parallel()
			primary := start(t, postgres.Options{Version: version, Fast: true})
			query(t, primary.URL(), `CREATE TABLE before AS SELECT 1 AS n`)
			standby, err := primary.Standby(patience(t), postgres.Options{Fast: true})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := standby.Stop(); err != nil {
					t.Error(err)
				}
			})
			if got := query(t, standby.URL(), `SELECT pg_is_in_recovery()::text`); got != "true" {
				t.Fatalf("in recovery = %s, want true", got)
			}
			query(t, standby.URL(), `SELECT n::text FROM before`)
			query(t, primary.URL(), `CREATE TABLE later AS SELECT 2 AS n`)
			arrives(t, standby, "later")

			if err := standby.Promote(patience(t)); err != nil {
				t.Fatal(err)
			}
			query(t, standby.URL(), `INSERT INTO later VALUES (3)`)
		})
	}
}

func arrives(t *testing.T, standby *postgres.Server, table string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	err := testenv.Until(ctx, "table "+table+" on the standby", func() (bool, error) {
		return query(t, standby.URL(), `SELECT count(*)::text FROM pg_tables WHERE tablename = '`+table+`'`) == "1", nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
