package store

import (
	"fmt"
	"math"
	"slices"
	"sort"

	"pail/store/internal/blob"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
)

// Contents against their owners. Who owns what is counted anew (versions, parts,
// drafts and the predecessors of pending publishes; a list of extents is one owner of
// each content file in it, however many own the list) and compared with what the
// records count. Counts are kept for a window of ids, in the order of ids; for each
// further window the owners are read again.

// A blobCount is what is known of one id.
type blobCount struct {
	id     uint64
	size   int64  // bytes: of the file, inlined, or of all extents of a list; -1: damaged
	want   uint32 // owners that the record counts
	have   uint32 // owners that were found
	chunks uint32 // of a list, as found
	said   uint32 // and as its first chunk says; 0: it does not
	is     blobIs
	used   int64 // bytes that the record says owners use, less those that were found
}

type blobIs uint8

const (
	isFile    blobIs = 1 << iota // a record of a content file
	isCounter                    // a record that counts owners of what follows
	isInline
	isList
	isMeasured // the record of a content file says how much of it is used
)

// A countWindow is what is known of the ids from lo up to, and without, hi.
type countWindow struct {
	lo, hi uint64
	last   bool // there is nothing behind hi
	counts []blobCount
}

func (w *countWindow) holds(id uint64) bool { return id >= w.lo && (w.last || id < w.hi) }

// find returns what is known of an id in the window, nil if there is nothing.
func (w *countWindow) find(id uint64) *blobCount {
	i := sort.Search(len(w.counts), func(i int) bool { return w.counts[i].id >= id })
	if i < len(w.counts) && w.counts[i].id == id {
		return &w.counts[i]
	}
	return nil
}

// checkContents checks all contents, window by window.
func (f *fsck) checkContents() error {
	w := &countWindow{}
	for first := true; ; first = false {
		f.begin("contents", 0)
		if err := f.loadWindow(w); err != nil {
			return err
		}
		if err := f.countLists(w); err != nil {
			return err
		}
		err := f.eachContent(func(o contentOwner) error {
			if first {
				if what := wrongContent(o.content, o.size); what != "" {
					return f.add(ProblemContent, o.where(), what, f.ownerRemedy(o.k))
				}
			}
			return f.countContent(w, o)
		})
		if err != nil {
			return err
		}
		for i := range w.counts {
			if err := f.checkCount(&w.counts[i]); err != nil {
				return err
			}
		}
		if w.last {
			return f.checkWaste()
		}
		w.lo = w.hi
	}
}

// An idStream walks one table whose keys begin with an id.
type idStream struct {
	it meta.Iterator
	ok bool
	id uint64
}

func (f *fsck) idStream(prefix []byte, start []byte) *idStream {
	return &idStream{it: f.sn.r.Scan(meta.ScanOptions{Prefix: prefix[:1], Start: start})}
}

func (s *idStream) next(f *fsck) error {
	if s.ok = s.it.Next(); s.ok {
		s.id = table.SplitBucket(s.it.Key())
		return f.step()
	}
	if err := damaged(s.it.Err()); err != nil && !unreadable(err) {
		return err
	}
	return nil
}

// loadWindow fills the window with what stands from its lower bound on.
func (f *fsck) loadWindow(w *countWindow) error {
	w.counts = w.counts[:0]
	records := f.idStream(table.Blobs(), table.Blob(w.lo))
	inlines := f.idStream(table.Inlines(), table.Inline(w.lo))
	lists := f.idStream(table.ExtentLists(), table.ExtentList(w.lo, 0))
	streams := []*idStream{records, inlines, lists}
	for _, s := range streams {
		defer s.it.Close()
		if err := s.next(f); err != nil {
			return err
		}
	}
	for {
		id, any := uint64(math.MaxUint64), false
		for _, s := range streams {
			if s.ok && s.id <= id {
				id, any = s.id, true
			}
		}
		if !any {
			w.last = true
			return nil
		}
		if len(w.counts) == f.window {
			w.hi = id
			return nil
		}
		c := blobCount{id: id}
		if err := f.loadCount(&c, records, inlines, lists); err != nil {
			return err
		}
		if c.is != 0 {
			w.counts = append(w.counts, c)
		}
	}
}

// loadCount reads what stands under one id and leaves the streams behind it.
func (f *fsck) loadCount(c *blobCount, records, inlines, lists *idStream) error {
	if records.ok && records.id == c.id {
		var b record.Blob
		if err := unmarshal(records.it.Key(), records.it.Value(), &b); err != nil {
			return err
		}
		c.size, c.want, c.is = b.Length, uint32(min(b.Refs, math.MaxUint32)), isFile
		if b.Sum == 0 {
			c.is = isCounter
		}
		if b.Allocated != 0 {
			c.is |= isMeasured
			c.used = b.Used
		}
		f.waste += wasted(&b)
		if err := records.next(f); err != nil {
			return err
		}
	}
	if inlines.ok && inlines.id == c.id {
		c.is |= isInline
		c.size = -1
		if data, err := decodeInline(c.id, inlines.it.Value()); err == nil {
			c.size = data.size()
		}
		if err := inlines.next(f); err != nil {
			return err
		}
	}
	for sound := true; lists.ok && lists.id == c.id; {
		if !f.lists[c.id] {
			if c.is&isList == 0 {
				c.is |= isList
				c.size = 0
			}
			sound = sound && c.addChunk(lists.it.Key(), lists.it.Value())
			if !sound {
				c.size = -1
			}
		}
		if err := lists.next(f); err != nil {
			return err
		}
	}
	return nil
}

// addChunk adds a chunk of a list; false says that it cannot follow those before.
func (c *blobCount) addChunk(k, v []byte) bool {
	var l record.ExtentList
	if unmarshal(k, v, &l) != nil {
		return false
	}
	es := toExtents(l.Extents)
	_, chunk := table.SplitExtentList(k)
	if chunk != c.chunks || es.Validate() != nil {
		return false
	}
	if chunk == 0 {
		c.said = l.Chunks
	}
	c.chunks++
	c.size += es.Size()
	return true
}

// countLists counts each list as an owner of its content files.
func (f *fsck) countLists(w *countWindow) error {
	var list uint64
	var es blob.Extents
	flush := func() error {
		id := list
		err := f.countExtents(w, contentOwner{list: id, where: func() string { return fmt.Sprintf("extent list %d", id) }}, es)
		es = es[:0]
		return err
	}
	err := f.scan(table.ExtentLists(), func(k, v []byte) error {
		id, _ := table.SplitExtentList(k)
		if id != list {
			if err := flush(); err != nil {
				return err
			}
			list = id
		}
		if f.lists[id] {
			return nil
		}
		var l record.ExtentList
		if err := unmarshal(k, v, &l); err != nil {
			return err
		}
		more := toExtents(l.Extents)
		if after, ok := f.rests[id]; ok {
			more = slices.DeleteFunc(more, func(e blob.Extent) bool { return e.Blob <= after })
		}
		es = append(es, more...)
		return nil
	})
	if err != nil {
		return err
	}
	return flush()
}

// A contentOwner is something that owns a content, or that has lent bytes of it.
type contentOwner struct {
	k       []byte // its record
	list    uint64 // it is an extent list
	where   func() string
	size    int64 // as the owner says, -1 if it says nothing
	content *record.Content
	lent    bool // it counts as an owner of the content files and uses none of their bytes
}

// eachContent calls fn with each owner of a content.
func (f *fsck) eachContent(fn func(o contentOwner) error) error {
	for _, prefix := range [][]byte{table.Head(0, ""), table.NoncurrentBelow(0, "")} {
		err := f.scan(prefix[:1], func(k, b []byte) error {
			v := new(record.Version)
			if err := unmarshal(k, b, v); err != nil || v.Marker || v.Bare {
				return err
			}
			return fn(contentOwner{k: k, where: func() string { return f.recordTitle(k) }, size: v.Size, content: v.Content})
		})
		if err != nil {
			return err
		}
	}
	err := f.scan(table.Pendings(), func(k, b []byte) error {
		p := new(record.Pending)
		if err := unmarshal(k, b, p); err != nil || p.Predecessor == nil {
			return err
		}
		where := func() string { return "what " + f.object(p.Bucket, p.Key) + " was before" }
		return fn(contentOwner{k: k, where: where, size: p.Predecessor.Size, content: p.Predecessor.Content})
	})
	if err != nil {
		return err
	}
	err = f.scan(table.Drafts(), func(k, b []byte) error {
		d := new(record.Draft)
		if err := unmarshal(k, b, d); err != nil {
			return err
		}
		where := func() string { return "the draft of " + f.object(d.Bucket, d.Key) }
		if len(d.Lent) > 0 {
			lent := &record.Content{}
			for _, id := range d.Lent {
				lent.Extents = append(lent.Extents, &record.Extent{Blob: id, Len: 1})
			}
			lent.Allocated = int64(len(d.Lent))
			if err := fn(contentOwner{k: k, where: where, size: -1, content: lent, lent: true}); err != nil {
				return err
			}
		}
		if d.Base == nil {
			return nil
		}
		return fn(contentOwner{k: k, where: where, size: -1, content: d.Base})
	})
	if err != nil {
		return err
	}
	return f.scan(table.AllParts(), func(k, b []byte) error {
		p := new(record.Part)
		if err := unmarshal(k, b, p); err != nil {
			return err
		}
		where := func() string { return fmt.Sprintf("part %d of upload %d", p.Number, table.SplitBucket(k)) }
		return fn(contentOwner{k: k, where: where, size: p.Size, content: p.Content})
	})
}

// wrongContent says what is wrong with a content as a record has it, "" if nothing is.
func wrongContent(c *record.Content, size int64) string {
	es := toExtents(c.GetExtents())
	kinds := 0
	for _, has := range []bool{c.GetInline() != 0, c.GetList() != 0, len(es) > 0} {
		if has {
			kinds++
		}
	}
	switch {
	case kinds > 1:
		return "it says in several ways where its bytes are"
	case kinds == 0 && size > 0:
		return fmt.Sprintf("it has %d bytes and does not say where", size)
	case c.GetList() != 0 && c.GetChunks() == 0:
		return "its list of extents has no parts"
	}
	if err := es.Validate(); err != nil {
		return err.Error()
	}
	switch {
	case len(es) > 0 && size >= 0 && es.Size() != size:
		return fmt.Sprintf("it has %d bytes and its extents make %d", size, es.Size())
	case len(es) > 0 && c.Allocated != allocated(es):
		return fmt.Sprintf("it takes %d bytes and says that it takes %d", allocated(es), c.Allocated)
	}
	return ""
}

// countContent counts one owner of a content and checks that the bytes are there.
func (f *fsck) countContent(w *countWindow, o contentOwner) error {
	c := o.content
	if why := f.lost[c.GetList()]; why != "" && c.GetList() != 0 && w.last {
		if err := f.add(ProblemDamaged, o.where(), why, f.ownerRemedy(o.k)); err != nil {
			return err
		}
	}
	for _, part := range []struct {
		id   uint64
		is   blobIs
		what string
	}{{c.GetInline(), isInline, "inlined content"}, {c.GetList(), isList, "extent list"}} {
		if part.id == 0 || !w.holds(part.id) {
			continue
		}
		n := w.find(part.id)
		switch {
		case n == nil || n.is&part.is == 0:
			return f.add(ProblemMissing, o.where(), fmt.Sprintf("its %s %d is gone", part.what, part.id), f.ownerRemedy(o.k))
		case n.size < 0:
			n.have++
			return f.add(ProblemDamaged, o.where(), fmt.Sprintf("its %s %d is damaged", part.what, part.id), f.ownerRemedy(o.k))
		}
		n.have++
		chunks := n.said
		if chunks == 0 {
			chunks = c.Chunks
		}
		if part.is == isList && n.chunks != chunks {
			return f.add(ProblemContent, o.where(), fmt.Sprintf("its extent list %d has %d parts and should have %d", part.id, n.chunks, chunks), f.ownerRemedy(o.k))
		}
		if o.size >= 0 && n.size != o.size {
			return f.add(ProblemContent, o.where(), fmt.Sprintf("it has %d bytes and its %s %d has %d", o.size, part.what, part.id, n.size), f.ownerRemedy(o.k))
		}
	}
	if err := f.countSums(w, o); err != nil {
		return err
	}
	return f.countExtents(w, o, toExtents(c.GetExtents()))
}

// countSums counts one owner of the checksums of a content's parts.
func (f *fsck) countSums(w *countWindow, o contentOwner) error {
	for _, id := range o.content.GetSums() {
		if !w.holds(id) {
			continue
		}
		n := w.find(id)
		switch {
		case n == nil || n.is&isInline == 0:
			return f.add(ProblemMissing, o.where(), fmt.Sprintf("the checksums %d of its parts are gone", id), f.ownerRemedy(o.k))
		case n.size < 0:
			n.have++
			return f.add(ProblemDamaged, o.where(), fmt.Sprintf("the checksums %d of its parts are damaged", id), f.ownerRemedy(o.k))
		}
		n.have++
	}
	return nil
}

// countExtents counts one owner of each content file that some extents need.
func (f *fsck) countExtents(w *countWindow, o contentOwner, es blob.Extents) error {
	if len(es) == 0 {
		return nil
	}
	for _, e := range es {
		n := w.find(uint64(e.Blob))
		if e.IsHole() || n == nil || n.is&isFile == 0 {
			continue
		}
		if e.Off+e.Len > n.size {
			return f.lacks(o, ProblemContent, fmt.Sprintf("it needs byte %d of content file %v, which has %d", e.Off+e.Len, e.Blob, n.size), 0)
		}
	}
	for _, u := range es.Uses() {
		id := u.Blob
		if !w.holds(uint64(id)) {
			continue
		}
		n := w.find(uint64(id))
		if n == nil || n.is&isFile == 0 {
			if err := f.lacks(o, ProblemMissing, fmt.Sprintf("its content file %v has no record", id), id); err != nil {
				return err
			}
			continue
		}
		n.have++
		if n.is&isMeasured != 0 && !o.lent {
			n.used -= u.Bytes
		}
		if why := f.lost[uint64(id)]; why != "" {
			if err := f.lacks(o, ProblemDamaged, why, 0); err != nil {
				return err
			}
		}
	}
	return nil
}

// lacks reports an owner that lacks bytes: those of a content file without a record, if
// that is not 0. What a list lacks, its owners lack.
func (f *fsck) lacks(o contentOwner, kind, what string, unrecorded blob.ID) error {
	if o.list != 0 {
		f.lost[o.list] = what
		return f.add(kind, o.where(), what, f.listRemedy(o.list, unrecorded))
	}
	rem := f.ownerRemedy(o.k)
	if unrecorded != 0 {
		rem = f.fileRemedy(unrecorded, rem)
	}
	return f.add(kind, o.where(), what, rem)
}

// checkCount compares what was counted with what is recorded.
func (f *fsck) checkCount(c *blobCount) error {
	where := fmt.Sprintf("inlined content %d", c.id)
	switch {
	case c.is&isFile != 0:
		where = fmt.Sprintf("content file %v", blob.ID(c.id))
	case c.is&isList != 0:
		where = fmt.Sprintf("extent list %d", c.id)
	}
	want := c.want
	if c.is&(isFile|isCounter) == 0 {
		want = 1
	}
	if _, ok := f.rests[c.id]; ok && c.is&isList != 0 {
		want = 0
	}
	switch {
	case c.is&isFile != 0 && c.is&^(isFile|isMeasured) != 0, c.is&isInline != 0 && c.is&isList != 0:
		return f.add(ProblemContent, where, "two things have its number", advise(adviseCopy))
	case c.is == isCounter:
		return f.add(ProblemMissing, where, fmt.Sprintf("it is said to have %d owners and does not exist", c.want), drop("removes the count", table.Blob(c.id)))
	case c.have == 0 && (want > 0 || c.is&isFile != 0):
		return f.add(ProblemUnowned, where, "no version has it", f.keepUnowned(c))
	case c.have > want:
		return f.add(ProblemRefs, where, fmt.Sprintf("it has %d owners and says %d", c.have, want), f.recount(c))
	case c.have < want, c.is&isCounter != 0 && want < 2:
		return f.add(ProblemRefs, where, fmt.Sprintf("it has %d owners and says %d", c.have, want), f.recount(c))
	case c.is&isMeasured != 0 && c.used != 0:
		return f.add(ProblemRefs, where, fmt.Sprintf("it counts %d bytes too many as used", c.used), f.recount(c))
	}
	return nil
}

// checkWaste compares the sum of dead bytes with what the content files say.
func (f *fsck) checkWaste() error {
	n, err := f.sn.wasted()
	if err != nil || n == f.waste {
		return err
	}
	return f.add(ProblemWaste, f.s.opts.Dir, fmt.Sprintf("%d bytes of content files are dead, and %d are counted", f.waste, n), setWaste(f.waste))
}
