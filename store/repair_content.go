package store

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"pail/store/internal/blob"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
)

// Remedies for contents: counts of owners, and owners that lack bytes.

// recount gives a content the owners and the bytes in use that were found.
func (f *fsck) recount(c *blobCount) remedy {
	n := *c
	return remedy{does: "counts them anew", fix: func(r *repairer) error {
		unsure := false
		if n.uncounted(r) {
			all, err := f.allOf(n.id, n.size)
			if err != nil {
				return err
			}
			unsure = !all
		}
		return r.update(func(t *txn) error {
			k := table.Blob(n.id)
			var b record.Blob
			ok, err := t.get(k, &b)
			if err != nil {
				return ignoreUnreadable(err)
			}
			if n.is&isFile != 0 {
				if !ok {
					return nil
				}
				b.Refs = uint64(n.have)
				if n.is&isMeasured != 0 {
					b.Used -= n.used
				}
				return errors.Join(t.put(k, &b), t.keepForLost(r, &n, b.Length, unsure))
			}
			if n.have <= 1 {
				t.tx.Delete(k)
				return t.keepForLost(r, &n, n.size, false)
			}
			b.Schema, b.Refs = record.Schema, uint64(n.have)
			return errors.Join(t.put(k, &b), t.keepForLost(r, &n, n.size, false))
		})
	}}
}

// keepForLost keeps a content, which others have too, for an owner whose record was lost:
// they may have a part of it only, or be replaced when the store recovers. A record that is
// taken away or missing has left nothing but the count. That is believed until recovery: then
// the repair itself takes contents away from their owners and has the counts made anew. unsure
// says that the count was lost, too, and that some of the content may be nobody's.
func (t *txn) keepForLost(r *repairer, n *blobCount, size int64, unsure bool) error {
	if n.have == 0 || n.have >= n.want && !unsure || size <= 0 || r.s.ready || r.full {
		return nil
	}
	c := &record.Content{Allocated: size}
	switch {
	case n.is&isFile != 0:
		c.Extents = []*record.Extent{{Blob: n.id, Len: size}}
	case n.is&isInline != 0:
		c.Inline = n.id
	case n.is&isList != 0:
		c.List, c.Chunks = n.id, n.chunks
	}
	if err := t.share(c); err != nil {
		return err
	}
	note := "bytes that another version had too, whose record is lost"
	if unsure {
		note = "all bytes of a content file of which the versions that are left have a part; how many had it is lost"
	}
	return t.keep(fmt.Sprintf("contents/%016x", n.id), nil, c, size, note)
}

// setWaste records the sum of dead bytes.
func setWaste(n int64) remedy {
	return remedy{does: "counts them anew", fix: func(r *repairer) error {
		return r.update(func(t *txn) error {
			t.tx.Set(settingWasted(), beBytes(uint64(n)))
			return nil
		})
	}}
}

// ownerRemedy is what repair does about the owner of a content that is not as it says.
func (f *fsck) ownerRemedy(k []byte) remedy {
	k = slices.Clone(k)
	return remedy{
		does: "goes by the bytes that are there, and if some are lost keeps the rest in " + LostFound,
		late: true,
		fix:  func(r *repairer) error { return r.salvage(k, false) },
	}
}

// exile takes a record out of its place and keeps its content, whole or not.
func (r *repairer) exile(k []byte) error { return r.salvage(k, true) }

// salvage deals with the content of one record: a version, what a pending publish
// replaced, a part, a draft. away says that it cannot stay where it is.
func (r *repairer) salvage(k []byte, away bool) error {
	switch k[0] {
	case table.Pendings()[0]:
		return r.update(func(t *txn) error {
			var p record.Pending
			if ok, err := t.get(k, &p); err != nil || !ok || p.Predecessor == nil {
				return ignoreUnreadable(err)
			}
			pred := p.Predecessor
			p.Predecessor = nil
			if err := t.put(k, &p); err != nil {
				return err
			}
			return t.keepRest(r, t.foundName(p.Bucket, p.Key, versionID(pred)), pred, pred.Content, pred.Size)
		})
	case table.Drafts()[0]:
		return r.keepDraft(k)
	case table.AllParts()[0]:
		return r.salvagePart(k, away)
	}
	return r.salvageVersion(k, away)
}

func (r *repairer) salvageVersion(k []byte, away bool) error {
	return r.update(func(t *txn) error {
		v, err := t.versionAt(k)
		if err != nil || v == nil {
			return ignoreUnreadable(err)
		}
		rest, err := t.restOf(r, v.Content, v.Size)
		if err != nil {
			return err
		}
		if !away && rest.whole() {
			v.Size = rest.size
			if v.Content, err = t.replaceContent(v.Content, rest, v.Encryption); err != nil {
				return err
			}
			return t.put(k, v)
		}
		key := table.SplitKey(k)
		if k[0] == table.NoncurrentBelow(0, "")[0] {
			key, _, _ = table.SplitNoncurrent(k)
		}
		t.tx.Delete(k)
		return t.keepRest(r, t.foundName(table.SplitBucket(k), key, versionID(v)), v, v.Content, v.Size)
	})
}

func (r *repairer) salvagePart(k []byte, away bool) error {
	return r.update(func(t *txn) error {
		var p record.Part
		if ok, err := t.get(k, &p); err != nil || !ok {
			return ignoreUnreadable(err)
		}
		rest, err := t.restOf(r, p.Content, p.Size)
		if err != nil {
			return err
		}
		if !away && rest.whole() {
			p.Size = rest.size
			e, err := t.encryptionFor(rest.extents, nil)
			if err != nil {
				return err
			}
			if p.Content, err = t.replaceContent(p.Content, rest, e); err != nil {
				return err
			}
			p.Pieces = uint32(len(rest.extents))
			return t.put(k, &p)
		}
		t.tx.Delete(k)
		return t.keepRest(r, fmt.Sprintf("uploads/%d/part-%d", table.SplitBucket(k), p.Number), nil, p.Content, p.Size)
	})
}

// A contentRest is what is left of a content.
type contentRest struct {
	size    int64
	inline  []byte       // of an inlined one
	extents blob.Extents // of another; what is lost is a hole
	changed bool         // the extents are not those of the records
	lost    []blob.Range
	suspect []blob.Range
	read    int64 // bytes that can be read, holes left out

	encryption *encryption // of what is encrypted
}

func (c *contentRest) whole() bool { return len(c.lost) == 0 && len(c.suspect) == 0 }

// note says what is not as it was.
func (c *contentRest) note() string {
	var out []string
	if c.read == 0 && len(c.lost) > 0 {
		return fmt.Sprintf("all of its %d bytes are lost", c.size)
	}
	if len(c.lost) > 0 {
		out = append(out, "lost, and zeros here, are bytes "+spanText(c.lost))
	}
	if len(c.suspect) > 0 {
		out = append(out, "not known to be right are bytes "+spanText(c.suspect))
	}
	return strings.Join(out, "; ")
}

// restOf finds out what is left of a content of size bytes, -1 if that is not known.
func (t *txn) restOf(r *repairer, c *record.Content, size int64) (*contentRest, error) {
	rest := &contentRest{size: max(size, 0)}
	switch {
	case c.GetInline() != 0:
		return rest, t.restOfInline(c.Inline, rest)
	case c.GetList() != 0:
		es, gapless, err := t.chunksLeft(c, size)
		if err != nil {
			return nil, err
		}
		if gapless && size >= 0 && es.Size() != size {
			// Which of the two is right nobody knows: the bytes may be in wrong places.
			rest.suspect = []blob.Range{{Lo: 0, Hi: es.Size()}}
		}
		if size < 0 || gapless {
			rest.size = es.Size()
		}
		return rest, t.restOfExtents(r, es, rest)
	case len(c.GetExtents()) > 0:
		es := toExtents(c.Extents)
		if es.Validate() != nil {
			es = nil
		} else {
			rest.size = es.Size()
		}
		return rest, t.restOfExtents(r, es, rest)
	}
	return rest, t.restOfExtents(r, nil, rest)
}

func (t *txn) restOfInline(id uint64, rest *contentRest) error {
	b, err := t.r.Get(table.Inline(id))
	var d *meta.DamageError
	switch {
	case errors.Is(err, meta.ErrNotFound), errors.As(err, &d):
		if rest.size > 0 {
			rest.lost = []blob.Range{{Lo: 0, Hi: rest.size}}
		}
		return nil
	case err != nil:
		return err
	}
	c, err := decodeInline(id, b)
	if err == nil && c.rec != nil {
		return t.restOfSealed(c, rest)
	}
	var data []byte
	if err != nil {
		data = b[min(len(b), inlineHeader):]
		rest.suspect = []blob.Range{{Lo: 0, Hi: int64(len(data))}}
	} else {
		data = c.data
	}
	rest.inline = bytes.Clone(data)
	rest.size, rest.read = int64(len(data)), int64(len(data))
	return nil
}

// restOfSealed is restOfInline of what is encrypted. What no longer opens is lost.
func (t *txn) restOfSealed(c *inlined, rest *contentRest) error {
	e, err := t.s.openEncryption(c.rec)
	if err != nil && !keyGone(err) {
		return later(err)
	}
	var data []byte
	if err == nil {
		data, err = c.open(t.s, e)
	}
	if err != nil {
		rest.size = max(rest.size, c.size())
		rest.lost = []blob.Range{{Lo: 0, Hi: rest.size}}
		return nil
	}
	rest.inline, rest.encryption = data, e
	rest.size, rest.read = int64(len(data)), int64(len(data))
	return nil
}

// chunksLeft returns the extents of a list. A chunk that is missing is a stretch of blob
// lostBlob, as long as what the size leaves for it; gapless says that there is none.
func (t *txn) chunksLeft(c *record.Content, size int64) (es blob.Extents, gapless bool, err error) {
	const none = -1
	n, gap, at := uint32(0), none, c.Chunks
	it := t.r.Scan(meta.ScanOptions{Prefix: table.ExtentListOf(c.List)})
	defer it.Close()
	for it.Next() {
		var l record.ExtentList
		_, chunk := table.SplitExtentList(it.Key())
		more := toExtents(nil)
		if unmarshal(it.Key(), it.Value(), &l) == nil {
			more = toExtents(l.Extents)
		}
		if chunk != n && gap == none || more.Validate() != nil || len(more) == 0 {
			gap = len(es)
		}
		if more.Validate() == nil {
			es = append(es, more...)
		}
		if chunk == 0 && l.Chunks != 0 {
			at = l.Chunks
		}
		n = chunk + 1
	}
	if err := damaged(it.Err()); err != nil && !unreadable(err) {
		return nil, false, err
	}
	if n < at && gap == none {
		gap = len(es)
	}
	if gap == none {
		return es, true, nil
	}
	if missing := size - es.Size(); missing > 0 {
		es = slices.Insert(es, gap, blob.Extent{Blob: lostBlob, Len: missing})
	}
	return es, false, nil
}

// lostBlob is the content file of bytes of which nobody knows where they were.
const lostBlob = ^blob.ID(0)

// restOfExtents sorts extents into what is there, what is suspect and what is lost. What
// they leave of the size is lost.
func (t *txn) restOfExtents(r *repairer, es blob.Extents, rest *contentRest) error {
	at := int64(0)
	lengths := map[blob.ID]int64{}
	for _, e := range es {
		if err := t.restOfExtent(r, e, at, lengths, rest); err != nil {
			return err
		}
		at += e.Len
	}
	if at < rest.size {
		rest.lose(at, rest.size-at)
	}
	rest.changed = rest.changed || !slices.Equal(rest.extents, es)
	return nil
}

func (c *contentRest) lose(at, n int64) {
	c.extents = append(c.extents, blob.Extent{Len: n})
	c.lost = append(c.lost, blob.Range{Lo: at, Hi: at + n})
}

func (t *txn) restOfExtent(r *repairer, e blob.Extent, at int64, lengths map[blob.ID]int64, rest *contentRest) error {
	if e.IsHole() {
		rest.extents = append(rest.extents, e)
		return nil
	}
	length, known := lengths[e.Blob]
	if !known {
		var b record.Blob
		ok, err := t.get(table.Blob(uint64(e.Blob)), &b)
		if err := ignoreUnreadable(err); err != nil {
			return err
		}
		if ok && err == nil && b.Sum != 0 {
			length = b.Length
			if _, err := t.s.fileKey(&b, e.Blob); keyGone(err) {
				length = 0 // nobody can decrypt it
			}
		}
		lengths[e.Blob] = length
	}
	there := max(0, min(e.Len, length-e.Off))
	if d := r.damaged[uint64(e.Blob)]; d != nil {
		d.sort(e.Off, there, at, rest)
	} else if there > 0 {
		rest.extents = append(rest.extents, blob.Extent{Blob: e.Blob, Off: e.Off, Len: there})
		rest.read += there
	}
	if there < e.Len {
		rest.lose(at+there, e.Len-there)
	}
	return nil
}

// keepRest keeps what is left of a content whose owner has just been taken away.
func (t *txn) keepRest(r *repairer, name string, v *record.Version, c *record.Content, size int64) error {
	rest, err := t.restOf(r, c, size)
	if err != nil {
		return err
	}
	if v == nil && rest.read == 0 && (c != nil || rest.size == 0) {
		return t.dropContent(c) // nothing is left, and nobody knows what it was
	}
	if rest.whole() && !rest.changed {
		note := ""
		if v == nil {
			note = "bytes that belonged to nothing"
		}
		return t.keep(name, v, c, rest.size, note) // it goes on to own them
	}
	var own *record.Content
	kept := rest.size
	switch {
	case rest.inline != nil:
		if own, err = t.newInline(rest.inline, rest.encryption); err != nil {
			return err
		}
	case rest.read == 0:
		kept = 0
	default:
		e, err := t.encryptionFor(rest.extents, v.GetEncryption())
		if err != nil {
			return err
		}
		if own, err = t.newExtents(rest.extents, e); err != nil {
			return err
		}
	}
	if err := t.dropContent(c); err != nil {
		return err
	}
	return t.keep(name, v, own, kept, rest.note())
}

// replaceContent is a content with other extents of the same bytes; e is the encryption of its
// owner.
func (t *txn) replaceContent(c *record.Content, rest *contentRest, e *record.Encryption) (*record.Content, error) {
	if err := t.soundSums(c); err != nil {
		return nil, err
	}
	n, err := t.replaceBytes(c, rest, e)
	if err == nil && n != c && len(c.GetSums()) > 0 {
		if n == nil {
			n = &record.Content{}
		}
		n.Sums = c.Sums
	}
	return n, err
}

func (t *txn) replaceBytes(c *record.Content, rest *contentRest, e *record.Encryption) (*record.Content, error) {
	if c.GetInline() != 0 {
		return &record.Content{Inline: c.Inline, Allocated: rest.size}, nil
	}
	if c.GetList() != 0 && !rest.changed {
		return c, nil
	}
	if len(rest.extents) == 0 {
		return nil, t.dropOwner(c)
	}
	if err := t.dropOwner(c); err != nil {
		return nil, err
	}
	return t.newExtents(rest.extents, e)
}

// soundSums lets go of the checksums of a content's parts if one of them cannot be read.
func (t *txn) soundSums(c *record.Content) error {
	for _, id := range c.GetSums() {
		if _, err := t.inlineBytes(id); unreadable(err) {
			err := t.releaseSums(c)
			c.Sums = nil
			return err
		} else if err != nil {
			return err
		}
	}
	return nil
}

// dropContent is dropOwner for all that belongs to a content.
func (t *txn) dropContent(c *record.Content) error {
	if err := t.releaseSums(c); err != nil {
		return err
	}
	return t.dropOwner(c)
}

// dropOwner takes an owner away from an inlined content or a list, and the content with
// the last one. The counts of content files are made anew.
func (t *txn) dropOwner(c *record.Content) error {
	id := max(c.GetInline(), c.GetList())
	if id == 0 {
		return nil
	}
	last, err := t.dropOwned(id)
	if err != nil || !last {
		return err
	}
	t.tx.Delete(table.Inline(id))
	return t.dropList(id)
}

// dropList removes all chunks of a list.
func (t *txn) dropList(list uint64) error {
	it := t.r.Scan(meta.ScanOptions{Prefix: table.ExtentListOf(list), KeysOnly: true})
	defer it.Close()
	for it.Next() {
		t.tx.Delete(bytes.Clone(it.Key()))
	}
	return damaged(it.Err())
}

// keepUnowned keeps what no version has.
func (f *fsck) keepUnowned(c *blobCount) remedy {
	id, is := c.id, c.is
	return remedy{does: "keeps it in " + LostFound, late: true, fix: func(r *repairer) error {
		if r.copies[id] {
			return errNothing // its owners are still to come
		}
		if d := r.damaged[id]; d != nil && d.copy != 0 {
			return r.dropFile(id) // all that was in it is in the copy
		}
		if opaque, err := r.isOpaque(id, is); err != nil {
			return err
		} else if opaque {
			return r.keepOpaque(blob.ID(id), blob.ID(id))
		}
		return r.update(func(t *txn) error { return t.keepUnowned(r, id, is) })
	}}
}

func (t *txn) keepUnowned(r *repairer, id uint64, is blobIs) error {
	name := fmt.Sprintf("contents/%016x", id)
	switch {
	case is&isFile != 0:
		var b record.Blob
		if ok, err := t.get(table.Blob(id), &b); err != nil || !ok {
			return ignoreUnreadable(err)
		}
		if b.Length == 0 || r.damaged[id] != nil { // which has nothing to copy
			t.tx.Delete(table.Blob(id))
			t.toGarbage(id)
			return nil
		}
		c, err := t.newExtents(blob.Extents{{Blob: blob.ID(id), Len: b.Length}}, nil)
		if err != nil {
			return err
		}
		return t.keep(name, nil, c, b.Length, "bytes that belonged to nothing")
	case is&isInline != 0:
		t.tx.Delete(table.Blob(id))
		return t.keepRest(r, name, nil, &record.Content{Inline: id}, -1)
	}
	t.tx.Delete(table.Blob(id))
	return t.keepRest(r, name, nil, &record.Content{List: id, Chunks: 1}, -1)
}
