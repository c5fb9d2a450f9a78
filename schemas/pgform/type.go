package pgform

import "github.com/lockstep-sync/lockstep/schemas/event"

// Type is one type of one server: its canonical kind, and how its values are
// spelled. The zero Type is a type of which nothing is known: its values are
// handed on as they are, as event.Text.
type Type struct {
	OID  uint32
	Name string // fit for a cast in SQL, with its schema: pg_catalog.int4, public."Mood"
	Kind event.Kind
	form form
}

// form is how the server's text differs from the canonical one.
type form uint8

const (
	asIs     form = iota
	boolean       // t, f
	binary        // \x6869
	datetime      // 2006-01-02 15:04:05, with or without +00
)

// TypesQuery resolves the types that Builtin does not know. Its parameter is
// an oid[]; a row is oid, name, the oid, typtype and typcategory ("char") of the
// type itself or, of a domain, of the type at its bottom: the arguments of Named,
// in their order. A type that is gone has no row.
const TypesQuery = `WITH RECURSIVE down (oid, at) AS (
	SELECT t.oid, t.oid FROM pg_catalog.pg_type t WHERE t.oid = ANY ($1::pg_catalog.oid[])
	UNION ALL
	SELECT d.oid, t.typbasetype FROM down d JOIN pg_catalog.pg_type t ON t.oid = d.at WHERE t.typtype = 'd')
SELECT t.oid, pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(t.typname), b.oid, b.typtype, b.typcategory
FROM down
JOIN pg_catalog.pg_type t ON t.oid = down.oid
JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
JOIN pg_catalog.pg_type b ON b.oid = down.at AND b.typtype <> 'd'`

// Named makes the type of one row of TypesQuery. A domain is spelled like the
// type at its bottom.
func Named(oid uint32, name string, base uint32, typtype, typcategory byte) Type {
	t := Type{OID: oid, Name: name, Kind: event.Other}
	if b, ok := Builtin(base); ok {
		t.Kind, t.form = b.Kind, b.form
		return t
	}
	switch {
	case typtype == 'e':
		t.Kind = event.Enum
	case typcategory == 'A':
		t.Kind = event.Array
	case typcategory == 'S': // citext and its like
		t.Kind = event.Text
	}
	return t
}

// Builtin returns the type that every server has under this OID, or false.
func Builtin(oid uint32) (Type, bool) {
	t, ok := builtins[oid]
	return t, ok
}

// formOf is the form of the built-in types of a kind. Elements inside an array
// or a range keep the server's spelling.
func formOf(k event.Kind) form {
	switch k {
	case event.Bool:
		return boolean
	case event.Bytes:
		return binary
	case event.Local, event.Instant:
		return datetime
	}
	return asIs
}
