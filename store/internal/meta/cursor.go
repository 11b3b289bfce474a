package meta

import (
	"math"
	"sync"
	"time"

	"github.com/dgraph-io/badger/v4"
)

const (
	maxIdleCursors = 8 // of each direction
	maxCursorAge   = 2 * time.Second
)

// cursors keeps badger's iterators for the next scan: making one costs more than the
// scan of a page. A cursor sees every version of every key in the memtables and tables
// that existed when it was made; in the active memtable also what is written later.
// So it serves any view until the memtable is replaced, which starts a new generation.
type cursors struct {
	txn *badger.Txn // reads everything

	mu     sync.Mutex // guards the rest
	gen    uint64
	closed bool
	idle   [2][]*cursor
}

type cursor struct {
	it      *badger.Iterator
	gen     uint64
	made    time.Time
	reverse bool
}

func newCursors(b *badger.DB) *cursors {
	return &cursors{txn: b.NewTransactionAt(math.MaxUint64, false)}
}

func side(reverse bool) int {
	if reverse {
		return 1
	}
	return 0
}

// take returns a cursor that nobody else uses.
func (cs *cursors) take(reverse bool) (*cursor, error) {
	cs.mu.Lock()
	if cs.closed {
		cs.mu.Unlock()
		return nil, ErrClosed
	}
	idle := &cs.idle[side(reverse)]
	if n := len(*idle); n > 0 {
		c := (*idle)[n-1]
		(*idle)[n-1] = nil // a closed cursor that is known keeps its memtable
		*idle = (*idle)[:n-1]
		cs.mu.Unlock()
		return c, nil
	}
	gen := cs.gen
	cs.mu.Unlock()
	it := cs.txn.NewIterator(badger.IteratorOptions{AllVersions: true, Reverse: reverse})
	return &cursor{it: it, gen: gen, made: time.Now(), reverse: reverse}, nil
}

// put gives a cursor back.
func (cs *cursors) put(c *cursor) {
	cs.mu.Lock()
	idle := &cs.idle[side(c.reverse)]
	if !cs.closed && c.gen == cs.gen && len(*idle) < maxIdleCursors && time.Since(c.made) < maxCursorAge {
		*idle = append(*idle, c)
		c = nil
	}
	cs.mu.Unlock()
	if c != nil {
		c.it.Close()
	}
}

// renew starts a new generation: the memtable was replaced.
func (cs *cursors) renew() {
	cs.mu.Lock()
	cs.gen++
	old := cs.drop(func(*cursor) bool { return true })
	cs.mu.Unlock()
	closeCursors(old)
}

// age closes idle cursors that are old, as they keep replaced tables on the disk.
func (cs *cursors) age() {
	cs.mu.Lock()
	old := cs.drop(func(c *cursor) bool { return time.Since(c.made) >= maxCursorAge })
	cs.mu.Unlock()
	closeCursors(old)
}

func (cs *cursors) close() {
	cs.mu.Lock()
	cs.closed = true
	old := cs.drop(func(*cursor) bool { return true })
	cs.mu.Unlock()
	closeCursors(old)
}

// drop takes idle cursors out; cs.mu is held.
func (cs *cursors) drop(which func(*cursor) bool) (out []*cursor) {
	for i, idle := range cs.idle {
		keep := idle[:0]
		for _, c := range idle {
			if which(c) {
				out = append(out, c)
			} else {
				keep = append(keep, c)
			}
		}
		clear(idle[len(keep):])
		cs.idle[i] = keep
	}
	return out
}

func closeCursors(cs []*cursor) {
	for _, c := range cs {
		c.it.Close()
	}
}
