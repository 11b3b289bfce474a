package store

import (
	"context"
	"errors"
	"maps"
	"slices"

	"pail/store/internal/blob"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
)

// A list of very many extents is too much for one update: for that which publishes a draft,
// and for that of an fsync. Its chunks are written ahead, some in each update, under a note
// that nobody owns them yet. The update that gives the list its owner takes the note
// away; whoever finds one after an end in between removes the chunks.

// settingBegun is where it stands by the number of a list that it is being written ahead.
func settingBegun() []byte { return table.Setting("begun/") }

const (
	aheadExtents   = 32 * extentsPerChunk // a list of more is written ahead
	aheadPerUpdate = 16                   // chunks
)

// A numberedChunk is a chunk of a list that is written ahead.
type numberedChunk struct {
	number  uint32
	extents blob.Extents
}

// errListGone says that a list is not being written any more.
var errListGone = errors.New("the list of extents is gone")

// putAhead writes chunks of a list, as long as still says that it may.
func (s *Store) putAhead(ctx context.Context, list uint64, chunks []numberedChunk, still func(t *txn) (bool, error)) error {
	for len(chunks) > 0 {
		var n int
		err := inPieces(aheadPerUpdate, func(most int) error {
			n = min(len(chunks), most)
			_, err := s.update(ctx, author{}, s.lastMode(visible), func(t *txn) error {
				ok, err := still(t)
				if err == nil && !ok {
					err = errListGone
				}
				for _, c := range chunks[:n] {
					if err != nil {
						return err
					}
					err = t.put(table.ExtentList(list, c.number), &record.ExtentList{Schema: record.Schema, Extents: fromExtents(c.extents)})
				}
				return err
			})
			return err
		})
		if err != nil {
			return err
		}
		chunks = chunks[n:]
	}
	return nil
}

// begin notes that a list is being written ahead.
func (t *txn) begin(list uint64) { t.tx.Set(noteKey(settingBegun(), list), nil) }

// begun says whether a list is being written ahead, by a note.
func (sn *snap) begun(list uint64) (bool, error) { return sn.has(noteKey(settingBegun(), list)) }

// beginList writes all of a list but its first chunk, and returns its number.
func (s *Store) beginList(ctx context.Context, es blob.Extents) (list uint64, err error) {
	list = s.db.NextID()
	_, err = s.update(ctx, author{}, s.lastMode(visible), func(t *txn) error {
		t.begin(list)
		return nil
	})
	if err != nil {
		return 0, err
	}
	var chunks []numberedChunk
	for i, ch := range inChunks(es) {
		if i > 0 {
			chunks = append(chunks, numberedChunk{uint32(i), ch})
		}
	}
	err = s.putAhead(ctx, list, chunks, func(t *txn) (bool, error) { return t.begun(list) })
	if err != nil {
		return 0, errors.Join(err, s.dropBegun(ctx, list))
	}
	return list, nil
}

// ownBegun is newList for a list that beginList has written: what is left is its first
// chunk.
func (t *txn) ownBegun(list uint64, es blob.Extents, e *record.Encryption) (*record.Content, error) {
	chunks := inChunks(es)
	c := &record.Content{Allocated: allocated(es), List: list, Chunks: uint32(len(chunks))}
	if t.s.opts.compactModel().may(es) {
		t.noteFragmented(list)
	}
	t.tx.Delete(noteKey(settingBegun(), list))
	return c, t.putChunk(&extentList{id: list, chunks: chunks, encryption: e}, 0)
}

// dropBegun removes what was written of a list that nobody came to own.
func (s *Store) dropBegun(ctx context.Context, list uint64) error {
	for more := true; more; {
		err := inPieces(restsPerUpdate, func(most int) error {
			_, err := s.update(ctx, author{}, freeing, func(t *txn) error {
				more = false
				ok, err := t.begun(list)
				if !ok || err != nil {
					return err
				}
				n, err := t.deleteSome(table.ExtentListOf(list), most)
				if more = n == most; !more {
					t.tx.Delete(noteKey(settingBegun(), list))
				}
				return err
			})
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// begunLists are the lists that are being written ahead.
func (sn *snap) begunLists() (lists []uint64, err error) {
	it := sn.r.Scan(meta.ScanOptions{Prefix: settingBegun(), KeysOnly: true})
	defer it.Close()
	for it.Next() {
		lists = append(lists, beUint64(it.Key()[len(settingBegun()):]))
	}
	return lists, damaged(it.Err())
}

// recoverBegun removes the lists that the last owner of the store was writing ahead.
func (s *Store) recoverBegun(ctx context.Context) error {
	var lists []uint64
	err := s.view(func(sn *snap) (err error) {
		lists, err = sn.begunLists()
		return err
	})
	for _, list := range lists {
		if err != nil {
			return err
		}
		err = s.dropBegun(ctx, list)
	}
	return err
}

// syncAhead writes ahead what an fsync records of a draft, if it is too much for one
// update. Regions that are new are no worse than the ones before, for recovery: each byte
// is as it was synced, or as it was written since. begun says that the draft had no
// record, so that there is a note.
func (n *inode) syncAhead(ctx context.Context, st *draftState) (begun bool, err error) {
	if !st.ahead(n.s.opts.tuning.aheadExtents) {
		return false, nil
	}
	list := st.rec.List
	_, err = n.s.update(ctx, author{}, n.s.lastMode(visible), func(t *txn) error {
		old, err := t.draftOver(n.ino, st.rec)
		if begun = old == nil; begun || err != nil {
			t.begin(list)
			return err
		}
		return t.readyDraft(n.ino, old, st.rec)
	})
	if err != nil {
		return false, err
	}
	var chunks []numberedChunk
	for _, r := range slices.Sorted(maps.Keys(st.chunks)) {
		chunks = append(chunks, numberedChunk{r, st.chunks[r]})
	}
	err = n.s.putAhead(ctx, list, chunks, func(t *txn) (bool, error) {
		if begun {
			return t.begun(list)
		}
		old, err := t.draftOver(n.ino, st.rec)
		return old != nil, err
	})
	if err == nil {
		st.chunks = nil
	}
	if errors.Is(err, errListGone) {
		err = nil // the file has lost its name; the update that follows finds that too
	}
	return begun, err
}

// ahead says whether what an fsync records is too much for one update.
func (st *draftState) ahead(most int) bool {
	n := 0
	for _, es := range st.chunks {
		n += len(es)
	}
	return n > most || st.wide
}

// draftOver returns the record of a draft if rec is to replace it with the same list and
// content file, else nil.
func (t *txn) draftOver(ino uint64, rec *record.Draft) (*record.Draft, error) {
	old := new(record.Draft)
	ok, err := t.get(table.Draft(ino), old)
	if !ok || err != nil || old.List != rec.List || old.Blob != rec.Blob {
		return nil, err
	}
	return old, nil
}

// readyDraft has the record of a draft keep all that chunks of a later one refer to.
func (t *txn) readyDraft(ino uint64, old, later *record.Draft) error {
	lent := slices.Concat(old.Lent, later.Lent)
	slices.Sort(lent)
	lent = slices.Compact(lent)
	if err := t.lend(old.Lent, lent); err != nil {
		return err
	}
	old.Lent, old.BlobSize = lent, max(old.BlobSize, later.BlobSize)
	return t.put(table.Draft(ino), old)
}
