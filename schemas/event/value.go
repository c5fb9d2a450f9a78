package event

// State tells what a Value says about its field. The zero state is Unchanged:
// a message that does not mention a field says nothing about it, which is not
// the same as NULL.
type State uint8

const (
	Unchanged State = iota // not in the message (an untouched TOAST column, a property no webhook named)
	Null                   // SQL NULL, or a property that is not set
	Set                    // Text holds the value
)

// Kind is the family of a field's type. It decides how a value is written as
// JSON and which conversions a mapping allows; the exact type name stays in
// Field.Native.
type Kind uint8

const (
	Text    Kind = iota // any text
	Int                 // decimal integer, any size
	Decimal             // exact decimal, also "NaN", "Infinity", "-Infinity"
	Float               // shortest text that reads back as the same float; also NaN and infinities
	Bool                // "true" or "false"
	Date                // "2006-01-02"; PostgreSQL's "infinity" and "... BC" stay as they are
	Time                // "15:04:05.999999", with zone where the type has one
	Local               // timestamp without zone: "2006-01-02T15:04:05.999999"
	Instant             // timestamp with zone, in UTC: "2006-01-02T15:04:05.999999Z"
	UUID                // lower-case text with hyphens
	Bytes               // standard base64 with padding
	JSON                // JSON text, as the side writes it
	Array               // the side's own text of an array, such as {1,2,NULL}
	Enum                // one of Field.Options
	Multi               // several of Field.Options, in the side's own text
	Other               // the side's own text of anything else
)

var kindNames = [...]string{"text", "integer", "decimal", "float", "boolean", "date", "time", "timestamp without zone",
	"timestamp with zone", "uuid", "bytes", "json", "array", "choice", "multiple choice", "other"}

// String names the kind the way messages for people do.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "unknown"
}

// Value is one field's value in its side's own canonical text (see Kind), or
// the word that there is none. The text is exact: no value passes through a
// float or a local time on its way.
type Value struct {
	Text  string
	Kind  Kind
	State State
}

// Of returns a set value.
func Of(k Kind, text string) Value { return Value{Text: text, Kind: k, State: Set} }

// NullOf returns the null of a kind.
func NullOf(k Kind) Value { return Value{Kind: k, State: Null} }

// String returns a set text value.
func String(text string) Value { return Value{Text: text, State: Set} }

// IsSet, IsNull and IsUnchanged ask for the state.
func (v Value) IsSet() bool       { return v.State == Set }
func (v Value) IsNull() bool      { return v.State == Null }
func (v Value) IsUnchanged() bool { return v.State == Unchanged }

// Equal compares state and text. The kind is no part of a value's identity: it
// belongs to the field, and JSON does not carry all of it.
func (v Value) Equal(o Value) bool {
	return v.State == o.State && (v.State != Set || v.Text == o.Text)
}

// Display returns the text for people: NULL and (unchanged) are spelled out.
func (v Value) Display() string {
	switch v.State {
	case Null:
		return "NULL"
	case Unchanged:
		return "(unchanged)"
	default:
		return v.Text
	}
}
