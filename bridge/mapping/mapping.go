package mapping

import (
	"slices"
	"time"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// Mapping is a checked mapping, made by Compile. It never changes and is safe
// for concurrent use.
type Mapping struct {
	name     string
	ends     [2]End
	fields   []*Field
	match    match
	filters  [2]*rowFilter
	deletes  [2]DeletePolicy
	leaves   [2]DeletePolicy
	merged   [2]DeletePolicy
	initial  [2]event.Record
	guard    Guard
	fuse     Fuse
	breaker  Breaker
	drift    DriftPolicy
	columns  [2][]string
	keys     [2][]event.Field // of the objects
	warnings []Problem
}

// Name is the mapping's name in the configuration.
func (m *Mapping) Name() string { return m.name }

// End is what the mapping joins on a side.
func (m *Mapping) End(side Side) End { return m.ends[side] }

// Fields returns the mapped fields in the order of the configuration. The
// caller does not change the slice.
func (m *Mapping) Fields() []*Field { return m.fields }

// Same is Field.Same.
func (m *Mapping) Same(f *Field, left, right event.Value) bool { return f.Same(left, right) }

// Columns names every field that the mapping reads on a side: the mapped ones in
// their order, then those that only the filter needs. It is what a publication
// or a property list has to contain, besides the record's key.
func (m *Mapping) Columns(side Side) []string { return slices.Clone(m.columns[side]) }

// Delete is what happens to the record of a side when the other side's record
// is deleted.
func (m *Mapping) Delete(side Side) DeletePolicy { return m.deletes[side] }

// Guard tells how a SaaS record is protected against a blind overwrite.
func (m *Mapping) Guard() Guard { return m.guard }

// Warnings are what a person should know of the mapping although it works.
func (m *Mapping) Warnings() []Problem { return slices.Clone(m.warnings) }

// DeletePolicy is a checked delete policy.
type DeletePolicy struct {
	Kind DeleteKind
	// Set is what DeleteArchive writes instead of deleting, in canonical form.
	// A field that gets the time of the write holds Now here: use At.
	Set event.Record
}

// At returns Set with the time of the write filled in. Without any Now it is Set.
func (p DeletePolicy) At(now time.Time) event.Record {
	out := event.Record{Names: p.Set.Names, Values: slices.Clone(p.Set.Values)}
	for i, v := range out.Values {
		if v.IsSet() && v.Text == Now && isMoment(v.Kind) {
			out.Values[i].Text = now.UTC().Truncate(time.Microsecond).Format(layoutOf(v.Kind))
		}
	}
	return out
}
