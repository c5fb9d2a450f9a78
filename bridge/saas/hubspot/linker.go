package hubspot

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/lockstep-sync/lockstep/bridge/saas"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

// move is the switch of one record's association.
type move struct {
	write     int    // its index
	from      string // the record's id
	old, next string // what the field holds, and is to hold; "" = nothing
	add       bool   // next is not there yet, or not as the main one
	foreign   bool   // old has labels that are not ours: it stays, without our label
	fault     *event.Fault
}

// plan decides how a record's field comes to hold next. held is what the writer
// believed it to hold: where the field holds next already and the one believed
// is still there, an earlier try got no further than that.
//
// Where HubSpot would show another associated record afterwards, the write is
// refused: both sides would hold different values and each believe the other to
// agree.
func plan(a association, rec *record, next, held string) (move, *event.Fault) {
	links := rec.links[a.field]
	m := move{from: rec.ID, old: a.main(links), next: next}
	if m.old == next {
		m.old = ""
		if left, is := find(links, held); is && held != next && !left.foreign {
			m.old = held
		}
		return m, nil
	}
	if shown := a.main(a.switched(links, m.old, next)); shown != next {
		what := "null"
		if next != "" {
			what = next
		}
		return m, &event.Fault{Class: event.Rejected, Field: a.field, Message: fmt.Sprintf(
			"%s cannot become %s: the record is associated with further %s, and HubSpot would show %s; remove those associations in HubSpot", a.field, what, a.to, shown)}
	}
	there, is := find(links, next)
	m.add = next != "" && (!is || a.label != 0 && !there.main)
	if old, is := find(links, m.old); is {
		m.foreign = old.foreign
	}
	return m, nil
}

// linker switches one kind of association for records of one object.
//
// What is new is added before what is old is removed: a record that is looked at
// in between shows the new value, not none. Where HubSpot refuses a second one,
// the old one has to go first, and comes back when that was in vain.
type linker struct {
	c      *Connector
	ctx    context.Context
	object string
	a      association
	moves  []move
	at     time.Time // HubSpot's clock when it made the last association
}

// pairInput is an association in the body of a batch.
type pairInput struct {
	From  idOf       `json:"from"`
	To    any        `json:"to"` // idOf, or []idOf to remove
	Types []linkType `json:"types,omitempty"`
}

type pairAnswer struct {
	Results []struct {
		From text `json:"fromObjectId"`
		To   text `json:"toObjectId"`
	} `json:"results"`
	Errors      []problem `json:"errors"`
	CompletedAt string    `json:"completedAt"`
}

// run carries out the moves; faults are entered in them.
func (l *linker) run() {
	l.add(l.pick(func(m *move) bool { return m.add }))
	// An account may allow one association of this kind only.
	full := l.pick(func(m *move) bool {
		return m.fault != nil && m.fault.Class == event.Rejected && m.fault.Code != "OBJECT_NOT_FOUND" && m.old != "" && !m.foreign
	})
	if len(full) > 0 {
		l.makeRoom(full)
	}
	l.remove(l.pick(func(m *move) bool { return m.fault == nil && m.old != "" && !m.foreign }))
	l.unlabel(l.pick(func(m *move) bool { return m.fault == nil && m.foreign && m.next == "" && l.a.label != 0 }))
}

func (l *linker) pick(which func(*move) bool) []int {
	var out []int
	for n := range l.moves {
		if which(&l.moves[n]) {
			out = append(out, n)
		}
	}
	return out
}

// makeRoom removes the old ones first, adds again, and puts back what was
// removed in vain.
func (l *linker) makeRoom(moves []int) {
	refused := make(map[int]*event.Fault, len(moves))
	for _, n := range moves {
		refused[n], l.moves[n].fault = l.moves[n].fault, nil
	}
	l.remove(moves)
	again := slices.DeleteFunc(slices.Clone(moves), func(n int) bool { return l.moves[n].fault != nil })
	l.add(again)
	vain := slices.DeleteFunc(again, func(n int) bool { return l.moves[n].fault == nil || l.moves[n].fault.Class != event.Rejected })
	for _, n := range vain {
		m := &l.moves[n]
		m.fault, m.next, m.old = nil, m.old, m.next
	}
	l.add(vain)
	for _, n := range vain {
		m := &l.moves[n]
		if m.fault != nil {
			refused[n].Message += "; and " + m.next + ", removed to make room, could not be put back: " + m.fault.Message
		}
		m.fault, m.next, m.old = refused[n], m.old, m.next
	}
}

// add associates what each move wants.
func (l *linker) add(moves []int) {
	if len(moves) == 0 {
		return
	}
	saas.Isolate(moves, func(part []int) *saas.Refusal {
		var out pairAnswer
		answer, fault := l.post("/batch/create", part, func(m *move) pairInput {
			return pairInput{From: idOf{m.from}, To: idOf{m.next}, Types: l.a.types()}
		}, &out)
		if fault != nil {
			return l.refused(part, answer, fault)
		}
		if at := clock(out.CompletedAt); !at.IsZero() {
			l.at = at
		}
		l.enter(part, &out)
		return nil
	}, l.fail)
}

// remove ends all associations with what each move leaves.
func (l *linker) remove(moves []int) {
	l.end("/batch/archive", moves, func(m *move) pairInput {
		return pairInput{From: idOf{m.from}, To: []idOf{{m.old}}}
	})
}

// unlabel takes our label off what each move leaves, and leaves the rest.
func (l *linker) unlabel(moves []int) {
	l.end("/batch/labels/archive", moves, func(m *move) pairInput {
		return pairInput{From: idOf{m.from}, To: idOf{m.old}, Types: l.a.types()}
	})
}

func (l *linker) end(path string, moves []int, input func(*move) pairInput) {
	if len(moves) == 0 {
		return
	}
	saas.Isolate(moves, func(part []int) *saas.Refusal {
		answer, fault := l.post(path, part, input, nil)
		if fault != nil {
			return l.refused(part, answer, fault)
		}
		return nil
	}, func(n int, f *event.Fault) {
		if f.Code != "OBJECT_NOT_FOUND" || f.Class == event.Gone { // what is not there is not associated any more
			l.fail(n, f)
		}
	})
}

func (l *linker) post(path string, part []int, input func(*move) pairInput, into any) (saas.Answer, *event.Fault) {
	inputs := make([]pairInput, 0, len(part))
	for _, n := range part {
		inputs = append(inputs, input(&l.moves[n]))
	}
	return l.c.client.Do(l.ctx, saas.Request{
		Method: http.MethodPost, Path: linkPath(l.object, l.a, path), Body: map[string]any{"inputs": inputs}, Mutating: true,
	}, into)
}

// enter maps an answer back to its moves: each record is in a batch once.
func (l *linker) enter(part []int, out *pairAnswer) {
	open := slices.Clone(part)
	for _, r := range out.Results {
		at := slices.IndexFunc(open, func(n int) bool { return l.moves[n].from == r.From.value })
		if at < 0 {
			continue
		}
		if m := &l.moves[open[at]]; r.To.value != "" {
			m.next = r.To.value // another one than asked for, where that was merged away
		}
		open = slices.Delete(open, at, at+1)
	}
	var unnamed []*problem
	for k := range out.Errors {
		p := &out.Errors[k]
		hit := l.culprits(part, p.Context)
		if len(hit) == 0 {
			unnamed = append(unnamed, p)
		}
		for _, n := range hit {
			if at := slices.Index(open, n); at >= 0 {
				open = slices.Delete(open, at, at+1)
				l.fail(n, l.named(n, p, p.fault()))
			}
		}
	}
	for _, n := range open {
		if len(open) == 1 && len(unnamed) == 1 {
			l.fail(n, l.named(n, unnamed[0], unnamed[0].fault()))
			continue
		}
		l.fail(n, &event.Fault{Class: event.InDoubt, Message: "HubSpot's answer to the batch does not say what became of this association"})
	}
}

// culprits finds the moves that an error's context names, by either end.
func (l *linker) culprits(part []int, context map[string][]string) []int {
	var hit []int
	for _, n := range part {
		m := &l.moves[n]
		for _, ids := range context {
			if holds(ids, m.from) || m.next != "" && holds(ids, m.next) || m.old != "" && holds(ids, m.old) {
				hit = append(hit, n)
				break
			}
		}
	}
	return hit
}

// named says which end a fault is about. The record itself was there a moment
// ago: what is missing without a name is the other end.
func (l *linker) named(n int, p *problem, f *event.Fault) *event.Fault {
	m := &l.moves[n]
	if f.Class == event.Gone && holds(p.Context["ids"], m.from) {
		return f
	}
	switch f.Class {
	case event.Gone:
		f.Message = fmt.Sprintf("there is no record %s among HubSpot's %s: %s", m.next, l.a.to, f.Message)
		f.Class, f.Code, f.Field = event.Rejected, "OBJECT_NOT_FOUND", l.a.field
	case event.Rejected, event.Duplicate:
		f.Class, f.Field = event.Rejected, l.a.field
	}
	return f
}

func (l *linker) fail(n int, f *event.Fault) { l.moves[n].fault = f }

// refused says what a batch of associations means that failed as a whole.
func (l *linker) refused(part []int, a saas.Answer, fault *event.Fault) *saas.Refusal {
	r := &saas.Refusal{Fault: fault, Shared: true}
	var p problem
	if json.Unmarshal(a.Body, &p) != nil || p.code("") == "" {
		return r
	}
	switch a.Status {
	case http.StatusBadRequest, http.StatusNotFound, http.StatusConflict, http.StatusRequestEntityTooLarge:
		r.Shared = false
		r.Named = make(map[int]*event.Fault)
		for _, n := range l.culprits(part, p.Context) {
			own := *fault
			r.Named[n] = l.named(n, &p, &own)
		}
		if len(part) == 1 {
			r.Fault = l.named(part[0], &p, fault)
		}
	}
	return r
}
