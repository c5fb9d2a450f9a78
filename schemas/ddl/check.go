package ddl

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Check looks at everything that Install, reading and writing will need, and
// returns all that is wrong at once, none when all is well. It changes nothing.
// The error is that of a check that could not be made.
func Check(ctx context.Context, url string, w Want) ([]Problem, error) {
	w, err := w.settled()
	if err != nil {
		return nil, err
	}
	c, err := connect(ctx, url)
	if err != nil {
		return nil, err
	}
	defer c.Close(context.WithoutCancel(ctx))
	s, err := lookAtServer(ctx, c)
	if err != nil {
		return nil, err
	}
	out := s.problems()
	if p := replicationProblem(ctx, url, s.user); p != nil {
		out = append(out, *p)
	}
	slot, err := s.slotProblems(ctx, c, w)
	if err != nil {
		return nil, err
	}
	out = append(out, slot...)
	tables, problems, err := describeAll(ctx, c, w, s.version)
	if err != nil {
		return nil, err
	}
	out = append(out, problems...)
	for _, t := range tables {
		out = append(out, t.privileges(s.user)...)
	}
	more, err := publicationProblems(ctx, c, w, s, tables)
	return append(out, more...), err
}

// describeAll looks at every table. The tables without problems come back, and
// the problems of the others.
func describeAll(ctx context.Context, c *pgx.Conn, w Want, version int) ([]*table, []Problem, error) {
	var tables []*table
	var problems []Problem
	for _, tw := range w.Tables {
		t, err := describe(ctx, c, tw)
		if err != nil {
			return nil, nil, err
		}
		if t == nil {
			known, err := tableNames(ctx, c)
			if err != nil {
				return nil, nil, err
			}
			problems = append(problems, Problem{Object: tw.Name, What: "there is no such table", Remedy: didYouMean(tw.Name, known)})
			continue
		}
		problems = append(problems, t.fit(version)...)
		tables = append(tables, t)
	}
	return tables, problems, nil
}

// publicationProblems tell whether the publication is there for us or could be
// made: whoever makes it owns the tables.
func publicationProblems(ctx context.Context, c *pgx.Conn, w Want, s server, tables []*table) ([]Problem, error) {
	actual, err := findPublication(ctx, c, s.version, w.Publication)
	if err != nil {
		return nil, err
	}
	if actual != nil && !actual.ours() {
		return planFor(w, s, tables).drift(actual), nil
	}
	var out []Problem
	if actual == nil && !s.mayCreate {
		out = append(out, Problem{Object: w.Publication, What: fmt.Sprintf("role %s may not create a publication in database %s", s.user, s.database),
			Remedy: "GRANT CREATE ON DATABASE " + quoteAll([]string{s.database}) + " TO " + quoteAll([]string{s.user}) + ", or have an owner create it: " + createSQL(w, tables)})
	}
	for _, t := range tables {
		if !t.owned {
			out = append(out, Problem{Object: t.want.Name, What: fmt.Sprintf("role %s does not own the table, and only its owner may publish it", s.user),
				Remedy: "GRANT the owning role TO " + quoteAll([]string{s.user}) + ", or have the owner create the publication: " + createSQL(w, tables)})
		}
	}
	return out, nil
}

// createSQL is the publication for somebody else to make.
func createSQL(w Want, tables []*table) string {
	p := plan{name: w.Publication}
	for _, t := range tables {
		p.tables = append(p.tables, planned{table: t})
	}
	return "CREATE PUBLICATION " + quoteAll([]string{p.name}) + " FOR TABLE " + p.items() + " WITH (publish_via_partition_root = true)"
}
