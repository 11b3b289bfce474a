package disk

import "maps"

// Snapshot is a disk at one instant: its durable state, its live state and what is pending
// between them. It is immutable.
type Snapshot struct {
	seq     uint64
	nodes   map[Ino]*node
	pending []pendingEvent
}

// pendingEvent is an event with its dependencies as indices into the list it stands in.
type pendingEvent struct {
	seq     uint64
	home    Ino
	changes []change
	needs   []int
}

// Snapshot returns the state as it is. Contents are shared, not copied.
func (d *Disk) Snapshot() *Snapshot {
	s := &Snapshot{seq: d.seq, nodes: make(map[Ino]*node, len(d.nodes))}
	for ino, n := range d.nodes {
		c := *n
		if n.data != nil {
			c.data = n.data.clone()
		}
		c.entries, c.durable = maps.Clone(n.entries), maps.Clone(n.durable)
		s.nodes[ino] = &c
	}
	index := make(map[*event]int, len(d.names.pending))
	for i, e := range d.names.pending {
		p := pendingEvent{seq: e.seq, home: e.home, changes: e.changes}
		for _, list := range [][]*event{e.first, e.await} {
			for _, before := range list {
				if at, ok := index[before]; ok {
					p.needs = append(p.needs, at)
				}
			}
		}
		index[e] = i
		s.pending = append(s.pending, p)
	}
	return s
}

// Seq returns Disk.Seq as it was at the snapshot.
func (s *Snapshot) Seq() uint64 { return s.seq }

// Live returns the live state.
func (s *Snapshot) Live() *Image {
	return s.image(
		func(n *node) map[string]Ino { return n.entries },
		func(n *node) (int64, pageSet) { return n.data.size, n.data.pages })
}

// Durable returns what was synced and nothing else.
func (s *Snapshot) Durable() *Image {
	return s.image(
		func(n *node) map[string]Ino { return n.durable },
		func(n *node) (int64, pageSet) { return n.data.durableSize, n.data.durablePages })
}

// image collects what is reachable from the root.
func (s *Snapshot) image(names func(*node) map[string]Ino, content func(*node) (int64, pageSet)) *Image {
	img := &Image{nodes: map[Ino]imageNode{}}
	var add func(ino Ino)
	add = func(ino Ino) {
		if _, seen := img.nodes[ino]; seen {
			return
		}
		n := s.nodes[ino]
		out := imageNode{attr: n.attr, target: n.target}
		if n.data != nil {
			out.size, out.pages = content(n)
		}
		if n.isDir() {
			out.entries = names(n)
		}
		img.nodes[ino] = out
		for _, child := range out.entries {
			add(child)
		}
	}
	add(Root)
	return img
}
