// Package event is the ground that every other package stands on: the nouns of
// a change (Value, Record, Key, Position, Origin, Change), of a side's shape
// (Object, Field) and of a write to a side (Write, Result, Fault).
//
// It imports the standard library only and nothing of the project, does no I/O
// and reads no clock. Every type is a plain value: safe to copy, and safe for
// concurrent readers once nobody changes it any more.
package event
