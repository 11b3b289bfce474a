package store

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"pail/store/internal/blob"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
)

// Remedies for drafts that recovery could not publish: what was written is kept.

func (f *fsck) keepDraft(k []byte) remedy {
	k = slices.Clone(k)
	return remedy{
		does: "keeps what was written to it in " + LostFound,
		late: true,
		fix:  func(r *repairer) error { return r.keepDraft(k) },
	}
}

func (f *fsck) keepPatches(k []byte) remedy {
	ino := table.SplitBucket(k)
	return remedy{
		does: "keeps what was written in " + LostFound,
		late: true,
		fix:  func(r *repairer) error { return r.keepWritten(ino, nil) },
	}
}

func (r *repairer) keepDraft(k []byte) error {
	var d record.Draft
	err := r.s.view(func(sn *snap) error {
		ok, err := sn.get(k, &d)
		if err == nil && !ok {
			err = errNothing
		}
		return err
	})
	if err != nil {
		return ignoreUnreadable(err)
	}
	return r.keepWritten(table.SplitBucket(k), &d)
}

// keepWritten keeps what was written to a draft since its file was last published, encrypted
// as the draft is: where nothing was written there are zeros. d is nil if only patches are left;
// those that are encrypted nobody can read then.
func (r *repairer) keepWritten(ino uint64, d *record.Draft) error {
	e, err := r.s.openDraftEncryption(d, ino)
	if err != nil && !keyGone(err) {
		return later(err)
	}
	var of []*encryption
	if e != nil {
		of = append(of, e)
	}
	w, err := r.newFile(of, false)
	if err != nil {
		return err
	}
	if err := r.copyWritten(ino, d, e, w.Writer); err != nil {
		return errors.Join(err, w.Discard())
	}
	size := w.Size()
	if size == 0 {
		if err := w.Discard(); err != nil {
			return blobError(err)
		}
		return r.update(func(t *txn) error { return t.dropLostDraft(ino, d) })
	}
	if err := r.addFile(w, 0); err != nil {
		return err
	}
	return r.update(func(t *txn) error {
		name := fmt.Sprintf("drafts/%d", ino)
		var v *record.Version
		if d != nil {
			v = d.Version
			name = t.foundName(d.Bucket, d.Key, fmt.Sprintf("draft-%d", ino))
		}
		c, err := t.newExtents(blob.Extents{{Blob: w.ID(), Len: size}}, nil)
		if err != nil {
			return err
		}
		note := "what was written since the last publish; zeros where nothing was"
		if err := t.keep(name, v, c, size, note); err != nil {
			return err
		}
		return t.dropLostDraft(ino, d)
	})
}

// copyWritten copies to w what can be read of what a draft has in its content file and in the
// records; e is its encryption.
func (r *repairer) copyWritten(ino uint64, d *record.Draft, e *encryption, w *blob.Writer) error {
	sealed := d.GetEncryption() != nil
	if inline := d.GetInline(); len(inline) > 0 {
		if sealed {
			inline, _ = e.open(inline, "draft", ino)
		}
		if _, err := w.WriteAt(inline, 0); err != nil {
			return blobError(err)
		}
	}
	if d.GetBlob() != 0 {
		if err := r.copyDraftFile(d, sealed, e, w); err != nil && !errors.Is(err, blob.ErrNotFound) {
			return blobError(err)
		}
	}
	return r.s.view(func(sn *snap) error {
		it := sn.r.Scan(meta.ScanOptions{Prefix: table.PatchesOf(ino)})
		defer it.Close()
		for it.Next() {
			var p record.Patch
			if unmarshal(it.Key(), it.Value(), &p) != nil || e.openPatch(&p, ino) != nil {
				continue
			}
			for _, run := range p.Runs {
				if run.Off < 0 {
					continue
				}
				if _, err := w.WriteAt(run.Data, run.Off); err != nil {
					return blobError(err)
				}
			}
		}
		return ignoreUnreadable(damaged(it.Err()))
	})
}

// copyDraftFile copies what can be read of a draft's content file.
func (r *repairer) copyDraftFile(d *record.Draft, sealed bool, e *encryption, w *blob.Writer) error {
	id := blob.ID(d.Blob)
	if !sealed {
		_, err := r.s.blobs.Salvage(id, id, blob.Seal{}, min(d.BlobSize, r.s.blobs.FileSize(id)), w)
		return err
	}
	if e == nil {
		return nil
	}
	key, err := e.unwrap(d.FileKey, id)
	if err != nil {
		return nil
	}
	_, err = r.s.blobs.SalvageEncrypted(id, id, blob.Seal{}, d.BlobSize, key, w)
	return err
}

// dropLostDraft removes the records of a draft. What it began from is another's, or is found
// to be nobody's.
func (t *txn) dropLostDraft(ino uint64, d *record.Draft) error {
	t.tx.Delete(table.Draft(ino))
	it := t.r.Scan(meta.ScanOptions{Prefix: table.PatchesOf(ino), KeysOnly: true})
	defer it.Close()
	for it.Next() {
		t.tx.Delete(bytes.Clone(it.Key()))
	}
	if err := damaged(it.Err()); err != nil {
		return err
	}
	if d == nil {
		return nil
	}
	if d.Blob != 0 {
		t.toGarbage(d.Blob)
	}
	if d.List == 0 {
		return nil
	}
	return t.dropList(d.List)
}
