package torture

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// population is around how many contacts there are; above it more are deleted
// than made.
const population = 200

// deed is something that an actor does, and how often in proportion.
type deed struct {
	weight int
	do     func(context.Context) error
}

// choose picks one by its weight.
func choose(chance *rand.Rand, deeds []deed) deed {
	sum := 0
	for _, d := range deeds {
		sum += d.weight
	}
	n := chance.IntN(sum)
	for _, d := range deeds {
		if n -= d.weight; n < 0 {
			return d
		}
	}
	return deeds[0]
}

// application edits the tables, as an application with a pool does: it tries
// again when the database is away.
type application struct {
	*stage
	chance *rand.Rand
	deeds  []deed
}

func newApplication(s *stage, n int) *application {
	a := &application{stage: s, chance: s.chance(uint64(10 + n))}
	a.deeds = []deed{
		{60, a.edit}, {8, a.editAll}, {5, a.insert}, {2, a.insertOnBoth}, {3, a.delete}, {3, a.rekey}, {4, a.readdress}, {5, a.employ},
		{2, a.burst}, {2, a.found}, {4, a.rename}, {1, a.close},
	}
	return a
}

func (a *application) work(ctx context.Context) error {
	for range 10 {
		if err := errors.Join(a.found(ctx), a.insert(ctx)); err != nil {
			return err
		}
	}
	for ctx.Err() == nil {
		if err := choose(a.chance, a.deeds).do(ctx); err != nil {
			return fmt.Errorf("application: %w", err)
		}
		a.tried.Add(1)
		rest(ctx, time.Duration(a.chance.IntN(25))*time.Millisecond)
	}
	return nil
}

// rest lets the time between two deeds of an actor pass.
func rest(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// sql runs a statement. A database that is down, or went down meanwhile, is no
// error: whether it was carried out is in the books. Neither is a constraint:
// another actor was faster.
func (a *application) sql(ctx context.Context, statement string, args ...any) error {
	_, err := a.db.Exec(ctx, statement, args...)
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.Code[:2] != "57" && refused.Code[:2] != "23" && refused.Code[:2] != "40" && refused.Code[:2] != "53" {
		return err
	}
	if err != nil {
		rest(ctx, 20*time.Millisecond)
	}
	return nil
}

// fields are what both sides edit: column and property.
var fields = [][2]string{{"first_name", "firstname"}, {"last_name", "lastname"}, {"phone", "phone"}, {"bio", "bio"}}

func (a *application) edit(ctx context.Context) error {
	return a.sql(ctx, fmt.Sprintf("UPDATE customers SET %s = $1 WHERE uid = $2", fields[a.chance.IntN(len(fields))][0]), a.unique("L"), a.contacts.pick(a.chance))
}

func (a *application) editAll(ctx context.Context) error {
	return a.sql(ctx, "UPDATE customers SET first_name = $1, last_name = $2, phone = $3, bio = $4 WHERE uid = $5",
		a.unique("L"), a.unique("L"), a.unique("L"), a.unique("L"), a.contacts.pick(a.chance))
}

func (a *application) insert(ctx context.Context) error {
	uid := a.unique("u")
	err := a.sql(ctx, "INSERT INTO customers (uid, email, first_name, phone, company_id) VALUES ($1, $2, $3, $4, (SELECT id FROM companies WHERE uid = $5))",
		uid, address(a.unique("L")), a.unique("L"), a.unique("L"), a.companies.pick(a.chance))
	a.contacts.add(uid)
	return err
}

// insertOnBoth makes one customer on both sides at once.
func (a *application) insertOnBoth(ctx context.Context) error {
	uid, email := a.unique("w"), address(a.unique("B"))
	done := make(chan error, 1)
	go func() {
		_, err := a.crm.Create("contacts", map[string]string{"uid": uid, "email": email, "firstname": a.unique("R"), "lastname": a.unique("R")})
		done <- err
	}()
	err := a.sql(ctx, "INSERT INTO customers (uid, email, first_name, phone) VALUES ($1, $2, $3, $4)", uid, email, a.unique("L"), a.unique("L"))
	<-done // who comes second is refused where Lockstep was faster than both
	a.contacts.add(uid)
	return err
}

func (a *application) delete(ctx context.Context) error {
	n := 1
	if a.contacts.size() > population {
		n = 4
	}
	for range n {
		uid := a.contacts.pick(a.chance)
		if err := a.sql(ctx, "DELETE FROM customers WHERE uid = $1", uid); err != nil {
			return err
		}
		a.contacts.drop(uid)
	}
	return nil
}

// rekey gives a row another primary key.
func (a *application) rekey(ctx context.Context) error {
	return a.sql(ctx, "UPDATE customers SET id = nextval(pg_get_serial_sequence('customers', 'id')) WHERE uid = $1", a.contacts.pick(a.chance))
}

// readdress changes the value that records are matched by.
func (a *application) readdress(ctx context.Context) error {
	return a.sql(ctx, "UPDATE customers SET email = $1 WHERE uid = $2", address(a.unique("L")), readdressed(a.contacts, a.chance))
}

func (a *application) employ(ctx context.Context) error {
	company := a.companies.pick(a.chance)
	if a.chance.IntN(4) == 0 {
		company = "" // nowhere
	}
	return a.sql(ctx, "UPDATE customers SET company_id = (SELECT id FROM companies WHERE uid = $1) WHERE uid = $2", company, a.contacts.pick(a.chance))
}

// burst edits many rows in one transaction.
func (a *application) burst(ctx context.Context) error {
	return a.sql(ctx, "UPDATE customers SET first_name = $1::text || '.' || id WHERE id % 4 = $2", a.unique("L"), a.chance.IntN(4))
}

func (a *application) found(ctx context.Context) error {
	uid := a.unique("c")
	err := a.sql(ctx, "INSERT INTO companies (uid, name, city) VALUES ($1, $2, $3)", uid, a.unique("L"), a.unique("L"))
	a.companies.add(uid)
	return err
}

func (a *application) rename(ctx context.Context) error {
	return a.sql(ctx, fmt.Sprintf("UPDATE companies SET %s = $1 WHERE uid = $2", [...]string{"name", "city"}[a.chance.IntN(2)]), a.unique("L"), a.companies.pick(a.chance))
}

func (a *application) close(ctx context.Context) error {
	if a.companies.size() < 20 {
		return nil
	}
	uid := a.companies.pick(a.chance)
	a.companies.drop(uid)
	return a.sql(ctx, "DELETE FROM companies WHERE uid = $1", uid)
}

// address is an email as the vendor keeps it: in lower case.
func address(value string) string { return strings.ToLower(value) + "@example.com" }

// readdressed picks a record whose match value may change. One that was made on
// both sides at once is a pair only as long as both have the same.
func readdressed(r *register, chance *rand.Rand) string {
	if uid := r.pick(chance); !strings.HasPrefix(uid, "w") {
		return uid
	}
	return ""
}
