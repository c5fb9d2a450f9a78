// Package torture edits both sides of the product at once, breaks everything
// around it, and then demands an account of every edit.
//
// Several actors insert, edit, delete and rekey rows and contacts, companies and
// the references between them, now and then the same key on both sides at once.
// Meanwhile Lockstep is killed, the database crashes and restarts, the network is
// cut, and the vendor fails in all the ways in which its simulator can. Then
// everything is well again, and quiet.
//
// What is demanded (see account.go):
//
//   - every edit stands, or was replaced by somebody who saw it, or is the loser
//     of a named rule in the audit, or waits for a person: none is unaccounted;
//   - both sides hold the same under the mapping: nothing diverged;
//   - no record exists twice;
//   - Lockstep wrote no more than the edits called for: no echo.
//
// The books are kept by the sides themselves: a trigger in the database and the
// simulator record every value, in order, with who set it. An actor that does not
// know whether its commit came through need not know.
//
// The seed decides what the actors and the troubles do. The machine decides when,
// so a seed repeats the plan of a run and not each interleaving.
package torture
