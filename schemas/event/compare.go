package event

import (
	"fmt"
	"slices"
	"strings"
)

// CompareObjects lists how an object's shape is not what it was, in the order of
// its fields. Where the side names fields by lasting identities (Field.ID) a
// renaming is known for what it is. Elsewhere it is told as one where exactly one
// of the fields in used is gone and exactly one of its type is new.
func CompareObjects(old, now Object, used []string) []Difference {
	c := comparison{old: old, now: now, names: map[string]string{}}
	c.match(used)
	for _, f := range old.Fields {
		c.compare(f)
	}
	taken := make(map[string]bool, len(c.names))
	for _, name := range c.names {
		taken[name] = true
	}
	for _, f := range now.Fields {
		if _, had := old.Field(f.Name); !taken[f.Name] && !c.replaced[f.Name] && (!had || c.byID) {
			c.added(f)
		}
	}
	c.keys()
	return c.out
}

// comparison is one look at two shapes.
type comparison struct {
	old, now Object
	byID     bool              // identities can be compared
	names    map[string]string // a field's old name → its name now; one that is gone is not in it
	replaced map[string]bool   // names that another field has now
	out      []Difference
}

func (c *comparison) say(kind DifferenceKind, field, now, text string, args ...any) {
	c.out = append(c.out, Difference{Kind: kind, Field: field, Now: now, Text: fmt.Sprintf(text, args...)})
}

// match finds what each old field is called now.
func (c *comparison) match(used []string) {
	ids, had := map[string]string{}, false
	for _, f := range c.now.Fields {
		if f.ID != "" {
			ids[f.ID] = f.Name
		}
	}
	for _, f := range c.old.Fields {
		_, same := ids[f.ID]
		c.byID = c.byID || same
		had = had || f.ID != ""
	}
	if had && len(ids) > 0 && !c.byID {
		c.say(ObjectMadeNew, "", "", "it was made anew, or another table took its name: its keys may be those of other records")
	}
	c.replaced = map[string]bool{}
	for _, f := range c.old.Fields {
		name, ok := f.Name, false
		if c.byID && f.ID != "" {
			name, ok = ids[f.ID]
			if _, taken := c.now.Field(f.Name); !ok && taken {
				c.replaced[f.Name] = true
			}
		} else {
			_, ok = c.now.Field(f.Name)
		}
		if ok {
			c.names[f.Name] = name
		}
	}
	if !c.byID {
		c.guess(used)
	}
}

// guess takes the one used field that is gone for the one of its type that is
// new.
func (c *comparison) guess(used []string) {
	var gone, fresh []Field
	for _, f := range c.old.Fields {
		if _, ok := c.names[f.Name]; !ok && slices.Contains(used, f.Name) {
			gone = append(gone, f)
		}
	}
	if len(gone) != 1 {
		return
	}
	for _, f := range c.now.Fields {
		if _, had := c.old.Field(f.Name); !had && f.Kind == gone[0].Kind && f.Native == gone[0].Native {
			fresh = append(fresh, f)
		}
	}
	if len(fresh) == 1 {
		c.names[gone[0].Name] = fresh[0].Name
	}
}

// compare tells how one field has changed.
func (c *comparison) compare(f Field) {
	name, ok := c.names[f.Name]
	if !ok {
		if c.replaced[f.Name] {
			c.say(FieldReplaced, f.Name, "", "%s was dropped and added again, so that its values are gone", f.Name)
		} else {
			c.say(FieldGone, f.Name, "", "%s is gone", f.Name)
		}
		return
	}
	if name != f.Name {
		if c.byID {
			c.say(FieldRenamed, f.Name, name, "%s was renamed to %s", f.Name, name)
			c.out[len(c.out)-1].Sure = true
		} else {
			c.say(FieldRenamed, f.Name, name, "%s is gone, and %s, of the same type, is new: it was probably renamed", f.Name, name)
		}
	}
	now, _ := c.now.Field(name)
	c.types(f, now)
	c.rights(f, now)
	c.options(f, now)
}

func (c *comparison) types(f, now Field) {
	switch {
	case f.Kind == now.Kind && f.Native == now.Native && f.MaxLength == now.MaxLength && f.Scale == now.Scale:
	case wider(f, now):
		c.say(FieldWidened, f.Name, "", "%s takes more than before: %s instead of %s", f.Name, typeText(now), typeText(f))
	default:
		c.say(FieldRetyped, f.Name, "", "%s is of type %s now instead of %s", f.Name, typeText(now), typeText(f))
	}
	if f.Reference != now.Reference && f.Reference != "" && now.Reference != "" {
		c.say(FieldRepoints, f.Name, "", "%s refers to %s now instead of %s", f.Name, now.Reference, f.Reference)
	}
}

func typeText(f Field) string {
	if f.Native == "" || f.Kind == Multi { // the same native word as of one choice
		return f.Kind.String()
	}
	if f.MaxLength > 0 && !strings.Contains(f.Native, "(") {
		return fmt.Sprintf("%s of at most %d characters", f.Native, f.MaxLength)
	}
	return f.Native
}

// wider tells whether every value of the one type is a value of the other, in
// the same text. Where that is not known for sure it is not.
func wider(f, now Field) bool {
	if f.Kind != now.Kind {
		return false
	}
	longer := now.MaxLength == 0 || f.MaxLength > 0 && now.MaxLength >= f.MaxLength
	switch f.Kind {
	case Int:
		return slices.Index(integers, f.Native) >= 0 && slices.Index(integers, now.Native) >= slices.Index(integers, f.Native)
	case Text:
		return longer && (f.Native == now.Native || plainText(f.Native) && plainText(now.Native))
	}
	return false
}

var integers = []string{"smallint", "integer", "bigint"}

func plainText(native string) bool {
	return native == "text" || native == "character varying" || strings.HasPrefix(native, "character varying(")
}

func (c *comparison) rights(f, now Field) {
	switch {
	case now.ReadOnly && !f.ReadOnly:
		c.say(FieldLocked, f.Name, "", "%s is read-only now", f.Name)
	case f.ReadOnly && !now.ReadOnly:
		c.say(FieldUnlocked, f.Name, "", "%s can be written now", f.Name)
	}
	switch {
	case f.Nullable && !now.Nullable:
		c.say(FieldRequired, f.Name, "", "%s does not take null any more", f.Name)
	case now.Nullable && !f.Nullable:
		c.say(FieldOptional, f.Name, "", "%s takes null now", f.Name)
	}
	switch {
	case now.Unique && !f.Unique:
		c.say(FieldUnique, f.Name, "", "no two records hold the same %s from now on", f.Name)
	case f.Unique && !now.Unique:
		c.say(FieldShared, f.Name, "", "several records may hold the same %s now", f.Name)
	}
}

func (c *comparison) options(f, now Field) {
	lacks := func(in []string) func(string) bool {
		return func(o string) bool { return slices.Contains(in, o) }
	}
	gone := slices.DeleteFunc(slices.Clone(f.Options), lacks(now.Options))
	added := slices.DeleteFunc(slices.Clone(now.Options), lacks(f.Options))
	if len(gone) > 0 && f.Kind == now.Kind {
		c.say(OptionsGone, f.Name, "", "%s does not take %s any more", f.Name, few(gone))
	}
	if len(added) > 0 && f.Kind == now.Kind {
		c.say(OptionsAdded, f.Name, "", "%s takes %s now", f.Name, few(added))
	}
}

// few quotes the first of many names.
func few(names []string) string {
	const most = 5
	quoted := make([]string, 0, most)
	for _, n := range names[:min(len(names), most)] {
		quoted = append(quoted, fmt.Sprintf("%q", n))
	}
	text := strings.Join(quoted, ", ")
	if len(names) > most {
		text += fmt.Sprintf(" and %d more", len(names)-most)
	}
	return text
}

func (c *comparison) added(f Field) {
	if f.Required {
		c.say(FieldAdded, f.Name, "", "%s is new, and a record created there has to have it", f.Name)
	} else {
		c.say(FieldAdded, f.Name, "", "%s is new", f.Name)
	}
}

// keys compares by what names records, under the names of now: a key whose
// field was renamed is the same key.
func (c *comparison) keys() {
	key := make([]string, len(c.old.Key))
	for i, name := range c.old.Key {
		key[i] = name
		if _, described := c.old.Field(name); described {
			key[i] = c.names[name]
		}
	}
	if !slices.Equal(key, c.now.Key) {
		c.say(KeyChanged, "", "", "its records are named by (%s) now instead of (%s)", strings.Join(c.now.Key, ", "), strings.Join(c.old.Key, ", "))
	}
}
