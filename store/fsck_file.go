package store

import (
	"errors"
	"fmt"
	"time"

	"pail/store/fault"
	"pail/store/internal/blob"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
)

// Content files against their records, and the other way round.

// checkFiles checks the file of each record of a content file. What is wrong with one
// is remembered, so that its owners can be named.
func (f *fsck) checkFiles() error {
	what := "content files"
	if f.opts.Deep {
		what = "bytes of content files"
	}
	var total int64
	err := f.eachFile(func(_ uint64, b *record.Blob) error {
		total += f.weight(b)
		return nil
	})
	if err != nil {
		return err
	}
	f.begin(what, total)
	return f.eachFile(func(id uint64, b *record.Blob) error {
		if err := f.checkFile(blob.ID(id), b); err != nil {
			return err
		}
		f.done += f.weight(b)
		if time.Since(f.spoken) > 100*time.Millisecond {
			f.speak()
		}
		return f.ctx.Err()
	})
}

// weight is how much of the work a file is.
func (f *fsck) weight(b *record.Blob) int64 {
	if f.opts.Deep {
		return b.Length
	}
	return 1
}

// eachFile calls fn with the record of each content file.
func (f *fsck) eachFile(fn func(id uint64, b *record.Blob) error) error {
	var b record.Blob
	return f.scan(table.Blobs(), func(k, v []byte) error {
		f.done-- // files are what is counted here, not records
		if err := unmarshal(k, v, &b); err != nil || b.Sum == 0 {
			return err
		}
		return fn(table.SplitBucket(k), &b)
	})
}

func (f *fsck) checkFile(id blob.ID, b *record.Blob) error {
	seal := blob.Seal{Length: b.Length, Sum: b.Sum}
	why, err := f.tryFile(id, seal)
	if err != nil || why == nil {
		return err
	}
	// Its last version may have gone since the snapshot, and the file with it.
	gone := false
	err = f.fresh(func(sn *snap) error {
		there, err := sn.has(table.Blob(uint64(id)))
		gone = !there
		return err
	})
	if err != nil || gone {
		return err
	}
	where := fmt.Sprintf("content file %v", id)
	kind := ProblemDamaged
	f.lost[uint64(id)] = fmt.Sprintf("its content file %v is damaged", id)
	if errors.Is(why, blob.ErrNotFound) {
		kind = ProblemMissing
		f.lost[uint64(id)] = fmt.Sprintf("its content file %v is gone", id)
	}
	return f.add(kind, where, why.Error(), f.replaceFile(id, b))
}

// tryFile says what is wrong with a content file, nil if nothing is.
func (f *fsck) tryFile(id blob.ID, seal blob.Seal) (why, err error) {
	if f.opts.Deep {
		why = f.s.blobs.Verify(id, seal)
	} else {
		why = f.s.blobs.VerifySeal(id, seal)
	}
	if errors.Is(why, blob.ErrClosed) {
		return nil, fault.New(fault.Unavailable, "the store is closing")
	}
	return why, nil
}

// checkDisk looks for content files that no record names. Files younger than the
// snapshot are none of its business; of older ones, those that are being written or
// received have no record yet.
func (f *fsck) checkDisk() error {
	f.begin("files on disk", f.total)
	var suspects []blob.ID
	err := f.s.blobs.Walk(func(id blob.ID, _ int64, _ bool) error {
		if err := f.step(); err != nil || uint64(id) > f.lastID {
			return err
		}
		named, err := f.names(f.sn, uint64(id))
		if err != nil || named {
			return err
		}
		if len(suspects) < fsckMost {
			suspects = append(suspects, id)
		}
		return nil
	})
	if err != nil {
		return blobError(err)
	}
	for _, id := range suspects {
		if err := f.checkSuspect(id); err != nil {
			return err
		}
	}
	return nil
}

// names says whether records name a content file, those included that cannot be read.
func (f *fsck) names(sn *snap, id uint64) (bool, error) {
	if _, ok := f.drafts[id]; ok || f.bad[string(table.Blob(id))] {
		return true, nil
	}
	for _, k := range [][]byte{table.Blob(id), table.Garbage(id)} {
		if ok, err := sn.has(k); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

func (f *fsck) checkSuspect(id blob.ID) error {
	stays, err := f.stays(func() (bool, error) {
		// In this order: what ends being written has a record by then, or no file.
		if f.s.blobs.InUse(id) || f.s.files.keeps(id) {
			return false, nil
		}
		named := false
		err := f.fresh(func(sn *snap) (err error) {
			if named, err = sn.names(uint64(id)); unreadable(err) {
				named, err = true, nil
			}
			return err
		})
		if err != nil || named {
			return false, err
		}
		_, err = f.s.blobs.Usage(id)
		if errors.Is(err, blob.ErrNotFound) {
			return false, nil
		}
		return err == nil, blobError(err)
	})
	if err != nil || !stays {
		return err
	}
	return f.add(ProblemUnnamed, fmt.Sprintf("content file %v", id), "no record names it", f.keepFile(id))
}

// stays says whether something that the store's memory and its records disagree about
// is so for good: while one follows the other they may for a moment.
func (f *fsck) stays(wrong func() (bool, error)) (bool, error) {
	for i := range 3 {
		if i > 0 {
			select {
			case <-time.After(20 * time.Millisecond):
			case <-f.ctx.Done():
				return false, f.ctx.Err()
			}
		}
		if is, err := wrong(); err != nil || !is {
			return false, err
		}
	}
	return true, nil
}

// keeps says whether an open file has a content file that only it knows of.
func (f *fileTable) keeps(id blob.ID) bool {
	for _, n := range f.all() {
		n.mu.RLock()
		kept := false
		if d := n.draft; d != nil {
			for _, old := range d.olds {
				kept = kept || old == id
			}
		}
		n.mu.RUnlock()
		if kept {
			return true
		}
	}
	return false
}

// checkGarbage checks that nothing is to be deleted that is in use.
func (f *fsck) checkGarbage() error {
	f.begin("garbage", 0)
	return f.scan(table.Garbages(), func(k, _ []byte) error {
		id, err := table.Number(k)
		if err != nil {
			return err
		}
		used, err := f.sn.has(table.Blob(id))
		if err != nil {
			return err
		}
		if _, ok := f.drafts[id]; !used && !ok {
			return nil
		}
		return f.add(ProblemGarbage, fmt.Sprintf("content file %v", blob.ID(id)), "it is about to be deleted and still in use", drop("keeps it", k))
	})
}
