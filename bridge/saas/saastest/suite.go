package saastest

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// Run tests a connector. Every subtest has an account of its own.
func Run(t *testing.T, h Harness) {
	tests := []struct {
		name string
		run  func(*testing.T, *bench)
	}{
		{"an object is described", describes},
		{"a record is created, updated, cleared and archived", roundTrip},
		{"writing the same again is harmless", repeats},
		{"archiving what is archived is done already", archivesTwice},
		{"what comes back is what the vendor stores", storedForms},
		{"values of every shape survive", values},
		{"writes go out in batches", batches},
		{"a batch keeps the order of results", ordered},
		{"one bad record of a batch fails alone", isolates},
		{"a value that the vendor refuses is rejected by field", rejected},
		{"a field that the vendor computes is rejected", computed},
		{"a duplicate names the record that is there", duplicate},
		{"a record that is not there is gone", gone},
		{"a vendor that is down fails for now, once", down},
		{"a throttled connection rests", throttled},
		{"revoked credentials are told apart", unauthorized},
		{"a write whose answer is lost is in doubt, and found again", inDoubt},
		{"an ended context ends the call", cancelled},
		{"records are read, missing ones are absent", reads},
		{"a record merged away reads as its survivor", readsMerged},
		{"records are looked up by a unique field", looksUp},
		{"records are looked up by any field", looksUpAny},
		{"webhooks are verified", verifies},
		{"webhooks tell what people did", parses},
		{"webhooks tell our own writes apart", parsesOwn},
		{"webhooks that make no sense are refused", parsesNonsense},
	}
	if h.Reference.Name != "" {
		tests = append(tests, []struct {
			name string
			run  func(*testing.T, *bench)
		}{
			{"a reference is described", describesReference},
			{"a reference is read, switched and cleared", refers},
			{"a record is created with its reference", createsReferring},
			{"a reference to what is not there is rejected by field", refersToNobody},
			{"a reference and its record fail for themselves", refersInBatches},
			{"webhooks of references ask for a look at the record", parsesReferences},
		}...)
	}
	if h.Skews {
		tests = append(tests, []struct {
			name string
			run  func(*testing.T, *bench)
		}{
			{"the vendor's clock is measured, and followed when it is set", measuresClock},
			{"webhooks are as old as the vendor's clock says", verifiesBySkewedClock},
		}...)
	}
	for _, one := range tests {
		t.Run(one.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			account := h.Start(t)
			one.run(t, &bench{h: h, ctx: ctx, account: account, c: account.Connector()})
		})
	}
}

// bench is one subtest's account and connector.
type bench struct {
	h       Harness
	ctx     context.Context
	account Account
	c       Connector
}

// set makes a record of alternating names and texts.
func set(pairs ...string) event.Record {
	var r event.Record
	for i := 0; i < len(pairs); i += 2 {
		r.Put(pairs[i], event.String(pairs[i+1]))
	}
	return r
}

func (b *bench) create(n int, more ...string) event.Write {
	return event.Write{ID: "app:1-" + strconv.Itoa(n), Origin: "app", Op: event.DoCreate, Object: b.h.Object,
		Set: set(append([]string{b.h.Unique, b.h.Value(n)}, more...)...)}
}

func (b *bench) update(key event.Key, r event.Record) event.Write {
	return event.Write{ID: "app:2-1", Origin: "app", Op: event.DoUpdate, Object: b.h.Object, Key: key, Set: r}
}

func (b *bench) archive(key event.Key) event.Write {
	return event.Write{ID: "app:3-1", Origin: "app", Op: event.DoDelete, Object: b.h.Object, Key: key}
}

// apply makes one call and checks its shape.
func (b *bench) apply(t *testing.T, writes ...event.Write) []event.Result {
	t.Helper()
	results := b.c.Apply(b.ctx, writes)
	if len(results) != len(writes) {
		t.Fatalf("%d writes have %d results", len(writes), len(results))
	}
	return results
}

// must applies writes that have to succeed.
func (b *bench) must(t *testing.T, writes ...event.Write) []event.Result {
	t.Helper()
	results := b.apply(t, writes...)
	for i, r := range results {
		if r.Err != nil {
			t.Fatalf("write %d: %v", i, r.Err)
		}
	}
	return results
}

// fails applies one write that has to fail in a class.
func (b *bench) fails(t *testing.T, w event.Write, want event.Class) *event.Fault {
	t.Helper()
	r := b.apply(t, w)[0]
	if r.Err == nil {
		t.Fatalf("the %s succeeded, want a fault: %s", w.Op, want)
	}
	if r.Err.Class != want {
		t.Fatalf("got fault %v, want class %s", r.Err, want)
	}
	if r.Err.Message == "" {
		t.Errorf("the fault has no message")
	}
	return r.Err
}

func (b *bench) held(t *testing.T, key event.Key, field string) string {
	t.Helper()
	values, live := b.account.Held(key.ID())
	if !live {
		t.Fatalf("record %s is not live", key)
	}
	return values[field]
}

// fault unwraps the error of a read.
func fault(t *testing.T, err error) *event.Fault {
	t.Helper()
	var f *event.Fault
	if !errors.As(err, &f) {
		t.Fatalf("got error %v, want an *event.Fault", err)
	}
	return f
}
