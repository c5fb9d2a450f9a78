package torture

import (
	"context"
	"fmt"
	"strings"
)

// judge is the account of one run.
type judge struct {
	*stage
	left, right *books
	told        *tellings
	rep         *Report
}

// maxStories bounds the failures that are told in full.
const maxStories = 12

// account demands what the package's comment lists.
func (s *stage) account(ctx context.Context) (*Report, error) {
	left, err := s.readLeft(ctx)
	if err != nil {
		return nil, err
	}
	told, err := s.readTellings(ctx)
	if err != nil {
		return nil, err
	}
	j := &judge{stage: s, left: left, right: s.readRight(), told: told}
	j.rep = &Report{Seed: s.o.Seed, Postgres: s.server.Version(), Kills: int(s.kills.Load()), Faults: int(s.faults.Load()), Reviews: told.reviews, Told: told.entries}
	for _, b := range []*books{j.left, j.right} {
		for _, twice := range b.twice {
			j.rep.Duplicates++
			j.story("there is more than one", twice)
		}
	}
	for _, kind := range []string{"companies", "contacts"} {
		j.compare(kind)
	}
	for _, f := range sorted(j.left, j.right) {
		j.trace(f)
	}
	return j.rep, nil
}

// compare finds what the two sides do not hold alike.
func (j *judge) compare(kind string) {
	left, right := j.left.live[kind], j.right.live[kind]
	j.rep.Records += len(left)
	for uid, row := range left {
		there, ok := right[uid]
		if !ok {
			j.diverged("only in the database", field{kind, uid, columns[kind][0]})
			continue
		}
		names := columns[kind]
		if kind == "contacts" {
			names = append([]string{"company"}, names...)
		}
		for i, name := range names {
			if row[name] != there[name] && !j.waits(kind, row["key"], name) {
				j.diverged(fmt.Sprintf("%s is %q in the database and %q in the CRM", names[i], row[name], there[name]), field{kind, uid, name})
			}
		}
	}
	for uid := range right {
		if _, ok := left[uid]; !ok {
			j.diverged("only in the CRM", field{kind, uid, columns[kind][0]})
		}
	}
}

// waits tells whether the field of that row waits for a person.
func (j *judge) waits(kind, key, column string) bool {
	for i, c := range columns[kind] {
		if c == column {
			return j.told.waiting[fmt.Sprint(kind, " ", key, " ", column, "=", properties[kind][i])]
		}
	}
	return false
}

func (j *judge) diverged(what string, f field) {
	j.rep.Diverged++
	j.story(what, f)
}

// trace follows every edit of one field, and counts what Lockstep wrote there.
func (j *judge) trace(f field) {
	edits, writes := 0, 0
	sides := [2][]entry{j.left.entries[f], j.right.entries[f]}
	for side, entries := range sides {
		for i, e := range entries {
			switch {
			case e.end:
			case !e.actor:
				writes++
			case e.value != "":
				edits++
				if !j.accounted(f, entries, sides[1-side], i) {
					j.rep.Unaccounted++
					j.story(fmt.Sprintf("the edit %q is lost", e.value), f)
				}
			}
		}
	}
	j.rep.Edits += edits
	j.rep.Writes += writes
	// An edit calls for one write to the other side, and for one to its own where
	// our write had replaced it; a record that is brought back, for one more.
	if excess := writes - 2*edits - 2; excess > 0 {
		j.rep.ExcessWrites += excess
		j.story(fmt.Sprintf("%d writes for %d edits", writes, edits), f)
	}
}

// accounted tells whether an edit, the i-th entry of its side, was superseded on
// that side, stands, was replaced by somebody who saw it on the other side, is
// told of in the audit, or waits for a person.
func (j *judge) accounted(f field, own, other []entry, i int) bool {
	if j.told.values[own[i].value] {
		return true
	}
	for _, later := range own[i+1:] {
		if later.actor {
			return true
		}
	}
	for _, entries := range [][]entry{own, other} {
		for n, e := range entries {
			if !e.end && e.value == own[i].value && (n == len(entries)-1 || entries[n+1].actor) {
				return true // what stands on one side is compared with the other
			}
		}
	}
	return false
}

// story keeps what is known of a failure, for the first few.
func (j *judge) story(what string, f field) {
	if len(j.rep.Stories) >= maxStories {
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s %s %s\n", what, f.kind, f.uid, f.name)
	for _, side := range []struct {
		name string
		of   *books
	}{{"database", j.left}, {"CRM", j.right}} {
		fmt.Fprintf(&b, "  %s:", side.name)
		for _, e := range side.of.entries[f] {
			who := map[bool]string{true: "actor", false: "lockstep"}[e.actor]
			if e.end {
				fmt.Fprintf(&b, " deleted by %s;", who)
			} else {
				fmt.Fprintf(&b, " %s by %s;", e.value, who)
			}
		}
		b.WriteString("\n")
	}
	for _, one := range j.told.stories {
		if one.about(f.kind, j.left.keys[f.kind+f.uid], j.right.keys[f.kind+f.uid]) {
			b.WriteString("  " + one.line + "\n")
		}
	}
	j.rep.Stories = append(j.rep.Stories, b.String())
}
