package store

import (
	"context"
	"io"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"pail/store/fault"
	"pail/store/internal/blob"
	"pail/versioning"
)

// OpenFlags say how OpenFile opens.
type OpenFlags struct {
	Write     bool
	Truncate  bool // with Write: the content begins empty
	Create    bool // make the file if there is none; its directory must exist
	Exclusive bool // with Create: fail with Exists if there is one
	Append    bool // every WriteAt goes to the end
	WriteOnly bool // with Write: nothing is read through the handle
	Version   string
	Attr      Attr // of a new file; times that are zero are now

	rules uint64 // the generation of rules in which it was allowed
}

// A File is one open handle of a file on a mount. All handles of one file see the
// same bytes at once; everyone else sees what was last published.
type File struct {
	se     *Session
	n      *inode
	flags  OpenFlags
	maker  bool    // it may have something to publish: it writes or made the file
	frozen *Reader // a version of the past, instead of n
	closed atomic.Bool
	reads  atomic.Uint64 // in which generation of rules reading it was allowed
	writes atomic.Uint64 // and changing it
	keys   clearance     // whether it may use the key of what is encrypted
	log    *fileLog      // nil: reading it is not logged
}

// OpenFile opens the current version of a file, or one of the past for reading. The
// kinds of failure: NoSuchKey, Exists, IsDirectory, MethodNotAllowed (a delete marker).
func (se *Session) OpenFile(ctx context.Context, bucket, key string, o OpenFlags) (*File, error) {
	o.rules = se.s.rules.Load()
	if o.Version != "" {
		if o.Write || o.Create {
			return nil, fault.New(fault.ReadOnly, "versions of the past cannot be changed")
		}
		r, err := se.Get(ctx, bucket, key, o.Version)
		if err != nil {
			return nil, err
		}
		return (&File{se: se, flags: o, frozen: r, log: se.logOpen(bucket, key, o)}).granted(o.rules), nil
	}
	if err := se.authorizeOpen(bucket, key, o); err != nil {
		return nil, err
	}
	if err := versioning.CheckKey(key); err != nil {
		return nil, keyError(bucket, key, err)
	}
	if o.Create || o.Write && o.Truncate {
		if err := se.mayEncrypt(bucket, key); err != nil {
			return nil, err
		}
	}
	if o.Create {
		if err := se.roomForFile(bucket, key); err != nil {
			return nil, err
		}
	}
	n, made, err := se.openInode(ctx, bucket, key, o)
	if err != nil {
		return nil, err
	}
	f := (&File{se: se, n: n, flags: o, maker: o.Write || made, log: se.logOpen(bucket, key, o)}).granted(o.rules)
	begun := made
	defer func() {
		if !begun { // also after a panic
			f.abandon()
		}
	}()
	if !made && o.Truncate && o.Write {
		if err := f.truncateOpen(ctx); err != nil {
			return nil, fault.Wrap(fault.KindOf(err), err, "truncate %s/%s", bucket, key).At(bucket, key)
		}
	} else if !made {
		if err := f.mayDecrypt(); err != nil {
			return nil, err
		}
	}
	begun = true
	return f, nil
}

// beginsEmpty says whether nothing is read through the handle but what is written to the file from
// then on.
func (o *OpenFlags) beginsEmpty() bool {
	return o.Write && (o.WriteOnly || o.Truncate || o.Create && o.Exclusive)
}

// authorizeOpen decides over opening a file.
func (se *Session) authorizeOpen(bucket, key string, o OpenFlags) error {
	if o.Write || o.Create {
		if err := se.authorize(actPutObject, bucket, key); err != nil {
			return err
		}
	}
	if o.beginsEmpty() {
		return nil
	}
	return se.authorize(actGetObject, bucket, key)
}

// truncateOpen begins an empty draft. What is empty already only gets another time, and
// no version.
func (f *File) truncateOpen(ctx context.Context) error {
	begun, err := f.beginEmpty()
	if err != nil || begun {
		return err
	}
	return f.retime(ctx)
}

// retime has the file be changed now, and makes no version.
func (f *File) retime(ctx context.Context) error {
	now := f.n.s.now()
	_, err := f.se.setInodeAttr(ctx, f.n, AttrChange{Mtime: &now, Ctime: &now})
	return err
}

func (f *File) beginEmpty() (begun bool, err error) {
	n := f.n
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case n.draft != nil:
		dirty := n.draft.dirty
		if err = n.draft.truncate(0); err == nil {
			n.draft.dirty, n.draft.fresh = dirty, true
		}
	case n.body != nil && n.body.size == 0:
		return false, nil
	default:
		if n.draft, err = f.newDraft(true); err == nil {
			n.draft.fresh = true
		}
	}
	if err == nil {
		n.touch(n.s.now())
	}
	return true, err
}

// abandon counts a handle out that nobody will get.
func (f *File) abandon() {
	f.closed.Store(true)
	if f.maker {
		f.lastMaker()
	}
	f.forget()
}

// Ino is the file's inode number.
func (f *File) Ino() uint64 {
	if f.frozen != nil {
		return f.frozen.o.Ino
	}
	return f.n.ino
}

// Name is what the file is called now; not linked: nothing any more. It waits for nobody
// who writes or publishes.
func (f *File) Name() (bucket, key string, linked bool) {
	if f.frozen != nil {
		return f.frozen.o.Bucket, f.frozen.o.Key, true
	}
	_, bucket, key, linked = f.n.s.files.name(f.n)
	return bucket, key, linked
}

// Object is the file as its handles see it: live size, attributes and times.
func (f *File) Object() Object {
	if f.frozen != nil {
		return f.frozen.o
	}
	return f.n.object()
}

// ReadAt fills p from off on; fewer bytes come with io.EOF, at the end only. Damage is
// fault.Damaged, never wrong bytes. AccessDenied: rules have changed, and whoever opened the file
// may not read it any more.
func (f *File) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	if err := f.mayRead(); err != nil {
		return 0, err
	}
	n, err := f.readAt(p, off)
	f.log.took(n)
	return n, err
}

func (f *File) readAt(p []byte, off int64) (int, error) {
	if f.frozen != nil {
		if err := f.mayDecrypt(); err != nil {
			return 0, err
		}
		return f.frozen.ReadAt(p, off)
	}
	f.n.mu.RLock()
	defer f.n.mu.RUnlock()
	for !f.cleared(f.n.encryption()) {
		f.n.mu.RUnlock()
		err := f.mayDecrypt()
		f.n.mu.RLock()
		if err != nil {
			return 0, err
		}
	}
	n, err := f.n.readAt(p, off)
	if err != nil && isDamage(err) {
		_, bucket, key, _ := f.n.s.files.name(f.n)
		err = f.n.s.lost(err, bucket, key, f.n.base, off+int64(n))
	}
	return n, err
}

// readAt reads what handles see. mu is held.
func (n *inode) readAt(p []byte, off int64) (int, error) {
	switch {
	case n.draft != nil:
		return n.draft.readAt(n.body, p, off)
	case n.body != nil:
		return n.body.ReadAt(p, off)
	}
	return 0, io.EOF
}

// Sized says whether the file has so many bytes now.
func (f *File) Sized(size int64) bool { return f.frozen == nil && f.n.sized(size) }

// sized says whether handles see a size.
func (n *inode) sized(size int64) bool {
	n.mu.RLock()
	defer n.mu.RUnlock()
	switch {
	case n.draft != nil:
		return n.draft.size == size
	case n.body != nil:
		return n.body.size == size
	}
	return size == 0
}

// Extent returns where the n bytes at off are in one open content file, so that they
// can be spliced from it. ok is false if they are not in one piece of one file, or may
// still change; the caller then uses ReadAt. release must be called when fd is no
// longer used. length may be less than n at the end of the file.
func (f *File) Extent(off int64, n int) (fd uintptr, fdOff int64, length int, release func(), ok bool) {
	if f.reads.Load() != f.se.s.rules.Load() {
		return 0, 0, 0, nil, false // ReadAt asks
	}
	fd, fdOff, length, release, ok = f.extent(off, n)
	f.log.took(length)
	return fd, fdOff, length, release, ok
}

func (f *File) extent(off int64, n int) (fd uintptr, fdOff int64, length int, release func(), ok bool) {
	if f.frozen != nil {
		return f.frozen.b.extent(off, n)
	}
	f.n.mu.RLock()
	defer f.n.mu.RUnlock()
	if f.n.draft != nil || f.n.body == nil {
		return 0, 0, 0, nil, false
	}
	return f.n.body.extent(off, n)
}

func (b *body) extent(off int64, n int) (fd uintptr, fdOff int64, length int, release func(), ok bool) {
	if off < 0 || off >= b.size || len(b.extents) == 0 || b.s.verifying.Load() {
		return 0, 0, 0, nil, false
	}
	n = int(min(int64(n), b.size-off))
	i := b.find(off)
	e := b.extents[i]
	skip := off - (b.ends[i] - e.Len)
	if e.IsHole() || skip+int64(n) > e.Len {
		return 0, 0, 0, nil, false
	}
	r, err := b.s.blobs.Open(e.Blob)
	if err != nil || r.Encrypted() || e.Off+skip+int64(n) > r.Length() {
		if err == nil {
			_ = r.Close()
		}
		return 0, 0, 0, nil, false // ReadAt says what is wrong
	}
	return r.File().Fd(), e.Off + skip, n, func() { _ = r.Close() }, true
}

// writable fails if nothing can be changed through this handle, or may not be any more.
func (f *File) writable() error {
	switch {
	case f.frozen != nil:
		return fault.New(fault.ReadOnly, "versions of the past cannot be changed")
	case !f.flags.Write:
		return fault.New(fault.NotPermitted, "the file was opened for reading only")
	}
	return f.mayWrite()
}

// begin makes sure that there is a draft to change. mu is held.
func (f *File) begin() (*draft, error) {
	n := f.n
	if err := n.changeable(); err != nil {
		return nil, err
	}
	if n.draft == nil {
		d, err := f.newDraft(false)
		if err != nil {
			return nil, err
		}
		n.draft = d
	}
	return n.draft, nil
}

// change runs fn on the draft.
func (f *File) change(fn func(*draft) error) error {
	return f.changeIf(func(d *draft) (bool, error) { return true, fn(d) })
}

// changeIf is change for what may turn out to change nothing that anybody could see: its
// times stay then.
func (f *File) changeIf(fn func(*draft) (changed bool, err error)) error {
	if err := f.writable(); err != nil {
		return err
	}
	f.n.mu.Lock()
	defer f.n.mu.Unlock()
	d, err := f.begin()
	if err != nil {
		return err
	}
	if changed, err := fn(d); err != nil || !changed {
		return err
	}
	d.sync.again = d.sync.again || d.file == nil
	f.n.touch(f.n.s.now())
	return nil
}

// WriteAt puts p at off. Every handle of the file sees it at once. EntityTooLarge is a
// file over the largest object size: what fits is written then. AccessDenied: as for ReadAt.
func (f *File) WriteAt(_ context.Context, p []byte, off int64) (n int, err error) {
	return f.write(p, off, f.flags.Append)
}

// WriteBack is WriteAt for what was changed in a mapping: that has its place, also through a
// handle that appends.
func (f *File) WriteBack(_ context.Context, p []byte, off int64) (n int, err error) {
	return f.write(p, off, false)
}

func (f *File) write(p []byte, off int64, atEnd bool) (n int, err error) {
	if len(p) == 0 {
		return 0, nil
	}
	var limit int64
	err = f.change(func(d *draft) error {
		if atEnd {
			off = d.size
		}
		if limit = d.s.maxObjectSize(); off >= limit {
			return tooLarge(limit)
		}
		if end := min(off+int64(len(p)), limit); end > d.size {
			if err := f.n.mayGrow(end); err != nil {
				return err
			}
		}
		n, err = d.writeAt(p[:min(int64(len(p)), limit-off)], off)
		return err
	})
	if err == nil && n < len(p) {
		err = tooLarge(limit)
	}
	return n, err
}

// Truncate makes the file size bytes long; what is added reads as zeros. A file that has
// that size only gets another time.
func (f *File) Truncate(ctx context.Context, size int64) error {
	if size < 0 {
		return fault.New(fault.InvalidArgument, "negative size")
	}
	if err := f.writable(); err != nil {
		return err
	}
	if f.n.sized(size) {
		return f.retime(ctx)
	}
	return f.change(func(d *draft) error {
		if size > d.size {
			if err := f.n.mayGrow(size); err != nil {
				return err
			}
		}
		return d.truncate(size)
	})
}

// Allocate makes sure that there is room for n bytes at off, and unless keepSize makes
// the file reach to their end. EntityTooLarge is an end beyond the largest object size.
func (f *File) Allocate(ctx context.Context, off, n int64, keepSize bool) error {
	return f.allocate(off, n, keepSize, false)
}

// ZeroRange is Allocate, and the n bytes read as zeros. If it fails they are as before.
func (f *File) ZeroRange(ctx context.Context, off, n int64, keepSize bool) error {
	return f.allocate(off, n, keepSize, true)
}

func (f *File) allocate(off, n int64, keepSize, zero bool) error {
	if err := f.writable(); err != nil {
		return err
	}
	if err := f.n.s.room(); err != nil {
		return err
	}
	if limit := f.n.s.maxObjectSize(); off > limit || n > limit-off {
		return tooLarge(limit)
	}
	if sp := f.n.s.db.Space(); n > sp.Free-sp.Reserve {
		return fault.New(fault.NoSpace, "%d bytes do not fit on the disk beside the store's reserve", n)
	}
	return f.changeIf(func(d *draft) (bool, error) {
		grows := off+n > d.size && !keepSize
		if grows {
			if err := f.n.mayGrow(off + n); err != nil {
				return false, err
			}
			if err := d.truncate(off + n); err != nil {
				return false, err
			}
		}
		if d.file != nil {
			if err := d.file.Allocate(off, n); err != nil {
				return grows, blobError(err)
			}
		}
		if zero {
			return true, d.punch(off, n)
		}
		return grows, nil
	})
}

// PunchHole makes n bytes at off read as zeros; the size stays.
func (f *File) PunchHole(ctx context.Context, off, n int64) error {
	return f.change(func(d *draft) error { return d.punch(off, n) })
}

// Seek returns where data (unix.SEEK_DATA) or a hole (unix.SEEK_HOLE) begins at or
// after off. NoData: there is none before the end.
func (f *File) Seek(ctx context.Context, off int64, whence uint32) (int64, error) {
	if err := f.mayRead(); err != nil {
		return 0, err
	}
	if f.frozen != nil {
		return f.frozen.b.seek(off, whence)
	}
	f.n.mu.RLock()
	defer f.n.mu.RUnlock()
	switch {
	case f.n.draft == nil && f.n.body == nil:
		return seekExtents(nil, 0, off, whence)
	case f.n.draft == nil:
		return f.n.body.seek(off, whence)
	case f.n.draft.file != nil:
		return seekExtents(f.n.draft.m.Extents(), f.n.draft.size, off, whence)
	}
	return seekWhole(f.n.draft.size, off, whence)
}

func (b *body) seek(off int64, whence uint32) (int64, error) {
	if b.extents == nil {
		return seekWhole(b.size, off, whence)
	}
	return seekExtents(b.extents, b.size, off, whence)
}

func seekWhole(size, off int64, whence uint32) (int64, error) {
	return seekExtents(blob.Extents{{Blob: 1, Len: size}}, size, off, whence)
}

// noData is how lseek(2) says that there is nothing to be found.
func noData() error { return fault.New(fault.NoMoreData, "no more data") }

func seekExtents(es blob.Extents, size, off int64, whence uint32) (int64, error) {
	if off < 0 || off >= size {
		return 0, noData()
	}
	end := int64(0)
	for _, e := range es {
		end += e.Len
		if end > off && e.IsHole() == (whence == unix.SEEK_HOLE) {
			return max(off, end-e.Len), nil
		}
	}
	if whence == unix.SEEK_HOLE {
		return size, nil
	}
	return 0, noData()
}

// SetAttr changes attributes of the open file and makes no version.
func (f *File) SetAttr(ctx context.Context, c AttrChange) (Attr, error) {
	if f.frozen != nil {
		return Attr{}, fault.New(fault.ReadOnly, "versions of the past cannot be changed")
	}
	return f.se.setInodeAttr(ctx, f.n, c)
}

// Sync makes the file durable as it is: what it was published as and what was written
// since. It publishes nothing. AccessDenied: whoever opened the file may not put it any more.
func (f *File) Sync(ctx context.Context) error {
	if f.frozen != nil {
		return nil
	}
	n := f.n
	if f.maker {
		if err := f.mayWrite(); err != nil {
			return err
		}
	}
	done, err := n.syncDraft(ctx)
	if done || err != nil {
		return err
	}
	n.mu.RLock()
	base := n.base
	n.mu.RUnlock()
	if base != nil {
		if err := n.s.settler.settle(ctx, []uint64{base.Seq}); err != nil {
			return err
		}
	}
	return engineError(n.s.db.Sync(ctx))
}

// Changed says whether data changed since the last publish.
func (f *File) Changed() bool {
	if f.frozen != nil {
		return false
	}
	f.n.mu.RLock()
	defer f.n.mu.RUnlock()
	return f.n.draft != nil && f.n.draft.dirty
}

// Unpublished says whether closing the last handle would publish something: data that
// changed, or that the file was made or emptied.
func (f *File) Unpublished() bool {
	if f.frozen != nil {
		return false
	}
	f.n.mu.RLock()
	defer f.n.mu.RUnlock()
	return f.n.draft != nil && (f.n.draft.dirty || f.n.draft.fresh)
}
