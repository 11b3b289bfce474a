package disk

import "maps"

const (
	// PageSize is the unit in which contents become durable.
	PageSize = 4096
	// SectorSize is the unit a disk writes in one piece: pages tear at its multiples.
	SectorSize = 512

	maxVersions = 8  // remembered per page between two syncs
	maxResizes  = 64 // growths remembered per file between two syncs
)

// page is immutable once it stands in a file, so that snapshots share it. A nil page is zeros.
type page [PageSize]byte

// pageSet maps page numbers to contents; a missing page is a hole.
type pageSet map[int64]*page

// version is what a page became by one write.
type version struct {
	seq   uint64
	epoch int // shrinks before it
	data  *page
}

type resize struct {
	seq   uint64
	epoch int // shrinks before it
	size  int64
}

// file is the content of a regular file: live, durable, and the way from one to the other.
type file struct {
	size  int64
	pages pageSet

	durableSize  int64
	durablePages pageSet

	written map[int64][]version // by page, oldest first
	shrinks []resize
	grows   []resize
}

func newFile() *file {
	return &file{pages: pageSet{}, durablePages: pageSet{}, written: map[int64][]version{}}
}

func (f *file) pending() int { return len(f.written) + len(f.shrinks) + len(f.grows) }

func (f *file) read(buf []byte, off int64) int {
	if off >= f.size {
		return 0
	}
	buf = buf[:min(int64(len(buf)), f.size-off)]
	for done := 0; done < len(buf); {
		index, at := (off+int64(done))/PageSize, int((off+int64(done))%PageSize)
		part := buf[done:min(len(buf), done+PageSize-at)]
		if p := f.pages[index]; p != nil {
			copy(part, p[at:])
		} else {
			clear(part)
		}
		done += len(part)
	}
	return len(buf)
}

func (f *file) write(seq uint64, data []byte, off int64) {
	end := off + int64(len(data))
	for len(data) > 0 {
		index, at := off/PageSize, int(off%PageSize)
		n := min(len(data), PageSize-at)
		fresh := new(page)
		if old := f.pages[index]; old != nil && n < PageSize {
			*fresh = *old
		}
		copy(fresh[at:], data[:n])
		f.put(seq, index, fresh)
		data, off = data[n:], off+int64(n)
	}
	if end > f.size {
		f.grow(seq, end)
	}
}

// put makes p the live content of a page, nil for a hole.
func (f *file) put(seq uint64, index int64, p *page) {
	if p == nil {
		delete(f.pages, index)
	} else {
		f.pages[index] = p
	}
	list := append(f.written[index], version{seq, len(f.shrinks), p})
	if len(list) > maxVersions {
		// Which one goes is spread over the list, so that early versions stay findable too.
		i := int(seq % (maxVersions - 1))
		list = append(list[:i:i], list[i+1:]...)
	}
	f.written[index] = list
}

func (f *file) grow(seq uint64, size int64) {
	f.size = size
	f.grows = append(f.grows, resize{seq, len(f.shrinks), size})
	if len(f.grows) > maxResizes {
		i := int(seq % (maxResizes - 1))
		f.grows = append(f.grows[:i:i], f.grows[i+1:]...)
	}
}

func (f *file) truncate(seq uint64, size int64) {
	switch {
	case size > f.size:
		f.grow(seq, size)
	case size < f.size:
		f.shrinks = append(f.shrinks, resize{seq, len(f.shrinks), size})
		f.size = size
		f.pages.cut(size)
	}
}

// cut drops everything at and beyond size.
func (s pageSet) cut(size int64) {
	maps.DeleteFunc(s, func(index int64, _ *page) bool { return index*PageSize >= size })
	if p := s[size/PageSize]; p != nil && size%PageSize != 0 {
		s[size/PageSize] = p.head(int(size % PageSize))
	}
}

// head returns the page with only its first n bytes, the rest zero.
func (p *page) head(n int) *page {
	if p == nil {
		return nil
	}
	q := new(page)
	copy(q[:n], p[:])
	return q
}

// zero writes zeros over a range within the file.
func (f *file) zero(seq uint64, off, end int64) {
	end = min(end, f.size)
	for off < end {
		index, at := off/PageSize, off%PageSize
		n := min(end-off, PageSize-at)
		if old := f.pages[index]; old != nil {
			var fresh *page
			if n < PageSize {
				fresh = new(page)
				*fresh = *old
				clear(fresh[at : at+n])
			}
			f.put(seq, index, fresh)
		}
		off += n
	}
}

// sync makes the live content durable.
func (f *file) sync() {
	if len(f.shrinks) > 0 {
		f.durablePages = maps.Clone(f.pages)
	} else {
		for index := range f.written {
			if p := f.pages[index]; p != nil {
				f.durablePages[index] = p
			} else {
				delete(f.durablePages, index)
			}
		}
	}
	f.durableSize = f.size
	clear(f.written)
	f.shrinks, f.grows = nil, nil
}

// data returns the first offset at or after off that is (or, with hole, is not) backed by a
// page, and whether there is one before the end of the file; the end counts as a hole.
func (f *file) seek(off int64, hole bool) (int64, bool) {
	if off >= f.size {
		return 0, false
	}
	for at := off; at < f.size; at = (at/PageSize + 1) * PageSize {
		if _, backed := f.pages[at/PageSize]; backed != hole {
			return at, true
		}
	}
	return f.size, hole
}

func (f *file) clone() *file {
	c := *f
	c.pages, c.durablePages = maps.Clone(f.pages), maps.Clone(f.durablePages)
	c.written = make(map[int64][]version, len(f.written))
	for index, list := range f.written {
		// Lists only grow at the end or are copied when they lose an element.
		c.written[index] = list[:len(list):len(list)]
	}
	c.shrinks = f.shrinks[:len(f.shrinks):len(f.shrinks)]
	c.grows = f.grows[:len(f.grows):len(f.grows)]
	return &c
}
