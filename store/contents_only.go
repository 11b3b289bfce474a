package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"pail/store/fault"
	"pail/store/internal/blob"
	"pail/store/keyring"
)

// RecordsLocked says whether the store at dir has encrypted records, and so is closed to whoever has not
// got its master key.
func RecordsLocked(dir string) bool {
	l, err := readKeys(dir)
	return err == nil && l != nil && l.Records() && l.Source() != keyring.Beside
}

// ContentsSeen is what CheckContents has read.
type ContentsSeen struct {
	Files, Bytes int64
	// Unchecked are the content files that say nothing of themselves: drafts, which are not finished,
	// and files that are cut off or are others than their names say. Who has the master key finds out
	// which.
	Unchecked []string
}

// CheckContents compares the content files of the store at opts.Dir, which nobody has open, with the checksums that they carry
// themselves: what can be done without the records, for want of the master key. Which files
// there should be nobody knows, nor what is in them. Nothing is changed. found is told of each
// that is damaged. The kinds of failure: NoSuchStore, StoreLocked, AccessDenied, IOFailed.
func CheckContents(ctx context.Context, opts Options, o FsckOptions, found func(Problem) error) (seen ContentsSeen, err error) {
	if err := opts.setDefaults(); err != nil {
		return seen, err
	}
	if _, err := readLabel(opts.Dir, opts.tuning.format); err != nil {
		return seen, err
	}
	lock, err := takeLock(opts.Dir)
	if err != nil {
		return seen, err
	}
	defer lock.Close()
	dir := filepath.Join(opts.Dir, blobDir)
	blobs, err := blob.Open(blob.Options{Dir: dir})
	if err != nil {
		return seen, fault.Wrap(fault.IOFailed, err, "open contents")
	}
	err = blobs.Walk(func(id blob.ID, size int64, sealed bool) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !sealed {
			seen.Unchecked = append(seen.Unchecked, fmt.Sprintf("content file %v", id))
			return nil
		}
		seen.Files++
		seen.Bytes += size
		if o.Progress != nil {
			o.Progress(seen.Files, 0, "content files")
		}
		err := checkContent(filepath.Join(dir, blob.FileName(id)), id)
		if !errors.Is(err, blob.ErrDamaged) {
			return err
		}
		return found(Problem{Kind: ProblemDamaged, Where: fmt.Sprintf("content file %v", id), What: err.Error(), Advice: "open the store with its master key to see whose it is"})
	})
	return seen, blobError(errors.Join(err, blobs.Close()))
}

func checkContent(path string, id blob.ID) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	seal, err := blob.SealOf(f, id)
	if err != nil {
		return err
	}
	return blob.VerifyFile(f, id, seal)
}
