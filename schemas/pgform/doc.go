// Package pgform is how PostgreSQL spells things: values, types and names go
// from the server's text to the canonical text of schemas/event and back
// without losing anything.
//
// Both the reader of the log and the writer of rows use it, so that one value
// has one text, whichever way it came. It does no I/O. Texts are those of a
// session with Settings; a text that such a session cannot produce is kept as
// it is.
package pgform
