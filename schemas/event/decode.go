package event

import (
	"fmt"
	"strconv"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// ParseChange reads what AppendChange wrote. Members it does not know are
// passed over, so that a later version may add some. The result shares no
// memory with data. Errors tell the byte at which reading stopped.
func ParseChange(data []byte) (Change, error) {
	p := parser{in: data}
	var c Change
	var unchanged []string
	err := p.object(func(name string) error {
		switch name {
		case "before":
			return p.record(&c.Before)
		case "after":
			return p.record(&c.After)
		case "source":
			return p.source(&c, &unchanged)
		case "op":
			s, err := p.text()
			if err == nil && len(s) != 1 {
				err = fmt.Errorf("op %q is not one letter", s)
			}
			if err == nil {
				c.Op = Op(s[0])
			}
			return err
		case "ts_ms":
			n, err := p.integer()
			c.Seen = time.UnixMilli(n).UTC()
			return err
		default:
			return p.skip()
		}
	})
	if err == nil && p.space() != 0 {
		err = fmt.Errorf("something follows the object")
	}
	if err == nil && c.Op == 0 {
		err = fmt.Errorf("op is missing")
	}
	if err != nil {
		return Change{}, fmt.Errorf("read change at byte %d: %w", p.at, err)
	}
	for _, name := range unchanged {
		c.After.Put(name, Value{})
	}
	return c, nil
}

func (p *parser) source(c *Change, unchanged *[]string) error {
	return p.object(func(name string) (err error) {
		switch name {
		case "connector":
			c.Connector, err = p.text()
		case "name":
			c.Connection, err = p.text()
		case "table":
			c.Object, err = p.text()
		case "ts_us":
			var n int64
			n, err = p.integer()
			c.At = time.UnixMicro(n).UTC()
		case "txId":
			var n int64
			n, err = p.integer()
			c.Tx = uint64(n)
		case "position":
			var s string
			if s, err = p.text(); err == nil {
				c.Position, err = ParsePosition(s)
			}
		case "key":
			c.Key, err = p.key()
		case "old_key":
			c.OldKey, err = p.key()
		case "origin":
			c.Origin.Connection, err = p.text()
		case "change":
			c.Origin.Change, err = p.text()
		case "unchanged":
			*unchanged, err = p.texts()
		default:
			err = p.skip()
		}
		return err
	})
}

// parser reads JSON by hand: numbers stay the text that they are, and bytes
// that are no UTF-8 pass, both of which encoding/json would change.
type parser struct {
	in []byte
	at int
}

// space passes over white space and returns the next byte, 0 at the end.
func (p *parser) space() byte {
	for p.at < len(p.in) {
		switch b := p.in[p.at]; b {
		case ' ', '\n', '\r', '\t':
			p.at++
		default:
			return b
		}
	}
	return 0
}

func (p *parser) expect(b byte) error {
	if got := p.space(); got != b {
		return fmt.Errorf("want %q, got %q", string(b), string(got))
	}
	p.at++
	return nil
}

func (p *parser) object(member func(name string) error) error {
	return p.list('{', '}', func() error {
		name, err := p.text()
		if err != nil {
			return err
		}
		if err := p.expect(':'); err != nil {
			return err
		}
		return member(name)
	})
}

func (p *parser) list(open, shut byte, item func() error) error {
	if err := p.expect(open); err != nil {
		return err
	}
	if p.space() == shut {
		p.at++
		return nil
	}
	for {
		p.space()
		if err := item(); err != nil {
			return err
		}
		switch p.space() {
		case ',':
			p.at++
		case shut:
			p.at++
			return nil
		default:
			return fmt.Errorf("want a comma or %q", string(shut))
		}
	}
}

func (p *parser) texts() ([]string, error) {
	var out []string
	err := p.list('[', ']', func() error {
		s, err := p.text()
		out = append(out, s)
		return err
	})
	return out, err
}

func (p *parser) key() (Key, error) {
	v, err := p.texts()
	if err != nil {
		return "", err
	}
	return KeyOf(v...), nil
}

func (p *parser) record(r *Record) error {
	if p.space() == 'n' {
		return p.word("null")
	}
	r.Names, r.Values = make([]string, 0, 8), make([]Value, 0, 8)
	return p.object(func(name string) error {
		v, err := p.value()
		r.Names, r.Values = append(r.Names, name), append(r.Values, v)
		return err
	})
}

func (p *parser) value() (Value, error) {
	switch b := p.space(); {
	case b == '"':
		s, err := p.text()
		return Value{Text: s, State: Set}, err
	case b == 'n':
		return Value{State: Null}, p.word("null")
	case b == 't':
		return Of(Bool, "true"), p.word("true")
	case b == 'f':
		return Of(Bool, "false"), p.word("false")
	default:
		s, err := p.number()
		if err != nil {
			return Value{}, err
		}
		for i := range s {
			if s[i] == '.' || s[i] == 'e' || s[i] == 'E' {
				return Of(Float, s), nil
			}
		}
		return Of(Int, s), nil
	}
}

func (p *parser) word(w string) error {
	if len(p.in)-p.at < len(w) || string(p.in[p.at:p.at+len(w)]) != w {
		return fmt.Errorf("want %s", w)
	}
	p.at += len(w)
	return nil
}

func (p *parser) number() (string, error) {
	p.space()
	start := p.at
	for p.at < len(p.in) && (p.in[p.at] >= '0' && p.in[p.at] <= '9' || p.in[p.at] == '-' || p.in[p.at] == '+' ||
		p.in[p.at] == '.' || p.in[p.at] == 'e' || p.in[p.at] == 'E') {
		p.at++
	}
	s := string(p.in[start:p.at])
	if !isNumber(s) {
		return "", fmt.Errorf("want a value, got %q", s)
	}
	return s, nil
}

func (p *parser) integer() (int64, error) {
	s, err := p.number()
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(s, 10, 64)
}

func (p *parser) text() (string, error) {
	if err := p.expect('"'); err != nil {
		return "", err
	}
	start := p.at
	for p.at < len(p.in) && p.in[p.at] != '"' && p.in[p.at] != '\\' {
		p.at++
	}
	if p.at < len(p.in) && p.in[p.at] == '"' { // most texts have no escape
		s := string(p.in[start:p.at])
		p.at++
		return s, nil
	}
	out := append([]byte(nil), p.in[start:p.at]...)
	for p.at < len(p.in) {
		switch b := p.in[p.at]; b {
		case '"':
			p.at++
			return string(out), nil
		case '\\':
			var err error
			if out, err = p.escape(out); err != nil {
				return "", err
			}
		default:
			out = append(out, b)
			p.at++
		}
	}
	return "", fmt.Errorf("text does not end")
}

var escapes = map[byte]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

func (p *parser) escape(out []byte) ([]byte, error) {
	if p.at+1 >= len(p.in) {
		return nil, fmt.Errorf("text does not end")
	}
	b := p.in[p.at+1]
	if plain, ok := escapes[b]; ok {
		p.at += 2
		return append(out, plain), nil
	}
	r, err := p.unicode()
	if err != nil {
		return nil, err
	}
	if utf16.IsSurrogate(r) {
		low, err := p.unicode()
		if err != nil {
			return nil, err
		}
		r = utf16.DecodeRune(r, low)
	}
	return utf8.AppendRune(out, r), nil
}

func (p *parser) unicode() (rune, error) {
	if p.at+6 > len(p.in) || p.in[p.at] != '\\' || p.in[p.at+1] != 'u' {
		return 0, fmt.Errorf("unknown escape")
	}
	n, err := strconv.ParseUint(string(p.in[p.at+2:p.at+6]), 16, 16)
	if err != nil {
		return 0, fmt.Errorf("unknown escape %q", string(p.in[p.at:p.at+6]))
	}
	p.at += 6
	return rune(n), nil
}

// skip passes over one value of any shape, bounded by the depth of recursion
// that our own messages have.
func (p *parser) skip() error { return p.skipDepth(0) }

func (p *parser) skipDepth(depth int) error {
	if depth > 16 {
		return fmt.Errorf("nested too deep")
	}
	switch p.space() {
	case '{':
		return p.object(func(string) error { return p.skipDepth(depth + 1) })
	case '[':
		return p.list('[', ']', func() error { return p.skipDepth(depth + 1) })
	default:
		_, err := p.value()
		return err
	}
}
