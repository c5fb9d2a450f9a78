package bridge

import "sync"

// A mapping stands still for two reasons. Paused (Options.Paused): something
// that only a person or a change of shape can put right; its lanes do not run
// for as long as the engine lives, while its changes are routed and wait in
// CHANGES. Held (Hold): for the moment in which somebody looks whether it may
// go on.

// Hold lets the mapping's lanes take in nothing more until release is called,
// which may be done more than once; holds add up. A change that is appended
// after Hold returned is taken in only after the release. Work on changes taken
// in before goes on. A mapping that the engine does not have is held at once.
func (e *Engine) Hold(mapping string) (release func()) {
	m := e.run(mapping)
	if m == nil {
		return func() {}
	}
	m.hold(1)
	return sync.OnceFunc(func() { m.hold(-1) })
}

// Paused tells why the mapping's lanes do not run, "" when they do.
func (e *Engine) Paused(mapping string) string {
	if m := e.run(mapping); m != nil {
		return m.paused
	}
	return ""
}

func (e *Engine) run(name string) *mappingRun {
	for _, m := range e.mappings {
		if m.Name() == name {
			return m
		}
	}
	return nil
}

func (m *mappingRun) hold(n int32) {
	m.holds.Add(n)
	for _, l := range m.lanes {
		l.mu.Lock() // whoever is about to wait has not missed the change
		l.room.Broadcast()
		l.mu.Unlock()
	}
}

// state is what status says of a mapping: its state, and why.
func (m *mappingRun) state() (state, problem string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.paused != "":
		return "paused", m.paused
	case m.problem != "":
		return "attention", m.problem
	}
	return "running", ""
}
