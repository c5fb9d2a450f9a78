package ddl

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-sync/lockstep/schemas/pgform"
)

// fit are the problems that keep the table from being published at all, or
// would make the application's own statements fail once it is.
func (t *table) fit(version int) []Problem {
	name := t.want.Name
	if t.kind != "r" && t.kind != "p" {
		return []Problem{{Object: name, What: "it is " + kindNames[t.kind] + ", whose changes are not in the log", Remedy: "map the table that holds its rows"}}
	}
	if t.unlogged {
		return []Problem{{Object: name, What: "it is unlogged or temporary: its changes are not in the log", Remedy: "ALTER TABLE " + t.quoted() + " SET LOGGED"}}
	}
	var out []Problem
	for _, c := range t.want.Columns {
		f := t.column(c)
		switch {
		case f == nil:
			out = append(out, Problem{Object: name, Column: c, What: "the table has no such column", Remedy: didYouMean(c, t.columnNames())})
		case f.Generated == "v" || f.Generated == "s" && version < 18:
			out = append(out, Problem{Object: name, Column: c, What: "it is a generated column, which this server's log does not carry",
				Remedy: "map the columns that it is computed from (stored generated columns: from PostgreSQL 18 on)"})
		}
	}
	return append(out, t.identityProblems()...)
}

var kindNames = map[string]string{"v": "a view", "m": "a materialized view", "f": "a foreign table", "S": "a sequence", "c": "a type", "i": "an index"}

// identityProblems: without a usable replica identity in every part, publishing
// the table makes its UPDATE and DELETE fail.
func (t *table) identityProblems() []Problem {
	var out []Problem
	root := t.parts[0]
	for _, p := range t.parts {
		columns, all := p.identity()
		object := t.want.Name
		if p.Name != root.Name {
			object = p.Name
		}
		remedy := "add a primary key, or ALTER TABLE … REPLICA IDENTITY USING INDEX with a unique index over NOT NULL columns"
		switch {
		case len(columns) == 0 && !all && (t.kind == "r" || p.Name != root.Name):
			out = append(out, Problem{Object: object, What: "it has no replica identity: once it is published, UPDATE and DELETE on it would fail", Remedy: remedy})
		case len(KeyColumns(p.Identity[0], p.Primary, p.Index)) == 0:
			out = append(out, Problem{Object: object, What: "it has no primary key, so that no row can be told from another", Remedy: remedy})
		case p.Identity == "i" && len(p.Primary) > 0 && !covers(p.Index, p.Primary):
			out = append(out, Problem{Object: object, What: "its replica identity is an index without the primary key (" + strings.Join(p.Primary, ", ") +
				"), so that a deleted row cannot be told by its key", Remedy: "ALTER TABLE " + t.quoted() + " REPLICA IDENTITY DEFAULT, or FULL"})
		case p.Identity != root.Identity && (p.Identity == "f" || root.Identity == "f"):
			out = append(out, Problem{Object: object, What: fmt.Sprintf("its replica identity (%s) is not that of its partitioned table (%s), so that old rows arrive incomplete",
				identityNames[p.Identity], identityNames[root.Identity]), Remedy: "set the same REPLICA IDENTITY on the table and on each partition"})
		}
	}
	return out
}

var identityNames = map[string]string{"d": "DEFAULT", "i": "USING INDEX", "f": "FULL", "n": "NOTHING"}

// privileges are the problems of reading and writing the table beside its log.
func (t *table) privileges(user string) []Problem {
	var out []Problem
	lack := map[string][]string{}
	for _, f := range t.columns {
		if len(t.want.Columns) > 0 && !slices.Contains(t.want.Columns, f.Name) {
			continue
		}
		if !f.Select {
			lack["SELECT"] = append(lack["SELECT"], f.Name)
		}
		if t.want.Write && f.Generated == "" && !f.Insert {
			lack["INSERT"] = append(lack["INSERT"], f.Name)
		}
		if t.want.Write && f.Generated == "" && !f.Update {
			lack["UPDATE"] = append(lack["UPDATE"], f.Name)
		}
	}
	grantee := pgform.QuoteIdent(user)
	for _, privilege := range []string{"SELECT", "INSERT", "UPDATE"} {
		if columns := lack[privilege]; len(columns) > 0 {
			out = append(out, Problem{Object: t.want.Name, What: fmt.Sprintf("role %s may not %s %s", user, privilege, strings.Join(columns, ", ")),
				Remedy: "GRANT " + privilege + " ON " + t.quoted() + " TO " + grantee})
		}
	}
	if t.want.Write && !t.delete {
		out = append(out, Problem{Object: t.want.Name, What: fmt.Sprintf("role %s may not DELETE", user),
			Remedy: "GRANT DELETE ON " + t.quoted() + " TO " + grantee})
	}
	if t.rls {
		out = append(out, Problem{Object: t.want.Name, What: fmt.Sprintf("row security hides rows from role %s, though its log carries them all", user),
			Remedy: "ALTER ROLE " + grantee + " BYPASSRLS, or a policy that shows it every row"})
	}
	return out
}
