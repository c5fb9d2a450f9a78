package main_test

import (
	"bufio"
	"fmt"
	"strconv"
	"strings"
)

// encounter is one story of testdata/encounters: what happens to a few records,
// and what must stand in the end. See testdata/encounters/README for the words.
type encounter struct {
	File   string
	Line   int
	Name   string
	Policy string            // the mapping
	Kinds  map[string]string // records of other mappings, by their letter
	Steps  []line
	Wants  []line
}

// line is one line of an encounter: words, and then what is set.
type line struct {
	Number int
	Text   string
	Words  []string
	Sets   []setting
}

// setting is name=value.
type setting struct {
	Name  string
	Value spelled
}

// spelled is a value as the script spells it.
type spelled struct {
	Text string
	Null bool   // NULL
	Any  bool   // *: anything but NULL
	Ref  string // @B: the key that record B has on the same side
}

func (l line) word(i int) string {
	if i < len(l.Words) {
		return l.Words[i]
	}
	return ""
}

// get finds a setting.
func (l line) get(name string) (spelled, bool) {
	for _, s := range l.Sets {
		if s.Name == name {
			return s.Value, true
		}
	}
	return spelled{}, false
}

// parseEncounters reads a file of encounters. It knows no words but those that
// build an encounter: what the others mean is for whoever plays it.
func parseEncounters(file, text string) ([]*encounter, error) {
	var all []*encounter
	var s *encounter
	wants, number := false, 0
	fail := func(format string, args ...any) error {
		return fmt.Errorf("%s:%d: %s", file, number, fmt.Sprintf(format, args...))
	}
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		number++
		one := strings.TrimSpace(lines.Text())
		if name, ok := strings.CutPrefix(one, "== "); ok {
			s = &encounter{File: file, Line: number, Name: name, Kinds: map[string]string{}}
			all, wants = append(all, s), false
			continue
		}
		if s == nil || one == "" || strings.HasPrefix(one, "#") {
			continue // before the first encounter stands what the file is about
		}
		if one == "----" {
			wants = true
			continue
		}
		l, err := encounterLine(one)
		if err != nil {
			return nil, fail("%v", err)
		}
		l.Number = number
		switch {
		case l.Words[0] == "policy" && len(l.Words) == 2:
			s.Policy = l.Words[1]
		case l.Words[0] == "record" && len(l.Words) == 3:
			s.Kinds[l.Words[1]] = l.Words[2]
		case wants:
			s.Wants = append(s.Wants, l)
		default:
			s.Steps = append(s.Steps, l)
		}
	}
	for _, s := range all {
		if s.Policy == "" || len(s.Steps) == 0 || len(s.Wants) == 0 {
			number = s.Line
			return nil, fail("%q needs a policy, something that happens and, below ----, what must stand", s.Name)
		}
	}
	return all, lines.Err()
}

// parseLine splits a line at spaces that are not quoted.
func encounterLine(text string) (line, error) {
	l := line{Text: text}
	for rest := text; rest != ""; rest = strings.TrimLeft(rest, " ") {
		end, quoted := 0, false
		for end < len(rest) && (quoted || rest[end] != ' ') {
			switch {
			case quoted && rest[end] == '\\':
				end++
			case rest[end] == '"':
				quoted = !quoted
			}
			end++
		}
		if quoted || end > len(rest) {
			return l, fmt.Errorf("a quote is not closed: %s", text)
		}
		token := rest[:end]
		rest = rest[end:]
		name, value, is := strings.Cut(token, "=")
		if !is {
			l.Words = append(l.Words, token)
			continue
		}
		v, err := parseValue(value)
		if err != nil {
			return l, fmt.Errorf("%s: %w", token, err)
		}
		l.Sets = append(l.Sets, setting{name, v})
	}
	if len(l.Words) == 0 {
		return l, fmt.Errorf("%q does not say what happens", text)
	}
	return l, nil
}

// parseValue reads a word, "quoted text" with Go's escapes, '' (the empty
// text), NULL, * (anything but NULL), @B (record B's key) or long(N).
func parseValue(text string) (spelled, error) {
	switch {
	case text == "NULL":
		return spelled{Null: true}, nil
	case text == "*":
		return spelled{Any: true}, nil
	case text == "''":
		return spelled{}, nil
	case strings.HasPrefix(text, "@"):
		return spelled{Ref: text[1:]}, nil
	case strings.HasPrefix(text, `"`):
		t, err := strconv.Unquote(text)
		return spelled{Text: t}, err
	case strings.HasPrefix(text, "long("):
		n, err := strconv.Atoi(strings.TrimSuffix(text[5:], ")"))
		const unit = "zwölf Boxkämpfer jagen Viktor 漢字 🚀; "
		return spelled{Text: strings.TrimSpace(strings.Repeat(unit, n/len(unit)+1))}, err
	case text == "":
		return spelled{}, fmt.Errorf("write '' for the empty text, or NULL")
	}
	return spelled{Text: text}, nil
}
