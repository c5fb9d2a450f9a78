package config

import (
	"strconv"
	"strings"
)

// filter reads {left: …, right: …, leave: {to_right: …}}.
func (d *decoder) filter(o *object, m *Mapping, types [2]string) {
	n := o.get("filter")
	if n == nil {
		return
	}
	in, ok := d.object(n, o.at("filter"), `{left: "row.deleted_at == null"}`)
	if !ok {
		return
	}
	m.Filter = Pair{Left: in.text("left"), Right: in.text("right")}
	if leave := in.get("leave"); leave != nil {
		if l, ok := d.object(leave, in.at("leave"), "{to_right: unlink}"); ok {
			m.Leave.ToRight = d.leave(l, "to_right", types[1])
			m.Leave.ToLeft = d.leave(l, "to_left", types[0])
			l.done()
			if m.Filter.Left == "" {
				d.refuse(l, "to_right", "the left side has no filter that a record could leave", "add filter.left, or remove this line")
			}
			if m.Filter.Right == "" {
				d.refuse(l, "to_left", "the right side has no filter that a record could leave", "add filter.right, or remove this line")
			}
		}
	}
	in.done()
}

func (d *decoder) leave(o *object, key, connectionType string) *DeletePolicy {
	n := o.get(key)
	if n == nil {
		return nil
	}
	p := d.deletePolicy(n, o.at(key), connectionType, deleteWords)
	return &p
}

// off tells whether the key says off; YAML's own off, which is false, counts too.
func off(n *node) bool {
	return n.kind == nodeText && n.text == "off" || n.kind == nodeBool && n.text != "true"
}

func (d *decoder) fuse(o *object) Fuse {
	f := Fuse{Count: DefaultFuseCount, Share: DefaultFuseShare, Window: DefaultFuseWindow}
	n := o.get("fuse")
	if n == nil {
		return f
	}
	if off(n) {
		return Fuse{}
	}
	in, ok := d.object(n, o.at("fuse"), "{count: 500, share: 20%, window: 10m}, or off")
	if !ok {
		return f
	}
	f.Count = in.integer("count", f.Count, 1, 1_000_000)
	f.Share = in.share("share", f.Share)
	f.Window = in.duration("window", f.Window)
	in.done()
	return f
}

func (d *decoder) breaker(o *object) Breaker {
	b := Breaker{Flips: DefaultBreakerFlips, Within: DefaultBreakerWithin}
	n := o.get("breaker")
	if n == nil {
		return b
	}
	if off(n) {
		return Breaker{}
	}
	in, ok := d.object(n, o.at("breaker"), "{flips: 8, within: 1m}, or off")
	if !ok {
		return b
	}
	b.Flips = in.integer("flips", b.Flips, 2, 1000)
	b.Within = in.duration("within", b.Within)
	in.done()
	return b
}

// share reads 20%, or 0.2.
func (o *object) share(key string, otherwise float64) float64 {
	n := o.get(key)
	if n == nil {
		return otherwise
	}
	text, percent := strings.CutSuffix(strings.TrimSpace(n.text), "%")
	v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if percent {
		v /= 100
	}
	if (n.kind != nodeText && n.kind != nodeNumber) || err != nil || !(v > 0 && v <= 1) {
		o.d.failAt(n, o.at(key), quoteNode(n)+" is no share", "write a percentage from above 0% to 100%, such as 20%")
		return otherwise
	}
	return v
}
