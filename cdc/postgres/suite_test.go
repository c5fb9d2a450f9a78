package postgres_test

import (
	"fmt"
	"testing"

	"github.com/lockstep-sync/lockstep/cdc/cdctest"
	server "github.com/lockstep-sync/lockstep/testenv/postgres"
)

func TestConformance(t *testing.T) {
	for _, version := range server.Versions() {
		t.Run(fmt.Sprint("PostgreSQL ", version), func(t *testing.T) { cdctest.Run(t, harness{version}) })
	}
}
