package fs

import "sync"

// A relic is a file that was replaced by a rename while the kernel knew it: kept open
// until the kernel forgets it, because an open(2) that found the name just before may
// be on its way. A filesystem on a disk would let it have the old file; without the
// relic it would be sent back to the name, and if that is replaced all the time, fail.
type relic struct {
	file openFile
	uses int // handles on it, and the kernel's knowledge
}

// A relicTable knows the relics, by node. Its methods are safe for concurrent use.
type relicTable struct {
	mu sync.Mutex // guards at and what is in it
	at map[uint64]*relic
}

func newRelicTable() *relicTable { return &relicTable{at: map[uint64]*relic{}} }

// keep makes file, which it owns from then on, the relic of a node. It returns false
// if there is one.
func (t *relicTable) keep(id uint64, file openFile) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.at[id] != nil {
		return false
	}
	t.at[id] = &relic{file: file, uses: 1}
	return true
}

// use returns the relic of a node for one more handle, nil if there is none.
func (t *relicTable) use(id uint64) *relic {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.at[id]
	if r != nil {
		r.uses++
	}
	return r
}

// leave ends one use of a relic. It returns the file if that was the last.
func (t *relicTable) leave(r *relic) openFile {
	t.mu.Lock()
	defer t.mu.Unlock()
	if r.uses--; r.uses > 0 {
		return nil
	}
	return r.file
}

// forget ends the kernel's knowledge of a node. It returns a file to be closed, if
// there is one.
func (t *relicTable) forget(id uint64) openFile {
	t.mu.Lock()
	r := t.at[id]
	delete(t.at, id)
	t.mu.Unlock()
	if r == nil {
		return nil
	}
	return t.leave(r)
}

// all takes all relics out.
func (t *relicTable) all() (ids []uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for id := range t.at {
		ids = append(ids, id)
	}
	return ids
}
