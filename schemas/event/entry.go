package event

// Entry is one message of CHANGES: a change as one mapping takes it. Data is
// what AppendChange wrote; the other fields repeat what routing, resuming and
// tracing need without decoding it.
type Entry struct {
	Connection string
	Mapping    string
	Lane       int
	Position   Position
	Origin     Origin
	Data       []byte
}

// Limits is what a side can take in one call.
type Limits struct {
	Batch       int  // writes in one Apply
	Mixed       bool // one Apply may hold several operations and objects
	Concurrency int  // calls under way at once that make sense
}
