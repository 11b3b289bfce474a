package store

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"pail/store/fault"
	"pail/store/internal/blob"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
)

// Create makes an empty store at opts.Dir, which must not exist or be an empty
// directory. Its last act is to write the label, so a Create that was cut short
// leaves no store, and may be run again. Of several at once, one makes the store and
// the others get Exists. What is refused is refused before anything is made. The
// remains of a store that has lost its label are Damaged, not taken over.
func Create(opts Options) error {
	if err := opts.setDefaults(); err != nil {
		return err
	}
	if err := checkRegion(opts.Region); err != nil {
		return err
	}
	if err := checkPlace(opts.Dir, opts.AllowAnyFS); err != nil {
		return err
	}
	if err := makeStoreDir(opts.Dir); err != nil {
		return err
	}
	if err := checkDir(opts.Dir, opts.AllowAnyFS); err != nil {
		return err
	}
	// From the top down: a filesystem may keep a rename back while the directory above
	// is not durable, and the engine's files without their list are a damaged store.
	if err := syncAbove(opts.Dir); err != nil {
		return fault.Wrap(fault.IOFailed, err, "make %s", opts.Dir)
	}
	lock, err := takeLock(opts.Dir)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := noStore(opts.Dir); err != nil {
		return err
	}
	if err := noBuckets(&opts); err != nil {
		return err
	}
	ring, err := createKeys(&opts)
	if err != nil {
		return err
	}
	db, err := meta.Open(engineOptions(&opts, filepath.Join(opts.Dir, metaDir), recordsKey(ring)))
	if err != nil {
		return openError(err)
	}
	_, err = db.Update(context.Background(), meta.UpdateOptions{Durable: true}, func(tx *meta.Tx) error {
		tx.Set(settingClean(), nil)
		if !opts.MkdirVersioning {
			return nil
		}
		b, err := record.Marshal(&record.Settings{Schema: record.Schema, MkdirVersioning: &opts.MkdirVersioning})
		tx.Set(settingStore(), b)
		return err
	})
	if err := errors.Join(err, db.Close()); err != nil {
		return openError(err)
	}
	blobs, err := blob.Open(blob.Options{Dir: filepath.Join(opts.Dir, blobDir)})
	if err != nil {
		return fault.Wrap(fault.IOFailed, err, "make the store")
	}
	if err := blobs.Close(); err != nil {
		return fault.Wrap(fault.IOFailed, err, "make the store")
	}
	if err := writeLabel(opts); err != nil || ring == nil {
		return err
	}
	if err := os.Remove(filepath.Join(opts.Dir, creatingName)); err != nil {
		return fault.Wrap(fault.IOFailed, err, "make the store")
	}
	return nil
}

// checkPlace refuses what can be refused while dir may not exist yet.
func checkPlace(dir string, anyFS bool) error {
	_, err := os.Stat(dir)
	if err == nil {
		if err := checkDir(dir, anyFS); err != nil {
			return err
		}
		return noStore(dir)
	}
	for errors.Is(err, fs.ErrNotExist) && dir != filepath.Dir(dir) {
		dir = filepath.Dir(dir)
		_, err = os.Stat(dir)
	}
	if err != nil {
		return nil // making it says what is wrong
	}
	return checkFS(dir, anyFS)
}

// noStore refuses a directory that is a store, or the remains of one, or somebody's.
func noStore(dir string) error {
	foreign := onlyOurs(dir)
	switch {
	case IsStore(dir):
		return fault.New(fault.Exists, "%s is a store already", dir)
	case wasStore(dir), foreign != nil && hasRecords(dir) == nil:
		return labelLost(dir)
	}
	return foreign
}

// noBuckets refuses the records of a store whose contents are all beside them, and encrypted
// ones, of which nobody knows. What an unfinished Create says is its own is.
func noBuckets(o *Options) error {
	if isThere(filepath.Join(o.Dir, creatingName)) || !isThere(filepath.Join(o.Dir, metaDir, manifestName)) {
		return nil
	}
	if l, err := readKeys(o.Dir); err != nil || l != nil && l.Records() {
		return errors.Join(err, labelLost(o.Dir))
	}
	db, err := meta.Open(engineOptions(o, filepath.Join(o.Dir, metaDir), nil))
	if err != nil {
		return openError(err)
	}
	v := db.View()
	it := v.Scan(meta.ScanOptions{Prefix: table.Buckets(), KeysOnly: true})
	some := it.Next()
	err = damaged(it.Err())
	it.Close()
	v.Close()
	if some {
		err = labelLost(o.Dir)
	}
	return errors.Join(err, db.Close())
}

func makeStoreDir(dir string) error {
	err := os.MkdirAll(dir, 0o700)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrPermission):
		return fault.New(fault.AccessDenied, "no permission to make %s", dir)
	case errors.Is(err, unix.ENOTDIR):
		return fault.New(fault.NotDirectory, "%s cannot be made: something on the way to it is not a directory", dir)
	case errors.Is(err, unix.ENOSPC):
		return fault.New(fault.NoSpace, "no space left to make %s", dir)
	case errors.Is(err, unix.EROFS):
		return fault.New(fault.ReadOnly, "%s cannot be made: the filesystem there is read-only", dir)
	case errors.Is(err, unix.ENAMETOOLONG):
		return fault.New(fault.NameTooLong, "%s cannot be made: the name is too long", dir)
	case errors.Is(err, fs.ErrNotExist):
		// What is missing above it would have been made.
		return fault.New(fault.NotSupported, "%s cannot be made: the filesystem there takes no new directories", dir)
	case errors.Is(err, unix.EIO):
		return fault.Wrap(fault.IOFailed, err, "%s cannot be made", dir)
	}
	return fault.Wrap(fault.InvalidArgument, err, "%s cannot be made", dir)
}

// onlyOurs refuses a directory with anything in it that no interrupted Create left.
func onlyOurs(dir string) error {
	names, err := os.ReadDir(dir)
	if err != nil {
		return fault.Wrap(fault.IOFailed, err, "read %s", dir)
	}
	if rebuildBegun(dir) {
		return fault.New(fault.NotEmpty, "%s holds what a restore of a backup has left that was cut short; run that again, or remove the directory", dir)
	}
	ours := map[string]bool{lockName: true, metaDir: true, blobDir: true, labelName + ".new": true, "lost+found": true, "daemon.log": true, creatingName: true}
	for _, name := range keyFiles() {
		ours[name] = true
	}
	for _, n := range names {
		if !ours[n.Name()] {
			return fault.New(fault.NotEmpty, "%s is not empty (it holds %s) and not a store; name an empty or new directory", dir, n.Name())
		}
	}
	return nil
}

// writeLabel gives a new store its label.
func writeLabel(opts Options) error {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails, says its documentation
	return putLabel(opts.Dir, label{Format: opts.tuning.format, ID: hex.EncodeToString(id[:]), Region: opts.Region})
}

// putLabel writes a label as one step and makes it and the directory durable.
func putLabel(dir string, l label) error {
	l.Sum = l.sum()
	b, err := json.MarshalIndent(l, "", "  ")
	if err != nil {
		return fault.Wrap(fault.Internal, err, "make the label")
	}
	return replaceSynced(filepath.Join(dir, labelName), append(b, '\n'))
}

// replaceSynced writes a file as one step, and makes it and its name durable.
func replaceSynced(final string, b []byte) error {
	if err := writeSynced(final+".new", b); err != nil {
		return err
	}
	if err := os.Rename(final+".new", final); err != nil {
		return fault.Wrap(contentKind(err), err, "write %s", final)
	}
	if err := syncDir(filepath.Dir(final)); err != nil {
		return fault.Wrap(contentKind(err), err, "sync %s", filepath.Dir(final))
	}
	return nil
}

// syncAbove makes the name of dir durable, and those of the directories above it, which
// this or an earlier Create may have made: as far up as the filesystem reaches and
// directories can be read. What is above was there before.
func syncAbove(dir string) error {
	var at, above unix.Stat_t
	if err := unix.Stat(dir, &at); err != nil {
		return err
	}
	for up := filepath.Dir(dir); up != dir; dir, up = up, filepath.Dir(up) {
		if err := unix.Stat(up, &above); err != nil {
			return err
		}
		err := syncDir(up)
		switch {
		case errors.Is(err, fs.ErrPermission), err != nil && above.Dev != at.Dev:
			return nil
		case err != nil:
			return err
		case above.Dev != at.Dev:
			return nil
		}
	}
	return nil
}

func writeSynced(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fault.Wrap(contentKind(err), err, "write %s", path)
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return fault.Wrap(contentKind(err), err, "write %s", path)
	}
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
