package blob

import (
	"errors"
	"fmt"
	"math"
)

// Extent is a stretch of a content: Len bytes that lie in a blob from Off on,
// or, with Blob 0, Len zeros.
type Extent struct {
	Blob ID
	Off  int64 // in the blob; 0 in a hole
	Len  int64
}

// IsHole says that the extent is zeros without a blob.
func (e Extent) IsHole() bool { return e.Blob == 0 }

// Extents is a content: its extents in logical order, without gaps. The methods
// do not change their receivers and may share memory with their results, which
// is safe as long as extents are treated as values.
type Extents []Extent

// Size is the content's length in bytes.
func (e Extents) Size() int64 {
	var n int64
	for _, x := range e {
		n += x.Len
	}
	return n
}

// Validate reports extents that no content can have: a record that says so is
// damaged.
func (e Extents) Validate() error {
	var size int64
	for i, x := range e {
		switch {
		case x.Len <= 0 || x.Off < 0 || x.Off > math.MaxInt64-x.Len:
			return fmt.Errorf("extent %d: %d bytes at %d of blob %v", i, x.Len, x.Off, x.Blob)
		case x.IsHole() && x.Off != 0:
			return fmt.Errorf("extent %d: a hole with an offset", i)
		case size > math.MaxInt64-x.Len:
			return errors.New("extents add up to more than a content can hold")
		}
		size += x.Len
	}
	return nil
}

// clip is the part of the extent from its byte from on, n bytes.
func (x Extent) clip(from, n int64) Extent {
	if x.IsHole() {
		return Extent{Len: n}
	}
	return Extent{Blob: x.Blob, Off: x.Off + from, Len: n}
}

// Slice is the n bytes from off on, fewer where the content ends.
func (e Extents) Slice(off, n int64) Extents {
	var out Extents
	for _, x := range e {
		if n <= 0 {
			break
		}
		if off >= x.Len {
			off -= x.Len
			continue
		}
		take := min(x.Len-off, n)
		out = out.add(x.clip(off, take))
		off, n = 0, n-take
	}
	return out
}

// Append is the content followed by another. Neighbours that continue each
// other in the same blob, and holes, become one extent.
func (e Extents) Append(other Extents) Extents {
	out := make(Extents, 0, len(e)+len(other))
	for _, x := range e {
		out = out.add(x)
	}
	for _, x := range other {
		out = out.add(x)
	}
	return out
}

// Overlay is the content with other written over it at byte at. What it leaves
// between the content's end and at is a hole.
func (e Extents) Overlay(at int64, other Extents) Extents {
	n := other.Size()
	if n == 0 {
		return e
	}
	size := e.Size()
	out := e.Slice(0, at)
	if at > size {
		out = out.add(Extent{Len: at - size})
	}
	for _, x := range other {
		out = out.add(x)
	}
	if end := at + n; end < size {
		for _, x := range e.Slice(end, size-end) {
			out = out.add(x)
		}
	}
	return out
}

// Blobs are the blobs that the content needs, each once, in order of appearance.
func (e Extents) Blobs() []ID {
	var ids []ID
	for _, u := range e.Uses() {
		ids = append(ids, u.Blob)
	}
	return ids
}

// A Use is what a content needs of one blob.
type Use struct {
	Blob  ID
	Bytes int64 // counted as often as they appear
}

// Uses are the blobs that the content needs, each once, in order of appearance.
func (e Extents) Uses() []Use {
	if len(e) == 1 && !e[0].IsHole() {
		return []Use{{e[0].Blob, e[0].Len}}
	}
	var uses []Use
	seen := make(map[ID]int)
	for _, x := range e {
		if x.IsHole() {
			continue
		}
		i, ok := seen[x.Blob]
		if !ok {
			i = len(uses)
			seen[x.Blob] = i
			uses = append(uses, Use{Blob: x.Blob})
		}
		uses[i].Bytes += x.Len
	}
	return uses
}

// Push appends one extent and coalesces. It writes into e's spare memory, so e must be the
// caller's own.
func (e Extents) Push(x Extent) Extents { return e.add(x) }

// add appends an extent and coalesces. It writes into e's spare memory, so e
// must be the caller's own.
func (e Extents) add(x Extent) Extents {
	if x.Len <= 0 {
		return e
	}
	if len(e) > 0 && e[len(e)-1].continues(x) {
		e[len(e)-1].Len += x.Len
		return e
	}
	return append(e, x)
}

// continues says that next begins where x ends.
func (x Extent) continues(next Extent) bool {
	return x.Blob == next.Blob && (x.IsHole() || x.Off+x.Len == next.Off)
}
