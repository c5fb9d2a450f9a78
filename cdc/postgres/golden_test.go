package postgres

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lockstep-sync/lockstep/cdc"
	"github.com/lockstep-sync/lockstep/schemas/event"
	"github.com/lockstep-sync/lockstep/schemas/pgform"
	server "github.com/lockstep-sync/lockstep/testenv/postgres"
)

var update = flag.Bool("update", false, "record testdata/pgoutput.hex from a real server and write testdata/pgoutput.golden anew")

// fixed is a catalog that knows one table's key and the built-in types.
type fixed struct{}

func (fixed) shape(_ context.Context, r *relation) (shape, error) {
	s := shape{primary: []string{"id"}, forms: map[uint32]pgform.Type{}}
	for _, c := range r.columns {
		s.columns = append(s.columns, c.name)
		s.forms[c.oid], _ = pgform.Builtin(c.oid)
	}
	return s, nil
}

// script is a sink that writes down what it is handed, as the envelope.
type script struct {
	out     bytes.Buffer
	buffer  []byte
	discard bool
}

func (s *script) Change(_ context.Context, c *event.Change) error {
	s.buffer = event.AppendChange(s.buffer[:0], c)
	if !s.discard {
		fmt.Fprintf(&s.out, "%s\n", s.buffer)
	}
	return nil
}

func (s *script) Commit(_ context.Context, c cdc.Checkpoint) error {
	fmt.Fprintf(&s.out, "commit, next at %s, %s\n", c.End, c.At.Format(time.RFC3339Nano))
	return nil
}

func (s *script) Idle(_ context.Context, c cdc.Checkpoint) error { return nil }

func (s *script) Pause() {}

func (s *script) Notice(object string, notices []cdc.Notice) {
	for _, n := range notices {
		fmt.Fprintf(&s.out, "notice of %s: %s\n", object, n.Column)
	}
}

func (s *script) Reshaped(object string) { fmt.Fprintf(&s.out, "another shape of %s\n", object) }

func seen() time.Time { return time.UnixMilli(1_790_000_000_000) }

// TestGolden decodes what a PostgreSQL 18 sent.
func TestGolden(t *testing.T) {
	if *update {
		record(t)
	}
	var sink script
	d := newDecoder(Options{Connection: "app", Columns: map[string][]string{"public.contacts": {"email", "ltv", "bio", "updated_at", "lost"}, "public.other": nil}}, fixed{}, &sink, map[string]string{}, seen)
	for i, m := range recorded(t) {
		if err := d.message(context.Background(), m); err != nil {
			t.Fatalf("message %d (%q): %v", i, m[0], err)
		}
	}
	if *update {
		if err := os.WriteFile("testdata/pgoutput.golden", sink.out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/pgoutput.golden")
	if err != nil {
		t.Fatal(err)
	}
	if got := sink.out.String(); got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// recorded reads the messages of testdata/pgoutput.hex.
func recorded(t testing.TB) [][]byte {
	t.Helper()
	text, err := os.ReadFile("testdata/pgoutput.hex")
	if err != nil {
		t.Fatal(err)
	}
	var out [][]byte
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		m, err := hex.DecodeString(lines.Text())
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, m)
	}
	return out
}

// record has a real server decode a little of everything.
func record(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := pgx.Connect(ctx, server.Database(t, 18))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(ctx)
	const row = `INSERT INTO contacts (email, first_name, company, ltv, bio) VALUES ('ann@example.com', 'Ann', 'Ünïcorn', 12.50, (SELECT string_agg(md5(i::text), '') FROM generate_series(1, 80) i))`
	for _, sql := range []string{
		`CREATE TABLE contacts (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text NOT NULL, first_name text, last_name text,
			phone text, company text, ltv numeric(12,2), updated_at timestamptz DEFAULT '2026-11-22 10:00+01', bio text)`,
		`ALTER TABLE contacts ALTER bio SET STORAGE EXTERNAL`, `CREATE TABLE other (id int PRIMARY KEY)`, `CREATE TABLE unwanted (id int PRIMARY KEY)`,
		`CREATE PUBLICATION golden FOR TABLE contacts, other, unwanted`, `SELECT pg_create_logical_replication_slot('golden', 'pgoutput')`,
		`BEGIN`, row, `INSERT INTO unwanted VALUES (1)`, `SELECT pg_logical_emit_message(true, 'lockstep', '{"origin":"crm","change":"crm:7"}')`,
		`UPDATE contacts SET ltv = NULL`, `UPDATE contacts SET id = DEFAULT, email = 'a"b\c'`, `COMMIT`,
		`ALTER TABLE contacts REPLICA IDENTITY FULL`, `UPDATE contacts SET company = 'x'`, `DELETE FROM contacts`,
		`INSERT INTO contacts (email, first_name, last_name, phone, company, ltv) VALUES ('user17@example.com', 'First17', 'Last17', '+1 555 0117', 'Company 17', 1017.25)`,
		`UPDATE contacts SET ltv = ltv + 1, updated_at = updated_at + interval '1 ms'`,
		`TRUNCATE contacts, other`,
	} {
		if _, err := c.Exec(ctx, sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	rows, err := c.Query(ctx, `SELECT encode(data, 'hex') FROM pg_logical_slot_get_binary_changes('golden', NULL, NULL,
		'proto_version', '1', 'publication_names', 'golden', 'messages', 'true')`)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("testdata/pgoutput.hex", []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}

// FuzzDecoder: whatever a message holds, the decoder neither panics nor hands on
// a change without a position. The recorded messages before it set the scene.
func FuzzDecoder(f *testing.F) {
	messages := recorded(f)
	for i, m := range messages {
		f.Add(i, m)
	}
	f.Fuzz(func(t *testing.T, before int, data []byte) {
		sink := &checking{t: t}
		d := newDecoder(Options{Connection: "app"}, fixed{}, sink, map[string]string{}, seen)
		for _, m := range messages[:max(0, min(before, len(messages)))] {
			if err := d.message(context.Background(), m); err != nil {
				t.Fatal(err)
			}
		}
		// Refusing is as good as taking: only what is handed on is judged.
		_ = d.message(context.Background(), data)
	})
}

type checking struct {
	script
	t *testing.T
}

func (s *checking) Change(ctx context.Context, c *event.Change) error {
	if c.Position.Minor == 0 || c.Object == "" || c.Op == 0 {
		s.t.Errorf("a change without position, object or operation: %+v", c)
	}
	for _, r := range []event.Record{c.Before, c.After} {
		if len(r.Names) != len(r.Values) {
			s.t.Errorf("a record of %d names and %d values", len(r.Names), len(r.Values))
		}
	}
	return s.script.Change(ctx, c)
}

// BenchmarkDecode decodes and encodes recorded changes: what the reader does for
// each on one core. Half are inserts, half updates with the whole old row.
func BenchmarkDecode(b *testing.B) {
	sink := &script{discard: true}
	d := newDecoder(Options{Connection: "app"}, fixed{}, sink, map[string]string{}, seen)
	var loop [][]byte
	for _, m := range recorded(b) {
		d.open = d.open && m[0] != 'B'
		if m[0] == 'I' || m[0] == 'U' {
			if bytes.Contains(m, []byte("Company 17")) {
				loop = append(loop, m)
			}
		} else if m[0] == 'B' || m[0] == 'R' {
			if err := d.message(context.Background(), m); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		if err := d.message(context.Background(), loop[n%len(loop)]); err != nil {
			b.Fatal(err)
		}
		n++
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "changes/s")
}
