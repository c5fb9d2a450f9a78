package hubspot

// Version is a value that a property had, and who set it.
type Version struct {
	Value  string
	At     int64 // milliseconds, by the vendor's clock
	Person bool  // set by a person; else by the app through the API
}

// History returns every value that each property of a record had, the oldest
// first, as far back as Options.Versions reaches; nil for a record that is not
// there. It is a judge's view: the API shows at most 20 versions.
func (s *Server) History(objectType, id string) map[string][]Version {
	t, err := s.table(objectType)
	if err != nil {
		return nil
	}
	s.store.lock()
	defer s.store.unlock()
	rec := t.find(id)
	if rec == nil {
		return nil
	}
	out := make(map[string][]Version, len(rec.fields))
	for name, versions := range rec.fields {
		for _, v := range versions {
			out[name] = append(out[name], Version{v.value, v.at, v.by.person})
		}
	}
	return out
}
