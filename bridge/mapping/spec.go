package mapping

import (
	"fmt"
	"strings"
)

// Spec is a mapping as it is configured. Names, words and expressions are the
// configuration's own; Compile checks them all.
type Spec struct {
	Name        string
	Left, Right End

	MatchLeft, MatchRight   string // the fields that tell which records belong together: a pair that is mapped
	FilterLeft, FilterRight string // CEL over row; "" takes every record

	Fields    []FieldSpec
	Constants []ConstantSpec
	Conflict  Rule // for fields that have no rule of their own

	DeleteToRight, DeleteToLeft DeleteSpec
	LeaveToRight, LeaveToLeft   *DeleteSpec // nil: as a deletion
	MergedRight, MergedLeft     *DeleteSpec // nil: DeleteIgnore
	Guard                       Guard       // zero: GuardNone
	Fuse                        Fuse        // zero: none
	Breaker                     Breaker     // zero: none
	Drift                       DriftPolicy
}

// ConstantSpec is a field that only one side has: what it gets at creation.
type ConstantSpec struct {
	Path  string `json:"-"` // where the configuration has it
	Side  Side
	Field string
	Value string // in the field's canonical text
}

// FieldSpec is one line of a mapping: a field of each side, several fields of
// one side that make up one of the other, or a reference.
type FieldSpec struct {
	Path         string `json:"-"` // where the configuration has it; "": fields[i]
	Left, Right  string
	Parts        [2][]string // of a field that several fields of that side make up; Left or Right is "" then
	ToParts      [2][]string // CEL over value, one for each part
	When         [2]string   // CEL over row, the other side's mapped fields: written to this side only where it holds
	Sensitive    bool        // values are masked wherever people read them
	Reference    string      // the mapping whose links translate the value
	Direction    string      // both, left or right; "" follows the expressions: both, or the way of the only one
	ToRight      string      // CEL over value
	ToLeft       string      // CEL over value
	Values       []Pair      // counterparts, instead of expressions
	DefaultLeft  *string     // written to the left for null
	DefaultRight *string     // written to the right for null
	Conflict     *Rule       // nil: the mapping's
}

// Names are the line's fields on a side.
func (s *FieldSpec) Names(side Side) []string {
	if len(s.Parts[side]) > 0 {
		return s.Parts[side]
	}
	return []string{[2]string{s.Left, s.Right}[side]}
}

// Name is the line's field on a side; the names of several are joined.
func (s *FieldSpec) Name(side Side) string { return strings.Join(s.Names(side), "+") }

// expression is the one expression towards a side.
func (s *FieldSpec) expression(side Side) string { return [2]string{s.ToLeft, s.ToRight}[side] }

// expressed tells whether there is any expression towards a side.
func (s *FieldSpec) expressed(side Side) bool {
	return s.expression(side) != "" || len(s.ToParts[side]) > 0
}

// path is where the line stands.
func (s *Spec) path(i int) string {
	if p := s.Fields[i].Path; p != "" {
		return p
	}
	return fmt.Sprintf("fields[%d]", i)
}

// Pair is one line of a value table, each value in its side's canonical text.
type Pair struct{ Left, Right string }

// RuleKind names a way to settle a conflict.
type RuleKind uint8

const (
	Newest RuleKind = iota // the later edit wins
	Prefer                 // the named side wins
	Review                 // both values wait for a person
	Merge                  // an expression makes one value of both
)

// Rule settles a conflict of one field.
type Rule struct {
	Kind       RuleKind
	Side       Side   // Prefer: the side that wins
	Expression string // Merge: CEL over left, right and base, all in the left side's form
}

// DeleteKind says what a deletion on one side does to the record of the other.
type DeleteKind uint8

const (
	DeletePropagate DeleteKind = iota // delete it too
	DeleteArchive                     // set the policy's fields; without any, what the SaaS calls archive
	DeleteUnlink                      // leave it and forget that it was linked
	DeleteIgnore                      // leave it and never create its other half again
	DeleteConfirm                     // wait for a person
)

var deleteWords = [...]string{"propagate", "archive", "unlink", "ignore", "confirm"}

// String is the kind's word in the configuration.
func (k DeleteKind) String() string {
	if int(k) < len(deleteWords) {
		return deleteWords[k]
	}
	return "unknown"
}

// ParseDeleteKind reads the configuration's word; "" is propagate.
func ParseDeleteKind(word string) (DeleteKind, error) {
	if word == "" {
		return DeletePropagate, nil
	}
	for i, w := range deleteWords {
		if w == word {
			return DeleteKind(i), nil
		}
	}
	return 0, fmt.Errorf("%q is no delete policy: write propagate, archive, unlink, ignore or confirm", word)
}

// DeleteSpec is a delete policy as it is configured.
type DeleteSpec struct {
	Kind DeleteKind
	Set  []Assignment // DeleteArchive: the fields to set instead of deleting
}

// Assignment sets one field: to a constant in the field's canonical text, to
// null (nil), or to the time of the write (Now).
type Assignment struct {
	Field string
	Value *string
}

// Now is the constant that stands for the time of the write.
const Now = "now()"

// Guard is what protects a SaaS record against a blind overwrite.
type Guard string

const (
	GuardNone Guard = "none" // nothing but the shadow
	GuardRead Guard = "read" // a read right before the write
)

// Problem is one thing that is wrong with a mapping. Path is relative to the
// mapping, such as fields[2].to_right. Line and Column, both from 1, are a place
// inside the expression that Path names; 0 where there is none.
type Problem struct {
	Path         string
	Line, Column int
	What, Remedy string
}

// String is the problem in one line.
func (p Problem) String() string {
	s := p.Path
	if p.Line > 0 {
		s = fmt.Sprintf("%s (line %d, column %d)", s, p.Line, p.Column)
	}
	s += ": " + p.What
	if p.Remedy != "" {
		s += ": " + p.Remedy
	}
	return s
}
