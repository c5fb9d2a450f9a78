package pgform

// Setting is one parameter of a session.
type Setting struct{ Name, Value string }

// Settings make a session's text the one that Value reads and Input writes,
// whatever the server, database or role is set to. Any role may set them, in
// an ordinary session and (as startup parameters) in a walsender's.
func Settings() []Setting {
	return []Setting{
		{"DateStyle", "ISO, YMD"},
		{"TimeZone", "UTC"},
		{"IntervalStyle", "postgres"},
		{"extra_float_digits", "3"}, // the shortest text that reads back as the same float
		{"bytea_output", "hex"},
		{"lc_monetary", "C"},
		{"xmloption", "content"},
		{"array_nulls", "on"},
		{"client_encoding", "UTF8"},
	}
}
