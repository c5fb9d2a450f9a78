package postgres

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/lockstep-sync/lockstep/cdc"
	"github.com/lockstep-sync/lockstep/schemas/event"
	"github.com/lockstep-sync/lockstep/schemas/pgform"
)

// stream is one run of a connection from START_REPLICATION to its end.
type stream struct {
	reader   *Reader
	link     *link
	sink     cdc.Sink
	catalog  *serverCatalog
	decoder  *decoder
	feedback *feedback
}

func newStream(r *Reader, l *link, sink cdc.Sink) *stream {
	c := newCatalog(r.options)
	return &stream{reader: r, link: l, sink: sink, catalog: c, decoder: newDecoder(r.options, c, sink, r.shapes, l.in.seen)}
}

func (s *stream) run(ctx context.Context, start, head uint64) error {
	defer s.catalog.close()
	o := s.reader.options
	err := pglogrepl.StartReplication(ctx, s.link.conn, o.Slot, pglogrepl.LSN(start), pglogrepl.StartReplicationOptions{
		PluginArgs: []string{"proto_version '1'", "messages 'true'",
			"publication_names '" + strings.ReplaceAll(pgform.QuoteIdent(o.Publication), "'", "''") + "'"}})
	if err != nil {
		return s.reader.judgeStream(fmt.Errorf("start reading slot %s: %w", o.Slot, err))
	}
	s.reader.began(start)
	s.link.in.pause = s.sink.Pause
	s.link.in.watched.Store(true)
	s.feedback = startFeedback(s.reader, s.link)
	defer s.link.closeOn(ctx, s.feedback)()
	at := event.Position{Major: start}
	if err := s.sink.Idle(ctx, cdc.Checkpoint{End: at, Head: event.Position{Major: max(start, head)}}); err != nil {
		return err
	}
	for {
		if err := s.next(ctx); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return s.reader.judgeStream(fmt.Errorf("read slot %s: %w", o.Slot, err))
		}
	}
}

// next receives one message. Its deadline is the input's: a context here would
// cost a goroutine for each message.
func (s *stream) next(ctx context.Context) error {
	message, err := s.link.conn.ReceiveMessage(context.Background())
	if err != nil {
		return err
	}
	switch m := message.(type) {
	case *pgproto3.CopyData:
		return s.data(ctx, m.Data)
	case *pgproto3.ErrorResponse:
		return pgconn.ErrorResponseToPgError(m)
	case *pgproto3.NoticeResponse:
		return s.warned(m)
	case *pgproto3.ParameterStatus, *pgproto3.NotificationResponse:
		return nil
	default: // CopyDone: the server shuts down
		return errors.New("the server ended the stream")
	}
}

func (s *stream) data(ctx context.Context, data []byte) error {
	switch {
	case len(data) >= 25 && data[0] == pglogrepl.XLogDataByteID:
		return s.decoder.message(ctx, data[25:])
	case len(data) == 18 && data[0] == pglogrepl.PrimaryKeepaliveMessageByteID:
		return s.keepalive(ctx, binary.BigEndian.Uint64(data[1:]), data[17] != 0)
	}
	return decodeError{fmt.Errorf("replication message of unknown kind (%d bytes)", len(data))}
}

// keepalive: the server has sent all it has up to end. That is a checkpoint like
// a commit, except within a transaction, whose end is still to come.
func (s *stream) keepalive(ctx context.Context, end uint64, reply bool) error {
	if reply {
		defer s.feedback.answer()
	}
	if s.decoder.open {
		return nil
	}
	p := event.Position{Major: end}
	return s.sink.Idle(ctx, cdc.Checkpoint{End: p, Head: p})
}

// warned: from version 18 on, a server goes on without a publication that does
// not exist and only warns. Going on would pass over changes.
func (s *stream) warned(m *pgproto3.NoticeResponse) error {
	if strings.Contains(m.Routine, "LoadPublications") {
		return s.reader.unpublished(errors.New(m.Message))
	}
	return nil
}
