package event

// Route is where one change goes: a mapping that takes it, and the lane of that
// mapping in which its record's changes run in order.
type Route struct {
	Mapping string
	Lane    int
}
