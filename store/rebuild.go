package store

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"pail/crypto"
	"pail/store/backup"
	"pail/store/fault"
	"pail/store/internal/blob"
	"pail/store/internal/meta"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
	"pail/store/keyring"
)

// rebuildDir holds a store that is being rebuilt, in the directory that it will be. While
// it is there and the label is not, all that a rebuild makes is its own to remove.
const rebuildDir = "restoring"

// A Rebuilt says what Rebuild made.
type Rebuilt struct {
	Head   backup.Head
	Totals backup.Totals
}

// Rebuild makes a store at opts.Dir of a snapshot that feed shows to the Visitor it is
// given: the same store, id included, as it was after kill(2) at that moment. The directory
// must be empty or not exist; NotEmpty or Exists says that it is not. If it fails, nothing
// is left; what an end of the process leaves is no store, and gone with the next Rebuild.
// The kinds of failure besides: Damaged, NewerFormat (a newer program's store), and what
// Create refuses.
func Rebuild(ctx context.Context, opts Options, feed func(backup.Visitor) error) (Rebuilt, error) {
	if err := opts.setDefaults(); err != nil {
		return Rebuilt{}, err
	}
	if err := noStoreToRebuild(opts.Dir); err != nil {
		return Rebuilt{}, err
	}
	made, err := firstMissing(opts.Dir)
	if err != nil {
		return Rebuilt{}, err
	}
	if err := checkRebuildFS(opts); err != nil {
		return Rebuilt{}, err
	}
	if err := makeStoreDir(opts.Dir); err != nil {
		return Rebuilt{}, err
	}
	b := &rebuild{opts: opts, ctx: ctx, dir: filepath.Join(opts.Dir, rebuildDir)}
	err = b.run(feed)
	if err != nil {
		return Rebuilt{}, errors.Join(err, b.undo(made))
	}
	return Rebuilt{b.head, b.totals}, nil
}

func checkRebuildFS(opts Options) error {
	dir := opts.Dir
	for {
		if _, err := os.Stat(dir); err == nil || dir == filepath.Dir(dir) {
			return checkFS(dir, opts.AllowAnyFS)
		}
		dir = filepath.Dir(dir)
	}
}

// firstMissing is the topmost directory on the way to dir that does not exist, "" if dir
// does.
func firstMissing(dir string) (string, error) {
	missing := ""
	for {
		_, err := os.Lstat(dir)
		switch {
		case err == nil:
			return missing, nil
		case !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir):
			return "", fault.Wrap(contentKind(err), err, "look at %s", dir)
		}
		missing, dir = dir, filepath.Dir(dir)
	}
}

// noStoreToRebuild refuses a directory with anything in it but what an interrupted Rebuild
// has left.
func noStoreToRebuild(dir string) error {
	names, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.Is(err, unix.ENOTDIR):
		return fault.New(fault.NotDirectory, "%s is not a directory", dir)
	case errors.Is(err, fs.ErrPermission):
		return fault.New(fault.AccessDenied, "no permission to read %s", dir)
	case err != nil:
		return fault.Wrap(fault.IOFailed, err, "read %s", dir)
	}
	if IsStore(dir) {
		return fault.New(fault.Exists, "%s is a store already; name an empty or new directory", dir)
	}
	left := map[string]bool{"lost+found": true}
	if rebuildBegun(dir) {
		for _, name := range append(keyFiles(), rebuildDir, metaDir, blobDir, lockName, labelName+".new") {
			left[name] = true
		}
	}
	for _, n := range names {
		if !left[n.Name()] {
			return fault.New(fault.NotEmpty, "%s is not empty (it holds %s); name an empty or new directory", dir, n.Name())
		}
	}
	return nil
}

// rebuildBegun says whether a directory holds what a Rebuild makes.
func rebuildBegun(dir string) bool {
	_, err := os.Lstat(filepath.Join(dir, rebuildDir))
	return err == nil
}

// A rebuild is a Visitor that makes a store.
type rebuild struct {
	opts Options
	ctx  context.Context
	dir  string // of the store that is not one yet
	lock *os.File
	db   *meta.DB    // nil before the head is known
	key  *crypto.Key // of chunks of records; nil: they are in the clear

	head   backup.Head
	totals backup.Totals
	ended  bool

	batch  [][2][]byte // records to be written
	bytes  int
	counts backup.Totals // of what was seen
	named  int64         // content files that the records name

	file    *os.File // of the draft or content that has begun
	content *backup.Content
	draft   int64 // the draft's size
	group   errgroup.Group
}

func (b *rebuild) run(feed func(backup.Visitor) error) (err error) {
	if b.lock, err = takeLock(b.opts.Dir); err != nil {
		return err
	}
	if err := b.begin(); err != nil {
		return err
	}
	b.group.SetLimit(16)
	err = feed(b)
	err = errors.Join(err, b.group.Wait())
	if err == nil && !b.ended {
		err = fault.New(fault.Damaged, "the backup has no end")
	}
	if b.file != nil {
		_ = b.file.Close()
	}
	if err == nil {
		err = b.finish()
	}
	if b.db != nil {
		err = errors.Join(err, engineError(b.db.Close()))
	}
	if err == nil {
		err = b.place()
	}
	return err
}

// begin makes the directories.
func (b *rebuild) begin() error {
	if err := b.clear(); err != nil {
		return err
	}
	if err := os.Mkdir(b.dir, 0o700); err != nil {
		return fault.Wrap(contentKind(err), err, "make %s", b.dir)
	}
	if err := errors.Join(syncAbove(b.opts.Dir), syncDir(b.opts.Dir)); err != nil {
		return fault.Wrap(fault.IOFailed, err, "make %s", b.dir)
	}
	if err := blob.MakeLayout(filepath.Join(b.dir, blobDir)); err != nil {
		return fault.Wrap(contentKind(err), err, "make %s", b.dir)
	}
	return nil
}

// clear removes what rebuilds make.
func (b *rebuild) clear() error {
	var errs []error
	if _, err := os.Lstat(b.dir); err == nil {
		for _, name := range append(keyFiles(), metaDir, blobDir, labelName+".new") {
			errs = append(errs, os.RemoveAll(filepath.Join(b.opts.Dir, name)))
		}
		errs = append(errs, os.RemoveAll(b.dir))
	}
	if err := errors.Join(errs...); err != nil {
		return fault.Wrap(fault.IOFailed, err, "remove what was left in %s", b.opts.Dir)
	}
	return nil
}

// undo leaves the directory as it was: made is what did not exist, "" if it did. If
// another process rebuilds there, nothing is ours.
func (b *rebuild) undo(made string) error {
	if b.lock == nil && made != "" {
		_ = os.Remove(b.opts.Dir) // unless somebody has put something there
	}
	if b.lock == nil || IsStore(b.opts.Dir) {
		return nil
	}
	err := b.clear()
	err = errors.Join(err, os.Remove(filepath.Join(b.opts.Dir, lockName)), b.lock.Close())
	if made != "" && err == nil {
		for dir := b.opts.Dir; ; dir = filepath.Dir(dir) {
			if e := os.Remove(dir); e != nil || dir == made {
				break // somebody has put something there
			}
		}
	}
	return err
}

// Head implements backup.Visitor. It begins the engine.
func (b *rebuild) Head(h backup.Head) error {
	if known := b.opts.tuning.format; h.StoreFormat > known {
		return fault.New(fault.NewerFormat, "the backup is of a store of format %d and this program knows %d; use a newer pail", h.StoreFormat, known)
	}
	if h.StoreFormat < 1 || h.Store == "" {
		return fault.New(fault.Damaged, "the backup does not say of what it is")
	}
	records, err := b.openKeys(h)
	if err != nil {
		return err
	}
	b.head, b.key = h, backupKey(records)
	if b.db, err = meta.Open(engineOptions(&b.opts, filepath.Join(b.dir, metaDir), records)); err != nil {
		return openError(err)
	}
	return nil
}

// openKeys opens the keys of the backup if its records are sealed with them, and returns that
// of the records.
func (b *rebuild) openKeys(h backup.Head) (*crypto.Key, error) {
	if len(h.Keys) == 0 && !h.Sealed {
		return nil, nil
	}
	l, err := keyring.Parse(h.Keys)
	switch {
	case errors.Is(err, keyring.ErrNewer):
		return nil, fault.Wrap(fault.NewerFormat, err, "the keys in the backup cannot be read; use a newer pail")
	case err != nil:
		return nil, fault.Wrap(fault.Damaged, err, "the keys in the backup cannot be read")
	case l.Records() != h.Sealed:
		return nil, fault.New(fault.Damaged, "the keys in the backup are not of its records")
	case !h.Sealed:
		return nil, nil
	}
	secret, err := secretOf(b.opts.Dir, l, b.opts.MasterKey)
	if err != nil {
		return nil, fault.Wrap(fault.KindOf(err), err, "the records in the backup are encrypted, and no store can be made of it without")
	}
	r, err := unlock(b.opts.Dir, l, secret)
	return recordsKey(r), err
}

// Records are written in batches of so many bytes.
const rebuildBatch = 1 << 20

// Records implements backup.Visitor.
func (b *rebuild) Records(chunk []byte) error {
	b.counts.Bytes += int64(len(chunk))
	if b.key != nil {
		b.counts.Records++
		var err error
		if chunk, err = openChunk(b.key, chunk); err != nil {
			return err
		}
	}
	err := backup.EachRecord(chunk, func(key, value []byte) error {
		if b.key == nil {
			b.counts.Records++
		}
		if len(key) > 0 && key[0] == table.Blobs()[0] {
			var r record.Blob
			if err := unmarshal(key, value, &r); err != nil {
				return err
			}
			if r.Sum != 0 {
				b.named++
			}
		}
		b.batch = append(b.batch, [2][]byte{append([]byte(nil), key...), append([]byte(nil), value...)})
		b.bytes += len(key) + len(value)
		if b.bytes < rebuildBatch {
			return nil
		}
		return b.flush()
	})
	if err != nil {
		return err
	}
	return b.ctx.Err()
}

// flush writes the records of the batch.
func (b *rebuild) flush() error {
	batch := b.batch
	for len(batch) > 0 {
		n := len(batch)
		err := inPieces(n, func(most int) error {
			n = most
			_, err := b.db.Update(b.ctx, meta.UpdateOptions{}, func(tx *meta.Tx) error {
				for _, kv := range batch[:most] {
					tx.Set(kv[0], kv[1])
				}
				return nil
			})
			return engineError(err)
		})
		if err != nil {
			return err
		}
		batch = batch[n:]
	}
	b.batch, b.bytes = b.batch[:0], 0
	return nil
}

// Draft implements backup.Visitor.
func (b *rebuild) Draft(d backup.Draft) error {
	b.counts.Drafts++
	b.counts.Bytes += d.Size
	b.content, b.draft = nil, d.Size
	return b.newFile(d.ID)
}

// Content implements backup.Visitor. The records say which contents there are.
func (b *rebuild) Content(c backup.Content) error {
	if err := b.flush(); err != nil {
		return err
	}
	b.counts.Contents++
	b.counts.Bytes += c.Length
	v := b.db.View()
	defer v.Close()
	var r record.Blob
	sn := &snap{r: v}
	ok, err := sn.get(table.Blob(c.ID), &r)
	if err != nil {
		return err
	}
	if !ok || r.Length != c.Length || r.Sum != c.Sum {
		return fault.New(fault.Damaged, "the backup is damaged: no record names content file %v as it is", blob.ID(c.ID))
	}
	b.content = &c
	return b.newFile(c.ID)
}

func (b *rebuild) newFile(id uint64) error {
	path := filepath.Join(b.dir, blobDir, blob.FileName(blob.ID(id)))
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fault.New(fault.Damaged, "the backup is damaged: it has content file %v twice", blob.ID(id))
	}
	if err != nil {
		return fault.Wrap(contentKind(err), err, "write a content file")
	}
	b.file = f
	return b.ctx.Err()
}

// Part implements backup.Visitor.
func (b *rebuild) Part(off int64, p []byte) error {
	if b.file == nil {
		return fault.New(fault.Damaged, "the backup is damaged: it has bytes of no file")
	}
	if _, err := b.file.WriteAt(p, off); err != nil {
		return fault.Wrap(contentKind(err), err, "write a content file")
	}
	return nil
}

// Finish implements backup.Visitor.
func (b *rebuild) Finish() error {
	f, c, size := b.file, b.content, b.draft
	b.file = nil
	if f == nil {
		return fault.New(fault.Damaged, "the backup is damaged: it ends a file that it has not begun")
	}
	b.group.Go(func() error { return finishFile(f, c, size) })
	return nil
}

// finishFile makes a file durable, and of a content sure that every byte is as it was.
func finishFile(f *os.File, c *backup.Content, size int64) error {
	var err error
	if c == nil {
		err = f.Truncate(size)
	}
	if err == nil {
		err = f.Sync()
	}
	if err == nil && c != nil {
		err = blob.VerifyFile(f, blob.ID(c.ID), blob.Seal{Length: c.Length, Sum: c.Sum})
		if errors.Is(err, blob.ErrDamaged) {
			err = fault.Wrap(fault.Damaged, err, "the backup is damaged: content file %v is not as it was", blob.ID(c.ID))
		}
	}
	return blobError(errors.Join(err, f.Close()))
}

// End implements backup.Visitor.
func (b *rebuild) End(t backup.Totals) error {
	if err := b.flush(); err != nil {
		return err
	}
	if t != b.counts {
		return fault.New(fault.Damaged, "the backup is damaged: it holds %+v and should hold %+v", b.counts, t)
	}
	if b.named != t.Contents {
		return fault.New(fault.Damaged, "the backup is damaged: its records name %d content files and it has %d", b.named, t.Contents)
	}
	b.totals, b.ended = t, true
	return nil
}

// finish makes everything durable.
func (b *rebuild) finish() error {
	if err := b.db.Advance(b.ctx, b.head.Seq, b.head.LastID); err != nil {
		return engineError(err)
	}
	blobs := filepath.Join(b.dir, blobDir)
	dirs, err := os.ReadDir(blobs)
	for _, d := range dirs {
		err = errors.Join(err, syncDir(filepath.Join(blobs, d.Name())))
	}
	if err = errors.Join(err, syncDir(blobs), syncDir(b.dir)); err != nil {
		return fault.Wrap(fault.IOFailed, err, "sync %s", b.dir)
	}
	return nil
}

// place makes the directory a store. The label comes last.
func (b *rebuild) place() error {
	for _, name := range []string{metaDir, blobDir} {
		if err := os.Rename(filepath.Join(b.dir, name), filepath.Join(b.opts.Dir, name)); err != nil {
			return fault.Wrap(fault.IOFailed, err, "put %s in place", name)
		}
	}
	if err := syncDir(b.opts.Dir); err != nil {
		return fault.Wrap(fault.IOFailed, err, "sync %s", b.opts.Dir)
	}
	if len(b.head.Keys) > 0 {
		if err := putKeys(b.opts.Dir, b.head.Keys); err != nil {
			return err
		}
	}
	if err := putLabel(b.opts.Dir, label{Format: b.head.StoreFormat, ID: b.head.Store, Region: b.head.Region}); err != nil {
		return err
	}
	err := errors.Join(os.Remove(b.dir), b.lock.Close())
	if err != nil {
		return fault.Wrap(fault.IOFailed, err, "finish the store at %s", b.opts.Dir)
	}
	return nil
}
