package blob

import (
	"iter"

	"github.com/tidwall/btree"
)

// Map is the changeable content of a draft: pieces of blobs ordered by logical
// offset, holes left out. A change costs O(log n) and one more for each piece
// it covers; 1,000,000 pieces are ordinary. It is not safe for concurrent use;
// Clone is cheap, so that a reader or a publish can have its own.
type Map struct {
	pieces btree.Map[int64, piece]
	size   int64
	alloc  int64   // bytes mapped
	starts []int64 // scratch of remove
}

// piece is n bytes from off on in a blob.
type piece struct {
	blob ID
	off  int64
	n    int64
}

// NewMap is the map of a content.
func NewMap(base Extents) *Map {
	m := new(Map)
	for _, x := range base {
		if !x.IsHole() && x.Len > 0 {
			m.insert(m.size, piece{x.Blob, x.Off, x.Len})
		}
		m.size += max(x.Len, 0)
	}
	return m
}

// Clone is an independent map of the same content. It copies nothing until one
// of the two changes.
func (m *Map) Clone() *Map {
	return &Map{pieces: *m.pieces.Copy(), size: m.size, alloc: m.alloc}
}

// Size is the content's length in bytes.
func (m *Map) Size() int64 { return m.size }

// Len is the number of pieces, a measure of fragmentation.
func (m *Map) Len() int { return m.pieces.Len() }

// Allocated is how many bytes are not in holes.
func (m *Map) Allocated() int64 { return m.alloc }

// Write maps the n bytes from off on to blob, from blobOff on, and extends the
// content if they end behind it.
func (m *Map) Write(off, n int64, blob ID, blobOff int64) {
	if n <= 0 {
		return
	}
	p := piece{blob, blobOff, n}
	if !m.covered(off, p) {
		m.remove(off, off+n)
		if blob != 0 {
			m.insert(off, p)
		}
	}
	m.size = max(m.size, off+n)
}

// Truncate cuts the content or extends it by a hole.
func (m *Map) Truncate(size int64) {
	if size < m.size {
		m.remove(size, m.size)
	}
	m.size = size
}

// Punch makes the n bytes from off on a hole. The size stays.
func (m *Map) Punch(off, n int64) {
	if end := min(off+n, m.size); off < end {
		m.remove(off, end)
	}
}

// Slice is the n bytes from off on, fewer where the content ends.
func (m *Map) Slice(off, n int64) Extents {
	var out Extents
	for _, x := range m.From(off) {
		if n <= 0 {
			break
		}
		x.Len = min(x.Len, n)
		out = append(out, x)
		n -= x.Len
	}
	return out
}

// Extents is the whole content. All does not hold it in memory at once.
func (m *Map) Extents() Extents {
	out := make(Extents, 0, m.pieces.Len())
	for _, x := range m.From(0) {
		out = append(out, x)
	}
	return out
}

// All yields the content's extents, each with its logical offset. The map must
// not change meanwhile; iterate over a Clone if it may.
func (m *Map) All() iter.Seq2[int64, Extent] { return m.From(0) }

// From is All from a logical offset on: the first extent begins there.
func (m *Map) From(off int64) iter.Seq2[int64, Extent] {
	return func(yield func(int64, Extent) bool) {
		at := max(off, 0)
		next := func(start int64, p piece) bool {
			if skip := at - start; skip > 0 {
				if skip >= p.n {
					return true
				}
				start, p = at, piece{p.blob, p.off + skip, p.n - skip}
			}
			if start > at && !yield(at, Extent{Len: start - at}) {
				return false
			}
			at = start + p.n
			return yield(start, Extent{Blob: p.blob, Off: p.off, Len: p.n})
		}
		more := true
		m.pieces.Ascend(m.floor(at), func(start int64, p piece) bool {
			more = next(start, p)
			return more
		})
		if more && at < m.size {
			yield(at, Extent{Len: m.size - at})
		}
	}
}

// floor is the start of the last piece at or before off, off if there is none.
func (m *Map) floor(off int64) int64 {
	at := off
	m.pieces.Descend(off, func(start int64, _ piece) bool {
		at = start
		return false
	})
	return at
}

// covered says that the bytes at off are mapped to p already, as when a draft's
// page is written again.
func (m *Map) covered(off int64, p piece) bool {
	found := false
	m.pieces.Descend(off, func(start int64, q piece) bool {
		skip := off - start
		found = q.blob == p.blob && q.off+skip == p.off && skip+p.n <= q.n
		return false
	})
	return found
}

// remove unmaps [off, end) and splits the pieces at its borders.
func (m *Map) remove(off, end int64) {
	starts := m.starts[:0]
	var first, last piece
	m.pieces.Ascend(m.floor(off), func(start int64, p piece) bool {
		if start >= end {
			return false
		}
		if start+p.n > off {
			if len(starts) == 0 {
				first = p
			}
			starts, last = append(starts, start), p
			m.alloc -= min(start+p.n, end) - max(start, off)
		}
		return true
	})
	m.starts = starts
	if len(starts) == 0 {
		return
	}
	for _, start := range starts {
		m.pieces.Delete(start)
	}
	if start := starts[0]; start < off {
		m.pieces.Set(start, piece{first.blob, first.off, off - start})
	}
	if start := starts[len(starts)-1]; start+last.n > end {
		skip := end - start
		m.pieces.Set(end, piece{last.blob, last.off + skip, last.n - skip})
	}
}

// insert maps p at off, where nothing is mapped, and joins it with neighbours
// that it continues.
func (m *Map) insert(off int64, p piece) {
	m.alloc += p.n
	m.pieces.Descend(off, func(start int64, q piece) bool {
		if start+q.n == off && q.blob == p.blob && q.off+q.n == p.off {
			off, p = start, piece{q.blob, q.off, q.n + p.n}
		}
		return false
	})
	if q, ok := m.pieces.Get(off + p.n); ok && q.blob == p.blob && q.off == p.off+p.n {
		m.pieces.Delete(off + p.n)
		p.n += q.n
	}
	m.pieces.Set(off, p)
}
