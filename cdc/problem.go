package cdc

// Kind tells conditions apart that a program reacts to.
type Kind string

// What can be wrong in a way that retrying alone does not cure. After the kinds
// marked gap, changes are missing that no log holds any more: both sides have to
// be compared (verify) before they can be trusted.
const (
	SlotMissing        Kind = "slot missing"        // gap: the slot was dropped
	SlotLost           Kind = "slot lost"           // gap: the server removed WAL that the slot needs
	SlotMoved          Kind = "slot moved"          // gap: somebody else confirmed changes on our slot, or made it anew
	SourceChanged      Kind = "source changed"      // gap: another server answers at this address
	SourceBehind       Kind = "source behind"       // gap: the server was restored to a state before what was read
	PublicationMissing Kind = "publication missing" // gap once changes were made without it
	Refused            Kind = "refused"             // credentials or privileges
	Unsuitable         Kind = "unsuitable"          // the server cannot do what is asked: wal_level, version, plugin
	Undecodable        Kind = "undecodable"         // the log holds what the reader does not understand
)

// Problem is a condition that a person has to look at. The Pump shows it in its
// Status and goes on trying, now and then, in case it has been repaired.
type Problem struct {
	Kind   Kind
	What   string // what is wrong and where, a sentence without full stop
	Remedy string // what to do about it
	Err    error  // the cause, or nil
}

// Error is What and Remedy in one text.
func (p *Problem) Error() string {
	if p.Remedy == "" {
		return p.What
	}
	return p.What + ": " + p.Remedy
}

// Unwrap returns the cause.
func (p *Problem) Unwrap() error { return p.Err }

// Gap tells whether changes may be missing for good, so that both sides have to
// be compared once the condition is repaired.
func (p *Problem) Gap() bool {
	switch p.Kind {
	case SlotMissing, SlotLost, SlotMoved, SourceChanged, SourceBehind, PublicationMissing:
		return true
	}
	return false
}
