package event

import "time"

// WriteOp is what a write does to its record.
type WriteOp uint8

const (
	DoCreate WriteOp = iota + 1
	DoUpdate
	DoDelete // delete a row, archive a SaaS record
)

func (o WriteOp) String() string {
	switch o {
	case DoCreate:
		return "create"
	case DoUpdate:
		return "update"
	case DoDelete:
		return "delete"
	}
	return "no operation"
}

// Write is one write to one record of a side, in that side's own form.
//
// Guard names fields and what they must still hold for the write to happen
// (nil: no guard). A side that has no conditional write ignores it; its
// connector says so.
type Write struct {
	ID     string // the id of the change that asked for it, for tracing
	Origin string // the connection whose edit it carries
	Op     WriteOp
	Object string
	Key    Key // zero for DoCreate
	Set    Record
	Guard  Record
}

// Result is what became of one Write.
type Result struct {
	Key   Key       // the record's key: new for DoCreate, the survivor's where the side merged it
	After Record    // what the side holds now, in its stored form: at least the fields written, where the side tells
	At    time.Time // the side's own clock when it applied the write; zero when it does not tell
	// Floor: what the side's log or feed says of the written fields at a
	// position before Floor happened before this write. Zero when unknown.
	Floor Position
	Err   *Fault // nil when the write stands
}

// Snapshot is one record as a read found it.
type Snapshot struct {
	Key     Key
	Asked   Key // what was asked for: the key of a read (another than Key after a merge), KeyOf(value) of a lookup
	Record  Record
	At      time.Time            // when the record was last changed, by the side's clock; zero when unknown
	FieldAt map[string]time.Time // the same by field, where the side keeps it
	Own     map[string]bool      // the fields whose value was written by Lockstep, where the side tells
	Floor   Position             // what the log says before this position is older than the read
}

// Wrote tells whether Lockstep wrote all of these fields.
func (s *Snapshot) Wrote(fields []string) bool {
	for _, name := range fields {
		if !s.Own[name] {
			return false
		}
	}
	return true
}
