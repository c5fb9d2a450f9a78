// Package postgres writes to PostgreSQL so that no one's edit is overwritten
// unseen: every write is guarded by what the row must still hold, and carries
// its origin in the same transaction.
//
// One Apply is one transaction, sent in a few round trips however many writes
// it holds. A write that fails is taken out and does not spoil its neighbours.
// Who may pass what, and when to try again, is not decided here: faults are
// classified and returned. See the section "SQL writes" of DESIGN.md in the
// folder above.
package postgres
