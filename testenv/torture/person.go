package torture

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/lockstep-sync/lockstep/testenv/hubspot"
)

// person edits the CRM in the vendor's UI.
type person struct {
	*stage
	chance *rand.Rand
	deeds  []deed
	looked time.Time
}

func newPerson(s *stage, n int) *person {
	p := &person{stage: s, chance: s.chance(uint64(20 + n))}
	p.deeds = []deed{
		{60, p.edit}, {8, p.editAll}, {4, p.create}, {2, p.archive}, {3, p.readdress}, {4, p.employ}, {1, p.dismiss}, {4, p.rename}, {1, p.found},
	}
	return p
}

// work never fails: what the vendor refuses a person is refused.
func (p *person) work(ctx context.Context) error {
	for ctx.Err() == nil {
		if time.Since(p.looked) > 300*time.Millisecond {
			p.contacts.see(live(p.crm, "contacts"))
			p.companies.see(live(p.crm, "companies"))
			p.looked = time.Now()
		}
		if err := choose(p.chance, p.deeds).do(ctx); err == nil {
			p.tried.Add(1)
		}
		rest(ctx, time.Duration(p.chance.IntN(25))*time.Millisecond)
	}
	return nil
}

// live leads from uid to id, of the records that are not archived.
func live(crm *hubspot.Server, kind string) map[string]string {
	ids := map[string]string{}
	for _, r := range crm.Records(kind) {
		if !r.Archived {
			ids[r.Properties["uid"]] = r.ID
		}
	}
	return ids
}

func (p *person) contact() string { return p.contacts.id(p.contacts.pick(p.chance)) }
func (p *person) company() string { return p.companies.id(p.companies.pick(p.chance)) }

func (p *person) edit(context.Context) error {
	return p.crm.Edit("contacts", p.contact(), map[string]string{fields[p.chance.IntN(len(fields))][1]: p.unique("R")})
}

func (p *person) editAll(context.Context) error {
	return p.crm.Edit("contacts", p.contact(), map[string]string{"firstname": p.unique("R"), "lastname": p.unique("R"), "phone": p.unique("R"), "bio": p.unique("R")})
}

func (p *person) create(context.Context) error {
	if p.contacts.size() > population {
		return p.archive(nil)
	}
	uid := p.unique("u")
	id, err := p.crm.Create("contacts", map[string]string{"uid": uid, "email": address(p.unique("R")), "firstname": p.unique("R"), "bio": p.unique("R")})
	if err != nil {
		return err
	}
	p.contacts.add(uid)
	if company := p.company(); company != "" && p.chance.IntN(2) == 0 {
		return p.crm.AssociateMain("contacts", id, "companies", company)
	}
	return nil
}

func (p *person) archive(context.Context) error {
	uid := p.contacts.pick(p.chance)
	if err := p.crm.Archive("contacts", p.contacts.id(uid)); err != nil {
		return err
	}
	p.contacts.drop(uid)
	return nil
}

func (p *person) readdress(context.Context) error {
	return p.crm.Edit("contacts", p.contacts.id(readdressed(p.contacts, p.chance)), map[string]string{"email": address(p.unique("R"))})
}

// employ gives a contact one company in place of all others. With further ones
// "no company" could not be said to the vendor.
func (p *person) employ(context.Context) error {
	id, company := p.contact(), p.company()
	if err := p.crm.AssociateMain("contacts", id, "companies", company); err != nil {
		return err
	}
	return p.leave(id, company)
}

// leave ends all associations with companies but one.
func (p *person) leave(id, but string) error {
	for _, a := range p.crm.Associations("contacts", id, "companies") {
		if a.ID == but {
			continue
		}
		if err := p.crm.Dissociate("contacts", id, "companies", a.ID); err != nil {
			return err
		}
	}
	return nil
}

func (p *person) dismiss(context.Context) error { return p.leave(p.contact(), "") }

func (p *person) rename(context.Context) error {
	return p.crm.Edit("companies", p.company(), map[string]string{[...]string{"name", "city"}[p.chance.IntN(2)]: p.unique("R")})
}

func (p *person) found(context.Context) error {
	uid := p.unique("c")
	_, err := p.crm.Create("companies", map[string]string{"uid": uid, "name": p.unique("R"), "city": p.unique("R")})
	if err == nil {
		p.companies.add(uid)
	}
	return err
}
