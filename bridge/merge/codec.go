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
	Recent []string `json:"h,omitempty"` // while an edit is pending: what may have been sent
}

type storedField struct {
	Names [2]string     `json:"n"`
	Cells [2]storedCell `json:"c"`
}

type storedLink struct {
	Keys   [2]event.Key  `json:"k"`
	State  State         `json:"st"`
	Seen   [2]string     `json:"seen"`
	Gone   [2]bool       `json:"gone"`
	Since  time.Time     `json:"since,omitzero"`
	Parked *Parked       `json:"p,omitempty"`
	Fields []storedField `json:"f"`
}

// Encode returns the link's stored form.
func (l *Link) Encode(m *mapping.Mapping) ([]byte, error) {
	out := storedLink{Keys: l.Keys, State: l.State, Gone: l.Gone, Since: l.Since, Parked: l.Parked, Fields: make([]storedField, len(l.Fields))}
	for side, p := range l.Seen {
		out.Seen[side] = storePosition(p)
	}
	for i, f := range m.Fields() {
		for _, side := range mapping.Sides {
			out.Fields[i].Names[side] = f.Name(side)
			out.Fields[i].Cells[side] = storeCell(l.Fields[i][side])
		}
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
	l := &Link{Keys: in.Keys, State: in.State, Gone: in.Gone, Since: in.Since, Parked: in.Parked, Fields: make([]Field, len(m.Fields()))}
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
			for side, cell := range s.Cells {
				if l.Fields[i][side], err = loadCell(cell); err != nil {
					return nil, fmt.Errorf("decode link %s, field %s: %w", in.Keys[0], s.Names[side], err)
				}
			}
		}
	}
	return l, nil
}

// maxStored bounds the recent values in a stored link.
const maxStored = 8

func storeCell(c Cell) storedCell {
	out := storedCell{Shadow: storeValue(c.Shadow), Floor: storePosition(c.Floor), Seen: storePosition(c.Seen), Lost: c.Lost}
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
	if c.Lost = s.Lost; c.Edited() {
		for _, text := range s.Recent {
			v, bad := loadValue(text)
			err = errors.Join(err, bad)
			c.recent = append(c.recent, v)
		}
		c.recent = append(c.recent, c.Now) // it may have been sent
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
