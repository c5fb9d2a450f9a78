package postgres

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// statement is one SQL text and its parameters, all of them text; nil is NULL.
type statement struct {
	sql  string
	args [][]byte
}

// answer is what a statement returned, all of it text; nil is NULL.
type answer struct {
	rows [][][]byte
	tag  string
}

// lostError says that the connection broke before the answer came.
type lostError struct{ err error }

func (e *lostError) Error() string { return "the connection broke: " + e.err.Error() }
func (e *lostError) Unwrap() error { return e.err }

// mostPrepared bounds what a session keeps on the server: a set of fields that
// changed together makes one text.
const mostPrepared = 256

// session is one connection. One goroutine uses it at a time.
type session struct {
	conn     *pgconn.PgConn
	clock    *clock
	unnamed  bool              // prepare nothing
	prepared map[string]string // SQL → its name on the server
	names    int
	used     bool // it served a call before this one
	returned time.Time
}

func connect(ctx context.Context, config *pgconn.Config, unnamed bool, c *clock) (*session, error) {
	conn, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	return &session{conn: conn, clock: c, unnamed: unnamed, prepared: map[string]string{}}, nil
}

func (s *session) close() {
	// A goodbye that does not get through is no loss: the server notices.
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = s.conn.Close(ctx)
}

// run sends the statements in one round trip. The answers are those of the
// statements before the first that failed; the error is that one's, a
// *pgconn.PgError, or a *lostError when the connection is gone.
func (s *session) run(ctx context.Context, statements ...statement) ([]answer, error) {
	sent := s.clock.now()
	p := s.conn.StartPipeline(ctx)
	expected := s.send(p, statements)
	answers := make([]answer, 0, len(statements))
	err := p.Sync()
	for _, name := range expected {
		if err != nil {
			break
		}
		var results any
		if results, err = p.GetResults(); err != nil {
			break
		}
		switch r := results.(type) {
		case *pgconn.StatementDescription:
			s.prepared[name.sql] = name.name
		case *pgconn.ResultReader:
			got := r.Read()
			if err = got.Err; err == nil {
				answers = append(answers, answer{rows: got.Rows, tag: got.CommandTag.String()})
			}
		}
	}
	if closing := p.Close(); err == nil {
		err = closing
	}
	s.clock.look(sent, s.clock.now(), statements, answers)
	return answers, s.verdict(err)
}

// asked is one answer that the server owes: of a statement, or, with a name, of
// its preparation.
type asked struct{ sql, name string }

func (s *session) send(p *pgconn.Pipeline, statements []statement) []asked {
	expected := make([]asked, 0, len(statements)+4)
	if len(s.prepared) > mostPrepared {
		for _, name := range s.prepared {
			p.SendDeallocate(name)
			expected = append(expected, asked{})
		}
		clear(s.prepared)
	}
	fresh := map[string]string{}
	for _, st := range statements {
		if s.unnamed {
			p.SendQueryParams(st.sql, st.args, nil, nil, nil)
			expected = append(expected, asked{sql: st.sql})
			continue
		}
		name := s.prepared[st.sql]
		if name == "" {
			name = fresh[st.sql]
		}
		if name == "" {
			s.names++
			name = "lockstep_" + strconv.Itoa(s.names)
			fresh[st.sql] = name
			p.SendPrepare(name, st.sql, nil)
			expected = append(expected, asked{sql: st.sql, name: name})
		}
		p.SendQueryPrepared(name, st.args, nil, nil)
		expected = append(expected, asked{sql: st.sql})
	}
	return expected
}

// verdict tells a statement's failure from the connection's.
func (s *session) verdict(err error) error {
	if err == nil {
		return nil
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.SeverityUnlocalized != "FATAL" && pg.SeverityUnlocalized != "PANIC" && !s.conn.IsClosed() {
		return pg
	}
	return &lostError{err: err}
}
