package merge_test

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/bridge/merge"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

var rewrite = flag.Bool("rewrite", false, "write what the scripts say now into testdata, to be read before it is kept")

// TestScripts plays the situations of testdata: each block is what happens, then
// ---- and what is decided. See testdata/README for the words.
func TestScripts(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := play(t, string(data))
			if *rewrite {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != string(data) {
				t.Errorf("the script gives\n%s\nwant\n%s", got, data)
			}
		})
	}
}

// stage is one pair of records under a script.
type stage struct {
	t      *testing.T
	rule   mapping.Rule
	facts  merge.Facts
	m      *mapping.Mapping
	link   *merge.Link
	plans  [2]merge.Plan
	unsure []event.Change
	lsn    uint64
	out    []string
}

var began = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func play(t *testing.T, script string) string {
	var out strings.Builder
	s := &stage{t: t, facts: merge.Facts{Now: began, Precision: time.Millisecond}}
	expected := false
	lines := bufio.NewScanner(strings.NewReader(script))
	for lines.Scan() {
		line := lines.Text()
		switch {
		case line == "----":
			expected = true
			out.WriteString("----\n" + strings.Join(s.out, "\n"))
			if len(s.out) > 0 {
				out.WriteString("\n")
			}
			s.out = nil
		case line == "":
			expected = false
			out.WriteString("\n")
		case expected: // replaced by what was decided
		default:
			out.WriteString(line + "\n")
			if !strings.HasPrefix(line, "#") {
				s.do(line)
			}
		}
	}
	if len(s.out) > 0 {
		t.Fatalf("the script does not say what it expects of its last block: %q", s.out)
	}
	return out.String()
}

func (s *stage) say(format string, args ...any) { s.out = append(s.out, fmt.Sprintf(format, args...)) }

func (s *stage) do(line string) {
	word, rest, _ := strings.Cut(line, " ")
	args := strings.Fields(rest)
	switch word {
	case "rule":
		s.setRule(args[0], strings.TrimSpace(strings.TrimPrefix(rest, args[0])))
	case "clock":
		side, offset := s.side(args[0]), s.duration(args[1])
		s.facts.Offset[side] = offset
	case "start":
		s.start(args)
	case "left", "right":
		s.observe(s.side(word), args)
	case "look":
		s.look(args)
	case "found":
		s.link.Forget(mapping.Right)
	case "decide":
		s.decide()
	case "stands":
		s.stands(args)
	case "choose":
		s.choose(args)
	case "restart":
		s.restart()
	case "wait":
		s.facts.Now = s.facts.Now.Add(s.duration(args[0]))
	default:
		s.t.Fatalf("unknown word in script: %q", line)
	}
}

func (s *stage) setRule(kind, rest string) {
	s.rule = map[string]mapping.Rule{"newest": {Kind: mapping.Newest}, "left": {Kind: mapping.Prefer, Side: mapping.Left}, "right": {Kind: mapping.Prefer, Side: mapping.Right},
		"review": {Kind: mapping.Review}, "merge": {Kind: mapping.Merge, Expression: rest}}[kind]
}

// start links two records that agree: start name=Ada phone=1.
func (s *stage) start(args []string) {
	shape := event.Object{Name: "o", Key: []string{"id"}, Fields: []event.Field{{Name: "id", Kind: event.Int}, {Name: "key", Unique: true}}}
	spec := mapping.Spec{Name: "m", Left: mapping.End{Connection: "l", Object: "o"}, Right: mapping.End{Connection: "r", Object: "o"}, MatchLeft: "key", MatchRight: "key",
		Fields: []mapping.FieldSpec{{Left: "key", Right: "key", Conflict: &mapping.Rule{}}}, Conflict: s.rule}
	for _, arg := range args {
		name, _, _ := strings.Cut(arg, "=")
		shape.Fields = append(shape.Fields, event.Field{Name: name, Nullable: true})
		spec.Fields = append(spec.Fields, mapping.FieldSpec{Left: name, Right: name})
	}
	m, problems := mapping.Compile(spec, shape, shape)
	if len(problems) > 0 {
		s.t.Fatal(problems)
	}
	s.m, s.link = m, merge.NewLink(m, mapping.Left, event.KeyOf("1"))
	s.link.Keys[mapping.Right], s.link.State = event.KeyOf("77"), merge.Linked
	for i, arg := range append([]string{"key=k"}, args...) {
		_, text, _ := strings.Cut(arg, "=")
		for _, side := range mapping.Sides {
			s.link.Fields[i].Cell[side] = merge.Cell{Shadow: value(text), Now: value(text)}
		}
	}
}

// observe takes in what a side says: left name=Bob at 10s [by us].
func (s *stage) observe(side mapping.Side, args []string) {
	c := event.Change{Op: event.Update}
	for i, arg := range args {
		switch name, text, is := strings.Cut(arg, "="); {
		case is:
			c.After.Put(name, value(text))
		case arg == "at":
			c.At = began.Add(s.duration(args[i+1]))
		case arg == "us":
			c.Origin = event.Origin{Connection: event.OwnWrite}
		}
	}
	if side == mapping.Left {
		s.lsn += 10
		c.Position = event.Position{Major: s.lsn, Minor: 1}
	} else {
		c.Position = event.Position{Major: uint64(c.At.UnixMicro())}
	}
	unsure, audit := s.link.Observe(s.m, side, &c, s.facts)
	s.tell(audit)
	if unsure {
		s.unsure = append(s.unsure, c)
		s.say("the clock alone does not tell: the record has to be read")
	}
}

// look takes in a read of the right record: look name=Bob at 10s [by us].
func (s *stage) look(args []string) {
	snap := event.Snapshot{}
	for i, arg := range args {
		if name, text, is := strings.Cut(arg, "="); is {
			snap.Record.Put(name, value(text))
		} else if arg == "at" {
			snap.At = began.Add(s.duration(args[i+1]))
		} else if arg == "us" {
			snap.Own = make(map[string]bool)
			for _, name := range snap.Record.Names {
				snap.Own[name] = true
			}
		}
	}
	s.tell(s.link.Look(s.m, mapping.Right, &snap, s.unsure, s.facts))
	s.unsure = nil
}

func (s *stage) decide() {
	d := s.link.Resolve(s.m, s.facts)
	s.tell(d.Audit)
	s.plans = d.Plans
	for _, side := range mapping.Sides {
		for i, name := range d.Plans[side].Set.Names {
			guard := ""
			if g := d.Plans[side].Guard.Get(name); !g.IsUnchanged() {
				guard = ", where it is " + g.Display()
			}
			s.say("write %s: %s = %s%s", side, name, d.Plans[side].Set.Values[i].Display(), guard)
		}
	}
	if d.Plans[0].IsZero() && d.Plans[1].IsZero() {
		s.say("nothing to write")
	}
	if d.Fault != nil {
		s.say("parked: %s", d.Fault.Message)
	}
}

// stands says that a write was carried out: stands right at 12s [as name=BOB].
func (s *stage) stands(args []string) {
	side := s.side(args[0])
	res := event.Result{After: s.plans[side].Set}
	for i, arg := range args[1:] {
		if name, text, is := strings.Cut(arg, "="); is {
			res.After = event.Record{Names: []string{name}, Values: []event.Value{value(text)}}
		} else if arg == "at" {
			res.At = began.Add(s.duration(args[i+2]))
		}
	}
	if side == mapping.Left {
		res.Floor = event.Position{Major: s.lsn + 1}
	}
	s.link.Applied(s.m, side, s.plans[side], res, s.facts)
}

func (s *stage) choose(args []string) {
	for i, f := range s.m.Fields() {
		if f.Name(mapping.Left) != args[0] {
			continue
		}
		v := event.Value{}
		if len(args) > 2 {
			v = value(args[2])
		}
		e, err := s.link.Choose(s.m, i, args[1], v, "ann", s.facts)
		if err != nil {
			s.say("refused: %v", err)
			return
		}
		s.tell([]merge.Entry{e})
	}
}

// restart is a SIGKILL right after the link was stored.
func (s *stage) restart() {
	data, err := s.link.Encode(s.m)
	if err != nil {
		s.t.Fatal(err)
	}
	if s.link, err = merge.Decode(s.m, data); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) tell(entries []merge.Entry) {
	for _, e := range entries {
		text := fmt.Sprintf("audit %s of %s: left %s, right %s", e.Kind, e.Field, e.Left.Display(), e.Right.Display())
		for _, part := range []struct{ name, text string }{{"rule", e.Rule}, {"winner", e.Winner}, {"by", e.By}} {
			if part.text != "" {
				text += "; " + part.name + " " + part.text
			}
		}
		if !e.Loser.IsUnchanged() {
			text += "; lost " + e.Loser.Display()
		}
		if !e.Merged.IsUnchanged() {
			text += "; merged " + e.Merged.Display()
		}
		s.say("%s", text)
		s.say("  %s", e.Text)
	}
}

func (s *stage) side(word string) mapping.Side {
	if word == "left" {
		return mapping.Left
	}
	return mapping.Right
}

func (s *stage) duration(text string) time.Duration {
	d, err := time.ParseDuration(text)
	if err != nil {
		s.t.Fatal(err)
	}
	return d
}

// value reads NULL, ” or a word.
func value(text string) event.Value {
	switch {
	case text == "NULL":
		return event.NullOf(event.Text)
	case strings.HasPrefix(text, "'"):
		text, _ = strconv.Unquote(`"` + strings.Trim(text, "'") + `"`)
	}
	return event.String(text)
}
