package mapping

// Side is one of the two sides that a mapping joins.
type Side uint8

const (
	Left  Side = iota // normally a table
	Right             // normally a SaaS object
)

// Sides lists both, for loops.
var Sides = [2]Side{Left, Right}

// Other returns the opposite side.
func (s Side) Other() Side { return 1 - s }

// String is the side's word in the configuration.
func (s Side) String() string {
	if s == Left {
		return "left"
	}
	return "right"
}

// End is one side of a mapping: an object of a connection.
type End struct {
	Connection string
	Object     string
}

// String is the end as the configuration spells it.
func (e End) String() string { return e.Connection + "/" + e.Object }
