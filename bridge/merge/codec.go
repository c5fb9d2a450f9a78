package merge

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/lockstep-sync/lockstep/bridge/mapping"
	"github.com/lockstep-sync/lockstep/schemas/event"
)

// The stored form names fields by their two names, so that a mapping may gain,
// lose and reorder fields without its links being misread.

type storedCell struct {
	Shadow string   `json:"s,omitempty"` // see storeValue
	Now    string   `json:"n,omitempty"` // left out where it equals the shadow
	At     int64    `json:"t,omitempty"` // microseconds since 1970
	Floor  string   `json:"f,omitempty"`
	Seen   string   `json:"e,omitempty"`
	Told   string   `json:"v,omitempty"` // "." where it equals what is believed
	Lost   bool     `json:"x,omitempty"`
	Ours   bool     `json:"o,omitempty"`
	Was    string   `json:"w,omitempty"`
	Recent []string `json:"h,omitempty"` // while an edit is pending: what may have been sent
}

type storedField struct {
	Names   [2]string      `json:"n"`
	Cells   [2]storedCell  `json:"c"`
	Frozen  *Frozen        `json:"fz,omitempty"`
	Settled *storedSettled `json:"sd,omitempty"`
	Turns   string         `json:"tn,omitempty"` // see storeTurns
}

type storedSettled struct {
	Values [2]string `json:"v"`
	Rule   string    `json:"r"`
	By     string    `json:"b,omitempty"`
}

type storedLink struct {
	Keys   [2]event.Key  `json:"k"`
	State  State         `json:"st"`
	Seen   [2]string     `json:"seen"`
	Gone   [2]bool       `json:"gone"`
	Why    GoneReason    `json:"why,omitempty"`
	Yes    bool          `json:"yes,omitempty"` // Confirmed
	Since  time.Time     `json:"since,omitzero"`
	Parked *Parked       `json:"p,omitempty"`
	Fields []storedField `json:"f"`
}

// Encode returns the link's stored form.
func (l *Link) Encode(m *mapping.Mapping) ([]byte, error) {
	out := storedLink{Keys: l.Keys, State: l.State, Gone: l.Gone, Why: l.Why, Yes: l.Confirmed, Since: l.Since, Parked: l.Parked, Fields: make([]storedField, len(l.Fields))}
	for side, p := range l.Seen {
		out.Seen[side] = storePosition(p)
	}
	for i, f := range m.Fields() {
		out.Fields[i] = storeField(f, &l.Fields[i])
	}
	data, err := json.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("encode link %s: %w", l.Keys[mapping.Left], err)
	}
	return data, nil
}

// Decode reads what Encode wrote. Fields that the mapping has gained since are
// unknown on both sides; those that it has lost are dropped.
func Decode(m *mapping.Mapping, data []byte) (*Link, error) {
	var in storedLink
	if err := json.Unmarshal(data, &in); err != nil {
		return nil, fmt.Errorf("decode link: %w", err)
	}
	l := &Link{Keys: in.Keys, State: in.State, Gone: in.Gone, Why: in.Why, Confirmed: in.Yes, Since: in.Since, Parked: in.Parked, Fields: make([]Field, len(m.Fields()))}
	var err error
	for side, s := range in.Seen {
		if l.Seen[side], err = loadPosition(s); err != nil {
			return nil, fmt.Errorf("decode link %s: %w", in.Keys[0], err)
		}
	}
	for i, f := range m.Fields() {
		for _, s := range in.Fields {
			if s.Names != [2]string{f.Name(mapping.Left), f.Name(mapping.Right)} {
				continue
			}
			if l.Fields[i], err = loadField(s); err != nil {
				return nil, fmt.Errorf("decode link %s, field %s: %w", in.Keys[0], s.Names[0], err)
			}
		}
	}
	return l, nil
}

func storeField(f *mapping.Field, field *Field) storedField {
	out := storedField{Frozen: field.Frozen}
	for _, side := range mapping.Sides {
		out.Names[side] = f.Name(side)
		out.Cells[side] = storeCell(field.Cell[side])
	}
	if s := field.Settled; s != nil {
		out.Settled = &storedSettled{[2]string{storeValue(s.Values[0]), storeValue(s.Values[1])}, s.Rule, s.By}
	}
	out.Turns = storeTurns(field.Turns)
	return out
}

func loadField(s storedField) (field Field, err error) {
	for side, cell := range s.Cells {
		if field.Cell[side], err = loadCell(cell); err != nil {
			return field, err
		}
	}
	field.Frozen = s.Frozen
	if s.Settled != nil {
		field.Settled = &Settled{Rule: s.Settled.Rule, By: s.Settled.By}
		for side, v := range s.Settled.Values {
			if field.Settled.Values[side], err = loadValue(v); err != nil {
				return field, err
			}
		}
	}
	field.Turns, err = loadTurns(s.Turns)
	return field, err
}

// storeTurns spells the last direction and, where it has changed, how often
// since when: r, or r3@1700000000000000. Nearly every field has it.
func storeTurns(t Turns) string {
	switch {
	case !t.Known:
		return ""
	case t.Count == 0:
		return t.Last.String()[:1]
	default:
		return fmt.Sprintf("%s%d@%d", t.Last.String()[:1], t.Count, t.Since.UnixMicro())
	}
}

func loadTurns(s string) (t Turns, err error) {
	if s == "" {
		return t, nil
	}
	t.Known = true
	if s[0] == 'r' {
		t.Last = mapping.Right
	}
	if len(s) > 1 {
		var since int64
		if _, err := fmt.Sscanf(s[1:], "%d@%d", &t.Count, &since); err != nil {
			return t, fmt.Errorf("stored turns %q: %w", s, err)
		}
		t.Since = time.UnixMicro(since).UTC()
	}
	return t, nil
}

// maxStored bounds the recent values in a stored link.
const maxStored = 8

func storeCell(c Cell) storedCell {
	out := storedCell{Shadow: storeValue(c.Shadow), Floor: storePosition(c.Floor), Seen: storePosition(c.Seen), Lost: c.Lost, Ours: c.Ours, Was: storeValue(c.Was)}
	if !c.Now.Equal(c.Shadow) {
		out.Now = storeValue(c.Now)
	}
	out.Told = storeValue(c.Told)
	if out.Told != "" && c.Told.Equal(c.Now) {
		out.Told = "."
	}
	if c.Edited() {
		for _, v := range c.recent[max(0, len(c.recent)-maxStored):] {
			out.Recent = append(out.Recent, storeValue(v))
		}
	}
	if !c.At.IsZero() {
		out.At = c.At.UnixMicro()
	}
	return out
}

func loadCell(s storedCell) (c Cell, err error) {
	if c.Shadow, err = loadValue(s.Shadow); err != nil {
		return c, err
	}
	if c.Was, err = loadValue(s.Was); err != nil {
		return c, err
	}
	c.Now = c.Shadow
	if s.Now != "" {
		if c.Now, err = loadValue(s.Now); err != nil {
			return c, err
		}
	}
	if c.Told = c.Now; s.Told != "." {
		if c.Told, err = loadValue(s.Told); err != nil {
			return c, err
		}
	}
	if s.At != 0 {
		c.At = time.UnixMicro(s.At).UTC()
	}
	if c.Floor, err = loadPosition(s.Floor); err != nil {
		return c, err
	}
	c.Seen, err = loadPosition(s.Seen)
	if c.Lost, c.Ours = s.Lost, s.Ours; c.Edited() {
		for _, text := range s.Recent {
			v, bad := loadValue(text)
			err = errors.Join(err, bad)
			c.recent = append(c.recent, v)
		}
		if n := len(c.recent); n == 0 || !c.recent[n-1].Equal(c.Now) {
			c.recent = append(c.recent, c.Now) // it may have been sent
		}
	}
	return c, err
}

// storeValue spells a value's three states: "" is unchanged, "0" null, and a
// text stands behind an equals sign.
func storeValue(v event.Value) string {
	switch v.State {
	case event.Set:
		return "=" + v.Text
	case event.Null:
		return "0"
	default:
		return ""
	}
}

func loadValue(s string) (event.Value, error) {
	switch {
	case s == "":
		return event.Value{}, nil
	case s == "0":
		return event.Value{State: event.Null}, nil
	case s[0] == '=':
		return event.String(s[1:]), nil
	default:
		return event.Value{}, fmt.Errorf("stored value starts with %q", s[:1])
	}
}

func storePosition(p event.Position) string {
	if p.IsZero() {
		return ""
	}
	return p.String()
}

func loadPosition(s string) (event.Position, error) {
	if s == "" {
		return event.Position{}, nil
	}
	return event.ParsePosition(s)
}
