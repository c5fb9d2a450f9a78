package bridge

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

// todo is a note in STATE that an order about a record is decided and not yet
// carried out. Changes are read again after a crash (B2); an order that was
// answered is not asked for again, so this note stands for it (B7).
type todo struct {
	Side mapping.Side `json:"side"`
	Key  event.Key    `json:"key"`
}

func todoName(mapping string, id recordID) string { return "todo." + mapping + "." + id.token() }
func todoPrefix(mapping string) string            { return "todo." + mapping + "." }

// remind notes that the record has something to do, in the same store as what
// was decided. The record's coming to rest removes the note.
func (r *record) remind() {
	if r.noted {
		return
	}
	data, err := json.Marshal(todo{r.id.side, r.id.key})
	if err != nil {
		r.lane.fail(fmt.Errorf("encode a note of mapping %s: %w", r.mapping().Name(), err))
		return
	}
	r.noted = true
	r.puts = append(r.puts, put(todoName(r.mapping().Name(), r.id), data))
}

// recoverTodo visits the records whose orders a crash interrupted.
func (e *Engine) recoverTodo(ctx context.Context, m *mappingRun) error {
	if m.paused != "" {
		return nil // its lanes do not run: the notes stay for the time when they do
	}
	return e.journal.Scan(ctx, todoPrefix(m.Name()), func(_ string, data []byte) error {
		var t todo
		if err := json.Unmarshal(data, &t); err != nil {
			return err
		}
		e.errand(func(ctx context.Context) error {
			return e.visitRoom(ctx, m, recordID{t.Side, t.Key}, func(r *record) { r.noted, r.fresh = true, true })
		})
		return nil
	})
}
