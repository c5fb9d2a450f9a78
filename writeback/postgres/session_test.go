package postgres

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	server "github.com/lockstep-sync/lockstep/testenv/postgres"
)

func TestASessionKeepsABoundedNumberOfStatements(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	config, err := pgconn.ParseConfig(server.Database(t, 0))
	if err != nil {
		t.Fatal(err)
	}
	s, err := connect(ctx, config, false, &clock{now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	for n := range 3 * mostPrepared {
		got, err := s.run(ctx, statement{sql: fmt.Sprint("SELECT ", n)}, statement{sql: "SELECT count(*) FROM pg_prepared_statements"})
		if err != nil || string(got[0].rows[0][0]) != strconv.Itoa(n) {
			t.Fatalf("SELECT %d = %v, %v", n, got, err)
		}
		if kept, err := strconv.Atoi(string(got[1].rows[0][0])); err != nil || kept > mostPrepared+3 {
			t.Fatalf("after %d texts the server keeps %d, %v; want at most %d", n, kept, err, mostPrepared+3)
		}
	}
}
