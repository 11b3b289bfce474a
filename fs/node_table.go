package fs

import (
	"hash/maphash"
	"strings"
	"sync"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// rootID is the FUSE node id of the mount's root, whatever it shows. The store's
// numbering of inodes begins above it.
const rootID = 1

// A nodeKind says what a node stands for.
type nodeKind uint8

const (
	kindRoot   nodeKind = iota // the list of buckets
	kindDir                    // a directory of a bucket, the bucket's own included
	kindObject                 // an object: a file or a symlink
	kindPart                   // a directory that exists only in names: the beginning of a long one

	// History; see history.go.
	kindHistory    // the .versions of a directory
	kindName       // a name in there
	kindVersion    // one version of a key, or a delete marker
	kindPastDir    // a directory as it was, the one that a moment names included
	kindPastObject // an object as it was
)

// A node is what the table remembers of an inode that the kernel knows: where it
// stands, not what it is. A node is a value; the table holds the one that counts.
type node struct {
	id       uint64
	parent   uint64 // the directory's node id
	lookups  uint64 // references that the kernel holds
	name     string // the component under which parent shows it
	children uint32 // nodes whose parent this is
	kind     nodeKind
	gone     bool // its name was taken away or belongs to another inode by now
	setgid   bool // a directory whose group its new children get
	told     bool // a directory whose attributes the kernel may have: see setTold
	emptied  bool // a name in history whose versions were all removed here, which rmdir is to find
	cold     bool // the kernel was not told of it since pruning last came by
}

// isDir says whether the kernel takes the node for a directory.
func (k nodeKind) isDir() bool { return k != kindObject && k != kindVersion && k != kindPastObject }

// object is the node's id if it is an object's, else 0.
func (n *node) object() uint64 {
	if n.kind == kindObject {
		return n.id
	}
	return 0
}

// maxNodes is how many nodes there may be before the kernel is asked to forget some: a
// walk over ten million files should not need the memory of ten million nodes.
const maxNodes = 1 << 20

// A nodeTable knows the nodes that the kernel knows, by id and by place. A renamed
// directory is one changed node: paths are derived by walking up. Some 75 bytes are held
// per node besides its name (measured at a million). Its methods are safe for concurrent
// use and never block for long.
type nodeTable struct {
	seed  maphash.Seed
	most  int    // nodes; above it some are to be forgotten
	crowd func() // called, under mu, when there are more than bar nodes

	mu     sync.Mutex // guards what follows
	bar    int        // most, or more where that many cannot be forgotten
	slots  slotArray
	byID   slotIndex
	byName slotIndex         // by parent and name, of those that are not gone
	ghosts map[uint64]ghost  // what removed directories were, for those who are in them
	olds   map[uint64]oldKey // of which directories the nodes of kindHistory are
	turns  map[uint64]uint32 // how often the listings of directories of history have changed
	hand   uint32            // the slot at which pruning goes on
	moves  uint64            // of directories by others until now
}

// A ghost is what is left of a directory that was removed and that the kernel has
// not forgotten: its attributes.
type ghost fuse.Attr

// newNodeTable returns a table that holds the root, which is never forgotten.
func newNodeTable(root nodeKind) *nodeTable {
	t := &nodeTable{seed: maphash.MakeSeed(), most: maxNodes, bar: maxNodes, crowd: func() {}, ghosts: map[uint64]ghost{}, olds: map[uint64]oldKey{}, turns: map[uint64]uint32{}}
	t.insert(node{id: rootID, kind: root, lookups: 1, told: true})
	return t
}

func (t *nodeTable) at(slot uint32) *node { return t.slots.at(slot) }

// insert adds a node that has no place yet.
func (t *nodeTable) insert(n node) uint32 {
	s := t.slots.alloc()
	*t.at(s) = n
	t.byID.add(s, hashID(n.id), t.hashSlotID)
	return s
}

func (t *nodeTable) hashSlotID(s uint32) uint32 { return hashID(t.at(s).id) }

func hashID(id uint64) uint32 { return uint32(id * 0x9e3779b97f4a7c15 >> 32) }

func (t *nodeTable) hash(parent uint64, name string) uint32 {
	return uint32(maphash.String(t.seed, name) ^ parent*0x9e3779b97f4a7c15>>32)
}

func (t *nodeTable) hashPlace(s uint32) uint32 {
	n := t.at(s)
	return t.hash(n.parent, n.name)
}

// slot returns the slot of a node, 0 if there is none.
func (t *nodeTable) slot(id uint64) uint32 {
	return t.byID.find(hashID(id), func(s uint32) bool { return t.at(s).id == id })
}

// find returns the slot of the node at a place, 0 if there is none.
func (t *nodeTable) find(parent uint64, name string) uint32 {
	return t.byName.find(t.hash(parent, name), func(s uint32) bool {
		n := t.at(s)
		return n.parent == parent && n.name == name
	})
}

func (t *nodeTable) index(s uint32) { t.byName.add(s, t.hashPlace(s), t.hashPlace) }

func (t *nodeTable) unindex(s uint32) { t.byName.remove(s, t.hashPlace(s), t.hashPlace) }

// remember notes that the kernel is being told of one more reference to the node id,
// which stands at the place parent, name. Whoever stood there before loses the name.
func (t *nodeTable) remember(id, parent uint64, name string, kind nodeKind) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.note(id, parent, name, kind)
}

func (t *nodeTable) note(id, parent uint64, name string, kind nodeKind) {
	if s := t.slot(id); s != 0 {
		n := t.at(s)
		n.lookups++
		n.told, n.cold = true, false
		if n.parent == parent && n.name == name && !n.gone {
			return
		}
		t.place(s, parent, name)
		return
	}
	s := t.insert(node{id: id, kind: kind, lookups: 1, gone: true, told: true})
	t.place(s, parent, name)
	if t.slots.count > t.bar {
		t.crowd()
	}
}

// rememberFound is remember for what was found at its place after movesNow had returned
// moves. If others have moved directories since, it does nothing and returns false: the
// place may be from before.
func (t *nodeTable) rememberFound(id, parent uint64, name string, kind nodeKind, moves uint64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.moves != moves {
		return false
	}
	t.note(id, parent, name, kind)
	return true
}

// absent is rememberFound for a place where there was nothing.
func (t *nodeTable) absent(parent uint64, name string, moves uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.find(parent, name); s != 0 && t.moves == moves {
		t.displace(s)
	}
}

// movesNow counts the moves of directories by others until now.
func (t *nodeTable) movesNow() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.moves
}

// moved notes that others move a directory. It comes before stand says where to, so that
// nobody is placed where it was seen before.
func (t *nodeTable) moved() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.moves++
}

// stand notes that the node id stands at a place now, which may be nowhere. Whoever stood
// there before does not.
func (t *nodeTable) stand(id uint64, at spot) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.slot(id)
	switch {
	case s != 0 && at != spot{}:
		t.place(s, at.parent, at.name)
	case s != 0 && !t.at(s).gone:
		t.displace(s)
	case s == 0:
		if other := t.find(at.parent, at.name); other != 0 {
			t.displace(other)
		}
	}
}

// leave notes that the node id does not stand at a place any more.
func (t *nodeTable) leave(id uint64, at spot) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.find(at.parent, at.name); s != 0 && t.at(s).id == id {
		t.displace(s)
	}
}

// rememberNameless notes that the kernel is being told of a node that stands nowhere.
func (t *nodeTable) rememberNameless(id uint64, kind nodeKind) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.insert(node{id: id, kind: kind, lookups: 1, gone: true})
}

// place puts the node in slot s at a place and takes the name from whoever has it.
func (t *nodeTable) place(s uint32, parent uint64, name string) {
	if old := t.find(parent, name); old != 0 && old != s {
		t.displace(old)
	}
	n := t.at(s)
	if !n.gone {
		t.unindex(s)
	}
	before := n.parent
	// A clone, since a name is often a part of a key, and would hold all of it.
	n.parent, n.name, n.gone = parent, strings.Clone(name), false
	t.index(s)
	if before != parent {
		t.adopt(parent)
		t.abandon(before)
	}
}

// displace takes the name from the node in slot s; it keeps its parent so that
// nothing has to be known about where its holders believe it to be.
func (t *nodeTable) displace(s uint32) {
	t.unindex(s)
	t.at(s).gone = true
}

func (t *nodeTable) adopt(parent uint64) {
	if s := t.slot(parent); s != 0 {
		t.at(s).children++
	}
}

// abandon counts a child less and lets go of parents that nothing needs any more.
func (t *nodeTable) abandon(parent uint64) {
	s := t.slot(parent)
	if s == 0 {
		return
	}
	// A parent that the kernel came to know after the child did not count it.
	if n := t.at(s); n.children > 0 {
		n.children--
	}
	t.dropUnused(s)
}

func (t *nodeTable) dropUnused(s uint32) {
	n := t.at(s)
	if n.lookups > 0 || n.children > 0 {
		return
	}
	if !n.gone {
		t.unindex(s)
	}
	parent := n.parent
	t.byID.remove(s, hashID(n.id), t.hashSlotID)
	delete(t.ghosts, n.id)
	delete(t.olds, n.id)
	delete(t.turns, n.id)
	t.slots.release(s)
	t.abandon(parent)
}

// forget takes back count references of the kernel; last says that these were all.
func (t *nodeTable) forget(id, count uint64) (last bool) {
	if id == rootID {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.slot(id)
	if s == 0 {
		return false
	}
	n := t.at(s)
	n.lookups -= min(count, n.lookups)
	last = n.lookups == 0
	t.dropUnused(s)
	return last
}

// node returns a copy of the node id; ok is false if the kernel should not know it.
func (t *nodeTable) node(id uint64) (n node, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.slot(id)
	if s == 0 {
		return node{}, false
	}
	return *t.at(s), true
}

// child returns a copy of the node at a place.
func (t *nodeTable) child(parent uint64, name string) (n node, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.find(parent, name)
	if s == 0 {
		return node{}, false
	}
	return *t.at(s), true
}

// maxWay is more components than the path of any key has. While directories move into
// and out of each other, one of them may have followed and another not yet: then there is
// no way.
const maxWay = 4096

// A way is how to get to a node from the root of the mount or, if old is not nil, from
// the history of a directory.
type way struct {
	names []string
	kind  nodeKind // the node's
	old   *oldKey
}

// path returns the way to the node id; its names are appended to buf. ok is false if
// there is no such node or its name, or that of a directory above it, is not its own any
// more. What is in a directory's history stays there, whatever becomes of the directory.
func (t *nodeTable) path(id uint64, buf []string) (w way, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.slot(id)
	if s == 0 {
		return way{}, false
	}
	w = way{names: buf[:0], kind: t.at(s).kind}
	for n := t.at(s); n.id != rootID; n = t.at(s) {
		if n.kind == kindHistory {
			old, known := t.olds[n.id]
			if !known {
				return way{}, false
			}
			w.old = &old
			break
		}
		if n.gone {
			return way{}, false
		}
		w.names = append(w.names, n.name)
		if s = t.slot(n.parent); s == 0 || len(w.names) > maxWay {
			return way{}, false
		}
	}
	for i, j := 0, len(w.names)-1; i < j; i, j = i+1, j-1 {
		w.names[i], w.names[j] = w.names[j], w.names[i]
	}
	return w, true
}

// A dirKey is a directory of the store, by its key; without a bucket it is the list of
// buckets.
type dirKey struct{ bucket, dir string }

// An oldKey is a directory of whose history a node of kindHistory is, and who sees it.
type oldKey struct {
	dirKey
	viewer viewer
}

// setOld notes whose history a node of kindHistory is.
func (t *nodeTable) setOld(id uint64, of oldKey) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.slot(id) != 0 {
		t.olds[id] = of
	}
}

// turn notes that the listing of a directory of history has changed, if it is known.
func (t *nodeTable) turn(id uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.slot(id) != 0 {
		t.turns[id]++
	}
}

// turnOf is how often turn was called since the directory is known.
func (t *nodeTable) turnOf(id uint64) uint32 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.turns[id]
}

// An oldDir is a node of kindHistory and whose history it is.
type oldDir struct {
	id uint64
	of oldKey
}

// oldDirs returns all nodes of kindHistory, nil if there are none.
func (t *nodeTable) oldDirs() (all []oldDir) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, of := range t.olds {
		all = append(all, oldDir{id, of})
	}
	return all
}

// inOlds returns the nodes of kindName, and the parts, that are in some of the nodes of
// kindHistory. It looks at every node.
func (t *nodeTable) inOlds(in map[uint64]bool) (ids []uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.slots.each(func(n *node) {
		if n.kind != kindName && n.kind != kindPart {
			return
		}
		parent := n.parent
		for s := t.slot(parent); s != 0 && t.at(s).kind == kindPart; s = t.slot(parent) {
			parent = t.at(s).parent
		}
		if in[parent] {
			ids = append(ids, n.id)
		}
	})
	return ids
}

// removed notes that a place is empty now and returns the node that had stood there.
func (t *nodeTable) removed(parent uint64, name string) (n node, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.find(parent, name)
	if s == 0 {
		return node{}, false
	}
	t.displace(s)
	return *t.at(s), true
}

// A spot is a place in the tree: a name in a directory.
type spot struct {
	parent uint64
	name   string
}

// haunt keeps the attributes of a directory that was removed.
func (t *nodeTable) haunt(id uint64, g ghost) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.slot(id); s != 0 && t.at(s).gone {
		t.ghosts[id] = g
	}
}

// ghost returns the attributes of a removed directory.
func (t *nodeTable) ghost(id uint64) (ghost, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	g, ok := t.ghosts[id]
	return g, ok
}

// setGroupRule notes whether a directory hands its group down.
func (t *nodeTable) setGroupRule(id uint64, setgid bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.slot(id); s != 0 {
		t.at(s).setgid = setgid
	}
}

// setTold notes whether the kernel may believe that it knows a directory's attributes.
// It drops them by itself after each change of names that it asked for; such a call
// says so before it begins, because attributes that are told meanwhile are dropped
// with the rest.
func (t *nodeTable) setTold(id uint64, told bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.slot(id); s != 0 {
		t.at(s).told = told
	}
}

// setEmptied notes that the last version of a name in history was removed.
func (t *nodeTable) setEmptied(id uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.slot(id); s != 0 {
		t.at(s).emptied = true
	}
}

// standing says whether the node id is known and, if so, where it should stand and
// whether it does.
func (t *nodeTable) standing(id uint64) (at spot, stands, known bool) {
	n, known := t.node(id)
	return spot{n.parent, n.name}, known && !n.gone, known
}

// leaveAll notes that nothing stands in a directory any more that did, and returns the
// names of that. It looks at every node.
func (t *nodeTable) leaveAll(id uint64) (names []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var in []uint32
	for _, s := range t.byName.cells {
		if s != 0 && t.at(s).parent == id {
			in = append(in, s)
		}
	}
	for _, s := range in {
		names = append(names, t.at(s).name)
		t.displace(s)
	}
	return names
}

// childNames returns the names of the nodes in a directory, in no order. It looks at
// every node.
func (t *nodeTable) childNames(id uint64) (names []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range t.byName.cells {
		if s != 0 && t.at(s).parent == id {
			names = append(names, t.at(s).name)
		}
	}
	return names
}

// size returns how many nodes are held.
func (t *nodeTable) size() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.slots.count
}
