package config

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

const maxSecret = 64 << 10

// expand replaces ${env:NAME} and ${file:PATH}; $${ is a plain ${. What it says
// is wrong never holds what it read.
func (d *decoder) expand(text string) (out, problem, remedy string) {
	var b strings.Builder
	for {
		at := strings.Index(text, "${")
		if at < 0 {
			b.WriteString(text)
			return b.String(), "", ""
		}
		if at > 0 && text[at-1] == '$' {
			b.WriteString(text[:at-1] + "${")
			text = text[at+2:]
			continue
		}
		b.WriteString(text[:at])
		inner, rest, closed := strings.Cut(text[at+2:], "}")
		if !closed {
			return "", "${ is not closed", "write ${env:NAME} or ${file:/path}; a plain ${ is $${"
		}
		value, problem, remedy := d.source(inner)
		if problem != "" {
			return "", problem, remedy
		}
		b.WriteString(value)
		text = rest
	}
}

func (d *decoder) source(inner string) (value, problem, remedy string) {
	kind, name, _ := strings.Cut(inner, ":")
	switch {
	case kind == "env" && name != "":
		value, found := d.env(name)
		if !found {
			return "", fmt.Sprintf("the environment variable %s is not set", quote(name)), "set it for the process that runs lockstep"
		}
		if value == "" {
			return "", fmt.Sprintf("the environment variable %s is empty", quote(name)), "give it a value"
		}
		return value, "", ""
	case kind == "file" && name != "":
		return d.readFile(name)
	}
	// What stands there may be part of a password: it is not shown.
	return "", "${…} names no source", "write ${env:NAME} or ${file:/path}; a plain ${ is $${"
}

// readFile reads a secret from a file; a relative path starts at the
// configuration's folder. One line end at its end, which editors add, is no
// part of it.
func (d *decoder) readFile(name string) (value, problem, remedy string) {
	path := name
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(d.file), path)
	}
	data, err := readSmall(path, maxSecret)
	if err != nil {
		return "", fmt.Sprintf("the file %s cannot be read: %v", quote(name), err), "check that it exists and that lockstep may read it"
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	if text == "" {
		return "", fmt.Sprintf("the file %s is empty", quote(name)), "write the value into it"
	}
	return text, "", ""
}

// readSmall reads a regular file of at most limit bytes: never a pipe or a
// device, which could block or never end.
func readSmall(path string, limit int64) (data []byte, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, plainPathError(err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("it is no regular file")
	}
	if info.Size() > limit {
		return nil, fmt.Errorf("it has %d bytes, and %d are allowed", info.Size(), limit)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, plainPathError(err)
	}
	defer f.Close()
	data, err = io.ReadAll(io.LimitReader(f, limit))
	if err != nil {
		return nil, plainPathError(err)
	}
	return data, nil
}

// plainPathError leaves the path out: the message around it has it already.
func plainPathError(err error) error {
	if p, ok := err.(*os.PathError); ok {
		return p.Err
	}
	return err
}
