package journal

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	streamChanges = "CHANGES"
	streamState   = "STATE"
	streamAudit   = "AUDIT"
)

func (j *Journal) streamConfigs() []jetstream.StreamConfig {
	base := jetstream.StreamConfig{
		Storage:            jetstream.FileStorage,
		Retention:          jetstream.LimitsPolicy,
		Discard:            jetstream.DiscardOld,
		Replicas:           1,
		MaxMsgs:            -1,
		MaxBytes:           -1,
		MaxMsgSize:         -1,
		MaxConsumers:       -1,
		MaxMsgsPerSubject:  -1,
		AllowDirect:        true,
		AllowAtomicPublish: true,
		Duplicates:         time.Second, // ids serve to keep order, not to find duplicates
	}
	changes, state, audit := base, base, base
	changes.Name, changes.Subjects = streamChanges, []string{"changes.>"}
	state.Name, state.Subjects, state.MaxMsgsPerSubject = streamState, []string{"state.>"}, 1
	state.AllowMsgTTL = true // delete markers expire
	audit.Name, audit.Subjects, audit.MaxAge = streamAudit, []string{"audit.>"}, j.opts.AuditFor
	return []jetstream.StreamConfig{changes, state, audit}
}

// prepareStreams creates the streams of a fresh directory and brings those of
// an older one up to date. A stream that was there once and is gone is damage:
// an empty one in its place would forget in silence.
func (j *Journal) prepareStreams(ctx context.Context, fresh bool) error {
	ctx, cancel := j.bound(ctx)
	defer cancel()
	for _, cfg := range j.streamConfigs() {
		if !fresh {
			_, err := j.js.Stream(ctx, cfg.Name)
			if errors.Is(err, jetstream.ErrStreamNotFound) {
				return fmt.Errorf("the stream %s is gone or unreadable; restore the data directory from a backup, "+
					"or start with an empty one and run verify", cfg.Name)
			}
			if err != nil {
				return fmt.Errorf("look at stream %s: %w", cfg.Name, err)
			}
		}
		if _, err := j.js.CreateOrUpdateStream(ctx, cfg); err != nil {
			return fmt.Errorf("create stream %s: %w", cfg.Name, err)
		}
	}
	return nil
}

const keyLanes = "journal.lanes"

// checkLanes compares the number of lanes with the one stored: another number
// would send a record's changes to another lane than those still waiting.
func (j *Journal) checkLanes(ctx context.Context, fresh bool) error {
	data, found, err := j.Load(ctx, keyLanes)
	if err != nil {
		return err
	}
	if !found && !fresh {
		return fmt.Errorf("the number of lanes is not stored; restore the data directory from a backup")
	}
	want := strconv.Itoa(j.opts.Lanes)
	if !found {
		return j.Store(ctx, Put{Key: keyLanes, Data: []byte(want)})
	}
	if string(data) != want {
		return fmt.Errorf("this data directory was created with lanes: %s, the configuration says %s; set lanes: %s "+
			"(another number needs an empty data directory)", data, want, data)
	}
	return nil
}
