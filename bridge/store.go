package bridge

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// Names in STATE. Record keys appear as tokens (event.Key.Token), never in
// clear: a key may be a customer's address.
func linkName(mapping string, left event.Key) string { return "link." + mapping + "." + left.Token() }
func linkPrefix(mapping string) string               { return "link." + mapping + "." }
func indexName(mapping string, right event.Key) string {
	return "right." + mapping + "." + right.Token()
}
func parkedName(mapping string, id recordID) string { return "parked." + mapping + "." + id.token() }
func cursorName(mapping string, lane int) string {
	return "cursor." + mapping + "." + strconv.Itoa(lane)
}
func parkedPrefix(mapping string) string { return "parked." + mapping + "." }

// indexEntry leads from a right record to its left one.
type indexEntry struct {
	Left event.Key `json:"left"`
}

// leftOf returns the left key that a right record is linked with, or zero.
func (e *Engine) leftOf(ctx context.Context, mapping string, right event.Key) (event.Key, error) {
	data, found, err := e.journal.Load(ctx, indexName(mapping, right))
	if err != nil || !found {
		return "", err
	}
	var entry indexEntry
	if err := json.Unmarshal(data, &entry); err != nil {
		return "", fmt.Errorf("read index entry of %s in mapping %s: %w", right, mapping, err)
	}
	return entry.Left, nil
}

func encodeIndex(left event.Key) ([]byte, error) { return json.Marshal(indexEntry{left}) }
