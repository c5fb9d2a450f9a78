// Package mapping turns a configured mapping into one that is checked against
// both live schemas and converts values without losing any of them in silence.
//
// It is pure: no I/O, no clock, no goroutine. Compile finds everything that is
// wrong at once; what it returns never changes and is safe for concurrent use.
//
// Invariants, quoted where the code enforces them:
//
//	P1  A direct field converts exactly or not at all: a pair of kinds that could
//	    lose something is a Problem at Compile, a value that does not fit is a
//	    Rejected fault that names the field.
//	P2  Null and unchanged never become a value by accident: unchanged stays
//	    unchanged, null becomes the field's default or null.
//	P3  What is computed from a null is unknown, and a row whose filter is not
//	    known to be true is not taken. SQL and CEL agree on this, which is what
//	    makes FilterSQL exact.
//	P4  An expression is bounded: in length, in depth and in what it may cost.
//	P5  No message quotes a value of a sensitive field.
package mapping
