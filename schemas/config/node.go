package config

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// What a file may be at most. A configuration is far below; the limits keep a
// wrong or hostile file from taking the process down.
const (
	maxFile  = 1 << 20
	maxDepth = 32
)

type nodeKind uint8

const (
	nodeNull nodeKind = iota
	nodeText
	nodeNumber
	nodeBool
	nodeMap
	nodeList
)

var nodeWords = [...]string{"nothing", "a text", "a number", "true or false", "a group of keys", "a list"}

// node is one YAML value with its place. It keeps scalars as they are written.
type node struct {
	kind         nodeKind
	line, column int
	style        token.Type // how a text is written: plain, quoted, block
	text         string
	entries      []entry // of a map, in the file's order, with repetitions
	items        []*node // of a list
}

type entry struct {
	key          string
	line, column int
	value        *node
}

// parseYAML reads one document into nodes. On a syntax error there is no tree.
func (d *decoder) parseYAML(data []byte) *node {
	if len(data) > maxFile {
		d.fail(1, 1, "", fmt.Sprintf("the file has %d bytes", len(data)), fmt.Sprintf("a configuration has at most %d", maxFile))
		return nil
	}
	tokens := lexer.Tokenize(string(data))
	if t := tooDeep(tokens); t != nil {
		d.fail(t.Position.Line, t.Position.Column, "", "nested too deep", fmt.Sprintf("a configuration has at most %d levels", maxDepth))
		return nil
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		d.syntax(err)
		return nil
	}
	var body ast.Node
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		if body != nil {
			d.failAt(d.node(doc.Body, 0), "", "a second document starts here", "keep one: remove the line ---")
			return nil
		}
		body = doc.Body
	}
	if body == nil {
		d.fail(1, 1, "", "the file is empty", "start with connections: and mappings:, as in examples/contacts.yaml")
		return nil
	}
	return d.node(body, 0)
}

// tooDeep returns the token at which nesting passes the limit, before the
// parser, which is recursive, meets it.
func tooDeep(tokens token.Tokens) *token.Token {
	flow, line, run := 0, 0, 0
	for _, t := range tokens {
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			flow++
		case token.SequenceEndType, token.MappingEndType:
			flow--
		case token.SequenceEntryType, token.MappingKeyType, token.TagType, token.AnchorType, token.MappingValueType:
			if t.Position.Line != line {
				line, run = t.Position.Line, 0
			}
			run++
		}
		indent := 0
		if t.Type == token.SequenceEntryType || t.Type == token.MappingValueType {
			indent = t.Position.IndentLevel
		}
		if flow > maxDepth || run > 8*maxDepth || indent > maxDepth {
			return t
		}
	}
	return nil
}

func (d *decoder) syntax(err error) {
	var bad yaml.Error
	if errors.As(err, &bad) && bad.GetToken() != nil && bad.GetToken().Position != nil {
		p := bad.GetToken().Position
		d.fail(p.Line, p.Column, "", "this is no YAML: "+oneLine(bad.GetMessage()), "look at the indentation and at the quotes around here")
		return
	}
	d.fail(1, 1, "", "this is no YAML: "+oneLine(err.Error()), "")
}

func oneLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return strings.TrimSpace(s)
}

// node converts a value. What a strict configuration has no use for (anchors,
// tags, merges) is refused instead of being half supported.
func (d *decoder) node(n ast.Node, depth int) *node {
	t := n.GetToken()
	out := &node{line: t.Position.Line, column: t.Position.Column, text: t.Value}
	if depth > maxDepth {
		d.fail(out.line, out.column, "", "nested too deep", fmt.Sprintf("a configuration has at most %d levels", maxDepth))
		return out
	}
	switch v := n.(type) {
	case *ast.NullNode:
		out.kind = nodeNull
	case *ast.StringNode:
		out.kind, out.text, out.style = nodeText, v.Value, t.Type
	case *ast.LiteralNode:
		out.kind, out.text, out.style = nodeText, v.Value.Value, v.Start.Type
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		out.kind = nodeNumber
	case *ast.BoolNode:
		out.kind = nodeBool
	case *ast.MappingNode:
		d.mapNode(out, v.Values, v.IsFlowStyle, depth)
	case *ast.MappingValueNode:
		d.mapNode(out, []*ast.MappingValueNode{v}, v.IsFlowStyle, depth)
	case *ast.SequenceNode:
		out.kind = nodeList
		for _, item := range v.Values {
			out.items = append(out.items, d.node(item, depth+1))
		}
		if !v.IsFlowStyle && len(out.items) > 0 {
			out.line, out.column = v.Start.Position.Line, v.Start.Position.Column
		}
	default:
		d.fail(out.line, out.column, "", fmt.Sprintf("%s: anchors, aliases and tags are not supported", quote(t.Value)), "write the value out")
	}
	return out
}

func (d *decoder) mapNode(out *node, values []*ast.MappingValueNode, flow bool, depth int) {
	out.kind = nodeMap
	for _, v := range values {
		t := v.Key.GetToken()
		e := entry{key: t.Value, line: t.Position.Line, column: t.Position.Column}
		if _, merge := v.Key.(*ast.MergeKeyNode); merge || t.Type == token.AnchorType || t.Type == token.AliasType || t.Type == token.TagType || t.Type == token.MappingKeyType {
			d.fail(e.line, e.column, "", fmt.Sprintf("the key %s: merges, anchors and composed keys are not supported", quote(t.Value)), "write the keys out")
			continue
		}
		if v.Value == nil {
			e.value = &node{line: e.line, column: e.column}
		} else {
			e.value = d.node(v.Value, depth+1)
		}
		out.entries = append(out.entries, e)
	}
	if !flow && len(out.entries) > 0 {
		out.line, out.column = out.entries[0].line, out.entries[0].column
	}
}

// plain is the tree as the JSON Schema sees it.
func (n *node) plain() any {
	switch n.kind {
	case nodeText:
		return n.text
	case nodeNumber:
		return number(n.text)
	case nodeBool:
		return n.text == "true"
	case nodeMap:
		out := make(map[string]any, len(n.entries))
		for _, e := range n.entries {
			out[e.key] = e.value.plain()
		}
		return out
	case nodeList:
		out := make([]any, len(n.items))
		for i, item := range n.items {
			out[i] = item.plain()
		}
		return out
	}
	return nil
}
