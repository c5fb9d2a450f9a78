package event

// Record is a row, a contact, an image of either: values beside their names.
// Names may be shared by many records of one shape and is never written to.
// A name that does not occur is Unchanged.
type Record struct {
	Names  []string
	Values []Value
}

// Get returns the value of a field; Unchanged when the record does not name it.
func (r Record) Get(name string) Value {
	for i, n := range r.Names {
		if n == name {
			return r.Values[i]
		}
	}
	return Value{}
}

// IsZero tells whether there is no record at all (no before image, say).
func (r Record) IsZero() bool { return len(r.Names) == 0 }

// Put sets a field, adding it when it is new. The receiver must own its Names.
func (r *Record) Put(name string, v Value) {
	for i, n := range r.Names {
		if n == name {
			r.Values[i] = v
			return
		}
	}
	r.Names = append(r.Names, name)
	r.Values = append(r.Values, v)
}

// Complete tells whether every value is known, that is: none is Unchanged.
func (r Record) Complete() bool {
	for _, v := range r.Values {
		if v.State == Unchanged {
			return false
		}
	}
	return len(r.Names) > 0
}
