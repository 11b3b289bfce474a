package store

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"pail/store/internal/blob"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
)

// Content files that are mostly dead. Only lists refer to parts of a file, so reading all
// lists finds every owner of such a file, unless it is not for them alone: a version that
// is all of it keeps it alive, and so do a draft that has lent it and a list that is just
// being released. Then it stays, and the note comes back with the last of those.

// sparseAtOnce is how many files are looked for in one reading of the lists.
const sparseAtOnce = 1000

// A sparseFile is one that is mostly dead, and what was found of its owners.
type sparseFile struct {
	id     blob.ID
	refs   uint64
	lists  []uint64
	ranges []blobRange // what lists refer to
}

// A blobRange is bytes of a content file, from lo up to hi, without hi.
type blobRange struct{ lo, hi int64 }

// compactSparse moves what is left of files that are mostly dead.
func (c *compactor) compactSparse(ctx context.Context, p *pace) error {
	ids, err := c.notes(settingSparse())
	if err != nil {
		return err
	}
	for some := range slices.Chunk(ids, sparseAtOnce) {
		files, err := c.sparseFiles(ctx, some)
		if err != nil {
			return err
		}
		if err := c.findOwners(ctx, files, p); err != nil {
			return err
		}
		for _, id := range some {
			err := inPieces(int(c.s.opts.tuning.stretchMax), func(most int) error {
				return c.emptyFile(ctx, files[blob.ID(id)], p, int64(most))
			})
			if err := c.outcome(ctx, settingSparse(), id, err); err != nil {
				return err
			}
		}
	}
	return nil
}

// sparseFiles returns those of some files that are there and still mostly dead.
func (c *compactor) sparseFiles(ctx context.Context, ids []uint64) (map[blob.ID]*sparseFile, error) {
	files := map[blob.ID]*sparseFile{}
	err := c.s.view(func(sn *snap) error {
		for _, id := range ids {
			var b record.Blob
			ok, err := sn.get(table.Blob(id), &b)
			if err != nil {
				return err
			}
			if ok && isSparse(&b, c.s.opts.tuning.sparseMin) {
				files[blob.ID(id)] = &sparseFile{id: blob.ID(id), refs: b.Refs}
			}
		}
		return ctx.Err()
	})
	return files, err
}

// findOwners reads all lists for those that refer to some files.
func (c *compactor) findOwners(ctx context.Context, files map[blob.ID]*sparseFile, p *pace) error {
	if len(files) == 0 {
		return nil
	}
	return c.s.view(func(sn *snap) error {
		drafts, err := sn.draftLists()
		if err != nil {
			return err
		}
		it := sn.r.Scan(meta.ScanOptions{Prefix: table.ExtentLists()})
		defer it.Close()
		read := int64(0)
		for it.Next() {
			list, _ := table.SplitExtentList(it.Key())
			var ch record.ExtentList
			if err := unmarshal(it.Key(), it.Value(), &ch); err != nil {
				return err
			}
			if !drafts[list] {
				noteOwner(files, list, ch.Extents)
			}
			if read += int64(len(it.Value())); read >= packAtOnce {
				read = 0
				if err := p.worked(ctx, 0); err != nil {
					return err
				}
			}
		}
		return damaged(it.Err())
	})
}

// draftLists are the lists of the records of drafts, and those that are being written ahead,
// which own nothing by themselves.
func (sn *snap) draftLists() (map[uint64]bool, error) {
	out := map[uint64]bool{}
	begun, err := sn.begunLists()
	if err != nil {
		return nil, err
	}
	for _, list := range begun {
		out[list] = true
	}
	it := sn.r.Scan(meta.ScanOptions{Prefix: table.Drafts()})
	defer it.Close()
	for it.Next() {
		var d record.Draft
		if err := unmarshal(it.Key(), it.Value(), &d); err != nil {
			return nil, err
		}
		out[d.List] = true
	}
	return out, damaged(it.Err())
}

func noteOwner(files map[blob.ID]*sparseFile, list uint64, es []*record.Extent) {
	for _, e := range es {
		f := files[blob.ID(e.Blob)]
		if f == nil {
			continue
		}
		if n := len(f.lists); n == 0 || f.lists[n-1] != list {
			f.lists = append(f.lists, list)
		}
		f.ranges = append(f.ranges, blobRange{e.Off, e.Off + e.Len})
	}
}

// emptyFile moves what lists refer to of a file, at most some bytes of it; if more is left
// the note comes again.
func (c *compactor) emptyFile(ctx context.Context, f *sparseFile, p *pace, most int64) error {
	if f == nil || uint64(len(f.lists)) != f.refs {
		return nil
	}
	for _, list := range f.lists {
		if c.s.bases.stoodOn(list) {
			return errPassed
		}
	}
	if err := c.s.settler.settleFiles(ctx, []blob.ID{f.id}); err != nil {
		return err
	}
	unpin, there, err := c.pinFile(f.id)
	if err != nil || !there {
		return err
	}
	defer unpin()
	encryptions, err := c.encryptionsOf(f.lists)
	if err != nil {
		return err
	}
	to, err := c.s.newPacker(ctx, p, encryptions...)
	if err != nil {
		return err
	}
	var moves []blobMove
	for _, r := range union(f.ranges) {
		r.hi = min(r.hi, r.lo+most-to.size)
		if r.lo >= r.hi {
			break
		}
		e, err := to.add(blob.Extent{Blob: f.id, Off: r.lo, Len: r.hi - r.lo})
		if err != nil {
			return errors.Join(err, to.discard())
		}
		moves = append(moves, blobMove{r, e.Off})
	}
	if err := to.finish(); err != nil {
		return to.done(err)
	}
	return to.done(c.moveOwners(ctx, f, to, moves))
}

// encryptionsOf are those of lists, nil of one that is not encrypted or gone.
func (c *compactor) encryptionsOf(lists []uint64) (out []*record.Encryption, err error) {
	err = c.s.view(func(sn *snap) error {
		for _, list := range lists {
			first := new(record.ExtentList)
			if _, err := sn.get(table.ExtentList(list, 0), first); err != nil {
				return err
			}
			out = append(out, first.Encryption)
		}
		return nil
	})
	return out, err
}

// pinFile keeps a content file from being deleted, unless it is garbage already.
func (c *compactor) pinFile(id blob.ID) (unpin func(), there bool, err error) {
	c.s.pins.gate.RLock()
	defer c.s.pins.gate.RUnlock()
	err = c.s.view(func(sn *snap) (err error) {
		there, err = sn.has(table.Blob(uint64(id)))
		return err
	})
	if there && err == nil {
		c.s.pins.add([]blob.ID{id})
	}
	return func() { c.s.pins.drop([]blob.ID{id}) }, there, err
}

// union returns ranges in order, joined where they touch.
func union(rs []blobRange) []blobRange {
	slices.SortFunc(rs, func(a, b blobRange) int { return cmp.Compare(a.lo, b.lo) })
	var out []blobRange
	for _, r := range rs {
		if n := len(out); n > 0 && r.lo <= out[n-1].hi {
			out[n-1].hi = max(out[n-1].hi, r.hi)
			continue
		}
		out = append(out, r)
	}
	return out
}

// A blobMove says where bytes of a content file are in another.
type blobMove struct {
	blobRange
	to int64
}

// moveOwners has lists refer to where the bytes of a file have been moved: all of them in
// one update, unless they are many. If the file's owners are not those that were found
// any more, those that are left are found by a later run.
func (c *compactor) moveOwners(ctx context.Context, f *sparseFile, to *packer, moves []blobMove) error {
	rw, chunks := &rewrite{}, 0
	for i, list := range f.lists {
		var l *extentList
		err := c.s.view(func(sn *snap) (err error) {
			l, err = sn.readListByID(list)
			return err
		})
		if err != nil {
			return err
		}
		if l == nil {
			continue
		}
		if moved, ok := l.moved(f.id, to.w.ID(), moves); ok {
			rw.list(l, moved)
			chunks += len(moved)
		}
		if chunks < repackMost && i < len(f.lists)-1 || len(rw.lists) == 0 {
			continue
		}
		if err := c.rewrite(ctx, to, rw); err != nil {
			return c.partly(to, err)
		}
		rw, chunks = &rewrite{}, 0
	}
	if !to.recorded {
		return errPassed // the lists are gone
	}
	return nil
}

// partly is the outcome of moving owners of which some had been moved before: then the
// new file stays.
func (c *compactor) partly(to *packer, err error) error {
	if to.recorded && errors.Is(err, errPassed) {
		return nil
	}
	return err
}

// moved returns the chunks of a list with extents of one file where they are in another.
// The extents that a list has for it may become more, never by more than are moved.
func (l *extentList) moved(from, to blob.ID, moves []blobMove) (chunks []blob.Extents, ok bool) {
	out := make([]blob.Extents, 0, len(l.chunks))
	for _, ch := range l.chunks {
		var es blob.Extents
		for _, e := range ch {
			if e.Blob != from {
				es = append(es, e)
				continue
			}
			es = moveExtent(es, e, to, moves)
			ok = true
		}
		out = append(out, es)
	}
	for _, es := range out {
		if len(es) > extentsPerChunk {
			return inChunks((&extentList{chunks: out}).extents()), ok
		}
	}
	return out, ok
}

// moveExtent appends an extent where it is by now; bytes that were not moved stay.
func moveExtent(es blob.Extents, e blob.Extent, to blob.ID, moves []blobMove) blob.Extents {
	for e.Len > 0 {
		i, in := slices.BinarySearchFunc(moves, e.Off, func(m blobMove, off int64) int {
			switch {
			case off < m.lo:
				return 1
			case off >= m.hi:
				return -1
			}
			return 0
		})
		n := e.Len
		if !in {
			if i < len(moves) {
				n = min(n, moves[i].lo-e.Off)
			}
			es = es.Push(blob.Extent{Blob: e.Blob, Off: e.Off, Len: n})
		} else {
			m := moves[i]
			n = min(n, m.hi-e.Off)
			es = es.Push(blob.Extent{Blob: to, Off: m.to + e.Off - m.lo, Len: n})
		}
		e.Off += n
		e.Len -= n
	}
	return es
}
