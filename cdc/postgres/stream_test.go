package postgres

import (
	"context"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/lockstep-sync/lockstep/cdc"
)

// idling is a sink that remembers where it was told that nothing is left.
type idling struct {
	script
	ends []uint64
}

func (s *idling) Idle(_ context.Context, c cdc.Checkpoint) error {
	s.ends = append(s.ends, c.End.Major)
	return nil
}

func TestAKeepaliveWithinATransactionIsNoCheckpoint(t *testing.T) {
	t.Parallel()
	sink := &idling{}
	s := &stream{sink: sink, decoder: newDecoder(Options{Connection: "app"}, fixed{}, sink, map[string]string{}, seen)}
	keepalive := func(end uint64) {
		t.Helper()
		m := append([]byte{'k'}, make([]byte, 17)...)
		binary.BigEndian.PutUint64(m[1:], end)
		if err := s.data(context.Background(), m); err != nil {
			t.Fatal(err)
		}
	}
	keepalive(100)
	s.decoder.open = true
	keepalive(200)
	s.decoder.open = false
	keepalive(300)
	if len(sink.ends) != 2 || sink.ends[0] != 100 || sink.ends[1] != 300 {
		t.Errorf("checkpoints at %v, want 100 and 300", sink.ends)
	}
}

func TestWhatIsNotUnderstoodIsRefused(t *testing.T) {
	t.Parallel()
	good := recorded(t)
	for name, messages := range map[string][][]byte{
		"a message of no bytes":             {{}},
		"an unknown kind":                   {{'?'}},
		"a row before its table":            {good[0], good[2]},
		"a BEGIN within a transaction":      {good[0], good[0]},
		"a COMMIT of another transaction":   {good[0], append([]byte{'C'}, make([]byte, 25)...)},
		"a relation that is cut short":      {good[0], good[1][:12]},
		"a row that is cut short":           {good[0], good[1], good[2][:len(good[2])-3]},
		"a stream message of unknown shape": nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sink := &checking{t: t}
			s := &stream{sink: sink, reader: &Reader{}, decoder: newDecoder(Options{Connection: "app"}, fixed{}, sink, map[string]string{}, seen)}
			err := s.data(context.Background(), []byte{'z'})
			for _, m := range messages {
				err = s.decoder.message(context.Background(), m)
			}
			var problem *cdc.Problem
			if !errors.As(s.reader.judgeStream(err), &problem) || problem.Kind != cdc.Undecodable {
				t.Errorf("got %v, want a Problem of kind undecodable", err)
			}
		})
	}
}
