package store

import (
	"errors"

	"pail/crypto"
	"pail/store/fault"
	"pail/store/internal/blob"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
)

// Patches. An fsync after a few bytes were written, as databases do it, keeps just those
// in the records: one sync, shared with whoever else commits, where the content file
// would need one of its own and the records another. The bytes are in the content file
// as well, which is synced when the patches have become many, when something happened to
// the draft that is no write, and before it is published.

const (
	// patchMost is how many bytes one patch may have, in so many runs.
	patchMost = 32 << 10
	runsMost  = 64
	// patchesMost is how many patches a draft may have, of so many bytes together.
	patchesMost = 500
	patchedMost = 2 << 20
)

// A span is a range of a draft's bytes.
type span struct{ off, n int64 }

// wrote notes that bytes were written.
func (y *draftSync) wrote(off, n int64) {
	if n <= 0 || y.changed == nil {
		return
	}
	y.markRegions(off, n)
	if y.whole {
		return
	}
	if i := len(y.spans) - 1; i >= 0 && off >= y.spans[i].off && off <= y.spans[i].off+y.spans[i].n {
		last := &y.spans[i] // the same place again, or what follows it
		y.spanned -= last.n
		last.n = max(last.n, off+n-last.off)
		y.spanned += last.n
	} else {
		y.spans = append(y.spans, span{off, n})
		y.spanned += n
	}
	y.whole = y.spanned > patchMost || len(y.spans) > runsMost
}

// changedOtherwise notes a change that no patch can tell.
func (y *draftSync) changedOtherwise() { y.whole = true }

// patchable says whether what has changed fits into a patch.
func (y *draftSync) patchable() bool {
	return !y.whole && y.patches < patchesMost && y.patched+y.spanned <= patchedMost
}

// recordedWhole notes that the records are about to say everything by themselves.
func (y *draftSync) recordedWhole() {
	y.whole, y.patches, y.patched = false, 0, 0
	y.spans, y.spanned = nil, 0
}

// draftPatch takes what was written since the last fsync. mu is held for writing.
func (n *inode) draftPatch(d *draft, st *draftState) error {
	y := &d.sync
	if len(y.spans) > 0 {
		p := &record.Patch{Schema: record.Schema, Size: d.size, MtimeNs: n.attr.GetMtimeNs(), CtimeNs: n.attr.GetCtimeNs()}
		for _, s := range y.spans {
			data := make([]byte, s.n)
			if _, err := d.file.ReadAt(data, s.off); err != nil {
				return blobError(err)
			}
			p.Runs = append(p.Runs, &record.Run{Off: s.off, Data: data})
		}
		if d.encryption != nil {
			if err := d.encryption.sealPatch(p, n.ino); err != nil {
				return err
			}
		}
		st.patch, st.number = p, uint32(y.patches)
		y.patches++
		y.patched += y.spanned
		y.spans, y.spanned = nil, 0
	}
	if y.again || !y.recorded {
		st.rec = n.draftRecord(d)
		n.draftFile(d, st.rec)
	}
	return nil
}

// putPatch writes a patch. Its draft is recorded.
func (t *txn) putPatch(n *inode, st draftState) error {
	var d record.Draft
	switch ok, err := t.get(table.Draft(n.ino), &d); {
	case err != nil:
		return err
	case !ok || d.Blob == 0:
		return errNoPatch
	}
	return t.put(table.Patch(n.ino, st.number), st.patch)
}

// dropPatches removes the patches of a draft.
func (t *txn) dropPatches(ino uint64) error { return t.deleteAll(table.PatchesOf(ino)) }

// overlayPatches puts the patches of a draft over what else is recorded of it.
func (sn *snap) overlayPatches(n *inode, d *draft) error {
	it := sn.r.Scan(meta.ScanOptions{Prefix: table.PatchesOf(n.ino)})
	defer it.Close()
	for it.Next() {
		var p record.Patch
		if err := unmarshal(it.Key(), it.Value(), &p); err != nil {
			return err
		}
		if err := d.encryption.openPatch(&p, n.ino); err != nil {
			return err
		}
		for _, r := range p.Runs {
			if r.Off < 0 || r.Off+int64(len(r.Data)) > p.Size {
				return fault.New(fault.Damaged, "a patch of the draft writes behind its end")
			}
			if _, err := d.file.WriteAt(r.Data, r.Off); err != nil {
				return blobError(err)
			}
			d.m.Write(r.Off, int64(len(r.Data)), d.file.ID(), r.Off)
		}
		d.m.Truncate(p.Size)
		d.size = p.Size
		n.attr.MtimeNs, n.attr.CtimeNs = p.MtimeNs, p.CtimeNs
	}
	return damaged(it.Err())
}

// reopenDraft opens the content file of a draft. One of which nothing was synced may be
// missing. key is its data key, if it is encrypted.
func (s *Store) reopenDraft(r *record.Draft, key *crypto.Key) (*blob.Writer, error) {
	if key != nil {
		w, err := s.blobs.ReopenEncrypted(blob.ID(r.Blob), r.BlobSize, key)
		if errors.Is(err, blob.ErrNotFound) && r.BlobSize == 0 {
			w, err = s.blobs.CreateEncrypted(blob.ID(r.Blob), key, false)
		}
		return w, blobError(err)
	}
	w, err := s.blobs.Reopen(blob.ID(r.Blob), r.BlobSize)
	if errors.Is(err, blob.ErrNotFound) && r.BlobSize == 0 {
		w, err = s.blobs.Create(blob.ID(r.Blob))
	}
	return w, blobError(err)
}
