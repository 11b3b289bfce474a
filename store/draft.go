package store

import (
	"errors"
	"io"

	"pail/crypto"
	"pail/store/fault"
	"pail/store/internal/blob"
)

// A draft is the changeable content of an inode: everything since the last publish.
// A small one is in memory; a larger one writes to a content file of its own, at the
// same offsets as in the file, over the extents it began from, none of which is
// copied. The inode's mu guards it.
type draft struct {
	s    *Store
	of   *inode
	size int64

	small []byte // the whole content, while file is nil

	file  *blob.Writer // what was written since the draft began
	kept  int64        // bytes that the disk keeps for it, once it is sealed
	m     *blob.Map    // where each byte of the content is
	alone bool         // nothing of the content is in what the draft began from
	wide  bool         // its list of extents was too much for one update
	base  uint64       // the list of extents that it stands on (see bases)
	lent  loans        // bytes of other contents that the draft refers to

	olds   []blob.ID // content files that only a record of the draft may still name
	noted  bool      // a record of the draft was written
	doomed bool      // the content file is garbage that only this draft still pins

	encryption *encryption // nil: what is kept of it is not encrypted
	key        *crypto.Key // the data key of its content file then

	who     author
	se      *Session // of who, to be asked about before it is published; nil: he is nobody any more
	allowed uint64   // in which generation of rules its publish was allowed

	asked bool // it is known that no key has to be asked for before something is written
	empty bool // it began empty, whatever was there

	dirty bool // data changed since it began
	fresh bool // it was created or truncated, and must be published though no data changed

	sync draftSync
}

// newDraft begins a draft in the name of who opened f. mu is held. The bytes it begins from are
// those of the inode's body; none if empty is set.
func (f *File) newDraft(empty bool) (*draft, error) {
	n := f.n
	d := &draft{s: n.s, of: n, who: f.se.author(), se: f.se, allowed: f.writes.Load()}
	if empty || n.body == nil {
		d.empty = empty
		return d, d.encryptsNow()
	}
	if err := d.encryptsNow(); err != nil {
		return nil, err
	}
	d.size = n.body.size
	if n.body.extents != nil && d.size > int64(n.s.opts.InlineMax) {
		if err := d.standOn(n); err != nil {
			return nil, err
		}
		if err := d.toFile(n.body.extents); err != nil {
			d.standDown()
			return nil, err
		}
		return d, nil
	}
	d.small = make([]byte, d.size)
	if _, err := n.body.readFull(d.small, 0); err != nil {
		return nil, err
	}
	return d, nil
}

// toFile begins a content file over base.
func (d *draft) toFile(base blob.Extents) error {
	if err := d.encrypt(); err != nil {
		return err
	}
	w, key, err := d.s.newBlobFile(d.encryption, false)
	if err != nil {
		return err
	}
	d.file, d.key, d.m = w, key, blob.NewMap(base)
	d.sync.toFile(d.m.Size())
	return nil
}

// grow moves a small draft into a content file.
func (d *draft) grow() error {
	if err := d.toFile(nil); err != nil {
		return err
	}
	if len(d.small) > 0 {
		if _, err := d.file.WriteAt(d.small, 0); err != nil {
			return errors.Join(blobError(err), d.discard())
		}
		d.m.Write(0, int64(len(d.small)), d.file.ID(), 0)
	}
	d.sync.mark(0, int64(len(d.small)))
	d.small = nil
	return nil
}

// writeAt puts p at off.
func (d *draft) writeAt(p []byte, off int64) (int, error) {
	end := off + int64(len(p))
	if end > d.s.maxObjectSize() || end < 0 {
		return 0, tooLarge(d.s.maxObjectSize())
	}
	if err := d.s.room(); err != nil {
		return 0, err
	}
	if err := d.encryptsNow(); err != nil {
		return 0, err
	}
	if d.file == nil && end > int64(d.s.opts.InlineMax) {
		if err := d.grow(); err != nil {
			return 0, err
		}
	}
	if d.file == nil {
		d.extendSmall(end)
		copy(d.small[off:], p)
	} else {
		if _, err := d.file.WriteAt(p, off); err != nil {
			return 0, blobError(err)
		}
		d.sync.wrote(off, int64(len(p)))
		d.m.Write(off, int64(len(p)), d.file.ID(), off)
	}
	d.size = max(d.size, end)
	d.dirty = true
	return len(p), nil
}

func (d *draft) extendSmall(end int64) {
	if end <= int64(len(d.small)) {
		return
	}
	if end > int64(cap(d.small)) {
		room := end // all that most files ever have
		if cap(d.small) > 0 {
			room = min(max(2*end, 512), int64(d.s.opts.InlineMax))
		}
		grown := make([]byte, len(d.small), room)
		copy(grown, d.small)
		d.small = grown
	}
	n := len(d.small)
	d.small = d.small[:end]
	clear(d.small[n:])
}

// truncate makes the content size bytes long. What is over the largest object size may
// become less so.
func (d *draft) truncate(size int64) error {
	if size > max(d.size, d.s.maxObjectSize()) {
		return tooLarge(d.s.maxObjectSize())
	}
	if d.file == nil && size > int64(d.s.opts.InlineMax) {
		if err := d.grow(); err != nil {
			return err
		}
	}
	if d.file == nil {
		if size < int64(len(d.small)) {
			d.small = d.small[:size]
		}
		d.extendSmall(size)
	} else {
		d.sync.truncate(size)
		d.m.Truncate(size)
		if size < d.file.Size() {
			if err := d.file.Truncate(size); err != nil {
				return blobError(err)
			}
		}
	}
	d.size = size
	d.dirty = true
	return nil
}

// punch makes a range read as zeros; the size stays.
func (d *draft) punch(off, n int64) error {
	n = min(n, d.size-off)
	if n <= 0 {
		return nil
	}
	if d.file == nil {
		clear(d.small[off : off+n])
	} else {
		d.sync.mark(off, n)
		d.m.Punch(off, n)
	}
	d.dirty = true
	return nil
}

// readAt fills p from off on as far as the content goes; base are the bytes the draft
// began from.
func (d *draft) readAt(base *body, p []byte, off int64) (int, error) {
	if off >= d.size {
		return 0, io.EOF
	}
	want := len(p)
	p = p[:min(int64(len(p)), d.size-off)]
	if d.file == nil {
		copy(p, d.small[off:])
	} else if err := d.readExtents(base, p, off); err != nil {
		return 0, err
	}
	if len(p) < want {
		return len(p), io.EOF
	}
	return len(p), nil
}

func (d *draft) readExtents(base *body, p []byte, off int64) error {
	for _, e := range d.m.Slice(off, int64(len(p))) {
		part := p[:e.Len]
		p = p[e.Len:]
		var err error
		switch {
		case e.IsHole():
			clear(part)
		case e.Blob == d.file.ID():
			_, err = d.file.ReadAt(part, e.Off)
			err = blobError(err)
		case d.lent.has(e.Blob):
			err = d.lent.from.readExtent(part, e, 0)
		case base == nil:
			err = fault.New(fault.Damaged, "a draft refers to bytes that are gone")
		default:
			err = base.readExtent(part, e, 0)
		}
		if err != nil {
			return err
		}
	}
	clear(p)
	return nil
}

// blocks is how many 512-byte units the content takes, holes not counted.
func (d *draft) blocks() int64 {
	n := int64(len(d.small))
	if d.file != nil {
		n = d.m.Allocated()
	}
	return (n + 511) / 512
}

// discard lets go of the draft's content file, if it has one, and of what it has lent.
func (d *draft) discard() error {
	d.lent.end()
	d.standDown()
	var err error
	if d.file != nil {
		err = d.drop(d.file)
		d.file = nil
	}
	for _, id := range d.olds {
		err = errors.Join(err, d.s.blobs.Delete(id))
	}
	return blobError(err)
}
