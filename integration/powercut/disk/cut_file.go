package disk

import (
	"maps"
	"math"
	"slices"
)

type cutContent struct {
	size  int64
	pages pageSet
}

// cut chooses one outcome for a file: first how many of its shrinks happened, which divides
// its pending writes into those before, which compete, and those after the first shrink
// that did not happen, which count only where no lost shrink had cut; then each page; then
// the size.
func (f *file) cut(c *chooser, report *Report) cutContent {
	if f.pending() == 0 {
		return cutContent{f.durableSize, f.durablePages}
	}
	happened := 0
	for happened < len(f.shrinks) && c.keep(f.shrinks[happened].seq) {
		happened++
	}
	out := cutContent{size: f.cutSize(c, happened, report), pages: pageSet{}}
	if happened == 0 {
		out.pages = maps.Clone(f.durablePages)
	} else {
		for index := range f.durablePages {
			if p := f.choices(index, happened)[0].data; p != nil {
				out.pages[index] = p
			}
		}
	}
	for _, index := range slices.Sorted(maps.Keys(f.written)) {
		p := c.page(f.choices(index, happened), report)
		if p == nil {
			delete(out.pages, index)
		} else {
			out.pages[index] = p
		}
	}
	out.pages.cut(out.size)
	return out
}

// choices returns what a page can be when the first shrinks happened: the first element is
// there for certain, the others are versions that may have arrived.
func (f *file) choices(index int64, happened int) []version {
	list := []version{{data: f.durablePages[index]}}
	written := f.written[index]
	for epoch := 0; ; epoch++ {
		for len(written) > 0 && written[0].epoch == epoch {
			list = append(list, written[0])
			written = written[1:]
		}
		if epoch == happened {
			break
		}
		switch keep := f.shrinks[epoch].size - index*PageSize; {
		case keep <= 0:
			list = []version{{}}
		case keep < PageSize:
			for i := range list {
				list[i].data = list[i].data.head(int(keep))
			}
		}
	}
	limit := int64(math.MaxInt64)
	for _, v := range written {
		for _, s := range f.shrinks[happened:v.epoch] {
			limit = min(limit, s.size)
		}
		if (index+1)*PageSize <= limit {
			list = append(list, v)
		}
	}
	return list
}

// page chooses among a page's versions and may tear the chosen one over an earlier.
func (c *chooser) page(list []version, report *Report) *page {
	if len(list) == 1 {
		return list[0].data
	}
	seqs := make([]uint64, len(list))
	for i, v := range list {
		seqs[i] = v.seq
	}
	at := c.pick(seqs)
	if at == 0 {
		return list[0].data
	}
	if sector := c.tear(list[at].seq); sector > 0 {
		report.Torn++
		return torn(list[at].data, list[c.rng.IntN(at)].data, sector*SectorSize)
	}
	if at == len(list)-1 {
		report.Kept.Pages++
	}
	return list[at].data
}

// torn returns the first n bytes of one page over another.
func torn(fresh, old *page, n int) *page {
	q := new(page)
	if old != nil {
		*q = *old
	}
	clear(q[:n])
	if fresh != nil {
		copy(q[:n], fresh[:n])
	}
	return q
}

// cutSize chooses the size when the first shrinks happened.
func (f *file) cutSize(c *chooser, happened int, report *Report) int64 {
	sizes, seqs := []int64{f.durableSize}, []uint64{0}
	if happened > 0 {
		last := f.shrinks[happened-1]
		sizes[0], seqs[0] = last.size, last.seq
	}
	for _, g := range f.grows {
		if g.epoch == happened {
			sizes, seqs = append(sizes, g.size), append(seqs, g.seq)
		}
	}
	at := c.pick(seqs)
	size := sizes[at]
	if size == f.size {
		report.Kept.Resizes++
	}
	if at == 0 || c.mode != Mixed || c.rng.IntN(4) != 0 {
		return size
	}
	// A long extension is written back in pieces, each of which extends the file.
	first, end := sizes[at-1]/PageSize+1, (size-1)/PageSize
	if first > end {
		return size
	}
	return (first + c.rng.Int64N(end-first+1)) * PageSize
}
