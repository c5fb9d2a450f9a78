// Package bridge is the engine: it takes every change of both sides of every
// mapping from the journal, lets the two sides of a record meet in package
// merge, and delivers what has to be written.
//
// Invariants, quoted where the code enforces them:
//
//	B1  All changes of one record, from both sides, pass one lane, and one
//	    goroutine at a time works on the record.
//	B2  A lane's cursor passes a change only when what the change called for has
//	    been written, parked or found to stand already, and the link that says
//	    so is on disk. A crash repeats changes; it never skips one.
//	B3  Repeating a change is harmless: effects follow from the link's state.
//	B4  A record is created only under its match value's lock, after its intent
//	    is on disk; when in doubt it is looked up first.
//	B5  One record that cannot go on never holds up another one.
package bridge
