package hubspot

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/lockstep-sync/lockstep/schemas/event"
)

// describeWithin bounds the one call that Parse may make: HubSpot waits five
// seconds for its answer.
const describeWithin = 3 * time.Second

// HookStats counts what Parse met since the start.
type HookStats struct {
	Events       uint64 // elements read
	Associations uint64 // of them ignored: associations that no field holds
	Unknown      uint64 // of them ignored: subscription types this version does not know
}

type hookCounters struct{ events, associations, unknown atomic.Uint64 }

// HookStats returns the counters.
func (c *Connector) HookStats() HookStats {
	return HookStats{c.hooks.events.Load(), c.hooks.associations.Load(), c.hooks.unknown.Load()}
}

// hook is one element of a webhook's body.
type hook struct {
	SubscriptionType string  `json:"subscriptionType"`
	ObjectTypeID     string  `json:"objectTypeId"`
	ObjectID         int64   `json:"objectId"`
	OccurredAt       *int64  `json:"occurredAt"`
	PropertyName     string  `json:"propertyName"`
	PropertyValue    text    `json:"propertyValue"`
	ChangeSource     string  `json:"changeSource"`
	SourceID         text    `json:"sourceId"`
	Primary          int64   `json:"primaryObjectId"`
	Merged           []int64 `json:"mergedObjectIds"`
	NewObject        int64   `json:"newObjectId"`
	AssociationType  string  `json:"associationType"`
	From             int64   `json:"fromObjectId"`
	To               int64   `json:"toObjectId"`
	FromType         string  `json:"fromObjectTypeId"` // of generic object.* events
	ToType           string  `json:"toObjectTypeId"`
}

// Parse reads the body of a webhook that Verify let pass: an array of events,
// or one. Every event becomes the change it tells of, in the body's order;
// property changes of one record, time and author become one change. Creation
// and restoring name no properties: who wants them reads the record. So does a
// change of an association: it becomes an Update with an empty After of each
// record at its ends that has a field for it.
//
// HubSpot sends events repeatedly and in any order; Position is the time the
// vendor gives, and the order of what shares it is unknown. Values are read by
// the kinds that Describe found; a record type not described before is
// described now. When that fails for now, the error is an *event.Fault and the
// webhook is to be refused so that HubSpot sends it again; any other error
// names the malformed element.
func (c *Connector) Parse(body []byte) ([]event.Change, error) {
	elements, err := split(body)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), describeWithin)
	defer cancel()
	p := hookParser{c: c, ctx: ctx, seen: c.o.Now().UTC(), updates: make(map[string]int)}
	for i, element := range elements {
		var h hook
		if err := json.Unmarshal(element, &h); err != nil {
			return nil, fmt.Errorf("webhook element %d: %w", i, shown(err))
		}
		if err := p.add(&h); err != nil {
			var fault *event.Fault
			if errors.As(err, &fault) {
				return nil, err
			}
			return nil, fmt.Errorf("webhook element %d: %w", i, err)
		}
	}
	c.hooks.events.Add(uint64(len(elements)))
	c.hooks.associations.Add(p.associations)
	c.hooks.unknown.Add(p.unknown)
	return p.out, nil
}

func split(body []byte) ([]json.RawMessage, error) {
	body = bytes.TrimSpace(body)
	if len(body) > 0 && body[0] == '{' {
		return []json.RawMessage{body}, nil
	}
	var elements []json.RawMessage
	if err := json.Unmarshal(body, &elements); err != nil {
		return nil, fmt.Errorf("webhook body: want an array of events: %w", shown(err))
	}
	if elements == nil {
		return nil, errors.New("webhook body: want an array of events, got null")
	}
	return elements, nil
}

// shown drops what of a customer's data encoding/json quotes.
func shown(err error) error {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		kind := "a number"
		if !strings.HasPrefix(wrong.Value, "number") {
			kind = wrong.Value
		}
		return fmt.Errorf("%s: got %s", wrong.Field, kind)
	}
	return err
}

// hookParser turns the events of one body into changes.
type hookParser struct {
	c    *Connector
	ctx  context.Context
	seen time.Time
	out  []event.Change
	// updates finds the change that a further property of the same record, time
	// and author joins: as changes of their own they would share one ID.
	updates               map[string]int
	associations, unknown uint64
}

func (p *hookParser) add(h *hook) error {
	if h.SubscriptionType == "" {
		return errors.New("subscriptionType is missing")
	}
	word, what, _ := strings.Cut(h.SubscriptionType, ".")
	object := h.object(word)
	if what == "associationChange" {
		return p.associated(h, object)
	}
	if word == "object" && object == "" {
		return errors.New("objectTypeId is missing")
	}
	if object == "" || !knownEvent(what) {
		p.unknown++
		p.c.o.Log.Debug().Str("connection", p.c.o.Connection).Str("type", h.SubscriptionType[:min(len(h.SubscriptionType), 100)]).Msg("webhook event of an unknown type ignored")
		return nil
	}
	if err := h.timed(); err != nil {
		return err
	}
	if what == "merge" {
		return p.merge(h, object)
	}
	if h.ObjectID <= 0 {
		return errors.New("objectId is missing or not positive")
	}
	change := p.change(h, object)
	change.Key = keyOf(h.ObjectID)
	switch what {
	case "creation":
		change.Op = event.Insert
	case "deletion", "privacyDeletion":
		change.Op = event.Delete
	case "restore":
		change.Op = event.Restored
	case "propertyChange":
		return p.update(h, change)
	}
	p.out = append(p.out, change)
	return nil
}

// timed checks that the event tells when it happened.
func (h *hook) timed() error {
	if h.OccurredAt == nil || *h.OccurredAt < 0 || *h.OccurredAt > maxMillis {
		return errors.New("occurredAt is missing or no time in milliseconds")
	}
	return nil
}

// object is the name that Describe takes; "" for what is no CRM object.
func (h *hook) object(word string) string {
	if word != "object" {
		return kindOfObject[word]
	}
	if standard := kindOfObject[h.ObjectTypeID]; standard != "" {
		return standard
	}
	return h.ObjectTypeID
}

func knownEvent(what string) bool {
	switch what {
	case "creation", "deletion", "privacyDeletion", "restore", "merge", "propertyChange":
		return true
	}
	return false
}

func keyOf(id int64) event.Key { return event.KeyOf(strconv.FormatInt(id, 10)) }

// change holds what all events have in common.
func (p *hookParser) change(h *hook, object string) event.Change {
	ms := *h.OccurredAt
	change := event.Change{
		Connection: p.c.o.Connection, Connector: Name, Object: object,
		Position: event.Position{Major: uint64(ms) * 1000}, At: time.UnixMilli(ms).UTC(), Seen: p.seen,
	}
	if p.c.own(h.ChangeSource, h.SourceID) {
		change.Origin = event.Origin{Connection: event.OwnWrite}
	}
	return change
}

func (p *hookParser) update(h *hook, change event.Change) error {
	if h.PropertyName == "" {
		return errors.New("propertyName is missing")
	}
	s, fault := p.c.shapes.of(p.ctx, change.Object, nil)
	kind := event.Text
	switch {
	case fault == nil:
		kind = s.kind(h.PropertyName)
	case denied(fault):
		// An object that the account or the token does not have cannot be mapped:
		// nobody takes this change, whatever its value's form.
	default:
		return fault
	}
	value := canonical(kind, h.PropertyValue.pointer())
	id := change.Object + "\x00" + change.ID() + "\x00" + change.Origin.Connection
	if at, merged := p.updates[id]; merged && p.out[at].After.Get(h.PropertyName).IsUnchanged() {
		p.out[at].After.Put(h.PropertyName, value)
		return nil
	}
	p.updates[id] = len(p.out)
	change.Op = event.Update
	change.After.Put(h.PropertyName, value)
	p.out = append(p.out, change)
	return nil
}

// merge makes one change of every record that was merged away.
func (p *hookParser) merge(h *hook, object string) error {
	survivor := h.NewObject
	if survivor <= 0 {
		survivor = h.Primary
	}
	if survivor <= 0 {
		survivor = h.ObjectID
	}
	if survivor <= 0 {
		return errors.New("newObjectId, primaryObjectId and objectId are missing")
	}
	losers := 0
	told := make(map[int64]bool)
	for _, id := range append([]int64{h.Primary}, h.Merged...) {
		if id <= 0 || id == survivor || told[id] {
			continue
		}
		told[id] = true
		losers++
		change := p.change(h, object)
		change.Op, change.Key, change.OldKey = event.Merged, keyOf(survivor), keyOf(id)
		p.out = append(p.out, change)
	}
	if losers == 0 {
		return errors.New("mergedObjectIds names no record that was merged away")
	}
	return nil
}
