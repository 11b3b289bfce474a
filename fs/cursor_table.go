package fs

import (
	"sync"

	"pail/fs/names"
)

// A cursor is a position in a directory's listing, which is in the order of segments:
// right after a segment's directory, or after all that it shows. In history the order is
// that of keys, a directory stands where its key with the slash does, and objectDue says
// that the position is behind that.
type cursor struct {
	set       bool // false: at the beginning
	segment   string
	objectDue bool   // the object of the same segment comes next
	part      string // the part that was listed last; its further segments are not
	seq       uint64 // among the versions of a key: the commit of the one before, instead of a segment
}

// after returns the cursor behind a name that a place shows.
func after(p names.Place, name string, kind nodeKind) (cursor, bool) {
	t, err := p.Resolve(name)
	if err != nil {
		return cursor{}, false
	}
	if kind == kindPart {
		return cursor{set: true, segment: p.Pending + t.Segment, part: name}, true
	}
	return cursor{set: true, segment: t.Segment, objectDue: kind == kindDir || kind == kindPastDir}, true
}

// A bookmark is what the table keeps of a listing: a cursor, or the name that was
// listed last.
type bookmark struct {
	at   cursor
	name string // not empty: the place is behind this name
	kind nodeKind
}

type bookmarkKey struct {
	dir    uint64 // node id
	offset uint64 // as the kernel knows it
}

// maxBookmarks bounds the table. One bookmark is made per READDIR and per removed
// name, and asked for at once, so it is plenty.
const maxBookmarks = 4096

// A cursorTable translates the offsets of directory streams. An offset is the inode
// number of the entry before it: it fits any handle and any moment, as the kernel's
// cache of listings needs, but has to be brought back to a name. The usual offsets
// are those at which the last READDIR ended; those are here, and the names that were
// removed lately.
type cursorTable struct {
	mu   sync.Mutex // guards what follows
	at   map[bookmarkKey]bookmark
	ring []bookmarkKey // in the order of age, once it is full from next on
	next int
}

func newCursorTable() *cursorTable {
	return &cursorTable{at: map[bookmarkKey]bookmark{}}
}

func (t *cursorTable) put(k bookmarkKey, b bookmark) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, known := t.at[k]; !known {
		if len(t.ring) < maxBookmarks {
			t.ring = append(t.ring, k)
		} else {
			delete(t.at, t.ring[t.next])
			t.ring[t.next] = k
			t.next = (t.next + 1) % maxBookmarks
		}
	}
	t.at[k] = b
}

// ended notes where a listing stopped.
func (t *cursorTable) ended(dir, offset uint64, at cursor) {
	t.put(bookmarkKey{dir, offset}, bookmark{at: at})
}

// left notes that a node leaves a directory, in which someone's listing may stand
// right behind it.
func (t *cursorTable) left(dir uint64, n *node) {
	t.put(bookmarkKey{dir, offsetOf(n.id)}, bookmark{name: n.name, kind: n.kind})
}

func (t *cursorTable) get(dir, offset uint64) (bookmark, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	b, ok := t.at[bookmarkKey{dir, offset}]
	return b, ok
}

// Offsets of the two entries that every directory has.
const (
	offsetDot    = 1
	offsetDotDot = 2
)

// offsetOf is the offset behind the entry of an inode.
func offsetOf(id uint64) uint64 { return id + offsetDotDot }
