package fs

import (
	"maps"
	"slices"
	"sync"

	"golang.org/x/sys/unix"
)

// A handle is what the kernel holds for one open(2).
type handle struct {
	id     uint64 // node id
	file   openFile
	relic  *relic // what file belongs to, if it is shared
	writes bool
	opener process // whose closes publish
}

// An openNode is what the open handles of one node share.
type openNode struct {
	handles []*handle
	setid   bool // the mode has a set-id bit that a write may have to clear
}

// A handleTable knows the open handles, by number and by node. Its methods are safe
// for concurrent use.
type handleTable struct {
	mu    sync.RWMutex // guards what follows
	last  uint64
	byFh  map[uint64]*handle
	nodes map[uint64]*openNode
	fresh map[uint64]struct{} // nodes made here and not published yet
}

func newHandleTable() *handleTable {
	return &handleTable{byFh: map[uint64]*handle{}, nodes: map[uint64]*openNode{}, fresh: map[uint64]struct{}{}}
}

// add returns the number of a new handle. mode is the file's.
func (t *handleTable) add(h *handle, mode uint32) (fh uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last++
	t.byFh[t.last] = h
	n := t.nodes[h.id]
	if n == nil {
		n = &openNode{}
		t.nodes[h.id] = n
	}
	n.handles = append(n.handles, h)
	n.setid = mode&(unix.S_ISUID|unix.S_ISGID) != 0
	return t.last
}

// file returns a handle by its number, nil if there is none.
func (t *handleTable) file(fh uint64) *handle {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.byFh[fh]
}

// fileOf returns an open file of a node, nil if it is not open. All see the same.
func (t *handleTable) fileOf(id uint64) openFile {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if n := t.nodes[id]; n != nil {
		return n.handles[0].file
	}
	return nil
}

// remove takes a handle out and returns it, nil if there is none.
func (t *handleTable) remove(fh uint64) *handle {
	t.mu.Lock()
	defer t.mu.Unlock()
	h := t.byFh[fh]
	if h == nil {
		return nil
	}
	delete(t.byFh, fh)
	n := t.nodes[h.id]
	for i := range n.handles {
		if n.handles[i] == h {
			n.handles = append(n.handles[:i], n.handles[i+1:]...)
			break
		}
	}
	if len(n.handles) == 0 {
		delete(t.nodes, h.id)
	}
	return h
}

// mapped says whether a process that opened a node for writing may have it mapped, so that
// it can write to the kernel's pages. A mapping keeps its handle.
func (t *handleTable) mapped(id uint64) bool {
	t.mu.RLock()
	var openers []process
	if n := t.nodes[id]; n != nil {
		for _, h := range n.handles {
			if h.writes && !slices.Contains(openers, h.opener) {
				openers = append(openers, h.opener)
			}
		}
	}
	t.mu.RUnlock()
	return slices.ContainsFunc(openers, func(p process) bool { return p.maps(id) })
}

// created notes that a node is new and will change its directory when it is published.
func (t *handleTable) created(id uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.fresh[id] = struct{}{}
}

// isNew says whether the node was made here and not published yet.
func (t *handleTable) isNew(id uint64) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	_, fresh := t.fresh[id]
	return fresh
}

// published says whether the node was new until now.
func (t *handleTable) published(id uint64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, fresh := t.fresh[id]
	delete(t.fresh, id)
	return fresh
}

// noteMode follows a chmod; nil means that the mode was not changed.
func (t *handleTable) noteMode(id uint64, mode *uint32) {
	if mode == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := t.nodes[id]; n != nil {
		n.setid = *mode&(unix.S_ISUID|unix.S_ISGID) != 0
	}
}

// hasSetID says whether a write to the node may have to clear set-id bits.
func (t *handleTable) hasSetID(id uint64) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	n := t.nodes[id]
	return n != nil && n.setid
}

// open returns the nodes that are open.
func (t *handleTable) open() []uint64 {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return slices.Collect(maps.Keys(t.nodes))
}

// all returns the numbers of all open handles.
func (t *handleTable) all() []uint64 {
	t.mu.RLock()
	defer t.mu.RUnlock()
	out := make([]uint64, 0, len(t.byFh))
	for fh := range t.byFh {
		out = append(out, fh)
	}
	return out
}
