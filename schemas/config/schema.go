package config

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// Schema is the configuration's JSON Schema, for editors:
//
//	# yaml-language-server: $schema=lockstep.schema.json
//
//go:embed lockstep.schema.json
var schemaText []byte

// Schema returns the configuration's JSON Schema (draft 2020-12).
func Schema() []byte { return bytes.Clone(schemaText) }

// validate compares what was read with the JSON Schema that editors use: the
// two can then never disagree about a file that is accepted.
func (d *decoder) validate(root *node, c *Config) {
	schema, err := compileSchema()
	if err != nil {
		d.fail(1, 1, "", err.Error(), "this is a fault of this build of lockstep")
		return
	}
	err = schema.Validate(root.plain())
	if err == nil {
		return
	}
	var bad *jsonschema.ValidationError
	if !errors.As(err, &bad) {
		d.fail(1, 1, "", err.Error(), "")
		return
	}
	printer := message.NewPrinter(language.English)
	for _, leaf := range leaves(bad) {
		path := ""
		for _, part := range leaf.InstanceLocation {
			if _, err := strconv.Atoi(part); err == nil {
				path += "[" + part + "]"
			} else {
				path = join(path, part)
			}
		}
		at := c.At(path)
		d.fail(at.Line, at.Column, path, leaf.ErrorKind.LocalizedString(printer), "see docs/configuration.md")
	}
}

func leaves(e *jsonschema.ValidationError) []*jsonschema.ValidationError {
	if len(e.Causes) == 0 {
		return []*jsonschema.ValidationError{e}
	}
	var out []*jsonschema.ValidationError
	for _, cause := range e.Causes {
		out = append(out, leaves(cause)...)
	}
	return out
}

func compileSchema() (*jsonschema.Schema, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemaText))
	if err != nil {
		return nil, fmt.Errorf("read the configuration's schema: %w", err)
	}
	const name = "lockstep.schema.json"
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource(name, doc); err != nil {
		return nil, fmt.Errorf("read the configuration's schema: %w", err)
	}
	schema, err := compiler.Compile(name)
	if err != nil {
		return nil, fmt.Errorf("compile the configuration's schema: %w", err)
	}
	return schema, nil
}

// number is a YAML number as a JSON Schema sees it; NaN and infinities, which
// JSON has not, stay text.
func number(text string) any {
	if n, err := strconv.ParseInt(text, 0, 64); err == nil {
		return n
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil && !math.IsNaN(f) && !math.IsInf(f, 0) {
		return f
	}
	return json.Number(text)
}
