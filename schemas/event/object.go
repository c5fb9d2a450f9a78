package event

// Object is the shape of a table or of a SaaS object as its side describes it.
type Object struct {
	Name   string   // schema.table, or the SaaS object's name
	Fields []Field  // in the side's own order
	Key    []string // names of the key's fields, in order; a SaaS object has one
}

// Field is the shape of a column or property.
type Field struct {
	Name      string
	ID        string // the side's own name of it that outlives a renaming, where it has one; "" = none
	Label     string // what people call it, where the side has such a name
	Kind      Kind
	Native    string // the side's own type name: numeric(12,2), enumeration
	Nullable  bool   // may hold null
	Required  bool   // a created record must name it (NOT NULL without default)
	ReadOnly  bool   // computed by the side: never written
	Unique    bool   // no two records hold the same value: safe to match by
	MaxLength int    // in characters; 0 = no limit known
	Scale     int    // decimal places, -1 = any
	Options   []string
	Generated bool   // the side fills it in at creation (identity, serial, default)
	Reference string // the object whose records' keys it holds (a foreign key, an association); "" = none, or unknown
}

// Field returns the named field, or false.
func (o Object) Field(name string) (Field, bool) {
	for _, f := range o.Fields {
		if f.Name == name {
			return f, true
		}
	}
	return Field{}, false
}
