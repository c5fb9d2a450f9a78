package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/lockstep-sync/lockstep/bridge/journal"
	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/schemas/config"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

// storedShapes keeps in STATE how objects looked last, and which shapes each
// mapping stands on.
type storedShapes struct{ j *journal.Journal }

func shapeKey(connection, object string) string {
	return "shape." + connection + "." + event.KeyOf(object).Token()
}

// load returns the object as it was last seen.
func (s storedShapes) load(ctx context.Context, connection, object string) (o event.Object, found bool, err error) {
	found, err = loadJSON(ctx, s.j, shapeKey(connection, object), &o)
	return o, found, err
}

func (s storedShapes) save(ctx context.Context, connection string, o event.Object) error {
	return storeJSON(ctx, s.j, shapeKey(connection, o.Name), o)
}

// standing is what a mapping stands on: the shapes that were accepted last, by
// itself or by a person. What differs from them is drift.
type standing struct {
	Ends   [2]string       `json:"ends"` // of what they are the shapes
	Spec   string          `json:"spec"` // a fingerprint of the mapping's configuration then
	Shapes [2]event.Object `json:"shapes"`
	Used   [2][]string     `json:"used"` // the fields that it reads
}

func standingKey(mapping string) string { return "accepted." + mapping }

// standing returns what the mapping stands on, nil when it never ran.
func (s storedShapes) standing(ctx context.Context, mapping string) (*standing, error) {
	var out standing
	found, err := loadJSON(ctx, s.j, standingKey(mapping), &out)
	if err != nil || !found {
		return nil, err
	}
	return &out, nil
}

func (s storedShapes) accept(ctx context.Context, mapping string, st *standing) error {
	return storeJSON(ctx, s.j, standingKey(mapping), st)
}

// fingerprintOf names a mapping's configuration: equal ones mean the same.
func fingerprintOf(spec mapping.Spec) (string, error) {
	data, err := json.Marshal(spec)
	if err != nil {
		return "", fmt.Errorf("mapping %s: %w", spec.Name, err)
	}
	sum := sha256.Sum256(data)
	return base64.RawURLEncoding.EncodeToString(sum[:12]), nil
}

func endsOf(m config.Mapping) [2]string { return [2]string{endText(m.Left), endText(m.Right)} }

func endText(e config.End) string { return e.Connection + "/" + e.Object }

func loadJSON(ctx context.Context, j *journal.Journal, key string, into any) (found bool, err error) {
	data, found, err := j.Load(ctx, key)
	if err != nil || !found {
		return false, err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return false, fmt.Errorf("read %s: %w", key, err)
	}
	return true, nil
}

func storeJSON(ctx context.Context, j *journal.Journal, key string, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("write %s: %w", key, err)
	}
	return j.Store(ctx, journal.Put{Key: key, Data: data})
}
