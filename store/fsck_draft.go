package store

import (
	"errors"
	"fmt"

	"pail/crypto"
	"pail/store/internal/blob"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
)

// What is on its way to become a version: fsynced drafts, pending publishes, parts.

// checkDrafts checks all of them.
func (f *fsck) checkDrafts() error {
	f.begin("drafts and uploads", 0)
	err := f.scan(table.Drafts(), func(k, v []byte) error {
		var d record.Draft
		if err := unmarshal(k, v, &d); err != nil {
			return err
		}
		ino, err := table.Number(k)
		if err != nil {
			return err
		}
		what, err := f.wrongDraft(ino, &d)
		if err != nil || what == "" {
			return err
		}
		return f.add(ProblemDraft, f.object(d.Bucket, d.Key), fmt.Sprintf("its draft of inode %d: %s", ino, what), f.keepDraft(k))
	})
	if err != nil {
		return err
	}
	if err := f.checkPatches(); err != nil {
		return err
	}
	err = f.scan(table.Pendings(), func(k, v []byte) error {
		var p record.Pending
		if err := unmarshal(k, v, &p); err != nil {
			return err
		}
		seq, err := table.Number(k)
		if err != nil {
			return err
		}
		if pred := p.Predecessor; pred != nil && (pred.Seq >= seq || pred.Marker || pred.Bare) {
			return f.wrong(k, amend("keeps that in "+LostFound, k, func(_ *txn, p *record.Pending) { p.Predecessor = nil }), "what it would fall back to is not older content")
		}
		return nil
	})
	if err != nil {
		return err
	}
	return f.scan(table.AllParts(), func(k, _ []byte) error {
		if f.uploads[table.SplitBucket(k)] {
			return nil
		}
		return f.wrong(k, f.exile("keeps it in "+LostFound, k), "there is no such upload")
	})
}

// checkPatches checks that what was written to drafts has drafts to be put over.
func (f *fsck) checkPatches() error {
	return f.scan(table.Patches(), func(k, v []byte) error {
		var p record.Patch
		if err := unmarshal(k, v, &p); err != nil {
			return err
		}
		var d record.Draft
		switch ok, err := f.sn.get(table.Draft(table.SplitBucket(k)), &d); {
		case unreadable(err):
			return nil // which is reported
		case err != nil:
			return err
		case !ok || d.Blob == 0:
			return f.wrong(k, f.keepPatches(k), "there is no such draft")
		}
		for _, r := range p.Runs {
			if r.Off < 0 || r.Off+int64(len(r.Data)) > p.Size {
				return f.wrong(k, f.keepPatches(k), "it writes behind the draft's end")
			}
		}
		return nil
	})
}

// wrongDraft says what is wrong with an fsynced draft, "" if nothing is.
func (f *fsck) wrongDraft(ino uint64, d *record.Draft) (string, error) {
	size := d.Version.GetSize()
	switch {
	case f.buckets[d.Bucket] == nil:
		return "its bucket does not exist", nil
	case d.Version == nil || d.Version.Attr == nil || d.Version.Ino != ino || size < 0:
		return "what it would become is incomplete", nil
	case d.Blob == 0 && inlineSize(d) != size:
		return fmt.Sprintf("it has %d bytes and should have %d", inlineSize(d), size), nil
	}
	if f.raw {
		return "", nil // recovery has its turn
	}
	forgotten, err := f.stays(func() (left bool, err error) {
		if f.s.files.find(ino) != nil {
			return false, nil
		}
		err = f.fresh(func(sn *snap) error {
			left, err = sn.has(table.Draft(ino))
			return err
		})
		return left, err
	})
	if err != nil || forgotten {
		return "no open file has it, and the next recovery would publish it", err
	}
	if d.Blob == 0 {
		return "", nil
	}
	what, err := f.wrongRegions(d)
	if err != nil || what != "" {
		return what, err
	}
	if d.BlobSize == 0 {
		return "", nil
	}
	return f.wrongDraftFile(ino, blob.ID(d.Blob))
}

// wrongRegions checks the recorded extents of a draft.
func (f *fsck) wrongRegions(d *record.Draft) (string, error) {
	base, err := f.sn.extentsOf(d.Base)
	if unreadable(err) {
		return "what it began from is damaged", nil
	}
	if err != nil {
		return "", err
	}
	known := map[blob.ID]bool{blob.ID(d.Blob): true}
	for _, id := range base.Blobs() {
		known[id] = true
	}
	for _, id := range d.Lent {
		known[blob.ID(id)] = true
	}
	it := f.sn.r.Scan(meta.ScanOptions{Prefix: table.ExtentListOf(d.List)})
	defer it.Close()
	for it.Next() {
		var l record.ExtentList
		if err := unmarshal(it.Key(), it.Value(), &l); err != nil {
			return "", err
		}
		_, region := table.SplitExtentList(it.Key())
		es := toExtents(l.Extents)
		if es.Validate() != nil || es.Size() > min(regionSize, d.Version.Size-int64(region)*regionSize) {
			return fmt.Sprintf("region %d of it is not what a draft can have", region), nil
		}
		for _, e := range es {
			if !e.IsHole() && !known[e.Blob] {
				return fmt.Sprintf("region %d of it needs content file %v, which is not its own", region, e.Blob), nil
			}
			if e.Blob == blob.ID(d.Blob) && e.Off+e.Len > d.BlobSize {
				return fmt.Sprintf("region %d of it needs more of its content file than was synced", region), nil
			}
		}
	}
	if err := damaged(it.Err()); err != nil && !unreadable(err) {
		return "", err
	}
	return "", nil
}

// wrongDraftFile checks that the file of a draft is there.
func (f *fsck) wrongDraftFile(ino uint64, id blob.ID) (string, error) {
	missing, err := f.stays(func() (bool, error) {
		_, err := f.s.blobs.Usage(id)
		if !errors.Is(err, blob.ErrNotFound) {
			return false, blobError(err)
		}
		left := false
		err = f.fresh(func(sn *snap) error {
			var d record.Draft
			ok, err := sn.get(table.Draft(ino), &d)
			left = ok && d.Blob == uint64(id)
			return err
		})
		return left, err
	})
	if err != nil || !missing {
		return "", err
	}
	return fmt.Sprintf("its content file %v is gone", id), nil
}

// inlineSize is how many bytes a small draft has.
func inlineSize(d *record.Draft) int64 {
	if d.Encryption != nil {
		return int64(len(d.Inline)) - crypto.EnvelopeOverhead
	}
	return int64(len(d.Inline))
}
