package hubspot

import (
	"hash/fnv"
	"strconv"
)

// event is one entry of a webhook body. It keeps its id through retries.
type event struct {
	id       int64
	name     string // subscriptionType: contact.propertyChange
	object   int64
	at       int64 // occurredAt
	by       *actor
	flag     string // changeFlag: CREATED, DELETED
	property string // propertyChange only
	value    string
	null     bool // a cleared value is sent as null instead of ""
	merge    *mergeEvent
	link     *linkEvent
}

type mergeEvent struct {
	primary int64
	merged  []int64
	created int64
	moved   int
}

type linkEvent struct {
	kind     string
	from, to int64
	removed  bool
	primary  bool
}

// sender is what every event of an account says about where it comes from.
type sender struct {
	portal int64
	app    string // decimal
}

// append writes the event as JSON.
func (e *event) append(b []byte, from sender, attempt int) []byte {
	b = append(b, `{"eventId":`...)
	b = strconv.AppendInt(b, e.id, 10)
	b = append(b, `,"subscriptionId":`...)
	b = strconv.AppendInt(b, e.subscription(), 10)
	b = append(b, `,"portalId":`...)
	b = strconv.AppendInt(b, from.portal, 10)
	b = append(b, `,"appId":`...)
	b = append(b, from.app...)
	b = append(b, `,"occurredAt":`...)
	b = strconv.AppendInt(b, e.at, 10)
	b = append(b, `,"subscriptionType":`...)
	b = appendString(b, e.name)
	b = append(b, `,"attemptNumber":`...)
	b = strconv.AppendInt(b, int64(attempt), 10)
	if e.object != 0 { // association events have fromObjectId instead
		b = append(b, `,"objectId":`...)
		b = strconv.AppendInt(b, e.object, 10)
	}
	if e.flag != "" {
		b = append(b, `,"changeFlag":`...)
		b = appendString(b, e.flag)
	}
	if e.property != "" {
		b = e.appendProperty(b)
	}
	if e.merge != nil {
		b = e.merge.append(b)
	}
	if e.link != nil {
		b = e.link.append(b)
	}
	b = append(b, `,"changeSource":`...)
	b = appendString(b, e.by.source)
	b = append(b, `,"sourceId":`...)
	b = appendString(b, e.by.id)
	return append(b, '}')
}

func (e *event) appendProperty(b []byte) []byte {
	b = append(b, `,"propertyName":`...)
	b = appendString(b, e.property)
	b = append(b, `,"propertyValue":`...)
	if e.value == "" && e.null {
		return append(b, "null"...)
	}
	return appendString(b, e.value)
}

func (m *mergeEvent) append(b []byte) []byte {
	b = append(b, `,"primaryObjectId":`...)
	b = strconv.AppendInt(b, m.primary, 10)
	b = append(b, `,"mergedObjectIds":[`...)
	for i, id := range m.merged {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, id, 10)
	}
	b = append(b, `],"newObjectId":`...)
	b = strconv.AppendInt(b, m.created, 10)
	b = append(b, `,"numberOfPropertiesMoved":`...)
	return strconv.AppendInt(b, int64(m.moved), 10)
}

func (l *linkEvent) append(b []byte) []byte {
	b = append(b, `,"associationType":`...)
	b = appendString(b, l.kind)
	b = append(b, `,"fromObjectId":`...)
	b = strconv.AppendInt(b, l.from, 10)
	b = append(b, `,"toObjectId":`...)
	b = strconv.AppendInt(b, l.to, 10)
	b = append(b, `,"associationRemoved":`...)
	b = strconv.AppendBool(b, l.removed)
	b = append(b, `,"isPrimaryAssociation":`...)
	return strconv.AppendBool(b, l.primary)
}

// subscription is a stable number for a subscription type and property: the
// vendor has one subscription for each.
func (e *event) subscription() int64 {
	sum := fnv.New32a()
	sum.Write([]byte(e.name + "/" + e.property))
	return 3_000_000 + int64(sum.Sum32()%1_000_000)
}
