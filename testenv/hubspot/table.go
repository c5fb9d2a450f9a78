package hubspot

import (
	"sort"
	"strconv"
)

// table holds one object type. The store's lock guards it.
type table struct {
	kind               *kind
	properties         map[string]*Property
	archivedProperties map[string]*Property
	byID               map[int64]*record
	order              []*record                     // by id
	unique             map[string]map[string]*record // property, value, live record
	newest             *record                       // head of the order of modification
	disordered         bool                          // the clock went back: the order of modification does not hold
}

func newTable(k *kind) *table {
	return &table{
		kind: k, properties: make(map[string]*Property), archivedProperties: make(map[string]*Property),
		byID: make(map[int64]*record), unique: make(map[string]map[string]*record),
	}
}

// find returns the record of an id in decimal, archived or merged ones too.
func (t *table) find(id string) *record {
	number, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return nil
	}
	return t.byID[number]
}

// lookup resolves what the API calls an id: the record's own, or the value of
// a unique property. Records merged away resolve to their survivor if asked so.
func (t *table) lookup(id, idProperty string, resolve bool) (*record, *fault) {
	if idProperty == "" || idProperty == "hs_object_id" {
		rec := t.find(id)
		for rec != nil && rec.survivor != nil {
			if !resolve {
				return nil, nil
			}
			rec = rec.survivor
		}
		return rec, nil
	}
	values, unique := t.unique[idProperty]
	if !unique {
		return nil, invalid("Property '" + idProperty + "' is not a unique property of " + t.kind.upper + " and cannot be used as idProperty")
	}
	return values[t.uniqueForm(idProperty, id)], nil
}

// uniqueForm is the form in which values of a unique property are compared.
func (t *table) uniqueForm(name, value string) string {
	if p := t.properties[name]; p != nil && value != "" {
		if stored, bad := p.stored(value, &Assumptions{}); bad == nil {
			return stored
		}
	}
	return value
}

// after returns the records with a higher id.
func (t *table) after(id int64) []*record {
	i := sort.Search(len(t.order), func(i int) bool { return t.order[i].id > id })
	return t.order[i:]
}

// touch makes the record the most recently modified one.
func (t *table) touch(r *record, at int64) {
	if t.newest != nil && at < t.newest.updatedAt {
		t.disordered = true
	}
	r.updatedAt = at
	if t.newest == r {
		return
	}
	t.unthread(r)
	r.older = t.newest
	if t.newest != nil {
		t.newest.newer = r
	}
	t.newest = r
}

// unthread takes the record out of the order of modification.
func (t *table) unthread(r *record) {
	if r.newer != nil {
		r.newer.older = r.older
	}
	if r.older != nil {
		r.older.newer = r.newer
	}
	if t.newest == r {
		t.newest = r.older
	}
	r.newer, r.older = nil, nil
}

// index enters the record's unique values, or takes them out.
func (t *table) index(r *record, enter bool) {
	for name, values := range t.unique {
		value := r.current(name)
		switch {
		case value == "":
		case enter:
			values[value] = r
		case values[value] == r:
			delete(values, value)
		}
	}
	for _, extra := range splitList(r.current("hs_additional_emails")) {
		if enter {
			t.unique["email"][extra] = r
		} else if t.unique["email"][extra] == r {
			delete(t.unique["email"], extra)
		}
	}
}
