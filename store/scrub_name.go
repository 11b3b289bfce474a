package store

import (
	"context"
	"slices"

	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
)

// Whose bytes are damaged. No record of a content says who owns it, so all owners are
// read, once for all that was found since the last time.

// A damageNamer finds the owners of damaged ranges.
type damageNamer struct {
	c       *scrubber
	ctx     context.Context
	sn      *snap
	buckets map[uint64]string
	found   map[contentID][]*record.Damage
	lists   map[uint64][]listRange // by list, in what follows
}

// A listRange is a damaged range in the bytes of a list.
type listRange struct {
	d        *record.Damage
	off, len int64
}

// nameDamage finds whose bytes the damaged ranges are.
func (c *scrubber) nameDamage(ctx context.Context, found []*record.Damage) error {
	if len(found) == 0 {
		return nil
	}
	n := &damageNamer{c: c, ctx: ctx, buckets: map[uint64]string{}, found: map[contentID][]*record.Damage{}, lists: map[uint64][]listRange{}}
	for _, d := range found {
		id := contentID{d.Id, d.Inlined}
		n.found[id] = append(n.found[id], d)
	}
	return c.s.view(func(sn *snap) error {
		n.sn = sn
		for _, step := range []func() error{n.loadBuckets, n.readLists, n.versions, n.predecessors, n.drafts, n.parts} {
			if err := step(); err != nil {
				return err
			}
		}
		return nil
	})
}

// each calls fn with each record below a prefix that can be read.
func (n *damageNamer) each(prefix []byte, m record.Record, fn func(k []byte) error) error {
	return eachRecord(n.ctx, n.sn, prefix, nil, func(k, v []byte, err error) error {
		if err != nil || unmarshal(k, v, m) != nil {
			return nil // which is fsck's
		}
		return fn(k)
	})
}

func (n *damageNamer) loadBuckets() error {
	b := new(record.Bucket)
	return n.each(table.Buckets(), b, func([]byte) error {
		n.buckets[b.Id] = b.Name
		return nil
	})
}

// readLists finds out in which lists of extents the damaged ranges are.
func (n *damageNamer) readLists() error {
	var list uint64
	var pos int64
	ch := new(record.ExtentList)
	return n.each(table.ExtentLists(), ch, func(k []byte) error {
		if id, chunk := table.SplitExtentList(k); id != list || chunk == 0 {
			list, pos = id, 0
		}
		pos = n.overlaps(ch.Extents, pos, func(d *record.Damage, off, len int64) {
			n.lists[list] = append(n.lists[list], listRange{d, off, len})
		})
		return nil
	})
}

// overlaps calls fn with each damaged range that some extents refer to, and with where it
// is in their bytes, the first of which is at pos. It returns where they end.
func (n *damageNamer) overlaps(es []*record.Extent, pos int64, fn func(d *record.Damage, off, len int64)) int64 {
	for _, e := range es {
		for _, d := range n.found[contentID{e.Blob, false}] {
			from, to := max(d.Off, e.Off), min(d.Off+d.Len, e.Off+e.Len)
			if from < to {
				fn(d, pos+from-e.Off, to-from)
			}
		}
		pos += e.Len
	}
	return pos
}

// content adds the owner of a content of some size to the damages that it meets.
func (n *damageNamer) content(c *record.Content, size int64, owner *record.DamagedPart) {
	add := func(d *record.Damage, off, length int64) { n.add(d, off, length, owner) }
	if id := c.GetInline(); id != 0 {
		for _, d := range n.found[contentID{id, true}] {
			add(d, 0, size)
		}
	}
	for _, id := range c.GetSums() {
		for _, d := range n.found[contentID{id, true}] {
			n.add(d, 0, d.Len, &record.DamagedPart{Bucket: owner.Bucket, Key: owner.Key, What: "checksums of the parts of an upload"})
		}
	}
	for _, r := range n.lists[c.GetList()] {
		add(r.d, r.off, r.len)
	}
	n.overlaps(c.GetExtents(), 0, add)
}

func (n *damageNamer) add(d *record.Damage, off, length int64, owner *record.DamagedPart) {
	if len(d.Parts) > 0 {
		// A range in pieces beside one another is one range to its owner.
		last := d.Parts[len(d.Parts)-1]
		if last.Bucket == owner.Bucket && last.Key == owner.Key && last.Version == owner.Version && last.What == owner.What && last.Off+last.Len == off {
			last.Len += length
			return
		}
	}
	if len(d.Parts) >= partsMost {
		d.More++
		return
	}
	d.Parts = append(d.Parts, &record.DamagedPart{
		Bucket: owner.Bucket, Key: owner.Key, Version: owner.Version, Number: owner.Number, What: owner.What, Off: off, Len: length,
	})
}

// versions looks at all versions, each under the name that it has by now.
func (n *damageNamer) versions() error {
	v := new(record.Version)
	err := n.each(table.Head(0, "")[:1], v, func(k []byte) error {
		bucket, key := table.SplitBucket(k), table.SplitKey(k)
		if m := n.sn.moveFrom(bucket, key); m != nil && takes(m, v.Seq) {
			old := m.To + key[len(m.From):]
			moved, err := n.sn.moved(m, old, v)
			if err != nil {
				return err
			}
			n.version(bucket, old, moved)
			return nil
		}
		n.version(bucket, key, v)
		return nil
	})
	if err != nil {
		return err
	}
	return n.each(table.NoncurrentBelow(0, "")[:1], v, func(k []byte) error {
		if key, _, err := table.SplitNoncurrent(k); err == nil {
			n.version(table.SplitBucket(k), key, v)
		}
		return nil
	})
}

func (n *damageNamer) version(bucket uint64, key string, v *record.Version) {
	n.content(v.Content, v.Size, &record.DamagedPart{Bucket: n.buckets[bucket], Key: key, Version: versionID(v), Number: v.Number})
}

// predecessors looks at what pending publishes have replaced.
func (n *damageNamer) predecessors() error {
	p := new(record.Pending)
	return n.each(table.Pendings(), p, func([]byte) error {
		if v := p.Predecessor; v != nil {
			n.version(p.Bucket, p.Key, v)
		}
		return nil
	})
}

func (n *damageNamer) drafts() error {
	d := new(record.Draft)
	return n.each(table.Drafts(), d, func([]byte) error {
		owner := &record.DamagedPart{Bucket: n.buckets[d.Bucket], Key: d.Key, What: "draft"}
		n.content(d.Base, d.Version.GetSize(), owner)
		for _, id := range slices.Sorted(slices.Values(d.Lent)) {
			for _, damage := range n.found[contentID{id, false}] {
				n.add(damage, 0, d.Version.GetSize(), owner) // where in it only memory knows
			}
		}
		return nil
	})
}

func (n *damageNamer) parts() error {
	names := map[uint64]*record.DamagedPart{}
	u := new(record.Upload)
	err := n.each(table.AllUploads(), u, func(k []byte) error {
		key, number, err := table.SplitUpload(k)
		if err == nil {
			names[number] = &record.DamagedPart{Bucket: n.buckets[table.SplitBucket(k)], Key: key, What: "part of an upload"}
		}
		return nil
	})
	if err != nil {
		return err
	}
	p := new(record.Part)
	return n.each(table.AllParts(), p, func(k []byte) error {
		if owner := names[table.SplitBucket(k)]; owner != nil {
			n.content(p.Content, p.Size, owner)
		}
		return nil
	})
}
