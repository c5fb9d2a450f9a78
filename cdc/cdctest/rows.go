package cdctest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// line is a change in one line, for comparing.
func line(c event.Change) string {
	record := func(r event.Record) string {
		var b strings.Builder
		for i, name := range r.Names {
			fmt.Fprintf(&b, " %s=%s", name, r.Values[i].Display())
		}
		return b.String()
	}
	s := fmt.Sprintf("%c %s %s", c.Op, c.Object, c.Key)
	if !c.OldKey.IsZero() {
		s += " was " + string(c.OldKey)
	}
	if !c.After.IsZero() {
		s += record(c.After)
	}
	return s
}

func compare(t *testing.T, got []event.Change, want ...string) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			t.Errorf("change %d is missing, want %s", i, want[i])
		case i >= len(want):
			t.Errorf("change %d is one too many: %s", i, line(got[i]))
		case line(got[i]) != want[i]:
			t.Errorf("change %d:\n got %s\nwant %s", i, line(got[i]), want[i])
		}
	}
}

const people = "CREATE TABLE people (id int PRIMARY KEY, name varchar(2000), note varchar(100))"

func rows(t *testing.T, h Harness) {
	db := h.Shared(t)
	db.Exec(t, people)
	log, p := begin(t, db, "people")
	db.Exec(t, "INSERT INTO people VALUES (1, 'Ann', 'x'), (2, 'Bo', NULL)", "UPDATE people SET note = NULL, name = '' WHERE id = 1",
		"DELETE FROM people WHERE id = 2")
	o := db.Dialect().Object("people")
	got := log.Wait(t, 4)
	compare(t, got, `c `+o+` ["1"] id=1 name=Ann note=x`, `c `+o+` ["2"] id=2 name=Bo note=NULL`,
		`u `+o+` ["1"] id=1 name= note=NULL`, `d `+o+` ["2"]`)
	for _, c := range got {
		if c.Connection != Connection || c.Tx == 0 || c.At.IsZero() || c.Seen.IsZero() || c.Connector == "" {
			t.Errorf("change lacks connection, transaction or times: %+v", c)
		}
	}
	if got[3].Before.Get("id").Text != "2" {
		t.Errorf("deleted row's old image is %+v, want at least its key", got[3].Before)
	}
	if got[0].Position.Major != got[1].Position.Major || got[0].Position.Minor != 1 || got[1].Position.Minor != 2 {
		t.Errorf("positions in one transaction are %s and %s, want the same major and minors 1 and 2", got[0].Position, got[1].Position)
	}
	until(t, "status tells of it", func() bool {
		s := p.Status()
		return s.Changes == 4 && s.Transactions >= 3 && s.LastPosition == got[3].Position && s.LastCommitAt.Equal(got[3].At) && s.Lag == 0
	})
}

func types(t *testing.T, h Harness) {
	db := h.Shared(t)
	d := db.Dialect()
	var columns, want []string
	most := 0
	for i, ty := range d.Types {
		columns = append(columns, fmt.Sprintf("c%d %s", i, ty.Name))
		most = max(most, len(ty.Values))
	}
	db.Exec(t, "CREATE TABLE kinds (id int PRIMARY KEY, "+strings.Join(columns, ", ")+")")
	log, _ := begin(t, db, "kinds")
	for row := range most {
		values := []string{fmt.Sprint(row)}
		wanted := fmt.Sprintf(`c %s ["%d"] id=%d`, d.Object("kinds"), row, row)
		for i, ty := range d.Types {
			v := Text{"NULL", "NULL"}
			if row < len(ty.Values) {
				v = ty.Values[row]
			}
			values = append(values, v.SQL)
			wanted += fmt.Sprintf(" c%d=%s", i, v.Want)
		}
		db.Exec(t, "INSERT INTO kinds VALUES ("+strings.Join(values, ", ")+")")
		want = append(want, wanted)
	}
	compare(t, log.Wait(t, most), want...)
}

func keyChange(t *testing.T, h Harness) {
	db := h.Shared(t)
	db.Exec(t, "CREATE TABLE pairs (b int, v varchar(10), a varchar(10), PRIMARY KEY (a, b))")
	log, _ := begin(t, db, "pairs")
	db.Exec(t, "INSERT INTO pairs VALUES (7, 'v', 'x')", "UPDATE pairs SET b = 8", "UPDATE pairs SET v = 'w'", "DELETE FROM pairs")
	o := db.Dialect().Object("pairs")
	compare(t, log.Wait(t, 4), `c `+o+` ["x","7"] b=7 v=v a=x`, `u `+o+` ["x","8"] was ["x","7"] b=8 v=v a=x`,
		`u `+o+` ["x","8"] b=8 v=w a=x`, `d `+o+` ["x","8"]`)
}

func order(t *testing.T, h Harness) {
	db := h.Shared(t)
	db.Exec(t, people, "CREATE TABLE cats (id int PRIMARY KEY, name varchar(10))")
	log, _ := begin(t, db, "people", "cats")
	db.Transaction(t, "INSERT INTO people VALUES (1, 'a', NULL)", "INSERT INTO cats VALUES (1, 'Tom')", "UPDATE people SET name = 'b'",
		"DELETE FROM cats", "INSERT INTO cats VALUES (1, 'Tim')")
	p, c := db.Dialect().Object("people"), db.Dialect().Object("cats")
	got := log.Wait(t, 5)
	compare(t, got, `c `+p+` ["1"] id=1 name=a note=NULL`, `c `+c+` ["1"] id=1 name=Tom`, `u `+p+` ["1"] id=1 name=b note=NULL`,
		`d `+c+` ["1"]`, `c `+c+` ["1"] id=1 name=Tim`)
	for i, change := range got {
		if change.Position.Major != got[0].Position.Major || change.Position.Minor != uint64(i+1) || change.Tx != got[0].Tx {
			t.Errorf("change %d is at %s in transaction %d, want minor %d in %d", i, change.Position, change.Tx, i+1, got[0].Tx)
		}
	}
}

func truncate(t *testing.T, h Harness) {
	db := h.Shared(t)
	db.Exec(t, people)
	log, _ := begin(t, db, "people")
	db.Exec(t, "INSERT INTO people VALUES (1, 'a', NULL)", "TRUNCATE TABLE people", "INSERT INTO people VALUES (1, 'b', NULL)")
	o := db.Dialect().Object("people")
	compare(t, log.Wait(t, 3), `c `+o+` ["1"] id=1 name=a note=NULL`, `t `+o+` `, `c `+o+` ["1"] id=1 name=b note=NULL`)
}

func names(t *testing.T, h Harness) {
	db := h.Shared(t)
	d := db.Dialect()
	table, id, odd := `Größe "x" 表`, `Id.1`, `värde '☃' %s`
	db.Exec(t, fmt.Sprintf("CREATE TABLE %s (%s int PRIMARY KEY, %s varchar(50))", d.Quote(table), d.Quote(id), d.Quote(odd)))
	log, _ := begin(t, db, table)
	db.Exec(t, "INSERT INTO "+d.Quote(table)+" VALUES (1, 'Zoë 🚀')", "DELETE FROM "+d.Quote(table))
	compare(t, log.Wait(t, 2), `c `+d.Object(table)+` ["1"] Id.1=1 `+odd+`=Zoë 🚀`, `d `+d.Object(table)+` ["1"]`)
}
