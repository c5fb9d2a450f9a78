package config

import (
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/token"
)

// places remembers where every value of the file stands, by its path.
type places struct {
	file  string
	lines []string
	at    map[string]*node
}

func (p *places) record(path string, n *node) {
	p.at[path] = n
	for _, e := range n.entries {
		p.record(join(path, e.key), e.value)
	}
	for i, item := range n.items {
		p.record(fmt.Sprintf("%s[%d]", path, i), item)
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// find returns the node at the path, or the closest one around it.
func (p *places) find(path string) (n *node, exact bool) {
	if n, ok := p.at[path]; ok {
		return n, true
	}
	for path != "" {
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
		if n, ok := p.at[path]; ok {
			return n, false
		}
	}
	return nil, false
}

// At tells where the value at a path stands, such as
// mappings[0].fields[2].to_right. A value that the file does not have is placed
// at the closest one around it.
func (c *Config) At(path string) Position {
	n, _ := c.places().find(path)
	if n == nil {
		return Position{File: c.places().file}
	}
	return Position{c.places().file, n.line, n.column}
}

// Within tells where line and column of the text at a path stand in the file,
// both counted from 1: the place of a mistake inside an expression. Of a text
// that the file writes otherwise than it reads (folded, or with escapes), the
// place may be off by what that takes.
func (c *Config) Within(path string, line, column int) Position {
	n, exact := c.places().find(path)
	at := c.At(path)
	if !exact || n.kind != nodeText || line < 1 || column < 1 {
		return at
	}
	switch n.style {
	case token.LiteralType, token.FoldedType:
		at.Line = min(n.line+line, len(c.places().lines))
		at.Column = indent(c.places().lines[at.Line-1], n.text, line) + column
	case token.SingleQuoteType, token.DoubleQuoteType:
		at.Column++
		fallthrough
	default:
		if line == 1 {
			at.Column += column - 1
		}
	}
	return at
}

// indent is how far a block's lines are indented: what the file's line has before
// that line of the text.
func indent(written, text string, line int) int {
	lines := strings.Split(text, "\n")
	if line <= len(lines) && strings.HasSuffix(written, lines[line-1]) {
		return len(written) - len(lines[line-1])
	}
	return len(written) - len(strings.TrimLeft(written, " "))
}

// Problem makes a problem at a path, for checks that come after loading.
func (c *Config) Problem(path, what, remedy string) Problem {
	at := c.At(path)
	return Problem{File: at.File, Line: at.Line, Column: at.Column, Path: path, What: what, Remedy: remedy}
}
