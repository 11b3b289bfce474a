package store

import (
	"slices"

	"pail/store/fault"
	"pail/store/internal/blob"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
)

// Lists of extents. A content that is not one whole file has a list of its extents, in
// chunks, under a number that stays with it wherever its versions go. Lists are shared by
// the versions that own them; and compaction may change where a list says that its bytes
// are, since all owners see it (compact.go). Whoever keeps extents in memory has those of
// one edition and keeps its files from being deleted.

// extentsPerChunk is how many extents a chunk of a list holds (some 20 KB).
const extentsPerChunk = 1024

// An extentList is the extents of a content, in the chunks in which they are recorded.
// That of a content without a list has the number 0.
type extentList struct {
	id      uint64
	edition uint64
	chunks  []blob.Extents

	encryption *record.Encryption // that of all its owners
}

// extents are all extents in one.
func (l *extentList) extents() blob.Extents {
	if len(l.chunks) == 1 {
		return l.chunks[0]
	}
	n := 0
	for _, c := range l.chunks {
		n += len(c)
	}
	out := make(blob.Extents, 0, n)
	for _, c := range l.chunks {
		out = append(out, c...)
	}
	return out
}

// readList reads the extents of a content.
func (sn *snap) readList(c *record.Content) (*extentList, error) {
	if c.GetList() == 0 {
		return &extentList{chunks: []blob.Extents{toExtents(c.GetExtents())}}, nil
	}
	l := &extentList{id: c.List}
	for i, n := uint32(0), c.Chunks; i < n; i++ {
		ch, err := sn.chunk(c.List, i)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			l.edition, l.encryption, n = ch.Edition, ch.Encryption, chunkCount(ch, c)
		}
		l.chunks = append(l.chunks, toExtents(ch.Extents))
	}
	return l, nil
}

// readListByID reads a list of which only its number is known; nil: nobody owns it.
func (sn *snap) readListByID(list uint64) (*extentList, error) {
	there, err := sn.hasList(list)
	if !there || err != nil {
		return nil, err
	}
	return sn.readList(&record.Content{List: list, Chunks: 1})
}

func (sn *snap) chunk(list uint64, i uint32) (*record.ExtentList, error) {
	ch := new(record.ExtentList)
	ok, err := sn.get(table.ExtentList(list, i), ch)
	if err == nil && !ok {
		err = fault.New(fault.Damaged, "part %d of extent list %d is missing", i, list)
	}
	return ch, err
}

// chunkCount is how many chunks a list has: its first chunk knows if the owners do not.
func chunkCount(first *record.ExtentList, c *record.Content) uint32 {
	if first.Chunks != 0 {
		return first.Chunks
	}
	return c.GetChunks()
}

// extentsOf returns the extents of a content.
func (sn *snap) extentsOf(c *record.Content) (blob.Extents, error) {
	l, err := sn.readList(c)
	if err != nil {
		return nil, err
	}
	return l.extents(), nil
}

// newList records extents as a list of their own, owned once.
func (t *txn) newList(es blob.Extents, e *record.Encryption) (*record.Content, error) {
	c := &record.Content{Allocated: allocated(es), List: t.tx.NextID()}
	if t.s.opts.compactModel().may(es) {
		t.noteFragmented(c.List)
	}
	chunks := inChunks(es)
	c.Chunks = uint32(len(chunks))
	for i := range chunks {
		if err := t.putChunk(&extentList{id: c.List, chunks: chunks, encryption: e}, i); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// inChunks divides extents into full chunks.
func inChunks(es blob.Extents) []blob.Extents {
	return slices.Collect(slices.Chunk(es, extentsPerChunk))
}

// putChunk writes one chunk of a list. The first says how many there are.
func (t *txn) putChunk(l *extentList, i int) error {
	ch := &record.ExtentList{Schema: record.Schema, Extents: fromExtents(l.chunks[i])}
	if i == 0 {
		ch.Chunks, ch.Edition, ch.Encryption = uint32(len(l.chunks)), l.edition, l.encryption
	}
	return t.put(table.ExtentList(l.id, uint32(i)), ch)
}

// releaseOwned lets go of a list that has lost its last owner: now if it is short, else
// later.
func (t *txn) releaseOwned(c *record.Content) error {
	first, err := t.chunk(c.List, 0)
	if err != nil {
		return err
	}
	n := chunkCount(first, c)
	if n > chunksAtOnce {
		t.releaseLater(c.List, n)
		return nil
	}
	l, err := t.readList(c)
	if err != nil {
		return err
	}
	if err := t.referAll(l.extents(), -1); err != nil {
		return err
	}
	t.dropChunks(c.List, n)
	return nil
}

// dropChunks removes the records of a list.
func (t *txn) dropChunks(list uint64, n uint32) {
	for i := range n {
		t.dropChunk(list, i)
	}
	t.onMerged(func() { t.s.bases.forget(list) })
}

func (t *txn) dropChunk(list uint64, i uint32) { t.tx.Delete(table.ExtentList(list, i)) }

// hasList says whether a list is there and some content owns it.
func (sn *snap) hasList(list uint64) (bool, error) {
	ok, err := sn.has(table.ExtentList(list, 0))
	if !ok || err != nil {
		return false, err
	}
	going, err := sn.has(noteKey(settingReleased(), list))
	return !going, err
}
