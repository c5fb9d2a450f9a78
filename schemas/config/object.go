package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// decoder turns nodes into a Config and collects what is wrong.
type decoder struct {
	file     string
	env      func(string) (string, bool)
	problems Problems
	places   *places
}

func (d *decoder) fail(line, column int, path, what, remedy string) {
	d.problems = append(d.problems, Problem{File: d.file, Line: line, Column: column, Path: path, What: what, Remedy: remedy})
}

func (d *decoder) failAt(n *node, path, what, remedy string) {
	d.fail(n.line, n.column, path, what, remedy)
}

// object reads one group of keys. Every getter tells it a key that exists; done
// reports those of the file that do not, and those that are there twice.
type object struct {
	d     *decoder
	n     *node
	path  string
	known []string
}

// object is false when the node is no group of keys; example shows one.
func (d *decoder) object(n *node, path, example string) (*object, bool) {
	if n.kind != nodeMap {
		d.failAt(n, path, fmt.Sprintf("%s stands where a group of keys is expected", nodeWords[n.kind]), "write it like "+example)
		return nil, false
	}
	return &object{d: d, n: n, path: path}, true
}

// get returns the key's value; nil when it is absent or empty.
func (o *object) get(key string) *node {
	if !slices.Contains(o.known, key) {
		o.known = append(o.known, key)
	}
	for _, e := range o.n.entries {
		if e.key == key {
			if e.value.kind == nodeNull {
				return nil
			}
			return e.value
		}
	}
	return nil
}

// need is get of a key that has to be there.
func (o *object) need(key, example string) *node {
	n := o.get(key)
	if n == nil {
		o.d.failAt(o.n, o.path, key+" is missing", "add "+example)
	}
	return n
}

func (o *object) at(key string) string { return join(o.path, key) }

// done reports keys that do not exist, and repeated ones.
func (o *object) done() {
	seen := map[string]int{}
	for _, e := range o.n.entries {
		if line, twice := seen[e.key]; twice {
			o.d.fail(e.line, e.column, o.at(e.key), "the key stands here twice", fmt.Sprintf("remove it here or in line %d", line))
			continue
		}
		seen[e.key] = e.line
		if !slices.Contains(o.known, e.key) {
			o.d.fail(e.line, e.column, o.at(e.key), "unknown key "+quote(e.key), didYouMean(e.key, o.known))
		}
	}
}

// text reads a text as it stands, "" when it is absent.
func (o *object) text(key string) string { return o.d.textOf(o.get(key), o.at(key)) }

func (d *decoder) textOf(n *node, path string) string {
	switch {
	case n == nil:
		return ""
	case n.kind != nodeText:
		remedy := "write a text"
		if n.kind == nodeNumber || n.kind == nodeBool {
			remedy = "put it in quotes: " + quote(n.text)
		}
		d.failAt(n, path, fmt.Sprintf("%s stands where a text is expected", nodeWords[n.kind]), remedy)
		return ""
	case strings.TrimSpace(n.text) == "":
		d.failAt(n, path, "is empty", "write a value or remove the key")
	}
	return n.text
}

// setting reads a text in which ${env:…} and ${file:…} are replaced. Numbers
// are taken as they are written.
func (o *object) setting(key string) string { return o.d.settingOf(o.get(key), o.at(key)) }

func (d *decoder) settingOf(n *node, path string) string {
	if n != nil && n.kind == nodeNumber {
		return n.text
	}
	text := d.textOf(n, path)
	if text == "" {
		return ""
	}
	out, problem, remedy := d.expand(text)
	if problem != "" {
		d.failAt(n, path, problem, remedy)
		return ""
	}
	return out
}

func (o *object) secret(key string) Secret { return SecretOf(o.setting(key)) }

// word reads one of a few words; otherwise is what an absent key means.
func (o *object) word(key, otherwise, what string, words ...string) string {
	n := o.get(key)
	if n == nil {
		return otherwise
	}
	text := o.d.textOf(n, o.at(key))
	if text == "" || slices.Contains(words, text) {
		return text
	}
	o.d.failAt(n, o.at(key), fmt.Sprintf("%s is no %s", quote(text), what), "write "+either(words))
	return ""
}

// flag reads true or false; an absent one is false.
func (o *object) flag(key string) bool {
	n := o.get(key)
	if n == nil {
		return false
	}
	if n.kind != nodeBool {
		o.d.failAt(n, o.at(key), quoteNode(n)+" is neither true nor false", "write true or false")
	}
	return n.text == "true"
}

// either lists words the way a sentence does: a, b or c.
func either(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// integer reads a whole number between least and most.
func (o *object) integer(key string, otherwise, least, most int) int {
	n := o.get(key)
	if n == nil {
		return otherwise
	}
	v, err := strconv.Atoi(n.text)
	if n.kind != nodeNumber || err != nil || v < least || v > most {
		o.d.failAt(n, o.at(key), quoteNode(n)+" does not do", fmt.Sprintf("write a whole number from %d to %d", least, most))
		return otherwise
	}
	return v
}

func quoteNode(n *node) string {
	if n.kind == nodeMap || n.kind == nodeList {
		return nodeWords[n.kind]
	}
	return quote(n.text)
}

// constant reads a scalar as it is written: text, number, true or false.
func (d *decoder) constant(n *node, path string) (string, bool) {
	switch n.kind {
	case nodeText, nodeNumber, nodeBool:
		return n.text, true
	}
	d.failAt(n, path, fmt.Sprintf("%s stands where one value is expected", nodeWords[n.kind]), "write a text, a number, true or false")
	return "", false
}
