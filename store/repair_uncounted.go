package store

import (
	"cmp"
	"slices"

	"pail/store/internal/blob"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
)

// Content files that count no owner and have some: their records were lost, and with them
// how many owners there were. One more may have been lost besides. What those that are left
// have together, and go on to have, is all of such a file, or the file is kept whole.

// uncounted says whether a content file counts no owner though it has some. The copies that
// the repair itself makes do, until their owners are counted.
func (c *blobCount) uncounted(r *repairer) bool {
	return c.is&isFile != 0 && c.want == 0 && c.have > 0 && !r.copies[c.id]
}

// allOf says whether versions and parts that neither a repair nor recovery replaces have
// together every byte of an uncounted content file.
func (f *fsck) allOf(id uint64, length int64) (bool, error) {
	if f.had == nil {
		if err := f.loadHad(); err != nil {
			return false, err
		}
	}
	at := int64(0)
	for _, r := range f.had[id] {
		if r.Lo > at {
			return false, nil
		}
		at = max(at, r.Hi)
	}
	return at >= length, nil
}

// loadHad fills f.had for the content files that count no owner.
func (f *fsck) loadHad() error {
	f.had = map[uint64][]blob.Range{}
	err := f.eachFile(func(id uint64, b *record.Blob) error {
		if b.Refs == 0 {
			f.had[id] = nil
		}
		return nil
	})
	if err != nil {
		return err
	}
	lists := map[uint64]blob.Extents{} // those that have some of them
	err = f.scan(table.ExtentLists(), func(k, v []byte) error {
		var l record.ExtentList
		if err := unmarshal(k, v, &l); err != nil {
			return err
		}
		id, _ := table.SplitExtentList(k)
		for _, e := range toExtents(l.Extents) {
			if _, ok := f.had[uint64(e.Blob)]; ok && !e.IsHole() {
				lists[id] = append(lists[id], e)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	replaced, err := f.replacedHeads()
	if err != nil {
		return err
	}
	err = f.eachContent(func(o contentOwner) error {
		stays := o.k[0] != table.Pendings()[0] && o.k[0] != table.Drafts()[0] && !replaced[string(o.k)]
		if !stays || wrongContent(o.content, o.size) != "" {
			return nil
		}
		for _, e := range append(toExtents(o.content.GetExtents()), lists[o.content.GetList()]...) {
			if had, ok := f.had[uint64(e.Blob)]; ok && !e.IsHole() {
				f.had[uint64(e.Blob)] = append(had, blob.Range{Lo: e.Off, Hi: e.Off + e.Len})
			}
		}
		return nil
	})
	for _, had := range f.had {
		slices.SortFunc(had, func(a, b blob.Range) int { return cmp.Compare(a.Lo, b.Lo) })
	}
	return err
}

// replacedHeads are the keys of the records of live versions that recovery may replace: by a
// draft, or by what a pending publish has replaced.
func (f *fsck) replacedHeads() (map[string]bool, error) {
	out := map[string]bool{}
	err := f.scan(table.Drafts(), func(k, v []byte) error {
		var d record.Draft
		err := unmarshal(k, v, &d)
		out[string(table.Head(d.Bucket, d.Key))] = true
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, f.scan(table.Pendings(), func(k, v []byte) error {
		var p record.Pending
		err := unmarshal(k, v, &p)
		out[string(table.Head(p.Bucket, p.Key))] = true
		return err
	})
}
