package hubspot

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// company creates one as a person and returns its id.
func company(t testing.TB, s *Server, name string) string {
	t.Helper()
	id, err := s.Create("companies", map[string]string{"name": name})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// linksOf shows associations as "id" or "id*" for the main one, in the order of
// names.
func linksOf(s *Server, from, id, to string, names map[string]string) string {
	var out []string
	for _, a := range s.Associations(from, id, to) {
		text := names[a.ID]
		if a.Main {
			text += "*"
		}
		out = append(out, text)
	}
	return strings.Join(out, " ")
}

func (r *receiver) links(t testing.TB, s *Server, name string) []string {
	var out []string
	for _, e := range named(r.events(t, s), name) {
		out = append(out, fmt.Sprintf("%s %v %v", e.AssociationType, e.Removed, e.IsPrimary))
	}
	slices.Sort(out) // events of different calls come in any order
	return out
}

func TestANewPrimaryCompanyDemotesTheOldOne(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	hook := receive(t, s, nil)
	a, b, c := company(t, s, "A"), company(t, s, "B"), contact(t, s, "a@b.co")
	names := map[string]string{a: "A", b: "B"}
	put := func(id, typ string) {
		t.Helper()
		do(t, s, "POST", "/crm/v4/associations/contacts/companies/batch/create", `{"inputs":[{"from":{"id":"`+c+`"},"to":{"id":"`+id+`"},"types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":`+typ+`}]}]}`).is(201)
	}
	put(a, "279")
	if got := linksOf(s, "contacts", c, "companies", names); got != "A*" {
		t.Errorf("the first company: got %s, want it primary", got)
	}
	put(b, "1")
	if got := linksOf(s, "contacts", c, "companies", names); got != "A B*" {
		t.Errorf("a new primary company: got %s", got)
	}
	if got := s.Associations("companies", a, "contacts")[0].Types; !reflect.DeepEqual(got, []int{280}) {
		t.Errorf("the demoted company sees types %v, want the unlabelled one", got)
	}
	// From the company's end.
	do(t, s, "PUT", "/crm/v4/objects/companies/"+a+"/associations/contacts/"+c, `[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":2}]`).is(201)
	if got := linksOf(s, "contacts", c, "companies", names); got != "A* B" {
		t.Errorf("made primary from the company: got %s", got)
	}
	do(t, s, "POST", "/crm/v4/associations/contacts/companies/batch/labels/archive", `{"inputs":[{"from":{"id":"`+c+`"},"to":{"id":"`+a+`"},"types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":1}]}]}`).is(204)
	if got := linksOf(s, "contacts", c, "companies", names); got != "A B" {
		t.Errorf("the label removed: got %s", got)
	}
	put(b, "1")
	do(t, s, "POST", "/crm/v4/associations/contacts/companies/batch/labels/archive", `{"inputs":[{"from":{"id":"`+c+`"},"to":{"id":"`+b+`"},"types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":279}]}]}`).is(204)
	if got := linksOf(s, "contacts", c, "companies", names); got != "A" {
		t.Errorf("the unlabelled type removed, and so all: got %s", got)
	}
	want := []string{
		"CONTACT_TO_COMPANY false false", "CONTACT_TO_COMPANY false true", // the first, and primary
		"CONTACT_TO_COMPANY true true", "CONTACT_TO_COMPANY false true", "CONTACT_TO_COMPANY false false", // demoted; B
		"CONTACT_TO_COMPANY true true", "CONTACT_TO_COMPANY false true", // and back
		"CONTACT_TO_COMPANY true true", // the label
		"CONTACT_TO_COMPANY false true",
		"CONTACT_TO_COMPANY true false", "CONTACT_TO_COMPANY true true",
	}
	slices.Sort(want)
	if got := hook.links(t, s, "contact.associationChange"); !reflect.DeepEqual(got, want) {
		t.Errorf("got events\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, e := range hook.events(t, s) {
		if strings.HasSuffix(e.SubscriptionType, ".associationChange") && (e.ObjectID != 0 || e.From == 0 || e.To == 0) {
			t.Errorf("got %+v, want no objectId", e)
		}
	}
	do(t, s, "POST", "/crm/v4/associations/contacts/companies/batch/create", `{"inputs":[{"from":{"id":"`+c+`"},"to":{"id":"`+b+`"},"types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":5}]}]}`).is(400)
	do(t, s, "POST", "/crm/v4/associations/contacts/companies/batch/create", `{"inputs":[]}`).is(400)
}

func TestACompanyHasOneParent(t *testing.T) {
	t.Parallel()
	both(t, "NewParentReplaces", func(a *Assumptions, on bool) { a.NewParentReplaces = on }, func(t *testing.T, s *Server, on bool) {
		hook := receive(t, s, nil)
		child, p1, p2 := company(t, s, "child"), company(t, s, "one"), company(t, s, "two")
		names := map[string]string{child: "child", p1: "one", p2: "two"}
		put := func(id string) reply {
			return do(t, s, "POST", "/crm/v4/associations/companies/companies/batch/create", `{"inputs":[{"from":{"id":"`+child+`"},"to":{"id":"`+id+`"},"types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":14}]}]}`)
		}
		put(p1).is(201)
		if err := s.Associate("companies", child, "companies", p2); err != nil {
			t.Fatal(err)
		}
		if got := linksOf(s, "companies", child, "companies", names); got != "one* two" {
			t.Errorf("got %s, want the parent and a company beside it", got)
		}
		if got := s.Associations("companies", p1, "companies")[0].Types; !reflect.DeepEqual(got, []int{13, 450}) {
			t.Errorf("the parent sees types %v", got)
		}
		if r := put(p2); on {
			r.is(201)
		} else {
			r.is(207).wants(1.0, "numErrors").wants(child, "errors", 0, "context", "fromObjectId", 0)
		}
		if got := linksOf(s, "companies", child, "companies", names); got != either(on, "one two*", "one* two") {
			t.Errorf("a second parent: got %s", got)
		}
		put(child).is(207) // of itself
		// Both ends are of one type: both get an event.
		got := hook.links(t, s, "company.associationChange")
		if want := []string{"CHILD_COMPANY_TO_PARENT_COMPANY false false", "PARENT_COMPANY_TO_CHILD_COMPANY false false"}; !slices.Contains(got, want[0]) || !slices.Contains(got, want[1]) {
			t.Errorf("got events %q", got)
		}
	})
}

func TestAssumptionsAboutAssociations(t *testing.T) {
	t.Parallel()
	both(t, "FirstCompanyIsPrimary", func(a *Assumptions, on bool) { a.FirstCompanyIsPrimary = on }, func(t *testing.T, s *Server, on bool) {
		a, c := company(t, s, "A"), contact(t, s, "a@b.co")
		control(t, s, "PUT", "/associations/companies/"+a+"/contacts/"+c, "").is(200)
		if got := s.Associations("contacts", c, "companies"); len(got) != 1 || got[0].Main != on {
			t.Errorf("got %+v", got)
		}
	})
	both(t, "RemovedPrimaryPassesOn", func(a *Assumptions, on bool) { a.RemovedPrimaryPassesOn = on }, func(t *testing.T, s *Server, on bool) {
		a, b, d, c := company(t, s, "A"), company(t, s, "B"), company(t, s, "C"), contact(t, s, "a@b.co")
		for _, id := range []string{d, b, a} {
			control(t, s, "PUT", "/associations/contacts/"+c+"/companies/"+id, `{"main":true}`).is(200)
		}
		control(t, s, "DELETE", "/associations/contacts/"+c+"/companies/"+a, "").is(204)
		r := control(t, s, "GET", "/associations/contacts/"+c+"/companies", "").is(200)
		r.wants(b, "associations", 0, "id").wants(on, "associations", 0, "main").wants(d, "associations", 1, "id").wants(false, "associations", 1, "main")
	})
	both(t, "NoAssociationsIsError", func(a *Assumptions, on bool) { a.NoAssociationsIsError = on }, func(t *testing.T, s *Server, on bool) {
		c := contact(t, s, "a@b.co")
		r := do(t, s, "POST", "/crm/v4/associations/contacts/companies/batch/read", `{"inputs":[{"id":"`+c+`"}]}`).is(either(on, 207, 200))
		if on {
			r.wants("crm.associations.NO_ASSOCIATIONS_FOUND", "errors", 0, "subCategory").wants(c, "errors", 0, "context", "fromObjectId", 0)
		}
		if r.length("results") != 0 {
			t.Errorf("got %s", r.raw)
		}
	})
	both(t, "RestoreBringsAssociations", func(a *Assumptions, on bool) { a.RestoreBringsAssociations = on }, func(t *testing.T, s *Server, on bool) {
		a, b, c := company(t, s, "A"), company(t, s, "B"), contact(t, s, "a@b.co")
		names := map[string]string{a: "A", b: "B"}
		steps := []func() error{
			func() error { return s.AssociateMain("contacts", c, "companies", a) },
			func() error { return s.Archive("companies", a) },
			func() error { return s.Associate("contacts", c, "companies", b) },
			func() error { return s.Restore("companies", a) },
		}
		for i, step := range steps {
			if err := step(); err != nil {
				t.Fatal(i, err)
			}
			if got := linksOf(s, "contacts", c, "companies", names); i == 1 && got != "" {
				t.Errorf("an archived company shows: %s", got)
			}
		}
		if got := linksOf(s, "contacts", c, "companies", names); got != either(on, "A B*", "B*") {
			t.Errorf("after the restore: got %s", got)
		}
	})
	both(t, "ArchiveSendsAssociationChanges", func(a *Assumptions, on bool) { a.ArchiveSendsAssociationChanges = on }, func(t *testing.T, s *Server, on bool) {
		a, c := company(t, s, "A"), contact(t, s, "a@b.co")
		if err := s.Associate("contacts", c, "companies", a); err != nil {
			t.Fatal(err)
		}
		hook := receive(t, s, nil)
		if err := s.Archive("companies", a); err != nil {
			t.Fatal(err)
		}
		if got := hook.links(t, s, "contact.associationChange"); len(got) != either(on, 1, 0) {
			t.Errorf("got events %q", got)
		}
	})
}

func TestMergesMoveAssociations(t *testing.T) {
	t.Parallel()
	for _, anew := range []bool{false, true} {
		both(t, "MergeSendsAssociationChanges", func(a *Assumptions, on bool) { a.MergeSendsAssociationChanges, a.MergeReturnsNewID = on, anew }, func(t *testing.T, s *Server, on bool) {
			a, b, x := company(t, s, "A"), company(t, s, "B"), company(t, s, "X")
			c, d := contact(t, s, "a@b.co"), contact(t, s, "c@d.co")
			for _, link := range [][4]string{
				{"contacts", c, "companies", a}, {"contacts", d, "companies", b}, {"companies", b, "companies", x}, {"companies", a, "companies", b},
			} {
				if err := s.AssociateMain(link[0], link[1], link[2], link[3]); err != nil {
					t.Fatal(err)
				}
			}
			hook := receive(t, s, nil)
			survivor, err := s.Merge("companies", a, b)
			if err != nil {
				t.Fatal(err)
			}
			names := map[string]string{survivor: "AB", x: "X"}
			for what, got := range map[string]string{
				"c": linksOf(s, "contacts", c, "companies", names), "d": linksOf(s, "contacts", d, "companies", names),
			} {
				if got != "AB*" {
					t.Errorf("contact %s: got %s, want the survivor as primary", what, got)
				}
			}
			if got := linksOf(s, "companies", survivor, "companies", names); got != "X*" {
				t.Errorf("the survivor's companies: got %s, want the loser's parent and no link to itself", got)
			}
			if got := len(hook.links(t, s, "contact.associationChange")); (got > 0) != on {
				t.Errorf("%d events of contacts", got)
			}
			// Contacts with a primary company each: the primary contact's stays.
			if survivor, err = s.Merge("contacts", c, d); err != nil {
				t.Fatal(err)
			}
			if got := linksOf(s, "contacts", survivor, "companies", names); got != "AB*" {
				t.Errorf("merged contacts: got %s", got)
			}
		})
	}
}

func TestASecondPrimaryIsDroppedByAMerge(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	a, b := company(t, s, "A"), company(t, s, "B")
	c, d := contact(t, s, "a@b.co"), contact(t, s, "c@d.co")
	for _, link := range [][2]string{{c, a}, {d, b}} {
		if err := s.AssociateMain("contacts", link[0], "companies", link[1]); err != nil {
			t.Fatal(err)
		}
	}
	survivor, err := s.Merge("contacts", c, d)
	if err != nil {
		t.Fatal(err)
	}
	if got := linksOf(s, "contacts", survivor, "companies", map[string]string{a: "A", b: "B"}); got != "A* B" {
		t.Errorf("got %s, want the primary contact's company as the primary one", got)
	}
}

func TestAssociationsArePagedAndLabelled(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	deal, err := s.Create("deals", map[string]string{"dealname": "D"})
	if err != nil {
		t.Fatal(err)
	}
	for i := range linkPage + 3 {
		if err := s.AssociateAs("deals", deal, "contacts", contact(t, s, fmt.Sprintf("p%d@b.co", i)), 77); err != nil {
			t.Fatal(err)
		}
	}
	path := "/crm/v4/associations/deals/contacts/batch/read"
	r := do(t, s, "POST", path, `{"inputs":[{"id":"`+deal+`"}]}`).is(200).wants("USER_DEFINED", "results", 0, "to", 0, "associationTypes", 1, "category")
	if n := r.length("results", 0, "to"); n != linkPage {
		t.Errorf("%d on the first page", n)
	}
	r = do(t, s, "POST", path, `{"inputs":[{"id":"`+deal+`","after":"`+r.text("results", 0, "paging", "next", "after")+`"}]}`).is(200).wants(nil, "results", 0, "paging")
	if n := r.length("results", 0, "to"); n != 3 {
		t.Errorf("%d on the second page", n)
	}
}
