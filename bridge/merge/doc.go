// Package merge decides, field by field, what becomes of an edit: it is the
// one place where both sides of a record meet.
//
// It is a deterministic core without I/O, clock or goroutine. A Link holds what
// is known of one pair of records; Observe and Look take in what a side says;
// Resolve says what has to be written; Applied takes in what became of it. The
// same calls in the same order give the same link and the same decisions.
//
// Invariants, quoted where the code enforces them:
//
//	M1  A side has edited a field exactly when Now differs from Shadow there.
//	M2  A value older than our own write to the same field is not an edit that
//	    follows it: it was overwritten under a guard, or it is looked into.
//	M3  Of two edits that collide, one wins by a named rule and the other goes to
//	    the audit. Nothing else ends an edit but a later edit of its own side.
//	M4  Agreement is recorded in each side's own form, as that side tells it.
//	M5  A value decided for both sides, by an expression or a person, is written
//	    under guards; an edit of either side that comes first drops it.
//	M6  A frozen field is written on neither side until a person decides, except to
//	    put back what our own write had replaced.
package merge
