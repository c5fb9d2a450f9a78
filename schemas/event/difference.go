package event

// DifferenceKind is one way in which a shape can change.
type DifferenceKind uint8

const (
	FieldAdded    DifferenceKind = iota // Field is new
	FieldGone                           // Field is not there any more
	FieldRenamed                        // Field is called Now
	FieldReplaced                       // Field is there, but it is another one: dropped and added again
	FieldRetyped                        // values that it held may not fit any more, or mean something else
	FieldWidened                        // its type takes more than before
	FieldLocked                         // it is read-only now
	FieldUnlocked                       // it can be written now
	FieldRequired                       // it does not take null any more
	FieldOptional                       // it takes null now
	FieldUnique                         // no two records hold the same value from now on
	FieldShared                         // several records may hold the same value now
	FieldRepoints                       // it refers to records of another object
	OptionsGone                         // choices that it does not take any more
	OptionsAdded                        // choices that it takes now
	KeyChanged                          // records are named by other fields
	ObjectMadeNew                       // the same names, but another table: made anew, or swapped
)

// Difference is one way in which an object's shape is not what it was. Field is
// the name that it had before (of FieldAdded, the name that it has), "" where
// the object as a whole is meant.
type Difference struct {
	Kind  DifferenceKind
	Field string
	Now   string // FieldRenamed: the new name
	Sure  bool   // FieldRenamed: known from identities, not guessed: it holds what it held
	Text  string // the difference in words
}

// String is the difference in words, without the object's name.
func (d Difference) String() string { return d.Text }

// Breaks tells whether whoever reads the field, or writes it, cannot go on as
// before without risking an edit: a value would be missing, refused, or would
// mean something else. Everything else is news and no more.
func (d Difference) Breaks(reads, writes bool) bool {
	switch d.Kind {
	case KeyChanged, ObjectMadeNew:
		return true
	case FieldGone, FieldRenamed, FieldReplaced, FieldRetyped, FieldRepoints:
		return reads || writes
	case FieldLocked, FieldRequired, OptionsGone:
		return writes
	}
	return false
}

// Hides tells whether the field cannot be read under its old name any more, or
// would be read as something that it never was.
func (d Difference) Hides() bool {
	return d.Kind == FieldGone || d.Kind == FieldRenamed || d.Kind == FieldReplaced
}

// Notable tells whether the difference is of interest also to who does not use
// the field: that it is there, or is not any more, or which records there are.
func (d Difference) Notable() bool {
	switch d.Kind {
	case FieldAdded, FieldGone, FieldRenamed, KeyChanged, ObjectMadeNew:
		return true
	}
	return false
}
