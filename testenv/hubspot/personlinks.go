package hubspot

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
)

// Association is one record at the other end, as the control API shows it.
type Association struct {
	ID    string `json:"id"`
	Main  bool   `json:"main"`  // the primary company, or the parent
	Types []int  `json:"types"` // HubSpot's type ids, unlabelled ones too
}

// Associate links two records as a person does in the UI, without a label. The
// first company of a record becomes its primary one where the account does that.
func (s *Server) Associate(fromType, fromID, toType, toID string) error {
	return s.personLinks("associate", fromType, fromID, toType, toID, func(from *table, a *record, to *table, b *record) *fault {
		return s.store.associate(from, a, to, b, defaultLink(from.kind, to.kind), person, s.rules.Load())
	})
}

// AssociateMain makes the second record the primary company of the first, or a
// company its parent, as a person does in the UI. Another one stays without the
// label.
func (s *Server) AssociateMain(fromType, fromID, toType, toID string) error {
	return s.personLinks("associate", fromType, fromID, toType, toID, func(from *table, a *record, to *table, b *record) *fault {
		main, has := mainLink(from.kind, to.kind)
		if !has {
			return invalid("a " + from.kind.singular + " has no primary " + to.kind.singular)
		}
		return s.store.associate(from, a, to, b, main, person, s.rules.Load())
	})
}

// AssociateAs links two records under a label of the account's own.
func (s *Server) AssociateAs(fromType, fromID, toType, toID string, typeID int) error {
	return s.personLinks("associate", fromType, fromID, toType, toID, func(from *table, a *record, to *table, b *record) *fault {
		return s.store.associate(from, a, to, b, inputType{"USER_DEFINED", typeID}.link(), person, s.rules.Load())
	})
}

// Dissociate removes every association between two records as a person does.
func (s *Server) Dissociate(fromType, fromID, toType, toID string) error {
	return s.personLinks("dissociate", fromType, fromID, toType, toID, func(from *table, a *record, to *table, b *record) *fault {
		s.store.dissociate(from, a, to, b, person, s.rules.Load())
		return nil
	})
}

// personLinks does something to the association of two live records.
func (s *Server) personLinks(verb, fromType, fromID, toType, toID string, act func(*table, *record, *table, *record) *fault) error {
	from, err := s.table(fromType)
	if err != nil {
		return err
	}
	to, err := s.table(toType)
	if err != nil {
		return err
	}
	defer s.notify()
	s.store.lock()
	defer s.store.unlock()
	a, b := from.find(fromID), to.find(toID)
	bad := notFound()
	if a != nil && b != nil && a.live() && b.live() {
		bad = act(from, a, to, b)
	}
	if bad != nil {
		return fmt.Errorf("%s %s %s and %s %s: %w", verb, fromType, fromID, toType, toID, bad)
	}
	return nil
}

// Associations returns the live records of a type that a record is associated
// with, by id; none for a record that is not there.
func (s *Server) Associations(fromType, fromID, toType string) []Association {
	from, err1 := s.table(fromType)
	to, err2 := s.table(toType)
	if err1 != nil || err2 != nil {
		return nil
	}
	s.store.lock()
	defer s.store.unlock()
	a := from.find(fromID)
	if a == nil || !a.live() {
		return nil
	}
	main, _ := mainLink(from.kind, to.kind)
	var out []Association
	for _, other := range a.links.live(to.kind) {
		types := sortLinks(a.links[to.kind][other])
		one := Association{ID: other.text, Main: slices.Contains(types, main)}
		for _, typ := range types {
			one.Types = append(one.Types, typ.TypeID)
		}
		out = append(out, one)
	}
	return out
}

// controlAssociations serves GET /_control/associations/{type}/{id}/{type}, and
// PUT and DELETE of …/{id} below it. A PUT takes {"main":true} or {"label":7}.
func (s *Server) controlAssociations(r *http.Request, seg []string) (int, any, error) {
	switch {
	case len(seg) == 3 && r.Method == http.MethodGet:
		list := s.Associations(seg[0], seg[1], seg[2])
		if list == nil {
			list = []Association{}
		}
		return http.StatusOK, map[string]any{"associations": list}, nil
	case len(seg) == 4 && r.Method == http.MethodDelete:
		return http.StatusNoContent, nil, s.Dissociate(seg[0], seg[1], seg[2], seg[3])
	case len(seg) == 4 && r.Method == http.MethodPut:
		var in struct {
			Main  bool `json:"main"`
			Label int  `json:"label"`
		}
		if r.ContentLength != 0 {
			if err := overlay(r, &in); err != nil {
				return 0, nil, err
			}
		}
		var err error
		switch {
		case in.Main && in.Label != 0:
			err = errors.New("main and label exclude each other")
		case in.Main:
			err = s.AssociateMain(seg[0], seg[1], seg[2], seg[3])
		case in.Label != 0:
			err = s.AssociateAs(seg[0], seg[1], seg[2], seg[3], in.Label)
		default:
			err = s.Associate(seg[0], seg[1], seg[2], seg[3])
		}
		return http.StatusOK, map[string]any{"associations": s.Associations(seg[0], seg[1], seg[2])}, err
	}
	return 0, nil, noControl(r)
}
