package store

import (
	"pail/store/internal/blob"
)

// A draft may lose its name, or a content file of its own, while a record of it on the disk
// still names that file: the update that takes the record away is durable soon, not at once.
// So a file that a record may name is never deleted by who uses it. It becomes garbage, which
// goes when everything until then is durable, and is pinned while the draft is in use.

// named are the content files of a draft that a record of it on the disk may name.
func (d *draft) named() []blob.ID {
	ids := append([]blob.ID(nil), d.olds...)
	if d.mayBeNamed() {
		ids = append(ids, d.file.ID())
	}
	return ids
}

// mayBeNamed says whether a record may name the content file that the draft has now. Of a
// file that never had a name there was none, however often it was fsynced.
func (d *draft) mayBeNamed() bool {
	return d.file != nil && d.sync.recorded && d.noted && !d.doomed
}

func (t *txn) allToGarbage(ids []blob.ID) {
	for _, id := range ids {
		t.toGarbage(uint64(id))
	}
}

// unnamed goes on with the draft of a file that has lost its name: its bytes stay with
// those who have it open. What named returns has become garbage.
func (d *draft) unnamed() error {
	if d.mayBeNamed() {
		d.doomed = true
		d.s.pins.add([]blob.ID{d.file.ID()})
	}
	d.olds = nil
	d.sync = draftSync{}
	d.dirty, d.fresh = false, false
	if d.file == nil {
		return nil
	}
	d.sync.toFile(d.m.Size())
	d.alone = true
	return blobError(d.file.Unseal())
}

// leave ends the use of a content file that the draft no longer needs. If a record of
// the draft may name it, it stays until the publish.
func (d *draft) leave(old *blob.Writer) error {
	if !d.sync.recorded || d.doomed {
		return d.drop(old)
	}
	d.olds = append(d.olds, old.ID())
	return blobError(old.Close())
}

// drop deletes the draft's content file, or leaves it to those who delete garbage.
func (d *draft) drop(w *blob.Writer) error {
	if !d.doomed {
		return blobError(w.Discard())
	}
	d.doomed = false
	d.s.pins.drop([]blob.ID{w.ID()})
	return blobError(w.Close())
}
