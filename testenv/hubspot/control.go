package hubspot

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// serveControl answers /_control: no token, no limits, no faults. Errors have
// the vendor's form.
func (s *Server) serveControl(w http.ResponseWriter, r *http.Request) {
	seg := pathSegments(r.URL)[1:]
	status, value, err := s.control(r, seg)
	if err != nil {
		bad := invalid(err.Error())
		errors.As(err, &bad)
		s.respond(w, answer{status: bad.status, body: bad.body(s.dice)})
		return
	}
	out := answer{status: status}
	if value != nil {
		out = asJSON(status, value)
	}
	s.respond(w, out)
}

// control does one control call and returns what to answer.
func (s *Server) control(r *http.Request, seg []string) (int, any, error) {
	what := r.Method + " " + strings.Join(seg[:min(1, len(seg))], "/")
	if len(seg) >= 2 && seg[0] == "objects" {
		return s.controlObjects(r, seg[1], seg[2:])
	}
	if len(seg) >= 4 && seg[0] == "associations" {
		return s.controlAssociations(r, seg[1:])
	}
	if len(seg) == 2 && seg[0] == "properties" {
		return s.controlProperties(r, seg[1])
	}
	if len(seg) > 1 {
		what = ""
	}
	switch what {
	case "GET requests":
		return http.StatusOK, s.Requests(), nil
	case "DELETE requests":
		s.ResetRequests()
		return http.StatusNoContent, nil, nil
	case "GET faults":
		return http.StatusOK, s.Faults(), nil
	case "PUT faults":
		s.settings.Lock()
		defer s.settings.Unlock()
		f := s.Faults()
		if err := overlay(r, &f); err != nil {
			return 0, nil, err
		}
		return http.StatusOK, &f, s.SetFaults(f)
	case "POST release":
		return s.controlRelease(r)
	case "GET assumptions":
		return http.StatusOK, s.Assumptions(), nil
	case "PUT assumptions":
		s.settings.Lock()
		defer s.settings.Unlock()
		a := s.Assumptions()
		if err := overlay(r, &a); err != nil {
			return 0, nil, err
		}
		s.SetAssumptions(a)
		return http.StatusOK, &a, nil
	case "GET webhooks":
		return http.StatusOK, s.Webhooks(), nil
	case "PUT webhooks":
		var in struct {
			URL string `json:"url"`
		}
		if err := overlay(r, &in); err != nil {
			return 0, nil, err
		}
		if err := s.SetWebhook(in.URL); err != nil {
			return 0, nil, err
		}
		return http.StatusOK, s.Webhooks(), nil
	}
	return 0, nil, noControl(r)
}

func noControl(r *http.Request) *fault {
	return &fault{status: http.StatusNotFound, category: "OBJECT_NOT_FOUND", message: "no control call " + r.Method + " " + r.URL.Path}
}

// controlObjects serves /_control/objects/{type} and below.
func (s *Server) controlObjects(r *http.Request, objectType string, seg []string) (int, any, error) {
	if _, err := s.table(objectType); err != nil {
		return 0, nil, err
	}
	var in struct {
		Properties properties `json:"properties"`
		Primary    textID     `json:"primary"`
		Loser      textID     `json:"loser"`
	}
	if r.Method == http.MethodPatch || r.Method == http.MethodPost && (len(seg) < 2 || seg[1] != "restore") {
		if err := overlay(r, &in); err != nil {
			return 0, nil, err
		}
	}
	switch {
	case len(seg) == 0 && r.Method == http.MethodGet:
		records, err := s.controlList(r, objectType)
		return http.StatusOK, map[string]any{"records": records}, err
	case len(seg) == 0 && r.Method == http.MethodPost:
		rec, err := s.personCreates(objectType, in.Properties)
		return http.StatusCreated, rec, err
	case len(seg) == 1 && seg[0] == "merge" && r.Method == http.MethodPost:
		rec, err := s.personMerges(objectType, string(in.Primary), string(in.Loser))
		return http.StatusOK, rec, err
	case len(seg) == 1 && r.Method == http.MethodGet:
		rec, found := s.Record(objectType, seg[0])
		if !found {
			return 0, nil, notFound()
		}
		return http.StatusOK, rec, nil
	case len(seg) == 1 && r.Method == http.MethodPatch:
		rec, err := s.personEdits(objectType, seg[0], in.Properties)
		return http.StatusOK, rec, err
	case len(seg) == 1 && r.Method == http.MethodDelete:
		return http.StatusNoContent, nil, s.Archive(objectType, seg[0])
	case len(seg) == 2 && seg[1] == "restore" && r.Method == http.MethodPost:
		if err := s.Restore(objectType, seg[0]); err != nil {
			return 0, nil, err
		}
		rec, _ := s.Record(objectType, seg[0])
		return http.StatusOK, rec, nil
	}
	return 0, nil, noControl(r)
}

// controlList returns all records, or a page of them: ?limit=1000&after=<id>.
func (s *Server) controlList(r *http.Request, objectType string) ([]Record, error) {
	after, limit := int64(0), -1
	var err error
	if text := r.URL.Query().Get("after"); text != "" {
		if after, err = strconv.ParseInt(text, 10, 64); err != nil {
			return nil, errors.New("after is not an id: " + text)
		}
	}
	if text := r.URL.Query().Get("limit"); text != "" {
		if limit, err = strconv.Atoi(text); err != nil || limit < 0 {
			return nil, errors.New("limit is not a number of records: " + text)
		}
	}
	return s.recordsAfter(objectType, after, limit), nil
}

// controlProperties lists the definitions of a type, or adds one.
func (s *Server) controlProperties(r *http.Request, objectType string) (int, any, error) {
	t, err := s.table(objectType)
	if err != nil {
		return 0, nil, err
	}
	switch r.Method {
	case http.MethodGet:
		s.store.lock()
		defer s.store.unlock()
		list := []Property{}
		for _, p := range sortedProperties(t.properties) {
			list = append(list, *p)
		}
		return http.StatusOK, map[string]any{"properties": list}, nil
	case http.MethodPost, http.MethodPut:
		var p Property
		if err := overlay(r, &p); err != nil {
			return 0, nil, err
		}
		return http.StatusCreated, &p, s.AddProperty(objectType, p)
	}
	return 0, nil, noControl(r)
}

// overlay sets the fields that the body names and refuses unknown ones.
func overlay(r *http.Request, into any) error {
	text, err := io.ReadAll(io.LimitReader(r.Body, maxRequest))
	if err != nil {
		return errors.New("unable to read the request: " + err.Error())
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return errors.New("invalid JSON: " + err.Error())
	}
	return nil
}
