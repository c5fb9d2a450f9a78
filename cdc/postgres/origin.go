package postgres

import (
	"encoding/json"
	"fmt"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// originPrefix marks the logical messages with which Lockstep's own writes
// begin; writeback/postgres emits them.
const originPrefix = "lockstep"

// parseOrigin reads the content of such a message.
func parseOrigin(content []byte) (event.Origin, error) {
	var o struct {
		Origin string `json:"origin"`
		Change string `json:"change"`
	}
	if err := json.Unmarshal(content, &o); err != nil {
		return event.Origin{}, fmt.Errorf("read origin message: %w", err)
	}
	return event.Origin{Connection: o.Origin, Change: o.Change}, nil
}
