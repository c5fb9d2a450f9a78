package postgres

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/testenv"
)

// shared are the servers that the tests of this process share, one a version.
var shared struct {
	sync.Mutex
	servers map[int]*Server
	failed  map[int]error
}

var databases atomic.Int64

// ForTest returns the server of the version that all tests of this process
// share (0 is Default), starting it for the first of them. Its writes are not
// fsynced. No test may stop, crash or reconfigure it: such a test calls Start.
//
// testenv.Main stops it in order; without that it dies with the process.
func ForTest(t testing.TB, version int) *Server {
	t.Helper()
	s, err := sharedServer(version)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Database returns the URL of a fresh, empty database on the shared server of
// the version (0 is Default), for the superuser. Database and slots in it are
// dropped when the test ends.
func Database(t testing.TB, version int) string {
	t.Helper()
	s := ForTest(t, version)
	name := databaseName(t.Name())
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	url, err := s.NewDatabase(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := s.DropDatabase(ctx, name); err != nil {
			t.Error(err)
		}
	})
	return url
}

func sharedServer(version int) (*Server, error) {
	version, err := supported(version)
	if err != nil {
		return nil, err
	}
	shared.Lock()
	defer shared.Unlock()
	if s := shared.servers[version]; s != nil {
		return s, nil
	}
	if err := shared.failed[version]; err != nil {
		return nil, err // a hundred tests need not wait for the same failure
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	s, err := Start(ctx, Options{Version: version, Fast: true, Settings: map[string]string{
		"max_replication_slots": "100",
		"max_wal_senders":       "100",
	}})
	if shared.servers == nil {
		shared.servers, shared.failed = map[int]*Server{}, map[int]error{}
	}
	shared.servers[version], shared.failed[version] = s, err
	if err == nil {
		// The directory is private and swept by the next run if this fails.
		testenv.AtExit(func() { _ = s.Stop() })
	}
	return s, err
}

// databaseName makes a readable name of at most 63 bytes that no other test of
// the process has.
func databaseName(test string) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return '_'
	}, strings.TrimPrefix(test, "Test"))
	return fmt.Sprintf("%.50s_%d", clean, databases.Add(1))
}
